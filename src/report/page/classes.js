// The classes of a run's last checkpoint: the cosines of their means as a map, and what is known of each as a table. A report
// of regressions has none, and the page no such part.

const signed = (t) => mapColour((t + 1) / 2);

class ClassMap {
  constructor(section) {
    this.runs = runs.map((run, i) => ({run, i})).filter(({run}) => lastCheckpoint(run) && lastCheckpoint(run).classes);
    this.run = selector('Run', this.runs.map(({run, i}) => ({value: String(i), label: run.name})), () => this.show());
    this.layer = selector('Layer', layerChoices(layerNames(this.runs.map(({run}) => run))), () => this.show());
    section.append(controlRow(this.run, this.layer));
    this.figure = new Figure(section, 'Cosines of the class means', {tall: true});
    this.readout = element('p', {class: 'readout', 'aria-live': 'polite'}, this.hint);
    this.key = element('div', {class: 'scale'});
    this.figure.plot.after(this.key, this.readout);
    this.heading = element('h3', {}, 'Class by class');
    this.table = element('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Classes'});
    this.said = element('p', {class: 'small muted'});
    section.append(this.heading, this.table, this.said);
    stackWhereNarrow(this.table);
    this.show();
    whenChanged('theme', () => this.show());
  }

  get hint() {
    return 'Point at a cell for its two classes.';
  }

  show() {
    const checkpoint = lastCheckpoint(runs[Number(this.run.value)]);
    const layer = layerOf(checkpoint, this.layer.value);
    this.checkpoint = checkpoint;
    this.known = checkpoint.classes;
    this.labels = this.known.labels.map((label, c) =>
      (this.known.names[c] ? `${label} ${printable(this.known.names[c])}` : String(label)));
    this.readout.textContent = this.hint;
    this.key.replaceChildren();
    this.heading.hidden = !layer || !layer.classes;
    this.table.replaceChildren();
    this.said.textContent = '';
    if (!layer || !layer.classes) {
      this.figure.say('There are no results of each class for this layer.');
      return;
    }
    this.figure.heading.replaceChildren('Cosines of the class means in ', nameElement(layer.name));
    const expected = -1 / (this.labels.length - 1);
    this.figure.caption.textContent = this.labels.length > 1 ? `Of a simplex all would be ${formatNumber(expected)}, −1/(K − 1).` : '';
    this.fill(layer.classes);
    this.draw(layer.classes);
  }

  cosine(classes, a, b) {
    if (a === b) {
      return 1;
    }
    const [i, j] = a < b ? [a, b] : [b, a];
    const found = classes.cosines[(i * (2 * this.labels.length - i - 1)) / 2 + j - i - 1];
    return isNumber(found) ? found : null;
  }

  draw(classes) {
    const count = this.labels.length;
    if (!classes.cosines || !classes.cosines.length) {
      this.figure.say(count < 2 ? 'There is one class.' : `The cosines of ${count} classes are not in this report.`);
      return;
    }
    this.figure.plot.style.height = `${Math.min(Math.max(count * (count <= 20 ? 26 : 8) + 70, 260), 640)}px`;
    const narrow = this.figure.plot.clientWidth < 480;
    const short = new Labels(this.labels, narrow ? 8 : 16);
    const names = this.labels.map((label) => short.of(label));
    const at = (value) => (Number.isInteger(value) && value >= 0 && value < count ? names[value] : '');
    const band = (options) => ({...axis({...options, noGrid: true, integer: true, label: at}), min: -0.5, max: count - 0.5});
    this.figure.draw({
      type: 'heat',
      data: {datasets: [{
        data: [], columns: count, rows: count,
        colour: (row, column) => {
          const cosine = this.cosine(classes, row, column);
          return cosine === null ? null : signed(cosine);
        },
        marked: () => false,
      }]},
      options: {
        events: [],
        layout: {padding: {right: 4, top: 4}},
        scales: {
          x: band({title: 'class', ticks: spread(count, narrow ? 6 : 14), rotate: 60, most: count}),
          y: {...band({ticks: spread(count, 26), most: count}), reverse: true},
        },
      },
    }, () => this.cosineTable(classes), `Map of the cosines of ${plural(count, 'class mean')}. ${this.hint}`);
    this.listen(classes);
    this.drawKey();
  }

  listen(classes) {
    const canvas = this.figure.canvas;
    this.classes = classes;
    if (canvas.classList.contains('heat')) {
      return;
    }
    canvas.classList.add('heat');
    canvas.addEventListener('pointermove', (event) => {
      const {left, right, top, bottom} = this.figure.chart.chartArea;
      const count = this.labels.length;
      const column = Math.floor(((event.offsetX - left) / (right - left)) * count);
      const row = Math.floor(((event.offsetY - top) / (bottom - top)) * count);
      if (row < 0 || column < 0 || row >= count || column >= count) {
        this.readout.textContent = this.hint;
        return;
      }
      this.readout.replaceChildren(nameElement(this.labels[row]), ' and ', nameElement(this.labels[column]), ': ',
        element('strong', {}, formatNumber(this.cosine(this.classes, row, column))));
    });
    canvas.addEventListener('pointerleave', () => { this.readout.textContent = this.hint; });
  }

  drawKey() {
    const bar = element('canvas', {width: 160, height: 14, 'aria-hidden': 'true'});
    const pen = bar.getContext('2d');
    for (let x = 0; x < 160; x += 1) {
      pen.fillStyle = signed((2 * x) / 159 - 1);
      pen.fillRect(x, 0, 1, 14);
    }
    this.key.replaceChildren(element('span', {}, '−1', bar, '1'));
  }

  cosineTable(classes) {
    return {
      head: ['class', ...this.labels.map((text) => ({text, number: true}))],
      rows: this.labels.map((label, row) => [label, ...this.labels.map((unused, column) =>
        ({text: formatNumber(this.cosine(classes, row, column)), number: true}))]),
    };
  }

  fill(classes) {
    const most = 1000;
    const name = new Map(this.known.labels.map((label, c) => [label, this.labels[c]]));
    const number = (column, c) => ({text: formatNumber(column ? column[c] : null), number: true});
    const order = this.labels.map((unused, c) => c);
    const right = classes.ncc_accuracy || [];
    if (order.length > most) {
      order.sort((a, b) => (isNumber(right[a]) ? right[a] : 1) - (isNumber(right[b]) ? right[b] : 1));
      this.said.textContent = `The ${most} of ${order.length} classes of lowest NCC accuracy.`;
    }
    const head = ['Class', 'Rows', '‖m‖', 'Variance within', 'Cosine with w', 'Nearest class', 'Its cosine', 'NCC accuracy', 'Model accuracy'];
    this.table.replaceChildren(tableElement('', head.map((text, i) => (i === 0 || i === 5 ? text : {text, number: true})),
      order.slice(0, most).map((c) => [this.labels[c], number(classes.rows, c), number(classes.mean_norm, c), number(classes.within_variance, c),
        number(classes.weight_cosine, c), name.get(classes.nearest[c]) || '–',
        number(classes.nearest_cosine, c), number(classes.ncc_accuracy, c), number(this.known.model_accuracy, c)])));
  }
}

function startClasses() {
  const section = byId('classes');
  if (runs.some((run) => lastCheckpoint(run) && lastCheckpoint(run).classes)) {
    new ClassMap(section);
    return;
  }
  document.querySelector('nav a[href="#classes"]').remove();
  section.remove();
}
