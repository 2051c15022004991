// Over training: the last layer's NRC1 to NRC3 or NC1 to NC4 and the model; then any metric of any layer or run.

const stepPoints = (run, name, layer) => run.checkpoints.map((checkpoint, i) => ({
  x: stepOf(checkpoint, i),
  at: `${stepUnit} ${checkpointLabel(checkpoint, i)}`,
  read: reading(checkpoint, layerOf(checkpoint, layer), name),
  dead: i >= aliveCount(run),
}));

const runSeries = (name, layer) => together(shownRuns().map(({run, index}) => ({
  run, index, label: run.name, style: runStyle(index), points: stepPoints(run, name, layer), died: Boolean(run.dead),
})));

// What the colours of the layers are; of many the first and the last few.
function keyOf(series) {
  const labels = new Labels(series.map((one) => one.label), 24);
  const few = series.length <= 12 ? series : [...series.slice(0, 3), ...series.slice(-3)];
  return few.flatMap((one, i) => {
    const swatch = element('i');
    swatch.style.backgroundColor = one.style.colour;
    const entry = element('span', {title: printable(one.label)}, swatch, element('bdi', {}, labels.of(one.label)));
    return series.length > few.length && i === 3 ? [element('span', {}, '…'), entry] : [entry];
  });
}

// Of few metrics all that were asked for, else the usual ones.
function panelMetrics(usual, choices) {
  const known = usual.filter(([name]) => hasMetric(name));
  const others = fewMetrics ? choices.filter(({name}) => !known.some(([one]) => one === name)).map(({name}) => [name, name]) : [];
  return [...known, ...others];
}

function startTraining() {
  const section = byId('training');
  const four = panelMetrics([['nrc1', 'NRC1'], ['nrc2', 'NRC2'], ['nrc3', 'NRC3'], ['model_mse', 'MSE'],
    ['nc1', 'NC1'], ['nc2_equiangular', 'NC2'], ['nc3_self_duality', 'NC3'], ['nc4_disagreement', 'NC4'], ['ncc_accuracy', 'Nearest class mean'],
    ['model_accuracy', 'Accuracy of the model']], layerMetrics);
  const grid = element('div', {class: 'grid'});
  section.append(controlRow(togetherSelector()), runLegend(), grid);
  const panels = four.map(([name, title]) => ({name, figure: new Figure(grid, title)}));
  panels.forEach(({name, figure}) => { figure.caption.replaceChildren(...metricSummary(name)); });

  section.append(element('h3', {class: 'sr'}, 'Any metric'));
  const all = '*';
  const metric = selector('Metric', metricChoices(scalarMetrics), () => showOne());
  if (hasMetric(mainMetric)) {
    metric.value = mainMetric;
  }
  const layer = selector('Layer', [...layerChoices(layerNames(runs)), {value: all, label: 'all layers of one run'}], () => showOne());
  layer.value = all;
  const run = selector('Run', runChoices(), () => showOne());
  run.value = mostCollapsed();
  section.append(controlRow(metric, layer, run));
  const one = new Figure(section, '', {tall: true});
  const key = element('div', {class: 'key'});
  one.plot.before(key);

  const showOne = () => {
    const name = metric.value;
    const ofTargets = (metricByName.get(name) || {}).scope === 'targets';
    const everyLayer = layer.value === all && !ofTargets;
    const chosen = runs[Number(run.value)];
    layer.root.hidden = ofTargets;
    run.root.hidden = !everyLayer || runs.length < 2;
    if (!name || !chosen) {
      one.say('There is nothing to draw.');
      return;
    }
    const names = everyLayer ? layerNames([chosen]) : [];
    const series = everyLayer
      ? names.map((each, i) => ({label: each, style: depthStyle(i, names.length), points: stepPoints(chosen, name, each), died: Boolean(chosen.dead)}))
      : runSeries(name, ofTargets ? '' : layer.value);
    one.heading.replaceChildren(element('span', {class: 'metric-name'}, name), everyLayer ? ' in ' : '', everyLayer ? nameElement(chosen.name) : '');
    one.caption.replaceChildren(...metricSummary(name), everyLayer ? `. One line per layer${new Labels(names, 24).leftOut ? `, named by what follows ${new Labels(names, 24).leftOut}` : '.'}` : '');
    key.replaceChildren(...keyOf(everyLayer ? series : []));
    drawLines(one, series, {metric: name, x: stepAxis(allSteps), place: stepUnit});
  };
  const showFour = () => panels.forEach(({name, figure}) =>
    drawLines(figure, runSeries(name, ''), {metric: name, x: stepAxis(allSteps), place: stepUnit}));
  const show = () => {
    showFour();
    showOne();
  };
  show();
  whenChanged('runs theme criteria', show);
}
