// The report's data, with what the charts ask of it. Names of layers, metrics and attributes come from files: objects
// are asked with `own`, never with what they inherit.

const report = JSON.parse(byId('data').textContent);

const own = (object, key) =>
  (object && Object.prototype.hasOwnProperty.call(object, key) ? object[key] : undefined);

// What runs are grouped by: not their seeds.
const comparedBy = (report.comparison && report.comparison.by) || [];

// A number, also one that is written as text.
function numberOf(value) {
  const number = typeof value === 'string' && /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
  return isNumber(number) ? number : null;
}

// The shortest number whose float32 this is; any other number as it is.
function asWritten(number) {
  if (!(Math.abs(number) < 2 ** 24) || Math.fround(number) !== number) {
    return number;
  }
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((count) => Math.fround(Number(number.toPrecision(count))) === number);
  return Number(number.toPrecision(digits));
}

// Values of attributes are the same where their keys are: numbers however they are written.
const valueKey = (value) => JSON.stringify(numberOf(value) === null ? value : asWritten(numberOf(value)));

// Runs in the order of the numbers in which they differ, then by name.
const runs = (() => {
  const number = (run, name) => {
    const value = numberOf(own(run.attributes, name));
    return value === null ? Infinity : value;
  };
  const order = (a, b) => comparedBy.reduce((sign, name) => {
    const [x, y] = [number(a, name), number(b, name)];
    return sign || (x < y ? -1 : Number(x > y));
  }, 0) || compareNatural(a.name, b.name);
  return (report.runs || []).slice().sort(order);
})();

// Layers that failed take their places: nothing is known of them.
runs.forEach((run) => run.checkpoints.forEach((checkpoint) => (checkpoint.failed_layers || []).slice().reverse().forEach(({name, position}) =>
  checkpoint.layers.splice(position, 0, {name, metrics: {}, floors: {}, notes: {}, failed: true}))));

// How many of a run's checkpoints count: of a dead one those before its death.
const aliveCount = (run) => (run.dead ? run.dead.checkpoints_before : run.checkpoints.length);
const deadRuns = runs.filter((run) => run.dead);

function deathText(run) {
  const since = isNumber(run.dead.since_step) ? ` since ${stepUnit} ${run.dead.since_step}` : '';
  return `dead${since}: ${printable(run.dead.reason)}`;
}

// Places of runs that have the same values of some attributes, in the order of the runs: [{values, label, members}].
function groupsBy(names) {
  const groups = new Map();
  runs.forEach((run, index) => {
    const values = names.map((name) => own(run.attributes, name));
    const key = JSON.stringify(values.map(valueKey));
    if (!groups.has(key)) {
      groups.set(key, {values, label: names.map((name, i) => `${printable(name)} ${formatAttribute(values[i])}`).join(', '), members: []});
    }
    groups.get(key).members.push(index);
  });
  return [...groups.values()];
}
const runGroups = groupsBy(comparedBy);
const metrics = report.metrics || [];
const metricByName = new Map(metrics.map((metric) => [metric.name, metric]));

const stepUnit = (() => {
  const units = new Set(runs.map((run) => run.step_unit).filter((unit) => unit));
  const anyStep = runs.some((run) => run.checkpoints.some((checkpoint) => isNumber(checkpoint.step)));
  return units.size === 1 ? printable([...units][0]) : anyStep ? 'step' : 'checkpoint';
})();

// Where a checkpoint stands on the axis of steps; those without a step count up.
const stepOf = (checkpoint, i) => (isNumber(checkpoint.step) ? checkpoint.step : i + 1);

function checkpointLabel(checkpoint, i) {
  if (isNumber(checkpoint.step)) {
    return String(checkpoint.step);
  }
  return shortened(checkpoint.id || `#${i + 1}`, 24);
}

const allSteps = [...new Set(runs.flatMap((run) => run.checkpoints.map(stepOf)))].sort((a, b) => a - b);

// A run's last checkpoint at or before a step, or none.
function checkpointAt(run, step) {
  let found = null;
  run.checkpoints.forEach((checkpoint, i) => {
    if (stepOf(checkpoint, i) <= step) {
      found = checkpoint;
    }
  });
  return found;
}

const lastOf = (list) => (list.length ? list[list.length - 1] : null);
const lastCheckpoint = (run) => lastOf(run.checkpoints);

