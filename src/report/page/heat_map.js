// The map of a metric: layers downwards, checkpoints to the right; read with the pointer or the arrow keys.

const hint = 'Point at a cell, or focus the map and use the arrow keys.';

const deepest = 1e4;

class HeatMap {
  constructor(section) {
    const first = hasMetric(mainMetric) ? mainMetric : '';
    const ofCollapse = ({name}) => Number(name.includes('nrc') || /^nc/.test(name));
    const choices = [...layerMetrics].sort((a, b) => ofCollapse(b) - ofCollapse(a));
    this.metric = selector('Metric', metricChoices(choices), () => this.show());
    if (first) {
      this.metric.value = first;
    }
    this.run = selector('Run', runChoices(), () => this.show());
    this.run.value = mostCollapsed();
    this.scale = selector('Colours', [{value: 'auto', label: 'automatic'}, {value: 'log', label: 'logarithmic, all'},
      {value: 'linear', label: 'linear'}], () => this.show());
    section.append(controlRow(this.metric, this.run, this.scale));
    this.figure = new Figure(section, '', {tall: true});
    this.cursor = element('div', {class: 'cursor', hidden: true});
    this.readout = element('p', {class: 'readout', 'aria-live': 'polite'}, hint);
    this.key = element('div', {class: 'scale'});
    this.figure.plot.after(this.key, this.readout);
    this.show();
    whenChanged('criteria theme', () => this.show());
  }

  show() {
    const run = runs[Number(this.run.value)];
    const name = this.metric.value;
    this.cursor.hidden = true;
    this.readout.textContent = hint;
    this.key.replaceChildren();
    if (!run || !name || !run.checkpoints.length) {
      this.figure.say('There is nothing to map.');
      return;
    }
    this.figure.heading.replaceChildren(element('span', {class: 'metric-name'}, name), ' in ', nameElement(run.name));
    this.figure.caption.replaceChildren(...metricSummary(name), run.dead ? `. This run is ${deathText(run)}; its colours stand for what it was before.` : '');
    this.read(run, name);
    this.draw(run, name);
  }

  // The grid of readings and the range of what is drawn.
  read(run, name) {
    this.checkpoints = run.checkpoints;
    this.names = layerNames([run]);
    const byName = run.checkpoints.map((checkpoint) => new Map(checkpoint.layers.map((layer) => [layer.name, layer])));
    const missing = {value: null, note: 'no such layer in this checkpoint'};
    this.grid = this.names.map((layer) => run.checkpoints.map((checkpoint, column) => {
      const found = byName[column].get(layer);
      return found ? reading(checkpoint, found, name) : missing;
    }));
    this.marks = this.names.map((layer) => run.checkpoints.map((checkpoint, column) => {
      const found = byName[column].get(layer);
      return found ? layerCollapsed(checkpoint, found) : null;
    }));
    const columns = run.checkpoints.length;
    const values = withoutZeros(this.grid.flat().map(drawn));
    this.values = this.names.map((layer, row) => values.slice(row * columns, (row + 1) * columns));
    const alive = Math.min(aliveCount(run), columns);
    const defined = this.values.flatMap((row) => row.slice(0, alive || columns)).filter((value) => value !== null);
    const metric = metricByName.get(name);
    this.low = defined.reduce((low, value) => Math.min(low, value), Infinity);
    this.high = defined.reduce((high, value) => Math.max(high, value), -Infinity);
    this.log = this.low > 0 && (this.scale.value === 'log' || (this.scale.value === 'auto' && defined.length > 0 && wantsLog([this.low, this.high], metric)));
    // Where a metric vanishes, the decades near its largest value tell layers apart.
    this.cut = this.log && this.scale.value === 'auto' && metric && metric.better === 'low' && this.high / this.low > deepest;
    if (this.cut) {
      this.low = this.high / deepest;
    }
    if (defined.length && !this.log && metric && metric.range && metric.range[0] === 0 && metric.range[1] === 1 && this.low >= 0 && this.high <= 1) {
      this.low = 0;
      this.high = 1;
    }
    this.reversed = Boolean(metric && metric.better === 'low');
  }

