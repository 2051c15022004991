// The table of all values: choose columns, filter, sort, turn pages, take it along as CSV.

const usualColumns = ['deep_nrc1', 'deep_nrc2', 'deep_nrc3', 'deep_nrc4', 'nrc1', 'nrc2', 'nrc3',
  'nc1', 'nc2_equiangular', 'nc3_self_duality', 'nc4_disagreement', 'ncc_accuracy'];

class ValueTable {
  constructor(section) {
    const shown = layerMetrics.filter(({name}) => fewMetrics || usualColumns.includes(name));
    this.chosen = new Set((shown.length ? shown : metrics.slice(0, 6)).map(({name}) => name));
    this.sort = {title: null, direction: 1};
    this.page = 0;
    const filterId = freshId();
    this.filter = element('input', {id: filterId, type: 'search', placeholder: 'run, layer, step …', autocomplete: 'off', spellcheck: 'false',
      oninput: () => { this.page = 0; this.show(); }});
    this.size = selector('Rows', ['10', '25', '100', '500'].map((value) => ({value, label: value})), () => { this.page = 0; this.show(); });
    this.size.value = window.innerWidth < narrowest ? '10' : '25';
    this.order = selector('Sort by', [{value: '', label: 'run and step'}], () => this.sortBy(this.order.value));
    this.order.root.classList.add('narrow');
    this.said = element('p', {class: 'small muted', role: 'status'});
    this.box = element('div', {class: 'scroll values', tabindex: 0, role: 'region', 'aria-label': 'All values'});
    this.back = element('button', {type: 'button', onclick: () => this.turn(-1)}, 'Previous');
    this.next = element('button', {type: 'button', onclick: () => this.turn(1)}, 'Next');
    this.where = element('span', {class: 'small muted', 'aria-live': 'polite'});
    section.append(
      element('div', {class: 'controls'},
        element('div', {class: 'field'}, element('label', {for: filterId}, 'Filter'), this.filter), this.size.root, this.order.root,
        element('button', {type: 'button', onclick: () => this.copy()}, 'Copy as CSV'),
        element('button', {type: 'button', onclick: () => this.save()}, 'Save as CSV')),
      this.columnChoice(), this.said, this.box, element('div', {class: 'pager'}, this.back, this.next, this.where));
    stackWhereNarrow(this.box, true);
    this.show();
    whenChanged('criteria', () => this.show());
  }

  columnChoice() {
    return element('details', {}, element('summary', {}, 'Columns'), element('div', {class: 'columns', role: 'group', 'aria-label': 'Columns'},
      metrics.map((metric) => {
        const id = freshId();
        const box = element('input', {id, type: 'checkbox', onchange: () => {
          if (box.checked) {
            this.chosen.add(metric.name);
          } else {
            this.chosen.delete(metric.name);
          }
          this.show();
        }});
        box.checked = this.chosen.has(metric.name);
        return element('div', {class: 'check'}, box, element('label', {for: id}, printable(metric.name)));
      })));
  }

  columns() {
    return [...fixedColumns, ...metrics.filter((metric) => this.chosen.has(metric.name)).flatMap((metric) => metricColumns(metric.name))];
  }

  rows() {
    const column = this.columns().find(({title}) => title === this.sort.title);
    return sorted(filtered(allRows(), this.filter.value), column, this.sort.direction);
  }

  show() {
    const columns = this.columns();
    const rows = this.rows();
    const size = Number(this.size.value);
    const pages = Math.max(1, Math.ceil(rows.length / size));
    this.page = Math.min(this.page, pages - 1);
    const first = this.page * size;
    const focused = this.box.contains(document.activeElement) ? document.activeElement.dataset.title : undefined;
    this.box.replaceChildren(element('table', {},
      element('thead', {}, element('tr', {}, columns.map((column) => this.heading(column)))),
      element('tbody', {}, rows.slice(first, first + size).map((row) => element('tr', {}, columns.map((column) => this.cell(row, column)))))));
    if (focused !== undefined) {
      const again = [...this.box.querySelectorAll('thead button')].find((button) => button.dataset.title === focused);
      if (again) {
        again.focus({preventScroll: true});
      }
    }
    this.order.fill([{value: '', label: 'run and step'}, ...columns.map(({title}) => ({value: title, label: title}))]);
    this.order.value = this.sort.title || '';
    const count = (number) => number.toLocaleString('en-US');
    this.said.textContent = `${count(rows.length)} of ${plural(allRows().length, 'row')}`.replace(/of (\d+)/, (all, number) => `of ${count(Number(number))}`);
    this.where.textContent = rows.length ? `${count(first + 1)} – ${count(Math.min(first + size, rows.length))}` : this.filter.value.trim() ? 'No row holds all these words.' : '';
    this.back.disabled = this.page === 0;
    this.next.disabled = this.page >= pages - 1;
  }

  heading(column) {
    const sortedBy = this.sort.title === column.title;
    const order = !sortedBy ? 'none' : this.sort.direction > 0 ? 'ascending' : 'descending';
    const arrow = element('span', {class: 'arrow', 'aria-hidden': 'true'}, {none: '↕', ascending: '↑', descending: '↓'}[order]);
    const button = element('button', {type: 'button', onclick: () => this.sortBy(column.title)}, column.numeric ? [arrow, printable(column.title)] : [printable(column.title), arrow]);
    button.dataset.title = column.title;
    return element('th', {scope: 'col', 'aria-sort': order, class: column.numeric ? 'number' : null}, button);
  }

  sortBy(title) {
    this.sort = {title: title || null, direction: title && this.sort.title === title ? -this.sort.direction : 1};
    this.page = 0;
    this.show();
  }

  cell(row, column) {
    const dataTitle = printable(column.title);
    if (column.numeric) {
      const read = column.read(row);
      return element('td', {class: 'number', title: read.note || null, 'data-title': dataTitle},
        column.plain ? plainNumber(read.value) : formatValue(read.value, read.floor));
    }
    return element('td', {title: column.why ? column.why(row) || null : null, 'data-title': dataTitle}, nameElement(column.text(row)));
  }

  turn(by) {
    this.page += by;
    this.show();
  }

  csv() {
    return csvOf(this.rows(), [...this.columns(), ...csvColumns]);
  }

  async copy() {
    const text = this.csv();
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch (error) {
      const area = element('textarea', {class: 'sr', readonly: true, 'aria-hidden': 'true'});
      area.value = text;
      document.body.append(area);
      area.select();
      done = document.execCommand('copy');
      area.remove();
    }
    this.said.textContent = done ? `${plural(this.rows().length, 'row')} copied.` : 'The browser did not let the page copy; save the file instead.';
  }

  save() {
    const url = URL.createObjectURL(new Blob([this.csv()], {type: 'text/csv'}));
    const link = element('a', {href: url, download: 'collapscope.csv'});
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }
}

const startTable = () => new ValueTable(byId('values'));
