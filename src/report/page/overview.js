// The report in words and numbers: what collapsed, from which layer, since when, by which criteria.

function layerStrip(collapse) {
  const names = {true: 'yes', false: 'no', null: 'unknown'};
  const squares = collapse.layers.map((one) => element('i', {class: names[String(one)]}));
  if (collapse.layers.length > 80) {
    return null;
  }
  return element('span', {class: collapse.layers.length > 8 ? 'strip many' : 'strip', 'aria-hidden': 'true'}, squares);
}

function verdictText(collapses) {
  const ended = collapses.filter(({run, last}) => !run.dead && last && last.from !== null);
  const unknown = collapses.filter(({run, last}) => !run.dead && (!last || !last.total || lastOf(last.layers) === null));
  if (!runs.length) {
    return 'There are no runs in this report.';
  }
  const rest = (unknown.length ? ` For ${plural(unknown.length, 'run')} it cannot be told: values are undefined, or a layer failed.` : '') +
    (deadRuns.length ? ` ${plural(deadRuns.length, 'run')} died and ${deadRuns.length === 1 ? 'is' : 'are'} left out of all means.` : '');
  if (runs.length === 1 && deadRuns.length) {
    return `The run is ${deathText(runs[0])}.`;
  }
  if (runs.length === 1) {
    if (!ended.length) {
      return unknown.length ? 'Whether the last layer is collapsed cannot be told: values are undefined, or a layer failed.'
        : 'The last layer is not collapsed at the end of the run.';
    }
    const {last, since, before} = ended[0];
    return `The run ends collapsed from layer ${shortened(layerAt(runs[0], last.from), 80)} on` +
      (runs[0].checkpoints.length > 1 ? `, its last layer since ${since === 0 ? 'the first checkpoint, ' : ''}${stepUnit} ${sinceLabel(runs[0], since)}${beforeText(runs[0], since, before)}.` : '.');
  }
  if (!ended.length) {
    return `No run ends with its last layer collapsed.${rest}`;
  }
  const share = ({last}) => last.from / last.total;
  const first = ended.reduce((best, one) => (share(one) < share(best) ? one : best));
  const where = layerAt(first.run, first.last.from);
  const there = ended.filter((one) => layerAt(one.run, one.last.from) === where);
  const who = there.length > 3 ? `in ${there.length} runs` : there.map(({run}) => shortened(run.name, 40)).join(' and ');
  const count = ended.length === runs.length ? `All ${runs.length} runs end`
    : `${ended.length} of ${runs.length} runs ${ended.length === 1 ? 'ends' : 'end'}`;
  return `${count} with the last layer collapsed. At the shallowest, collapse begins at layer ${shortened(where, 80)} (${who}).${rest}`;
}

function neverAliveText() {
  const names = report.never_alive || [];
  return names.length ? ` Dead at every checkpoint, with NaN or Inf in all layers: ${names.map(printable).join(', ')}.` : '';
}

const layerAt = (run, position) => lastCheckpoint(run).layers[position].name;
const sinceLabel = (run, since) => checkpointLabel(run.checkpoints[since], since);

const beforeText = (run, since, before) => (before ? ` (${before} at ${stepUnit} ${sinceLabel(run, since - 1)})` : '');

const modelMetrics = ['model_mse', 'model_accuracy'].filter((name) => hasMetric(name));
const modelTitles = {model_mse: 'Model MSE', model_accuracy: 'Model accuracy'};

