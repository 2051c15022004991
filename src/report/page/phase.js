// The phase plot: a metric at the end of every run over a number in which the runs differ, with mean and spread.

// "n 3" beside each mean.
const countLabels = {
  id: 'counts',
  afterDatasetsDraw(chart) {
    const {ctx} = chart;
    ctx.save();
    ctx.font = `11px ${Chart.defaults.font.family}`;
    ctx.fillStyle = themeColours().muted;
    ctx.textBaseline = 'middle';
    chart.getDatasetMeta(0).data.forEach((dot, i) => {
      const {group} = chart.data.datasets[0].data[i];
      if (group) {
        const right = dot.x > chart.chartArea.right - 36;
        ctx.textAlign = right ? 'right' : 'left';
        ctx.fillText(`n ${group.count}`, dot.x + (right ? -11 : 11), dot.y > chart.chartArea.top + 12 ? dot.y - 8 : dot.y + 12);
      }
    });
    ctx.restore();
  },
};

// Linear, logarithmic, or at even places where a logarithm cannot hold a zero.
function placesOf(values) {
  const positive = values.filter((value) => value > 0);
  const wide = positive.length > 1 && positive[positive.length - 1] / positive[0] >= 20;
  if (!wide) {
    return {kind: 'linear', at: (value) => value};
  }
  return positive.length === values.length ? {kind: 'log', at: (value) => value}
    : {kind: 'even', at: (value) => values.indexOf(value)};
}

function startPhase() {
  const section = byId('compare');
  if (!numericAttributes.length) {
    section.append(element('p', {class: 'muted'}, runs.length < 2 ? 'There is nothing to compare: a comparison takes two runs.'
      : 'The runs do not differ in any numeric attribute.'));
    return;
  }
  const attribute = selector('Over', numericAttributes.map((name) => ({value: name, label: name})), () => show());
  const metric = selector('Metric', metricChoices(scalarMetrics), () => show());
  if (hasMetric(mainMetric)) {
    metric.value = mainMetric;
  }
  const layer = selector('Layer', layerChoices(layerNames(runs)), () => show());
  section.append(controlRow(metric, layer, attribute));
  const figure = new Figure(section, '', {tall: true});
  const show = () => {
    const name = metric.value;
    const ofTargets = (metricByName.get(name) || {}).scope === 'targets';
    layer.root.hidden = ofTargets;
    figure.heading.replaceChildren(element('span', {class: 'metric-name'}, name), ' over ', nameElement(attribute.value));
    drawPhase(figure, name, layer.value, attribute.value);
  };
  show();
  whenChanged('theme criteria', show);
}

function drawPhase(figure, name, layer, attribute) {
  const dead = runs.filter((run) => run.dead && numberOf(own(run.attributes, attribute)) !== null).length;
  const points = runs.filter((run) => !run.dead).map((run) => {
    const checkpoint = lastCheckpoint(run);
    return {run, x: numberOf(own(run.attributes, attribute)), read: checkpoint ? reading(checkpoint, layerOf(checkpoint, layer), name) : {value: null}};
  }).filter(({x, read}) => isNumber(x) && drawn(read) !== null);
  if (!points.length) {
    figure.say('Undefined at the end of every run.');
    return;
  }
  const xs = [...new Set(points.map(({x}) => x))].sort((a, b) => a - b);
  const places = placesOf(xs);
  const groups = xs.map((x) => {
    const values = points.filter((point) => point.x === x).map(({read}) => drawn(read));
    return {x, values, mean: mean(values), spread: spreadOf(values), count: values.length};
  });
  const everything = withoutZeros([...groups.map((group) => group.mean), ...points.map(({read}) => drawn(read))]);
  const log = wantsLog(everything, metricByName.get(name));
  const colours = themeColours();
  const {colour} = runStyle(0);
  const seeds = groups.some((group) => group.spread !== null);
  const least = Math.min(...everything);
  const bound = (group, sign) => {
    const value = group.mean + sign * (group.spread || 0);
    return log ? Math.max(value, least) : value;
  };
  const line = (label, values, more) => ({label, data: groups.map((group, i) => ({x: places.at(group.x), y: values(group, i), group})), ...more});
  const datasets = [line('mean', (group, i) => everything[i], {borderColor: colour, backgroundColor: colour, borderWidth: 2, pointRadius: 5, pointHoverRadius: 7, clip: 8})];
  if (seeds) {
    datasets.push({label: 'runs', data: points.map((point, i) => ({x: places.at(point.x), y: everything[groups.length + i], point})), showLine: false,
      borderColor: colours.muted, backgroundColor: 'transparent', borderWidth: 1.25, pointRadius: 3});
    datasets.push(line('upper', (group) => bound(group, 1), {borderWidth: 0, pointRadius: 0, pointHitRadius: 0, fill: '+1', backgroundColor: faint(colour), aside: true}));
    datasets.push(line('lower', (group) => bound(group, -1), {borderWidth: 0, pointRadius: 0, pointHitRadius: 0, aside: true}));
  }
  const at = xs.map(places.at);
  const margin = (at[at.length - 1] - at[0] || 1) * 0.04;
  const isLog = places.kind === 'log';
  figure.caption.replaceChildren(...metricSummary(name), `. ${seeds ? 'Line: mean of n runs; band: ± one standard deviation; circles: runs.' : 'One run per value.'}` +
    `${dead ? ` Without ${plural(dead, 'dead run')}.` : ''}`);
  figure.draw({
    type: 'line',
    data: {datasets},
    plugins: [countLabels],
    options: {
      parsing: false,
      interaction: {mode: 'nearest', axis: 'x', intersect: false},
      scales: {
        x: axis({title: printable(attribute), log: isLog, min: isLog ? at[0] / 1.2 : at[0] - margin, max: isLog ? at[at.length - 1] * 1.2 : at[at.length - 1] + margin,
          ticks: at.length <= 8 || places.kind === 'even' ? spread(at.length, 10).map((i) => at[i]) : undefined,
          label: (value) => (places.kind === 'even' ? plainNumber(xs[value]) : axisNumber(value)), noGrid: true}),
        y: axis({log}),
      },
      plugins: {filler: {propagate: false}, tooltip: {
        ...tooltipOptions({
          title: (items) => (items.length ? `${printable(attribute)} ${plainNumber((items[0].raw.group || items[0].raw.point).x)}` : ''),
          label: ({raw}) => (raw.point ? ` ${shortened(raw.point.run.name, 40)}: ${formatValue(raw.point.read.value, raw.point.read.floor)}`
            : ` mean ${meanText(raw.group)}`),
        }),
        filter: (item) => !item.dataset.aside,
      }},
    },
  }, () => ({
    head: [attribute, {text: 'mean', number: true}, {text: 'standard deviation', number: true}, {text: 'n', number: true}],
    rows: groups.map((group) => [plainNumber(group.x), {text: formatNumber(group.mean), number: true}, {text: formatNumber(group.spread), number: true},
      {text: String(group.values.length), number: true}]),
  }), `${name} over ${printable(attribute)}; the values are in the table below.`);
}
