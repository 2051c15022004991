// When a layer is collapsed: all criteria hold. The same rules as the program's, recomputed with the page's thresholds.

const comparisons = {
  '<': (value, threshold) => value < threshold,
  '<=': (value, threshold) => value <= threshold,
  '>': (value, threshold) => value > threshold,
  '>=': (value, threshold) => value >= threshold,
};

// Whether a layer meets a criterion; null, unknown, where its value is undefined, or below its floor while 0 and the floor
// say different things: such a value may be anything between them.
function meets(checkpoint, layer, criterion) {
  const read = reading(checkpoint, layer, criterion.metric);
  if (!isNumber(read.value)) {
    return null;
  }
  const beyond = comparisons[criterion.comparison];
  if (!belowFloor(read)) {
    return beyond(read.value, criterion.threshold);
  }
  const met = beyond(0, criterion.threshold);
  return beyond(read.floor, criterion.threshold) === met ? met : null;
}

// What is asked of a layer: of its task, and of the last layer more.
const criteriaOf = (checkpoint, isLast) => state.criteria.filter((criterion) =>
  (!criterion.task || criterion.task === taskOf(checkpoint)) && (isLast || !criterion.last_layer_only));

// false where one criterion is not met, else null where one is unknown, else true. Kept until a threshold changes.
let verdicts = new WeakMap();
whenChanged('criteria', () => { verdicts = new WeakMap(); });

function layerCollapsed(checkpoint, layer) {
  if (!verdicts.has(layer)) {
    const isLast = layer === lastOf(checkpoint.layers);
    const asked = criteriaOf(checkpoint, isLast);
    const all = asked.map((criterion) => meets(checkpoint, layer, criterion));
    const unknown = all.includes(null) || (!all.length && state.criteria.length > 0);
    verdicts.set(layer, all.includes(false) ? false : unknown ? null : true);
  }
  return verdicts.get(layer);
}

// Why a layer is not collapsed, or unknown: the criteria that say so. '' where it is collapsed.
function whyNot(checkpoint, layer) {
  const verdict = layerCollapsed(checkpoint, layer);
  if (verdict === true) {
    return '';
  }
  const asked = criteriaOf(checkpoint, layer === lastOf(checkpoint.layers));
  const reasons = asked.filter((criterion) => meets(checkpoint, layer, criterion) === (verdict === false ? false : null)).map((criterion) => {
    const read = reading(checkpoint, layer, criterion.metric);
    const found = isNumber(read.value) ? formatValue(read.value, read.floor) : `undefined${read.note ? ` (${printable(read.note)})` : ''}`;
    return `${printable(criterion.metric)} is ${found}, wanted ${criterion.comparison} ${plainNumber(criterion.threshold)}`;
  });
  return `${verdict === false ? 'not collapsed' : 'unknown'}: ${reasons.join('; ') || 'nothing is asked of this layer'}`;
}

// The criteria in words: of one task, or of all that the report has.
function criteriaWords(task) {
  const words = (list) => list.map((one) =>
    `${printable(one.metric)} ${one.comparison} ${plainNumber(one.threshold)}${one.last_layer_only ? ' (last layer only)' : ''}`).join(' and ');
  const tasks = [...new Set(state.criteria.map((one) => one.task))];
  const ofTask = (wanted) => words(state.criteria.filter((one) => !one.task || one.task === wanted));
  return task ? ofTask(task) : tasks.length < 2 ? words(state.criteria)
    : tasks.map((one) => `for ${one} ${ofTask(one)}`).join('; ');
}

// {from, layers, count, total}: from is the position of the shallowest layer from which every deeper one is collapsed.
function checkpointCollapse(checkpoint) {
  const layers = checkpoint.layers.map((layer) => layerCollapsed(checkpoint, layer));
  let from = layers.length;
  while (from > 0 && layers[from - 1] === true) {
    from -= 1;
  }
  return {
    from: from < layers.length ? from : null,
    layers,
    count: layers.length - from,  // of the layers from there on
    total: layers.length,
  };
}

// What a checkpoint leaves open of a layer that is not collapsed there, or that it lacks: '' where it is known.
function leftOpen(checkpoint, layer) {
  if (!layer || layer.failed) {
    return 'not measured';
  }
  if (layerCollapsed(checkpoint, layer) !== null) {
    return '';
  }
  const asked = criteriaOf(checkpoint, layer === lastOf(checkpoint.layers));
  return asked.some(({metric}) => own(layer.metrics, metric) === undefined) ? 'not measured' : 'unknown';
}

// {last, since, before}: the last checkpoint's collapse; since is the index of the checkpoint from which on its last layer
// is collapsed at every one, or null; before is what the checkpoint before that leaves open.
function runCollapse(run) {
  const deepest = lastCheckpoint(run) ? lastOf(lastCheckpoint(run).layers) : null;
  let since = null;
  let before = '';
  for (let i = run.checkpoints.length - 1; i >= 0 && deepest; i -= 1) {
    const layer = layerOf(run.checkpoints[i], deepest.name);
    if (!layer || layerCollapsed(run.checkpoints[i], layer) !== true) {
      before = since === null ? '' : leftOpen(run.checkpoints[i], layer);
      break;
    }
    since = i;
  }
  const checkpoint = lastCheckpoint(run);
  return {last: checkpoint ? checkpointCollapse(checkpoint) : null, since, before};
}

// The run, as a selector's value, that ends with the most collapsed layers.
function mostCollapsed() {
  const counts = runs.map((run) => (run.dead ? -1 : (runCollapse(run).last || {count: 0}).count));
  return String(counts.indexOf(Math.max(...counts)));
}

const thresholdsChanged = () =>
  state.criteria.some((criterion, i) => criterion.threshold !== report.criteria[i].threshold);
const criterionOf = (name) => state.criteria.find((criterion) => criterion.metric === name) || null;
