// A figure: title, chart, and the same values as a table for those who cannot see it.

Chart.defaults.animation = false;
Chart.defaults.animations = {};
Chart.defaults.transitions = {};
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
Chart.defaults.font.size = 12;
Chart.defaults.plugins.legend.display = false;

const figures = [];

class Figure {
  constructor(parent, title, options = {}) {
    this.caption = element('span', {class: 'small'});
    this.heading = element('h3', {}, title);
    this.plot = element('div', {class: options.tall ? 'plot tall' : 'plot'});
    this.notes = element('p', {class: 'small muted notes'});
    this.tableBox = element('div');
    this.details = element('details', {ontoggle: () => this.fillTable()},
      element('summary', {}, 'As a table', element('span', {class: 'sr'}, `: ${title}`)), this.tableBox);
    this.root = element('figure', {}, element('figcaption', {}, this.heading, this.caption), this.plot, this.notes, this.details);
    this.chart = null;
    this.makeTable = null;
    parent.append(this.root);
    figures.push(this);
  }

  // config: of Chart.js. makeTable: () => {head, rows}. label: what a screen reader says of the chart.
  draw(config, makeTable, label) {
    this.makeTable = makeTable;
    this.details.hidden = false;
    this.plot.classList.remove('none');
    if (this.chart && this.chart.config.type === config.type) {
      this.chart.data = config.data;
      this.chart.options = config.options;
      this.chart.update('none');
    } else {
      this.clear();
      this.canvas = element('canvas', {role: 'img'});
      this.plot.append(this.canvas);
      this.chart = new Chart(this.canvas, config);
    }
    this.canvas.setAttribute('aria-label', label);
    this.fillTable();
  }

  // Nothing to draw, and why.
  say(text) {
    this.clear();
    this.makeTable = null;
    this.details.hidden = true;
    this.plot.classList.add('none');
    this.plot.append(element('p', {class: 'empty'}, text));
  }

  clear() {
    if (this.chart) {
      this.chart.destroy();
      this.chart = null;
    }
    this.plot.replaceChildren();
  }

  fillTable() {
    if (this.details.open && this.makeTable) {
      const {head, rows} = this.makeTable();
      const title = this.heading.textContent;
      this.tableBox.replaceChildren(scrolling(title, tableElement('', head, rows), {wide: true}));
    }
  }
}

function tooltipOptions(callbacks) {
  const dark = darkTheme();
  return {
    animation: false,
    backgroundColor: dark ? '#e7e9ec' : '#1b1e23',
    titleColor: dark ? '#15171b' : '#ffffff',
    bodyColor: dark ? '#15171b' : '#ffffff',
    padding: 10,
    usePointStyle: true,
    boxWidth: 8,
    boxHeight: 8,
    callbacks,
  };
}
