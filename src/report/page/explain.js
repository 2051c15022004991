// Every metric explained: what it says, its range, which end is collapse.

function rangeText(range) {
  if (!range) {
    return '';
  }
  const [low, high] = range;
  return high === null || high === undefined ? `At least ${formatNumber(low)}.` : `Between ${formatNumber(low)} and ${formatNumber(high)}.`;
}

function sourceOf(name) {
  if (name.startsWith('deep_nrc')) {
    return 'Rangamani and Unal, CPAL 2026.';
  }
  return name.startsWith('nrc') || name === 'evr' || name.startsWith('ufm') ? 'Andriopoulos et al., NeurIPS 2024.' : '';
}

function startExplain() {
  const ends = {layer: {low: 'Low values are collapse.', high: 'High values are collapse.'},
    targets: {low: 'Low is good.', high: 'High is good.'}};
  const scopes = {targets: 'One value per checkpoint, of the targets and the model.', layer: 'One value per layer.'};
  const list = element('div', {class: 'explain'}, metrics.map((metric) => element('details', {},
    element('summary', {}, element('span', {class: 'metric-name'}, printable(metric.name))),
    element('p', {}, `${printable(metric.summary || '')}${metric.summary ? '. ' : ''}`,
      [rangeText(metric.range), own(ends[metric.scope === 'targets' ? 'targets' : 'layer'], metric.better), listMetrics.has(metric.name) ? 'A list, one entry per component.' : scopes[metric.scope],
        sourceOf(metric.name)].filter((part) => part).join(' ')))));
  byId('metrics').append(list);
}
