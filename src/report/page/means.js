// Runs together: the mean over those that differ in their seeds alone, with its spread and how many they are.

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// The sample standard deviation; null for one value.
function spreadOf(values) {
  if (values.length < 2) {
    return null;
  }
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

const meanText = ({mean: middle, spread, count}) =>
  `${formatNumber(middle)}${spread === null ? '' : ` ± ${formatNumber(spread)}`} (n ${count})`;

// By what runs can be put together: all that they differ in but their seeds, and each of that alone; where that leaves groups.
// Training and test samples are told apart in any case.
const waysTogether = (() => {
  const alone = comparedBy.map((name) => comparedBy.filter((other) => other === name || other === 'split'));
  const ways = [comparedBy, ...alone.filter((names) => names.length < comparedBy.length)];
  return ways.map((names) => ({names, groups: groupsBy(names)})).filter(({groups}) => groups.length < runs.length);
})();
const wayText = (names) => (names.length ? `mean by ${names.map(printable).join(', ')}` : 'mean of all runs');

// One selector in several places, and what is chosen is the same in all.
function togetherSelector() {
  const choices = [{value: '', label: 'each run'}, ...waysTogether.map(({names}) => ({value: JSON.stringify(names), label: wayText(names)}))];
  const made = selector('Lines', choices, () => {
    state.together = made.value;
    changed('runs');
  });
  whenChanged('runs', () => { made.value = state.together; });
  return made;
}

// series: one for each shown run, {run, index, points}. As they are, or one for each group of runs: its points have mean, spread
// and count in place of a reading. Runs that died do not count.
function together(series) {
  const way = waysTogether.find(({names}) => JSON.stringify(names) === state.together);
  if (!way) {
    return series;
  }
  return way.groups.map((group, place) => {
    const places = new Map();
    series.filter(({index}) => group.members.includes(index)).forEach(({points, run}) => points.forEach((point) => {
      if (!places.has(point.x)) {
        places.set(point.x, {x: point.x, at: point.at, values: []});
      }
      const value = run.dead ? null : drawn(point.read);
      if (value !== null) {
        places.get(point.x).values.push(value);
      }
    }));
    const points = [...places.values()].sort((a, b) => a.x - b.x).map(({x, at, values}) => ({
      x, at, read: {value: values.length ? mean(values) : null, note: values.length ? '' : 'no run has a value'},
      statistic: values.length ? {mean: mean(values), spread: spreadOf(values), count: values.length, lowest: Math.min(...values)} : null,
    }));
    return {label: group.label || 'all runs', style: groupStyle(place, way.groups.length), points};
  }).filter(({points}) => points.length);
}
