// Colours: of runs (told apart with colour-blind eyes, with dashes and marks besides), of depth, of the map.

// Okabe and Ito's, darker on white and lighter on black.
const runColours = {
  light: ['#0072b2', '#d55e00', '#00825f', '#b3508c', '#8a6d00', '#2a8fc4', '#5b4bb7'],
  dark: ['#56b4e9', '#f0914a', '#2bc29a', '#e39bc3', '#e6c229', '#9ad1f5', '#a99cf0'],
};
const dashes = [[], [6, 3], [2, 2], [8, 3, 2, 3]];
const marks = ['circle', 'rect', 'triangle', 'rectRot', 'crossRot', 'star'];

// Viridis (van der Walt, Smith) at 16 even places: even steps to the eye, also to colour-blind eyes and in grey.
const viridis = ['#440154', '#481a6c', '#472f7d', '#414487', '#39568c', '#31688e', '#2a788e', '#23888e', '#1f988b', '#22a884',
  '#35b779', '#54c568', '#7ad151', '#a5db36', '#d2e21b', '#fde725'].map((hex) =>
  [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

// t in [0, 1].
function mapColour(t) {
  const at = Math.min(Math.max(t, 0), 1) * (viridis.length - 1);
  const i = Math.min(Math.floor(at), viridis.length - 2);
  const mix = viridis[i].map((low, c) => Math.round(low + (viridis[i + 1][c] - low) * (at - i)));
  return `rgb(${mix.join(',')})`;
}

function darkTheme() {
  if (printing) {
    return false;
  }
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : window.matchMedia('(prefers-color-scheme: dark)').matches;
}

// Of `count` things in order: colours that all can tell apart, of many from dark to light.
function colourAt(place, count) {
  const colours = runColours[darkTheme() ? 'dark' : 'light'];
  return count <= colours.length ? colours[place] : rampColour(place / (count - 1));
}

// The colour says in what runs differ; dashes and marks tell apart those that differ in their seeds alone. As in the figures.
function runStyle(index) {
  const group = runGroups.findIndex(({members}) => members.includes(index));
  const grouped = runGroups.length > 1 && runGroups.length < runs.length;
  const [place, count] = grouped ? [group, runGroups.length] : [index, runs.length];
  const member = grouped ? runGroups[group].members.indexOf(index) : index;
  const dash = (grouped ? member : runs.length <= runColours.light.length ? 0 : index) % dashes.length;
  return {
    colour: colourAt(place, count),
    dash: dashes[dash],
    line: ['solid', 'dashed', 'dotted', 'double'][dash],
    mark: marks[member % marks.length],
  };
}

const groupStyle = (place, count) => ({colour: colourAt(place, count), dash: [], line: 'solid', mark: marks[place % marks.length]});

// From dark to light (on black from light to less light), leaving out the end that vanishes on the page.
const rampColour = (t) => mapColour(darkTheme() ? 0.35 + 0.65 * t : 0.85 * t);

// Layers from shallow to deep.
function depthStyle(position, count) {
  const t = count > 1 ? position / (count - 1) : 0;
  return {colour: rampColour(t), dash: dashes[position % 2 === 0 || count > 14 ? 0 : 1], mark: marks[position % marks.length]};
}

function themeColours() {
  const dark = darkTheme();
  return dark
    ? {text: '#e7e9ec', muted: '#a2a9b4', grid: '#272b31', page: '#15171b', line: '#4a505a', hatch: '#59606b', empty: '#22262c'}
    : {text: '#1b1e23', muted: '#5a616c', grid: '#eceef1', page: '#ffffff', line: '#b9bec6', hatch: '#a4abb5', empty: '#f6f7f8'};
}

// '#rrggbb' made see-through.
const faint = (hex) => `${hex}2e`;
