// Elements made without HTML text: whatever comes from the data is a text node or an attribute's value.

// Set while the page is printed.
let printing = false;

const byId = (id) => document.getElementById(id);

// element('p', {class: 'small', onclick: f, hidden: true}, 'text', child, ...)
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') {
      made.addEventListener(name.slice(2), value);
    } else if (value === true) {
      made.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// Control and direction characters of a name, spelled out.
function printable(text) {
  return String(text).replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// A name from the data, kept apart from the direction of the text around it; a very long one is cut, whole on hover.
function nameElement(text) {
  const whole = printable(text);
  const short = shortened(text, 80);
  return element('bdi', {class: 'name', title: short === whole ? null : whole}, short);
}

// head: texts, or {text, number}. rows: lists of texts, elements, or {text, number}; the first is the row's heading. Where a
// table is stacked, each row is a card, and its cells say what they are.
function tableElement(caption, head, rows) {
  const titles = head.map((content) => printable(typeof content === 'object' ? content.text : content));
  const cell = (tag, content, extra) => {
    const wrapped = content !== null && typeof content === 'object' && 'text' in content;
    const value = wrapped ? content.text : content;
    return element(tag, {...extra, class: wrapped && content.number ? 'number' : null},
      value instanceof Node ? value : nameElement(value));
  };
  return element('table', {},
    caption ? element('caption', {}, caption) : null,
    element('thead', {}, element('tr', {}, head.map((content) => cell('th', content, {scope: 'col'})))),
    element('tbody', {}, rows.map((row) => element('tr', {},
      row.map((content, i) => (i === 0 ? cell('th', content, {scope: 'row'}) : cell('td', content, {'data-title': titles[i]})))))));
}

// A table in a box. One that does not fit into the page's width is stacked, so that no column is out of sight; a wide one of
// numbers (`wide`) only on narrow screens, elsewhere it scrolls.
const narrowest = 544;

function scrolling(label, child, options = {}) {
  const box = element('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label}, child);
  stackWhereNarrow(box, options.wide);
  return box;
}

function stackWhereNarrow(box, wide) {
  const fit = () => {
    box.classList.remove('stacked');
    const tooWide = wide ? window.innerWidth < narrowest : box.scrollWidth > box.clientWidth + 1;
    box.classList.toggle('stacked', tooWide && !printing);
  };
  new ResizeObserver(fit).observe(box);
  box.fit = fit;
}
