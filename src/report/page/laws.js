// How metrics go over depth (He and Su): the line through log10, fitted by the program, and its numbers for each run.

// What the program says of a metric's law at a checkpoint, or null.
const lawOf = (checkpoint, name) => own(checkpoint.depth, name) || null;

// The two ends of the fitted line over the places of a series, or null. The line goes through the mean of what counts: what is
// above its floor.
function fittedLine(checkpoint, name, points) {
  const law = lawOf(checkpoint, name);
  if (!law || !isNumber(law.slope)) {
    return null;
  }
  const counted = points.filter(({read}) => isNumber(read.value) && read.value > 0 && !belowFloor(read));
  if (counted.length !== law.layers) {
    return null;
  }
  const places = counted.map(({x}) => x);
  const middle = mean(places);
  const level = mean(counted.map(({read}) => Math.log10(read.value)));
  return [Math.min(...places), Math.max(...places)].map((x) => ({x, y: 10 ** (level + law.slope * (x - middle))}));
}

const lawNames = [...new Set(runs.flatMap((run) => run.checkpoints.flatMap((checkpoint) => Object.keys(checkpoint.depth || {}))))];

// found: [{run, checkpoint}]. A row for each run, and for each law its slope and correlation.
function lawTable(found) {
  const laws = lawNames.filter((name) => found.some(({checkpoint}) => lawOf(checkpoint, name)));
  const cells = (law) => [
    law && isNumber(law.slope) ? `${formatNumber(law.slope)} (× ${formatNumber(10 ** law.slope)})` : '–',
    law ? `${formatNumber(law.pearson)} (${plural(law.layers, 'layer')})` : '–',
  ].map((text) => ({text, number: true}));
  return tableElement('', ['Run', ...laws.flatMap((name) => [{text: `${name}: slope a layer`, number: true}, {text: 'Pearson', number: true}])],
    found.map(({run, checkpoint}) => [nameElement(run.name), ...laws.flatMap((name) => cells(lawOf(checkpoint, name)))]));
}
