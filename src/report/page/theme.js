// Light and dark: as the system says, until the person chooses; print is always light.

const storedTheme = 'collapscope-theme';

function startTheme() {
  const button = byId('theme');
  const root = document.documentElement;
  const stored = (() => {
    try {
      return localStorage.getItem(storedTheme);
    } catch (error) {
      return null;
    }
  })();
  if (stored === 'light' || stored === 'dark') {
    root.dataset.theme = stored;
  }
  const show = () => {
    button.replaceChildren(darkTheme() ? 'Light' : 'Dark', element('span', {class: 'wide'}, ' theme'));
  };
  button.addEventListener('click', () => {
    root.dataset.theme = darkTheme() ? 'light' : 'dark';
    try {
      localStorage.setItem(storedTheme, root.dataset.theme);
    } catch (error) {
      // Some browsers keep nothing for pages opened from disk.
    }
    changed('theme');
  });
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => changed('theme'));
  whenChanged('theme', show);
  button.hidden = false;
  show();
}

function startPrint() {
  const root = document.documentElement;
  let before;
  let opened = [];
  const redraw = () => {
    changed('theme');
    figures.forEach((figure) => figure.chart && figure.chart.resize());
  };
  window.addEventListener('beforeprint', () => {
    before = root.dataset.theme;
    printing = true;
    root.dataset.theme = 'light';
    root.classList.add('printing');
    opened = [...document.querySelectorAll('#metrics details:not([open])')];
    opened.forEach((one) => { one.open = true; });
    document.querySelectorAll('.stacked').forEach((box) => box.classList.remove('stacked'));
    redraw();
  });
  window.addEventListener('afterprint', () => {
    printing = false;
    root.classList.remove('printing');
    if (before === undefined) {
      delete root.dataset.theme;
    } else {
      root.dataset.theme = before;
    }
    opened.forEach((one) => { one.open = false; });
    document.querySelectorAll('.scroll').forEach((box) => box.fit && box.fit());
    redraw();
  });
}
