// Selectors, sliders, and the legend that shows and hides runs.

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
      select.replaceChildren(...list.map((choice) => element('option', {value: choice.value}, shortened(choice.label, 60))));
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

// One button per run, pressed while the run is drawn; all legends of the page go together.
function runLegend() {
  const root = element('div', {class: 'legend', role: 'group', 'aria-label': 'Runs shown', hidden: runs.length < 2});
  const buttons = runs.map((run, index) => {
    const swatch = element('i');
    const button = element('button', {type: 'button', 'aria-pressed': 'true', onclick: () => {
      if (!state.shown.delete(index)) {
        state.shown.add(index);
      }
      changed('runs');
    }}, swatch, nameElement(run.name));
    return {button, swatch, index};
  });
  root.append(...buttons.map(({button}) => button));
  const show = () => buttons.forEach(({button, swatch, index}) => {
    button.setAttribute('aria-pressed', String(state.shown.has(index)));
    const {colour, line} = runStyle(index);
    swatch.style.borderTop = `4px ${line} ${colour}`;
  });
  show();
  whenChanged('runs theme', show);
  return root;
}

const controlRow = (...controls) => element('div', {class: 'controls'}, controls.map((control) => control.root || control));

function metricSummary(name) {
  const metric = metricByName.get(name);
  if (!metric) {
    return '';
  }
  const ends = metric.scope === 'targets' ? {low: 'low is good', high: 'high is good'}
    : {low: 'low when collapsed', high: 'high when collapsed'};
  return [printable(metric.summary || ''), ends[metric.better]].filter((part) => part).join('; ');
}
