// Charts of lines: several series over one axis, with the criterion's threshold where the metric has one, and floors.

const deathMark = {pointStyle: 'crossRot', pointRadius: 6, pointBorderWidth: 2.5};

// Where a series is dead its line has ended; the last point before has a cross.
const alivePoints = (one) => ({points: one.points.filter((point) => !point.dead), died: one.died});

// The floors of a series, drawn where a value comes near one: below is rounding.
function floorLine(one, points, filled) {
  const near = points.some(({read}) => isNumber(read.floor) && read.floor > 0 && isNumber(read.value) && read.value < 10 * read.floor);
  const data = points.filter(({read}) => isNumber(read.floor) && read.floor > 0).map(({x, read}) => ({x, y: read.floor}));
  return near && data.length ? [{
    label: 'floor', data, borderColor: one.style.colour, backgroundColor: `${faint(one.style.colour)}`, borderDash: [1, 3], borderWidth: 1,
    pointRadius: data.length > 1 ? 0 : 2, pointHitRadius: 0, aside: true, fill: filled ? 'start' : false,
  }] : [];
}

// The mean's spread, above and below; on a logarithmic axis it ends at the lowest run where it would come near 0.
function spreadBand(one, points, log) {
  if (!points.some(({statistic}) => statistic && statistic.spread !== null)) {
    return [];
  }
  const bound = (sign) => points.filter(({statistic}) => statistic).map(({x, statistic}) => {
    const value = statistic.mean + sign * (statistic.spread || 0);
    return {x, y: log && value < 0.1 * statistic.mean ? Math.max(value, statistic.lowest) : value};
  });
  const plain = {borderWidth: 0, pointRadius: 0, pointHitRadius: 0, aside: true};
  return [{label: 'upper', data: bound(1), fill: '+1', backgroundColor: faint(one.style.colour), ...plain}, {label: 'lower', data: bound(-1), ...plain}];
}

// series: [{label, style, points: [{x, read, at, dead, statistic}], died, fit}], read as from reading(), at: text of the place; fit: the
// ends of a line. options: {metric, x: axis, label, threshold, shape}. Returns what Figure.draw takes, or null when nothing is defined.
function lineChart(series, options) {
  const metric = metricByName.get(options.metric);
  const alive = series.map(alivePoints);
  const flat = withoutZeros(alive.flatMap(({points}) => points.map((point) => drawn(point.read))));
  const defined = flat.filter((value) => value !== null);
  if (!defined.length) {
    return null;
  }
  const criterion = criterionOf(options.metric);
  const log = wantsLog(defined, metric);
  const colours = themeColours();
  const labels = new Labels(series.map((one) => one.label), 40);
  let next = 0;
  const datasets = series.map((one, i) => {
    const {points, died} = alive[i];
    const data = points.map((point) => ({x: point.x, y: flat[next++], point}));
    const last = data.reduce((found, {y}, at) => (y === null ? found : at), -1);
    const usual = data.length > 40 || data.length * series.length > 400 ? 0 : 3.5;
    const each = (what, atDeath) => (died ? data.map((unused, at) => (at === last ? atDeath : what)) : what);
    return {
      label: labels.of(one.label),
      data,
      borderColor: one.style.colour,
      backgroundColor: one.style.colour,
      pointBackgroundColor: data.map(({point}) => (belowFloor(point.read) ? colours.page : one.style.colour)),
      borderDash: one.style.dash,
      pointStyle: each(one.style.mark, deathMark.pointStyle),
      pointRadius: each(usual, deathMark.pointRadius),
      pointBorderWidth: each(1, deathMark.pointBorderWidth),
      pointHoverRadius: 6,
      pointHitRadius: 8,
      clip: 8,
      borderWidth: series.length > 12 ? 1.25 : 2,
    };
  });
  const floors = log ? series.flatMap((one, i) => floorLine(one, alive[i].points, series.length <= 3)) : [];
  datasets.push(...series.flatMap((one, i) => spreadBand(one, alive[i].points, log)), ...floors);
  series.forEach((one) => one.fit && log && datasets.push({
    label: 'fit', data: one.fit, borderColor: one.style.colour, borderDash: [2, 3], borderWidth: 1.25, pointRadius: 0, pointHitRadius: 0, aside: true,
  }));
  const xs = series.flatMap((one) => one.points.map((point) => point.x));
  if (criterion && (!log || criterion.threshold > 0) && xs.length) {
    datasets.push({
      label: 'threshold', data: [{x: options.x.min, y: criterion.threshold}, {x: options.x.max, y: criterion.threshold}],
      borderColor: colours.muted, borderDash: [3, 4], borderWidth: 1, pointRadius: 0, pointHitRadius: 0, threshold: true, aside: true,
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
        filler: {propagate: false},
        tooltip: {
          ...tooltipOptions({
            title: (items) => (items.length ? items[0].raw.point.at : ''),
            label: (item) => ` ${item.dataset.label}: ${pointText(item.raw.point)}`,
          }),
          filter: (item) => !item.dataset.aside,
        },
      },
    },
  };
}

const pointText = ({read, statistic, dead}) =>
  `${statistic ? meanText(statistic) : formatValue(read.value, read.floor)}${dead ? ' (dead)' : ''}`;

// The same as a table: one row per place, one column per series.
function lineTable(series, placeTitle) {
  const places = new Map();
  series.forEach((one) => one.points.forEach((point) => places.set(point.x, point.at)));
  const order = [...places.keys()].sort((a, b) => a - b);
  const columns = series.map((one) => new Map(one.points.map((point) => [point.x, point])));
  return {
    head: [placeTitle, ...series.map((one) => ({text: one.label, number: true}))],
    rows: order.map((x) => [places.get(x), ...columns.map((column) => {
      const point = column.get(x);
      return {text: point ? pointText(point) : '–', number: true};
    })]),
  };
}

// What is drawn besides lines: floors, crosses, bands.
function lineNotes(config) {
  const has = (label) => config.data.datasets.some((one) => one.label === label);
  const died = config.data.datasets.some((one) => Array.isArray(one.pointStyle) && one.pointStyle.includes(deathMark.pointStyle));
  return [has('threshold') ? 'Dashes: what counts as collapsed.' : '', has('floor') ? 'Dots: the floor of each line; hollow marks below it are rounding.' : '',
    has('fit') ? 'Fine dashes: the fitted law.' : '', has('upper') ? 'Band: ± one standard deviation.' : '',
    died ? 'A cross ends the line of a run that died.' : ''].filter((part) => part).join(' ');
}

// Draws, or says why there is nothing.
function drawLines(figure, series, options) {
  const config = lineChart(series, options);
  figure.notes.textContent = config ? lineNotes(config) : '';
  if (!config) {
    const notes = [...new Set(series.flatMap((one) => one.points.map((point) => point.read.note)).filter((note) => note))];
    figure.say(series.length ? `Undefined everywhere${notes.length ? `: ${notes.slice(0, 3).map(printable).join(', ')}` : ''}.`
      : 'No run is shown.');
    return;
  }
  figure.draw(config, () => lineTable(series, options.place),
    `${options.metric}: ${plural(series.length, 'line')}; the values are in the table below.`);
}
