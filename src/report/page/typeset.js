// Formulas of the metrics' summaries as they are written by hand: subscripts, superscripts, roots, Greek letters.

const greek = {gamma: 'γ', lambda: 'λ', mu: 'μ', sigma: 'σ', sum: '∑'};
const signs = [[/ - /g, ' − '], [/-(?=\d+\/\(|\d)/g, '−'], [/\|([^|]+)\|_F/g, '‖$1‖_F']];

// What stands after ^ or _: in brackets, which go, or a word.
const script = /([_^])(?:\(([^()]*)\)|\{([^{}]*)\}|([A-Za-z0-9+]+))/;

function typesetPlain(text) {
  return text.replace(/\bsqrt\(([^()]*)\)/g, '√$1').replace(/\b(gamma|lambda|mu|sigma|sum)(?![A-Za-z])/g, (word) => greek[word]);
}

// A part of a formula: letters in italics where they stand alone, scripts raised and lowered.
function typesetFormula(text) {
  const nodes = [];
  let rest = text;
  for (let found = script.exec(rest); found; found = script.exec(rest)) {
    nodes.push(rest.slice(0, found.index));
    const inner = [found[2], found[3], found[4]].find((one) => one !== undefined);
    nodes.push(element(found[1] === '^' ? 'sup' : 'sub', {}, inner === 'T' ? '⊤' : typesetPlain(inner)));
    rest = rest.slice(found.index + found[0].length);
  }
  nodes.push(rest);
  return nodes;
}

// Names of metrics stay as they are, in the type of code; 1e-10 is a power of ten; the rest is formula or prose.
function typeset(text) {
  const known = (word) => metricByName.has(word);
  return printable(text || '').split(/([A-Za-z0-9]+(?:_[A-Za-z0-9]+)+|\b\d+e-\d+\b)/).flatMap((part, i) => {
    if (i % 2 && known(part)) {
      return [element('code', {}, part)];
    }
    const power = /^(\d+)e-(\d+)$/.exec(part);
    if (i % 2 && power) {
      return [power[1] === '1' ? '10' : `${power[1]}·10`, element('sup', {}, `−${power[2]}`)];
    }
    return typesetFormula(typesetPlain(signs.reduce((so, [what, by]) => so.replace(what, by), part)));
  });
}
