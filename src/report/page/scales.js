// Axes: logarithmic where the values ask for it, with few, round ticks.

// Whether values are drawn over their logarithm: all positive, and the metric is such a one or they span decades. What
// goes up to a bound with collapse is not: its interest is at that bound.
function wantsLog(values, metric) {
  if (metric && metric.better === 'high') {
    return false;
  }
  const low = Math.min(...values);
  const high = Math.max(...values);
  return values.length > 0 && low > 0 && (high / low >= 100 || (Boolean(metric && metric.log) && high / low >= 5));
}

// Values that a logarithm can hold: exact zeros go to a tenth of the smallest positive value, unless one is negative.
function withoutZeros(points) {
  const values = points.filter((value) => value !== null);
  const positive = values.filter((value) => value > 0);
  const least = positive.reduce((low, value) => Math.min(low, value), Infinity);
  const most = positive.reduce((high, value) => Math.max(high, value), 0);
  if (!positive.length || values.some((value) => value < 0) || most / least < 100) {
    return points;
  }
  return points.map((value) => (value === 0 ? least / 10 : value));
}

function logTicks(low, high, most) {
  const from = Math.ceil(Math.log10(low) - 1e-9);
  const to = Math.floor(Math.log10(high) + 1e-9);
  const stride = Math.max(1, Math.ceil((to - from + 1) / most));
  const ticks = [];
  for (let e = to; e >= from; e -= stride) {
    ticks.unshift(10 ** e);
  }
  if (ticks.length >= 2) {
    return ticks;
  }
  const finer = [];
  for (let e = from - 1; e <= to; e += 1) {
    [1, 2, 5].forEach((digit) => finer.push(digit * 10 ** e));
  }
  const inside = finer.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  return inside.length >= 2 ? inside : [low, high];
}

const superscript = (text) => text.replace(/./g, (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[c]));

function axisNumber(value) {
  const e = Math.log10(Math.abs(value));
  if (value !== 0 && Math.abs(e - Math.round(e)) < 1e-9 && (e < -2.5 || e > 4.5)) {
    return `${value < 0 ? '−' : ''}10${superscript(String(Math.round(e)))}`;
  }
  return Math.abs(value) >= 1e3 && Math.abs(value) < 1e6 && Number.isInteger(value)
    ? value.toLocaleString('en-US').replace(/,/g, ' ') : plainNumber(Number(value.toPrecision(6)));
}

// options: {log, title, min, max, ticks, label(value), integer, most}. ticks: exactly these.
function axis(options) {
  const colours = themeColours();
  return {
    type: options.log ? 'logarithmic' : 'linear',
    min: options.min,
    max: options.max,
    suggestedMin: options.suggestedMin,
    suggestedMax: options.suggestedMax,
    offset: Boolean(options.offset),
    grid: {color: options.noGrid ? 'transparent' : colours.grid, borderColor: colours.line, tickLength: 4, drawOnChartArea: !options.noGrid},
    title: {display: Boolean(options.title), text: options.title || '', color: colours.muted},
    ticks: {
      color: colours.muted,
      maxRotation: options.rotate || 0,
      autoSkip: !options.ticks,  // those that are given have room
      autoSkipPadding: 14,
      maxTicksLimit: options.most || 7,
      precision: options.integer ? 0 : undefined,
      callback: (value) => (options.label ? options.label(value) : axisNumber(value)),
    },
    afterBuildTicks: (scale) => {
      if (options.ticks) {
        scale.ticks = options.ticks.map((value) => ({value}));
      } else if (options.log) {
        scale.ticks = logTicks(scale.min, scale.max, options.most || 6).map((value) => ({value}));
      }
      if (options.always !== undefined) {
        scale.ticks = withTick(scale, options.always);
      }
    },
  };
}

// The ticks of a horizontal axis and one more; those that would touch it go.
function withTick(scale, wanted) {
  const place = scale.type === 'logarithmic' ? Math.log : (value) => value;
  const share = (value) => (place(value) - place(scale.min)) / (place(scale.max) - place(scale.min) || 1);
  const room = 52 / Math.max(scale.width || scale.chart.width, 100);
  return [...scale.ticks.filter(({value}) => value !== wanted && share(wanted) - share(value) > room), {value: wanted}];
}

// The axis of steps; the last one is always named: over the logarithm where the first steps would stick together.
function stepAxis(steps) {
  const positive = steps.filter((step) => step > 0);
  const last = Math.max(...steps);
  const log = positive.length === steps.length && steps.length > 2 &&
    Math.max(...steps) / Math.min(...steps) >= 50 && !evenlySpaced(steps);
  return axis({
    log,
    title: stepUnit,
    ticks: steps.length <= 6 ? apart(steps, log) : undefined,
    always: steps.length > 6 ? last : undefined,
    min: steps.length === 1 ? steps[0] - 1 : Math.min(...steps),
    max: steps.length === 1 ? steps[0] + 1 : Math.max(...steps),
    label: (value) => (Number.isInteger(value) || value === last ? axisNumber(value) : ''),
    noGrid: true,
  });
}

// Steps that labels have room for, from the last one back.
function apart(steps, log) {
  const place = (step) => (log ? Math.log(step) : step);
  const span = place(steps[steps.length - 1]) - place(steps[0]) || 1;
  const kept = [];
  [...steps].reverse().forEach((step) => {
    if (!kept.length || (place(kept[0]) - place(step)) / span > 0.09) {
      kept.unshift(step);
    }
  });
  return kept;
}

function evenlySpaced(steps) {
  if (steps.length < 5) {
    return false;
  }
  const gaps = steps.slice(1).map((step, i) => step - steps[i]).sort((a, b) => a - b);
  return gaps[gaps.length - 1] <= 3 * gaps[Math.floor(gaps.length / 2)];
}
