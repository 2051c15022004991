// Charts of lines: several series over one axis, with the criterion's threshold where the metric has one.

// series: [{label, style, points: [{x, read, at}]}], read as from reading(), at: text of the place.
// options: {metric, x: axis, label, threshold, shape}. Returns what Figure.draw takes, or null when nothing is defined.
function lineChart(series, options) {
  const metric = metricByName.get(options.metric);
  const flat = withoutZeros(series.flatMap((one) => one.points.map((point) => drawn(point.read))));
  const defined = flat.filter((value) => value !== null);
  if (!defined.length) {
    return null;
  }
  const criterion = criterionOf(options.metric);
  const log = wantsLog(defined, metric);
  let next = 0;
  const colours = themeColours();
  const datasets = series.map((one) => {
    const points = one.points.map((point) => ({x: point.x, y: flat[next++], point}));
    return {
      label: shortened(one.label, 40),
      data: points,
      borderColor: one.style.colour,
      backgroundColor: one.style.colour,
      borderDash: one.style.dash,
      pointStyle: one.style.mark,
      pointRadius: points.length > 40 || points.length * series.length > 400 ? 0 : 3.5,
      pointHoverRadius: 6,
      pointHitRadius: 8,
      clip: 8,
      borderWidth: series.length > 12 ? 1.25 : 2,
    };
  });
  const xs = series.flatMap((one) => one.points.map((point) => point.x));
  if (criterion && (!log || criterion.threshold > 0) && xs.length) {
    datasets.push({
      label: 'threshold', data: [{x: options.x.min, y: criterion.threshold}, {x: options.x.max, y: criterion.threshold}],
      borderColor: colours.muted, borderDash: [3, 4], borderWidth: 1, pointRadius: 0, pointHitRadius: 0, threshold: true,
    });
  }
  const range = metric && metric.range;
  const fromZero = range && range[0] === 0 && !log;
  return {
    type: 'line',
    data: {datasets},
    options: {
      parsing: false,
      normalized: true,
      interaction: {mode: series.length > 10 ? 'nearest' : 'x', intersect: false},
      scales: {
        x: options.x,
        y: axis({log, suggestedMin: fromZero ? 0 : undefined, suggestedMax: fromZero && range[1] === 1 ? 1 : undefined}),
      },
      plugins: {
        tooltip: {
          ...tooltipOptions({
            title: (items) => (items.length ? items[0].raw.point.at : ''),
            label: (item) => ` ${item.dataset.label}: ${formatValue(item.raw.point.read.value, item.raw.point.read.floor)}`,
          }),
          filter: (item) => !item.dataset.threshold,
        },
      },
    },
  };
}

// The same as a table: one row per place, one column per series.
function lineTable(series, placeTitle) {
  const places = new Map();
  series.forEach((one) => one.points.forEach((point) => places.set(point.x, point.at)));
  const order = [...places.keys()].sort((a, b) => a - b);
  const columns = series.map((one) => new Map(one.points.map((point) => [point.x, point.read])));
  return {
    head: [placeTitle, ...series.map((one) => ({text: one.label, number: true}))],
    rows: order.map((x) => [places.get(x), ...columns.map((column) => {
      const read = column.get(x);
      return {text: read ? formatValue(read.value, read.floor) : '–', number: true};
    })]),
  };
}

// Draws, or says why there is nothing.
function drawLines(figure, series, options) {
  const config = lineChart(series, options);
  if (!config) {
    const notes = [...new Set(series.flatMap((one) => one.points.map((point) => point.read.note)).filter((note) => note))];
    figure.say(series.length ? `Undefined everywhere${notes.length ? `: ${notes.slice(0, 3).map(printable).join(', ')}` : ''}.`
      : 'No run is shown.');
    return;
  }
  figure.draw(config, () => lineTable(series, options.place),
    `${options.metric}: ${plural(series.length, 'line')}; the values are in the table below.`);
}
