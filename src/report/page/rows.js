// The rows of the table of all values: columns, filter, order, CSV.

// Columns of a metric; a list has one per entry, as in the program's CSV: evr[1], evr[2], ...
function metricColumns(name) {
  if (!listMetrics.has(name)) {
    return [{title: name, numeric: true, read: (row) => reading(row.checkpoint, row.layer, name)}];
  }
  let longest = 0;
  allRows().forEach((row) => {
    const value = own(row.layer.metrics, name);
    longest = Math.max(longest, Array.isArray(value) ? value.length : 0);
  });
  return Array.from({length: longest}, (unused, i) => ({
    title: `${name}[${i + 1}]`,
    numeric: true,
    read: (row) => {
      const {value} = reading(row.checkpoint, row.layer, name);
      return {value: Array.isArray(value) && isNumber(value[i]) ? value[i] : null};
    },
  }));
}

// An attribute of the run: numbers are sorted as numbers.
function attributeColumn(name) {
  const value = (row) => own(row.run.attributes, name);
  const numeric = runs.every((run) => own(run.attributes, name) === undefined || numberOf(own(run.attributes, name)) !== null);
  return numeric ? {title: name, numeric: true, plain: true, read: (row) => ({value: numberOf(value(row))})}
    : {title: name, text: (row) => (value(row) === undefined || value(row) === null ? '' : String(value(row)))};
}

const fixedColumns = [
  {title: 'run', text: (row) => row.run.name},
  ...differingAttributes.map(attributeColumn),
  {title: 'step', numeric: true, read: (row) => ({value: isNumber(row.checkpoint.step) ? row.checkpoint.step : null})},
  {title: 'layer', text: (row) => row.layer.name, order: (row) => row.position},
  {title: 'collapsed', text: (row) => ({true: 'yes', false: 'no', null: ''})[String(layerCollapsed(row.checkpoint, row.layer))],
    why: (row) => whyNot(row.checkpoint, row.layer)},
];

// What is the same in all runs is no column of the table, but one of the CSV.
const csvColumns = [...allAttributes.filter((name) => !differingAttributes.includes(name)).map(attributeColumn),
  {title: 'path', text: (row) => row.checkpoint.path}, {title: 'id', text: (row) => row.checkpoint.id}];

let madeRows = null;
function allRows() {
  if (!madeRows) {
    madeRows = runs.flatMap((run) => run.checkpoints.flatMap((checkpoint) => checkpoint.layers.map((layer, position) => ({
      run, checkpoint, layer, position,
      words: [run.name, checkpoint.step, checkpoint.id, checkpoint.path, layer.name, layer.kind].filter((part) => part !== null && part !== undefined)
        .join('\n').toLowerCase(),
    }))));
  }
  return madeRows;
}

// Rows that hold every word of the filter.
function filtered(rows, filter) {
  const words = filter.toLowerCase().split(/\s+/).filter((word) => word);
  return words.length ? rows.filter((row) => words.every((word) => row.words.includes(word))) : rows;
}

// What is undefined comes last, in either direction; equal rows keep their order.
function sorted(rows, column, direction) {
  if (!column) {
    return rows;
  }
  const key = column.order || (column.numeric ? (row) => column.read(row).value : column.text);
  const keyed = rows.map((row) => ({row, key: key(row)}));
  const missing = ({key: one}) => one === null || one === '';
  keyed.sort((a, b) => {
    if (missing(a) || missing(b)) {
      return Number(missing(a)) - Number(missing(b));
    }
    return direction * (typeof a.key === 'number' ? a.key - b.key : compareNatural(a.key, b.key));
  });
  return keyed.map(({row}) => row);
}

// RFC 4180; text that a spreadsheet would take for a formula begins with an apostrophe.
function csvCell(value) {
  if (typeof value === 'number') {
    return String(value);
  }
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function csvOf(rows, columns) {
  const line = (cells) => cells.map(csvCell).join(',');
  const cells = (row) => columns.map((column) => {
    const value = column.numeric ? column.read(row).value : column.text(row);
    return value === null || value === undefined ? '' : value;
  });
  return `${[line(columns.map((column) => column.title)), ...rows.map((row) => line(cells(row)))].join('\r\n')}\r\n`;
}