function runRow(run, collapse, attributes, labels) {
  const last = lastCheckpoint(run);
  const dimension = run.intrinsic_dimension;
  const steps = run.checkpoints.length ? [run.checkpoints[0], last].map((checkpoint, i) =>
    checkpointLabel(checkpoint, i * (run.checkpoints.length - 1))) : [];
  return [
    nameElement(run.name),
    ...attributes.map((name) => ({text: formatAttribute(own(run.attributes, name)), number: isNumber(own(run.attributes, name))})),
    {text: run.checkpoints.length > 1 ? `${steps[0]} – ${steps[1]} (${run.checkpoints.length})` : steps[0] || '–', number: true},
    run.dead ? element('span', {class: 'dead'}, deathText(run))
      : collapse.last ? element('span', {}, layerStrip(collapse.last), ` ${collapse.last.count} of ${collapse.last.total}`) : '–',
    !run.dead && collapse.last && collapse.last.from !== null ? element('bdi', {class: 'name', title: printable(layerAt(run, collapse.last.from))}, labels.of(layerAt(run, collapse.last.from))) : '–',
    {text: run.dead || collapse.since === null ? '–' : sinceLabel(run, collapse.since) + beforeText(run, collapse.since, collapse.before), number: true},
    {text: dimension && !run.dead && isNumber(dimension.learned) ? `${formatNumber(dimension.learned)} of ${formatNumber(targetsRank(run))}` : '–', number: true},
    ...modelMetrics.map((name) => ({text: last && !run.dead ? formatNumber(own(last.targets, name)) : '–', number: true})),
  ];
}

function criteriaFields() {
  const fields = state.criteria.map((criterion, i) => {
    const id = freshId();
    const input = element('input', {id, type: 'number', step: 'any', value: criterion.threshold, oninput: () => {
      const value = Number(input.value);
      const valid = input.value.trim() !== '' && Number.isFinite(value);
      input.setAttribute('aria-invalid', String(!valid));
      if (valid) {
        state.criteria[i].threshold = value;
        changed('criteria');
      }
    }});
    return {input, root: element('div', {class: 'criterion'},
      element('label', {for: id}, criterion.task ? `${criterion.task}: ` : '', element('code', {}, printable(criterion.metric)), ` ${criterion.comparison}`), input)};
  });
  const reset = element('button', {type: 'button', class: 'reset', onclick: () => {
    fields.forEach(({input}, i) => {
      state.criteria[i].threshold = report.criteria[i].threshold;
      input.value = String(report.criteria[i].threshold);
      input.setAttribute('aria-invalid', 'false');
    });
    changed('criteria');
  }}, 'As in the report');
  const said = element('p', {class: 'small muted'});
  const show = () => {
    reset.disabled = !thresholdsChanged();
    said.textContent = `A layer is collapsed where ${criteriaWords() || 'criteria say so; this report has none'}.` +
      (thresholdsChanged() ? ' These are not the report’s thresholds.' : '');
  };
  show();
  whenChanged('criteria', show);
  return element('fieldset', {}, element('legend', {}, 'What counts as collapsed'), said,
    element('div', {class: 'controls'}, fields.map(({root}) => root), reset));
}

// Those of one file that say the same are one entry.
function failureEntries() {
  const entries = new Map();
  (report.failures || []).forEach(({path, object, message}) => {
    const key = JSON.stringify([path, message]);
    if (!entries.has(key)) {
      entries.set(key, {path, object, message, more: -1});
    }
    entries.get(key).more += 1;
  });
  return [...entries.values()].map(({path, object, message, more}) =>
    ({path, object: more ? `${object} and ${more} more` : object, message}));
}

// A few texts under a title, the others folded; null without any.
function noteList(title, texts) {
  if (!texts.length) {
    return null;
  }
  const list = (some) => element('ul', {}, some.map((text) => element('li', {}, element('bdi', {}, printable(text)))));
  const few = 3;
  return element('div', {class: 'failures', role: 'note'}, element('strong', {}, title), list(texts.slice(0, few)),
    texts.length > few ? element('details', {}, element('summary', {}, `${texts.length - few} more`), list(texts.slice(few, 1000))) : null);
}

function failureList() {
  const failures = failureEntries();
  if (!failures.length) {
    return null;
  }
  return noteList(`${plural(report.failures.length, 'file or layer', 'files or layers')} could not be analysed`,
    failures.map((failure) => [failure.path, failure.object, failure.message].filter((part) => part).join(': ')));
}