  // The collapsed end is the light one.
  colourOf(value) {
    if (value === null) {
      return null;
    }
    const place = this.log ? Math.log : (x) => x;
    const span = place(this.high) - place(this.low);
    const t = span > 0 ? (place(Math.min(Math.max(value, this.low), this.high)) - place(this.low)) / span : 0.5;
    return mapColour(this.reversed ? 1 - t : t);
  }

  draw(run, name) {
    const rows = this.names.length;
    const columns = this.checkpoints.length;
    const height = rows * (rows <= 12 ? 34 : rows <= 30 ? 20 : 13) + 60;
    this.figure.plot.style.height = `${Math.min(Math.max(height, 180), 760)}px`;
    const narrow = this.figure.plot.clientWidth < 480;
    const at = (names, value) => (Number.isInteger(value) && value >= 0 && value < names.length ? names[value] : '');
    const labels = this.checkpoints.map(checkpointLabel);
    const short = new Labels(this.names, narrow ? 12 : 28);
    const layers = this.names.map((layer) => short.of(layer));
    const band = (options, count) => ({...axis({...options, noGrid: true, integer: true}), min: -0.5, max: count - 0.5});
    this.figure.draw({
      type: 'heat',
      data: {datasets: [{
        data: [], columns, rows,
        colour: (row, column) => this.colourOf(this.values[row][column]),
        marked: (row, column) => this.marks[row][column],
      }]},
      options: {
        events: [],
        layout: {padding: {right: 4, top: 4}},
        scales: {
          x: band({title: stepUnit, ticks: spread(columns, narrow ? 5 : 12), label: (value) => at(labels, value)}, columns),
          y: {...band({title: short.leftOut ? short.title('layer') : '', ticks: spread(rows, 26), label: (value) => at(layers, value), most: rows}, rows), reverse: true},
        },
      },
    }, () => this.table(), `Map of ${name}: ${plural(rows, 'layer')} by ${plural(columns, 'checkpoint')}. ${hint}`);
    this.listen();
    this.drawKey(name);
  }

