// Names in little room, and no two alike: without the words that all begin with, then words of paths as their first letters, then
// cut in the middle. The same rules as the program's text and the figures.

const cutMiddle = (letters, head, tail) => (letters.length <= head + 1 + tail ? letters.join('')
  : `${letters.slice(0, head).join('')}…${letters.slice(letters.length - tail).join('')}`);

// A name by itself, its middle cut out.
function shortened(text, length) {
  const letters = Array.from(printable(text));
  return cutMiddle(letters, Math.floor(length / 2), length - 1 - Math.floor(length / 2));
}

// Whole words that all names begin with, and go on after.
function commonWords(names) {
  if (names.length < 2) {
    return '';
  }
  let common = names[0];
  names.forEach((name) => {
    let same = 0;
    while (same < common.length && common[same] === name[same]) {
      same += 1;
    }
    common = common.slice(0, same);
  });
  const words = common.slice(0, common.search(/[^./_-]*$/));
  return names.includes(words) ? '' : words;
}

// The first `count` words of a path but for its last, and but for those with digits, as their first letters.
function abbreviated(name, count) {
  const words = name.match(/[^./]*[./]?/g).filter((word) => word);
  return words.map((word, i) => (i < count && i < words.length - 1 && !/\d/.test(word) ? word[0] + word.slice(-1) : word)).join('');
}

// names: any. of(name): at most about `most` letters. leftOut: the words that labels lack.
class Labels {
  constructor(names, most) {
    const all = [...new Set(names.map(printable))];
    this.byName = new Map();
    this.leftOut = '';
    const fits = (labels) => labels.every((label) => Array.from(label).length <= most);
    const distinct = (labels) => new Set(labels).size === labels.length;
    let labels = all;
    if (!fits(labels)) {
      this.leftOut = commonWords(all);
      labels = all.map((name) => name.slice(this.leftOut.length));
    }
    const whole = labels;
    const paths = whole.every((name) => /^[\w./-]*$/.test(name));
    for (let count = 1; paths && count <= 12 && !fits(labels); count += 1) {
      const shorter = whole.map((name) => abbreviated(name, count));
      if (!distinct(shorter)) {
        break;
      }
      labels = shorter;
    }
    if (!fits(labels)) {
      labels = this.cut(labels, most, distinct);
    }
    all.forEach((name, i) => this.byName.set(name, labels[i]));
  }

  cut(labels, most, distinct) {
    const letters = labels.map((label) => Array.from(label));
    const middle = Math.floor(most / 2);
    for (let step = 0; step <= middle && letters.length <= 200; step += 1) {
      for (const head of [middle + step, middle - step]) {
        const cut = head < most ? letters.map((one) => cutMiddle(one, head, most - 1 - head)) : letters;
        if (head < most && distinct(cut)) {
          return cut;
        }
      }
    }
    // Nothing else tells them apart: their places do.
    return letters.map((one, i) => {
      const place = `${i + 1} `;
      return place + cutMiddle(one, 0, Math.max(most - 1 - place.length, 1));
    });
  }

  of(name) {
    const whole = printable(name);
    return this.byName.has(whole) ? this.byName.get(whole) : whole;
  }

  // 'layer', and what its names lack.
  title(what) {
    return this.leftOut ? `${what}, after ${this.leftOut}` : what;
  }
}

// Numbers in names are numbers: run2 before run10, wd1e-3 before wd0.01.
function naturalParts(name) {
  return String(name).split(/(\d+\.?\d*(?:e[+-]?\d+)?)/i).map((part, i) => (i % 2 ? Number(part) : part));
}

function compareNatural(a, b) {
  const [x, y] = [naturalParts(a), naturalParts(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i += 1) {
    if (x[i] !== y[i]) {
      return x[i] < y[i] ? -1 : 1;
    }
  }
  return x.length - y.length;
}