// Layers and metrics that some checkpoints of a run have and others lack.
function unmeasuredTexts() {
  const some = (texts) => texts.slice(0, 3).join(', ') + (texts.length > 3 ? ` and ${texts.length - 3} more` : '');
  return runs.flatMap((run) => (run.not_measured || []).map(({layers, metrics: names, checkpoints, of}) =>
    `${shortened(run.name, 80)}: ${some((layers || names).map((name) => shortened(name, 80)))} at ${of - checkpoints.length} of ${plural(of, 'checkpoint')}, not at ${
      some(checkpoints.map((i) => `${stepUnit} ${sinceLabel(run, i)}`))}`));
}

function tiles() {
  const checkpoints = runs.reduce((sum, run) => sum + run.checkpoints.length, 0);
  const ended = element('dd');
  const entries = [
    [runs.length, runs.length === 1 ? 'run' : 'runs'],
    [checkpoints, checkpoints === 1 ? 'checkpoint' : 'checkpoints'],
    [layerNames(runs).length, layerNames(runs).length === 1 ? 'layer' : 'layers'],
  ].map(([count, name]) => element('div', {}, element('dt', {}, name), element('dd', {}, count.toLocaleString('en-US'))));
  const show = () => {
    const count = runs.filter((run) => !run.dead && (runCollapse(run).last || {from: null}).from !== null).length;
    ended.textContent = `${count} of ${runs.length}`;
  };
  show();
  whenChanged('criteria', show);
  return element('dl', {class: 'tiles'}, entries, element('div', {}, element('dt', {}, 'end collapsed'), ended),
    deadRuns.length ? element('div', {}, element('dt', {}, 'dead'), element('dd', {}, String(deadRuns.length))) : null);
}

function startOverview() {
  const section = byId('overview');
  const attributes = [...comparedBy.filter((name) => differingAttributes.includes(name)), ...differingAttributes.filter((name) => !comparedBy.includes(name))].slice(0, 4);
  const verdict = element('p', {class: 'verdict', 'aria-live': 'polite'});
  const table = scrolling('Runs', element('span'));
  const labels = new Labels(layerNames(runs), 24);
  const squares = element('p', {class: 'small muted squares'});
  const show = () => {
    const collapses = runs.map((run) => ({run, ...runCollapse(run)}));
    verdict.textContent = verdictText(collapses) + neverAliveText();
    table.replaceChildren(tableElement('', ['Run', ...attributes.map((name) => ({text: name, number: runs.some((run) => isNumber(own(run.attributes, name)))})),
      {text: `${stepUnit[0].toUpperCase()}${stepUnit.slice(1)}s`, number: true}, 'Collapsed at the end', 'From layer',
      {text: 'Last layer since', number: true}, {text: 'Dimension', number: true}, ...modelMetrics.map((name) => ({text: modelTitles[name], number: true}))],
    collapses.map((collapse) => runRow(collapse.run, collapse, attributes, labels))));
    table.fit();
    squares.replaceChildren(...[['yes', 'collapsed'], ['no', 'not collapsed'], ['unknown', 'unknown: a value is undefined or below a floor']].map(([one, text]) =>
      element('span', {}, element('span', {class: 'strip', 'aria-hidden': 'true'}, element('i', {class: one})), ` ${text}`)),
    element('span', {}, `Collapsed means ${criteriaWords()}.`), labels.leftOut ? element('span', {}, `Names of layers go on after ${labels.leftOut}`) : '');
  };
  const sources = (report.sources || []).map((source) => printable(source));
  const warnings = report.warnings || [];
  const notes = [failureList(), noteList('Not measured at all checkpoints', unmeasuredTexts())];
  section.append(...[noteList(plural(warnings.length, 'warning'), warnings), verdict, tiles(), ...notes].filter((part) => part));
  section.append(table, squares, element('p', {class: 'small muted'},
    'Layers run from shallow to deep; counted are those from which on all are collapsed. Dimension: components that hold 99 % of the last features’ variance, of the targets’ rank, or of K − 1 for K classes.'), criteriaFields());
  byId('made').textContent = `Made by collapscope ${printable(report.version || '')}${report.generated ? ` at ${printable(report.generated)}` : ''}` +
    `${sources.length ? ` from ${sources.slice(0, 5).join(', ')}${sources.length > 5 ? ` and ${sources.length - 5} more` : ''}` : ''}.`;
  show();
  whenChanged('criteria', show);
}
