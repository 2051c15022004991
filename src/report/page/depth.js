// Over depth: deep NRC1 to NRC4, or NC1 to NC4, of every layer at one moment of training.

// The classifier's metrics mean nothing where the weight is a hidden layer's.
function ofLayer(checkpoint, layer, name) {
  const read = reading(checkpoint, layer, name);
  return /^nc[34]_/.test(name) && read.note && layer !== lastOf(checkpoint.layers) ? {value: null, note: read.note} : read;
}

function startDepth() {
  const section = byId('depth');
  const four = [['nc1', 'NC1'], ['nc2_equiangular', 'NC2'], ['nc3_self_duality', 'NC3'], ['nc4_disagreement', 'NC4'],
    ['ncc_accuracy', 'Nearest class mean'], ['nc1_trace', 'D of the law of data separation'], ['deep_nrc1', 'Deep NRC1'], ['deep_nrc2', 'Deep NRC2'], ['deep_nrc3', 'Deep NRC3'], ['deep_nrc4', 'Deep NRC4']]
    .filter(([name]) => hasMetric(name));
  if (!four.length) {
    section.append(element('p', {class: 'muted'}, 'This report holds no deep NRC and no NC.'));
    return;
  }
  const slider = stepSlider(() => show());
  const grid = element('div', {class: 'grid'});
  section.append(controlRow(slider), runLegend(), grid);
  const panels = four.map(([name, title]) => ({name, figure: new Figure(grid, title)}));
  panels.forEach(({name, figure}) => { figure.caption.textContent = metricSummary(name); });
  const show = () => {
    const found = shownRuns().map((shown) => ({...shown, checkpoint: checkpointAt(shown.run, slider.step)})).filter(({checkpoint}) => checkpoint);
    const names = layerNames(found.map(({checkpoint}) => ({checkpoints: [checkpoint]})));
    const position = new Map(names.map((name, i) => [name, i]));
    const rotate = names.length > 8 || names.some((name) => name.length > 6) ? 60 : 0;
    panels.forEach(({name, figure}) => {
      const series = found.map(({run, index, checkpoint}) => ({
        label: run.name,
        style: runStyle(index),
        points: checkpoint.layers.map((layer) => ({
          x: position.get(layer.name), at: shortened(layer.name, 40), read: ofLayer(checkpoint, layer, name),
        })),
      }));
      const x = axis({
        min: 0, max: Math.max(names.length - 1, 1), integer: true, ticks: spread(names.length, 14), rotate, most: 14, noGrid: true,
        title: 'layer', label: (value) => (names[value] === undefined ? '' : shortened(names[value], 12)),
      });
      drawLines(figure, series, {metric: name, x, place: 'layer'});
    });
  };
  show();
  whenChanged('runs theme criteria', show);
}
