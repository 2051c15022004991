// Spectra: list-valued metrics, component by component; the learned dimension and the UFM's predictions.

function startSpectra() {
  const section = byId('spectra');
  const lists = metrics.filter((metric) => listMetrics.has(metric.name));
  if (lists.length) {
    spectrumFigure(section, lists);
  }
  dimensionTable(section);
  ufmTable(section);
  if (section.children.length === 2) {
    section.append(element('p', {class: 'muted'}, 'This report holds no spectra.'));
  }
}

function spectrumFigure(section, lists) {
  const metric = selector('Spectrum', metricChoices(lists), () => show());
  if (listMetrics.has('evr')) {
    metric.value = 'evr';
  }
  const layer = selector('Layer', layerChoices(layerNames(runs)), () => show());
  const scale = selector('Axis', [{value: 'linear', label: 'linear'}, {value: 'log', label: 'logarithmic'}], () => show());
  const slider = stepSlider(() => show());
  section.append(controlRow(metric, layer, scale, slider), runLegend());
  const figure = new Figure(section, '', {tall: true});
  const show = () => {
    const name = metric.value;
    figure.heading.replaceChildren(element('span', {class: 'metric-name'}, name));
    figure.caption.replaceChildren(...metricSummary(name));
    const series = foundAt(slider.step).map(({run, index, checkpoint}) => {
      const read = reading(checkpoint, layerOf(checkpoint, layer.value), name);
      return {label: run.name, style: runStyle(index), list: Array.isArray(read.value) ? read.value : [], note: read.note};
    });
    const labels = new Labels(series.map((one) => one.label), 40);
    const count = Math.max(0, ...series.map((one) => one.list.length));
    if (!count) {
      const notes = [...new Set(series.map((one) => one.note).filter((note) => note))];
      figure.say(series.length ? `Undefined here${notes.length ? `: ${notes.slice(0, 3).map(printable).join(', ')}` : ''}.` : 'No run is shown that is alive at this moment.');
      return;
    }
    const positive = series.flatMap((one) => one.list).filter((value) => isNumber(value) && value > 0);
    const log = scale.value === 'log' && positive.length > 0;
    const lines = log || series.length > 6;
    figure.draw({
      type: lines ? 'line' : 'bar',
      data: {
        labels: Array.from({length: count}, (unused, i) => String(i + 1)),
        datasets: series.map((one) => ({
          label: labels.of(one.label),
          data: Array.from({length: count}, (unused, i) => (isNumber(one.list[i]) && (!log || one.list[i] > 0) ? one.list[i] : null)),
          backgroundColor: one.style.colour, borderColor: one.style.colour, pointStyle: one.style.mark, borderDash: lines ? one.style.dash : [],
          borderWidth: lines ? 2 : 0, clip: 8, pointRadius: 3.5, categoryPercentage: 0.75, barPercentage: 0.95, maxBarThickness: 28,
        })),
      },
      options: {
        interaction: {mode: 'index', intersect: false},
        scales: {
          x: {grid: {display: false, borderColor: themeColours().line}, ticks: {color: themeColours().muted},
            title: {display: true, text: 'component', color: themeColours().muted}},
          y: axis({log, suggestedMin: log ? undefined : 0, suggestedMax: log ? undefined : Math.min(1, Math.max(...positive, 0) * 1.05)}),
        },
        plugins: {tooltip: tooltipOptions({
          title: (items) => (items.length ? `component ${items[0].label}` : ''),
          label: (item) => ` ${item.dataset.label}: ${formatNumber(item.raw)}`,
        })},
      },
    }, () => ({
      head: ['component', ...series.map((one) => ({text: one.label, number: true}))],
      rows: Array.from({length: count}, (unused, i) => [String(i + 1), ...series.map((one) => ({text: formatNumber(one.list[i]), number: true}))]),
    }), `${name}: ${plural(count, 'component')} of ${plural(series.length, 'run')}; the values are in the table below.`);
  };
  show();
  whenChanged('runs theme', show);
}

function dimensionTable(section) {
  const rows = runs.filter((run) => run.intrinsic_dimension && !run.dead).map((run) => {
    const {layer, learned} = run.intrinsic_dimension;
    const rank = targetsRank(run);
    const known = isNumber(learned) && isNumber(rank);
    const verdict = !known ? '–' : learned === rank ? 'as many as the targets' : learned > rank ? `${formatNumber(learned - rank)} more` : `${formatNumber(rank - learned)} fewer`;
    return [nameElement(run.name), nameElement(layer), {text: formatNumber(learned), number: true}, {text: formatNumber(rank), number: true}, verdict];
  });
  if (!rows.length) {
    return;
  }
  section.append(element('h3', {class: 'part'}, 'Intrinsic dimension'),
    scrolling('Intrinsic dimension', tableElement('Components that hold 99 % of the variance of the last layer’s features at the last checkpoint, beside the rank of the targets, K − 1 for K classes.',
      ['Run', 'Layer', {text: 'Learned', number: true}, {text: 'Targets’ rank', number: true}, ''], rows)));
}

// The model is one of regressions.
function ufmTable(section) {
  const tasks = runs.map(lastCheckpoint).filter(Boolean).map(taskOf);
  if (tasks.length && !tasks.includes('regression')) {
    return;
  }
  const known = runs.filter((run) => run.ufm);
  const names = [...new Set(known.flatMap((run) => Object.keys(run.ufm).filter((name) => isNumber(run.ufm[name]))))];
  section.append(element('h3', {class: 'part'}, 'Beside the unconstrained feature model'));
  if (!names.length) {
    section.append(element('p', {class: 'muted'}, 'The model’s prediction needs both regularizers, lambda_w and lambda_h, as attributes of the dumps.'));
    return;
  }
  section.append(scrolling('Unconstrained feature model', tableElement('What the model predicts for the last layer, and how far the run is from it at its last checkpoint.',
    ['Run', 'Layer', ...names.map((text) => ({text: text.replace(/_/g, ' '), number: true}))],
    known.map((run) => [nameElement(run.name), nameElement(run.ufm.layer || '–'),
      ...names.map((name) => ({text: formatNumber(own(run.ufm, name)), number: true}))]))));
}
