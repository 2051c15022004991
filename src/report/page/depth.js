// Over depth: deep NRC1 to NRC4, or NC1 to NC4, of every layer at one moment of training; the laws of He and Su; any metric.

// The classifier's metrics mean nothing where the weight is a hidden layer's.
function ofLayer(checkpoint, layer, name) {
  const read = reading(checkpoint, layer, name);
  return /^nc[34]_/.test(name) && read.note && layer !== lastOf(checkpoint.layers) ? {value: null, note: read.note} : read;
}

// The shown runs that are alive at a step, with their last checkpoint at or before it.
function foundAt(step) {
  const dead = ({run}) => run.dead && (!isNumber(run.dead.since_step) || step >= run.dead.since_step);
  return shownRuns().filter((shown) => !dead(shown)).map((shown) => ({...shown, checkpoint: checkpointAt(shown.run, step)}))
    .filter(({checkpoint}) => checkpoint);
}

// The lines of a metric over the layers, and their axis.
function overDepth(found, name) {
  const names = layerNames(found.map(({checkpoint}) => ({checkpoints: [checkpoint]})));
  const position = new Map(names.map((one, i) => [one, i]));
  const labels = new Labels(names, 18);
  const whole = new Labels(names, 40);
  const rotate = names.length > 8 || names.some((one) => labels.of(one).length > 6) ? 60 : 0;
  const series = found.map(({run, index, checkpoint}) => {
    const points = checkpoint.layers.map((layer) => ({
      x: position.get(layer.name), at: whole.of(layer.name), read: ofLayer(checkpoint, layer, name),
    }));
    return {run, index, label: run.name, style: runStyle(index), points, fit: fittedLine(checkpoint, name, points)};
  });
  const x = axis({
    min: 0, max: Math.max(names.length - 1, 1), integer: true, ticks: spread(names.length, 14), rotate, most: 14, noGrid: true,
    title: labels.title('layer'), label: (value) => (names[value] === undefined ? '' : labels.of(names[value])),
  });
  return {series, x};
}

function startDepth() {
  const section = byId('depth');
  const four = panelMetrics([['nc1', 'NC1'], ['nc2_equiangular', 'NC2'], ['nc3_self_duality', 'NC3'], ['nc4_disagreement', 'NC4'],
    ['ncc_accuracy', 'Nearest class mean'], ['nc1_trace', 'D of the law of data separation'], ['deep_nrc1', 'Deep NRC1'], ['deep_nrc2', 'Deep NRC2'],
    ['deep_nrc3', 'Deep NRC3'], ['deep_nrc4', 'Deep NRC4'], ['linear_share', 'Linear share'], ['target_cca', 'Correlation with the targets']], layerMetrics);
  if (!four.length) {
    section.append(element('p', {class: 'muted'}, 'This report holds no metric of layers.'));
    return;
  }
  const slider = stepSlider(() => show());
  const grid = element('div', {class: 'grid'});
  section.append(controlRow(slider, togetherSelector()), runLegend(), grid);
  const panels = four.map(([name, title]) => ({name, figure: new Figure(grid, title)}));
  panels.forEach(({name, figure}) => { figure.caption.replaceChildren(...metricSummary(name)); });

  const laws = element('div', {hidden: !lawNames.length}, element('h3', {class: 'part'}, 'The law over depth'),
    element('p', {class: 'small muted'}, 'The least-squares line through the logarithm of a metric over the layers’ places, without values below their floors: ' +
      'its slope, in brackets by what factor the metric changes from layer to layer, and Pearson’s correlation. A law holds where that is near −1 or 1.'));
  const lawBox = scrolling('The law over depth', element('span'));
  laws.append(lawBox);
  section.append(laws, element('h3', {class: 'sr'}, 'Any metric over depth'));
  const metric = selector('Metric', metricChoices(layerMetrics), () => showOne());
  if (hasMetric('feature_participation_ratio_debiased')) {
    metric.value = 'feature_participation_ratio_debiased';
  }
  section.append(controlRow(metric));
  const one = new Figure(section, '', {tall: true});

  const draw = (figure, name, found) => {
    const {series, x} = overDepth(found, name);
    drawLines(figure, together(series), {metric: name, x, place: 'layer'});
  };
  const showOne = () => {
    one.heading.replaceChildren(element('span', {class: 'metric-name'}, metric.value));
    one.caption.replaceChildren(...metricSummary(metric.value));
    draw(one, metric.value, foundAt(slider.step));
  };
  const show = () => {
    const found = foundAt(slider.step);
    panels.forEach(({name, figure}) => draw(figure, name, found));
    lawBox.replaceChildren(lawTable(found));
    lawBox.fit();
    showOne();
  };
  show();
  whenChanged('runs theme criteria', show);
}