// All layers' names, shallow to deep, of the given runs.
function layerNames(of) {
  const position = new Map();
  of.forEach((run) => run.checkpoints.forEach((checkpoint) => checkpoint.layers.forEach((layer, i) => {
    position.set(layer.name, Math.max(i, position.has(layer.name) ? position.get(layer.name) : 0));
  })));
  return [...position.keys()].sort((a, b) => position.get(a) - position.get(b));
}

// '' stands for a checkpoint's last layer.
const layerOf = (checkpoint, name) =>
  (name === '' ? lastOf(checkpoint.layers) : checkpoint.layers.find((layer) => layer.name === name)) || null;

// {value, floor, note} of a metric, of a layer or, where it is one of the targets and the model, of a checkpoint.
function reading(checkpoint, layer, name) {
  const info = metricByName.get(name);
  const ofTargets = info && info.scope === 'targets';
  const values = ofTargets ? checkpoint.targets : layer && layer.metrics;
  const notes = ofTargets ? checkpoint.target_notes : layer && layer.notes;
  const value = own(values, name);
  const floor = ofTargets || !layer ? undefined : own(layer.floors, name);
  return {
    value: value === undefined ? null : value,
    floor: floor === null ? Infinity : floor,
    note: own(notes, name) || (!ofTargets && layer && layer.failed ? 'this layer failed' : value === undefined || value === null ? 'not computed' : ''),
  };
}

// What to draw: a value below its floor is drawn at the floor; where that has no bound there is nothing to draw.
function drawn(read) {
  if (!isNumber(read.value) || read.floor === Infinity) {
    return null;
  }
  return belowFloor(read) ? read.floor : read.value;
}

// Which metrics hold lists, seen from the values.
const listMetrics = new Set();
runs.forEach((run) => run.checkpoints.forEach((checkpoint) => checkpoint.layers.forEach((layer) => {
  Object.keys(layer.metrics).forEach((name) => Array.isArray(layer.metrics[name]) && listMetrics.add(name));
})));

const scalarMetrics = metrics.filter((metric) => !listMetrics.has(metric.name));
const layerMetrics = scalarMetrics.filter((metric) => metric.scope !== 'targets');
const hasMetric = (name) => metricByName.has(name);
// What is shown first: of classifiers NC1, else deep NRC1.
const mainMetric = hasMetric('nc1') && !hasMetric('nrc1') ? 'nc1' : hasMetric('deep_nrc1') || !layerMetrics.length ? 'deep_nrc1'
  : layerMetrics[0].name;
// Results of few metrics hold what was asked for (--metrics): then all of it is shown.
const fewMetrics = layerMetrics.length <= 12;
const taskOf = (checkpoint) => checkpoint.task || 'regression';

// Of a run with an intrinsic dimension; of K classes K - 1.
function targetsRank(run) {
  const rank = run.intrinsic_dimension.targets_rank;
  const classes = own(lastCheckpoint(run).targets, 'classes');
  return !isNumber(rank) && isNumber(classes) ? classes - 1 : rank;
}

// Attributes that differ among the runs, those that order them by a number first.
const differingAttributes = (() => {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.attributes || {})))];
  const differs = (name) => new Set(runs.map((run) => valueKey(own(run.attributes, name)))).size > 1;
  return names.filter((name) => name !== 'run' && differs(name));
})();
const numericAttributes = (() => {
  const count = (name) =>
    new Set(runs.map((run) => numberOf(own(run.attributes, name))).filter((value) => value !== null)).size;
  const names = differingAttributes.filter((name) => count(name) > 1);
  return [...names.filter((name) => comparedBy.includes(name)), ...names.filter((name) => !comparedBy.includes(name))];
})();
const allAttributes = [...new Set(runs.flatMap((run) => Object.keys(run.attributes || {})))];

// What can be changed on the page, and who wants to know: 'criteria', 'runs', 'theme'.
const many = 12;
const state = {
  criteria: (report.criteria || []).map((criterion) => ({...criterion})),
  shown: new Set(runs.keys()),
  together: '',  // attributes by which runs are averaged in the charts, joined; '': each run for itself
};
if (runs.length > 2 * many) {
  state.shown = new Set([...runs.keys()].slice(0, many));
}
const listeners = {criteria: [], runs: [], theme: []};
const whenChanged = (what, call) => what.split(' ').forEach((one) => listeners[one].push(call));
const changed = (what) => listeners[what].forEach((call) => call());
const shownRuns = () => runs.map((run, index) => ({run, index})).filter(({index}) => state.shown.has(index));