  // Once per canvas.
  listen() {
    const canvas = this.figure.canvas;
    this.figure.plot.append(this.cursor);
    if (canvas.tabIndex === 0) {
      return;
    }
    canvas.tabIndex = 0;
    canvas.classList.add('heat');
    canvas.setAttribute('aria-roledescription', 'heat map');
    const point = (event) => {
      const {left, right, top, bottom} = this.figure.chart.chartArea;
      if (event.offsetX < left || event.offsetX >= right || event.offsetY < top || event.offsetY >= bottom) {
        this.leave();
        return;
      }
      this.select(Math.floor(((event.offsetY - top) / (bottom - top)) * this.names.length),
        Math.floor(((event.offsetX - left) / (right - left)) * this.checkpoints.length));
    };
    canvas.addEventListener('pointermove', point);
    canvas.addEventListener('pointerdown', point);
    canvas.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && this.leave());
    canvas.addEventListener('keydown', (event) => this.key_(event));
    canvas.addEventListener('blur', () => this.leave());
  }

  key_(event) {
    const moves = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -Infinity], End: [0, Infinity]};
    const move = moves[event.key];
    if (!move) {
      return;
    }
    event.preventDefault();
    const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
    const [row, column] = this.at || [this.names.length - 1, this.checkpoints.length - 1];
    this.select(this.at ? within(row + move[0], this.names.length) : row, this.at ? within(column + move[1], this.checkpoints.length) : column);
  }

  leave() {
    this.cursor.hidden = true;
    this.at = null;
    this.readout.textContent = hint;
  }

  select(row, column) {
    if (this.at && this.at[0] === row && this.at[1] === column && !this.cursor.hidden) {
      return;
    }
    this.at = [row, column];
    const {left, right, top, bottom} = this.figure.chart.chartArea;
    const x = edges(left, right, this.checkpoints.length);
    const y = edges(top, bottom, this.names.length);
    Object.assign(this.cursor.style, {left: `${x[column]}px`, top: `${y[row]}px`,
      width: `${Math.max(x[column + 1] - x[column], 4)}px`, height: `${Math.max(y[row + 1] - y[row], 4)}px`});
    this.cursor.hidden = false;
    const read = this.grid[row][column];
    const marked = this.marks[row][column];
    const value = read.value === null ? 'undefined' : formatValue(read.value, read.floor);
    this.readout.replaceChildren(nameElement(this.names[row]), `, ${stepUnit} ${checkpointLabel(this.checkpoints[column], column)}: `,
      element('strong', {}, value), read.note ? ` (${printable(read.note)})` : '',
      belowFloor(read) ? ' (below its floor: rounding)' : '',
      this.verdict(row, column, marked));
  }

  // ' · collapsed', or which criterion fails.
  verdict(row, column, marked) {
    const checkpoint = this.checkpoints[column];
    const layer = checkpoint.layers.find((one) => one.name === this.names[row]);
    return !layer ? '' : marked === true ? ' · collapsed' : ` · ${whyNot(checkpoint, layer)}`;
  }

  drawKey(name) {
    const defined = this.low <= this.high;
    const bar = element('canvas', {width: 160, height: 14, 'aria-hidden': 'true'});
    const pen = bar.getContext('2d');
    for (let x = 0; x < 160; x += 1) {
      pen.fillStyle = mapColour(this.reversed ? 1 - x / 159 : x / 159);
      pen.fillRect(x, 0, 1, 14);
    }
    const outlined = element('canvas', {width: 22, height: 14, 'aria-hidden': 'true'});
    const box = outlined.getContext('2d');
    box.fillStyle = mapColour(1);
    box.fillRect(0, 0, 22, 14);
    [['#ffffff', 8], ['#000000', 4]].forEach(([colour, width]) => {
      box.strokeStyle = colour;
      box.lineWidth = width;
      box.strokeRect(1, 1, 20, 12);
    });
    const hatched = element('canvas', {width: 22, height: 14, 'aria-hidden': 'true'});
    const lines = hatched.getContext('2d');
    lines.fillStyle = hatching(lines, themeColours());
    lines.fillRect(0, 0, 22, 14);
    const anyFloor = this.grid.some((row) => row.some(belowFloor));
    this.key.replaceChildren(
      defined ? element('span', {}, `${this.cut ? '≤ ' : ''}${formatNumber(this.low)}`, bar, `${formatNumber(this.high)}${this.log ? ' (log)' : ''}`) : '',
      element('span', {class: 'what'}, outlined, `collapsed: ${criteriaWords(taskOf(this.checkpoints[0]))}`),
      this.values.some((row) => row.includes(null)) ? element('span', {}, hatched, 'undefined') : '',
      anyFloor ? element('span', {}, 'below its floor: shown as the floor') : '');
    this.figure.canvas.setAttribute('aria-label', `${this.figure.canvas.getAttribute('aria-label')} ${name} runs from ${formatNumber(this.low)} to ${formatNumber(this.high)}.`);
  }

  table() {
    return {
      head: [stepUnit, ...this.names.map((text) => ({text, number: true}))],
      rows: this.checkpoints.map((checkpoint, column) => [checkpointLabel(checkpoint, column),
        ...this.names.map((layer, row) => {
          const read = this.grid[row][column];
          return {text: `${formatValue(read.value, read.floor)}${this.marks[row][column] === true ? ' ●' : ''}`, number: true};
        })]),
    };
  }
}

// At most `most` whole numbers below count, evenly spread from the last one back, which is always among them.
function spread(count, most) {
  const stride = Math.max(1, Math.ceil(count / most));
  const ticks = [];
  for (let i = count - 1; i >= 0; i -= stride) {
    ticks.unshift(i);
  }
  return ticks;
}

const startMap = () => new HeatMap(byId('map'));
