// Every metric explained: what it says, its range, which end is collapse.

function rangeText(range) {
  if (!range) {
    return '';
  }
  const [low, high] = range;
  return high === null || high === undefined ? `At least ${formatNumber(low)}.` : `Between ${formatNumber(low)} and ${formatNumber(high)}.`;
}

const classSources = {
  nc1: 'Papyan, Han and Donoho 2020', nc1_trace: 'He and Su 2023', nc1_quotient: 'Tirer, Huang and Niles-Weed 2023',
  nc1_cdnv: 'Galanti, György and Hutter 2021', nc1_vci: 'Xu and Liu 2023', nc1_unit: 'Liu et al. 2023',
  nc2_equinorm: 'Papyan, Han and Donoho 2020', nc2_mean_cosine: 'Papyan, Han and Donoho 2020', nc2_equiangular: 'Papyan, Han and Donoho 2020',
  nc2_max_angle: 'Papyan, Han and Donoho 2020', nc2_etf: 'Zhu et al. 2021', nc2_condition: 'Jacot et al. 2024',
  nc2_seli: 'Thrampoulidis et al. 2022', nc3_self_duality: 'Papyan, Han and Donoho 2020', nc3_etf: 'Zhu et al. 2021',
  nc3_cosine: 'Wu and Papyan 2024', nc4_disagreement: 'Papyan, Han and Donoho 2020', ncc_accuracy: 'Galanti, György and Hutter 2021',
};

function sourceOf(name) {
  if (name.startsWith('deep_nrc')) {
    return 'Rangamani and Unal, CPAL 2026.';
  }
  if (own(classSources, name)) {
    return `${classSources[name]}.`;
  }
  return name.startsWith('nrc') || name === 'evr' || name.startsWith('ufm') ? 'Andriopoulos et al., NeurIPS 2024.' : '';
}

function startExplain() {
  const ends = {layer: {low: 'Low values are collapse.', high: 'High values are collapse.'},
    targets: {low: 'Low is good.', high: 'High is good.'}};
  const scopes = {targets: 'One value per checkpoint, of the targets and the model.', layer: 'One value per layer.'};
  const list = element('div', {class: 'explain'}, metrics.map((metric) => element('details', {},
    element('summary', {}, element('span', {class: 'metric-name'}, printable(metric.name))),
    element('p', {}, ...typeset(metric.summary), metric.summary ? '. ' : '',
      [rangeText(metric.range), own(ends[metric.scope === 'targets' ? 'targets' : 'layer'], metric.better), listMetrics.has(metric.name) ? 'A list, one entry per component.' : scopes[metric.scope],
        sourceOf(metric.name)].filter((part) => part).join(' ')))));
  byId('metrics').append(list);
}
