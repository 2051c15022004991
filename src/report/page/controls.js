// Selectors, sliders, and the legend that shows and hides runs.

const labelsOf = (choices) => new Labels(choices.map((choice) => String(choice.label)), 60);

let lastId = 0;
const freshId = () => `c${lastId += 1}`;

// choices: [{value, label}]. Returns {root, value, fill(choices)}; calls change() when the person chooses.
function selector(label, choices, change) {
  const id = freshId();
  const select = element('select', {id, onchange: () => change()});
  const made = {
    root: element('div', {class: 'field'}, element('label', {for: id}, label), select),
    get value() { return select.value; },
    set value(value) { select.value = value; },
    fill(list) {
      const kept = select.value;
      select.replaceChildren(...list.map((choice) => element('option', {value: choice.value}, labelsOf(list).of(choice.label))));
      if (list.some((choice) => String(choice.value) === kept)) {
        select.value = kept;
      }
      made.root.hidden = list.length < 2;
    },
  };
  made.fill(choices);
  return made;
}

const metricChoices = (list) => list.map((metric) => ({value: metric.name, label: metric.name}));
const runChoices = () => runs.map((run, i) => ({value: String(i), label: run.name}));
const layerChoices = (names) => [{value: '', label: 'last layer'}, ...names.map((name) => ({value: name, label: name}))];

// A slider over all steps, at the last one first. Returns {root, step}.
function stepSlider(change) {
  const id = freshId();
  const output = element('output', {for: id});
  const input = element('input', {id, type: 'range', min: 0, max: Math.max(allSteps.length - 1, 0), step: 1,
    oninput: () => { show(); change(); }});
  input.value = String(allSteps.length - 1);
  const show = () => {
    const step = allSteps[Number(input.value)];
    const text = step === undefined ? '' : `${stepUnit} ${step}`;
    output.textContent = text;
    input.setAttribute('aria-valuetext', text);
  };
  show();
  return {
    root: element('div', {class: 'field', hidden: allSteps.length < 2},
      element('label', {for: id}, 'Moment of training'), element('div', {class: 'steps'}, input, output)),
    get step() { return allSteps[Number(input.value)]; },
  };
}

// One button per run, pressed while the run is drawn, and one that leaves it alone; all legends of the page go together.
function runLegend() {
  const root = element('div', {class: 'legend', role: 'group', 'aria-label': 'Runs shown', hidden: runs.length < 2});
  const only = (chosen) => {
    state.shown = new Set(chosen);
    changed('runs');
  };
  const all = element('button', {type: 'button', class: 'all', onclick: () => only(runs.keys())}, 'all runs');
  const buttons = runs.map((run, index) => {
    const swatch = element('i');
    const button = element('button', {type: 'button', 'aria-pressed': 'true', title: run.dead ? deathText(run) : null, onclick: () => {
      if (!state.shown.delete(index)) {
        state.shown.add(index);
      }
      changed('runs');
    }}, swatch, nameElement(run.name), run.dead ? element('span', {class: 'dead'}, 'dead') : '');
    const alone = element('button', {type: 'button', class: 'only', title: 'only this run', 'aria-label': `only this run: ${printable(run.name)}`,
      onclick: () => only([index])}, 'only');
    return {button, alone, swatch, index};
  });
  const groups = element('span', {class: 'groups'});
  root.append(...buttons.map(({button, alone}) => element('span', {class: 'entry'}, button, alone)), all, groups);
  const show = () => {
    buttons.forEach(({button, swatch, index}) => {
      button.setAttribute('aria-pressed', String(state.shown.has(index)));
      const {colour, line} = runStyle(index);
      swatch.style.borderTop = `4px ${line} ${colour}`;
    });
    all.disabled = state.shown.size === runs.length;
    const way = waysTogether.find(({names}) => JSON.stringify(names) === state.together);
    groups.replaceChildren(...(way ? way.groups : []).map((group, place) => {
      const swatch = element('i');
      swatch.style.borderTop = `4px solid ${groupStyle(place, way.groups.length).colour}`;
      const alive = group.members.filter((index) => state.shown.has(index) && !runs[index].dead).length;
      return element('span', {class: 'group'}, swatch, `${group.label || 'all runs'} (n ${alive})`);
    }));
  };
  show();
  whenChanged('runs theme', show);
  return root;
}

const controlRow = (...controls) => element('div', {class: 'controls'}, controls.map((control) => control.root || control));

// Nodes: what a metric says, and which end of it is collapse.
function metricSummary(name) {
  const metric = metricByName.get(name);
  if (!metric) {
    return [];
  }
  const ends = metric.scope === 'targets' ? {low: 'low is good', high: 'high is good'}
    : {low: 'low when collapsed', high: 'high when collapsed'};
  const end = ends[metric.better];
  return [...typeset(metric.summary), metric.summary && end ? '; ' : '', end || ''];
}
