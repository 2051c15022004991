// How numbers are written: three significant digits, tabular; what is undefined is a dash.

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

function formatNumber(value) {
  if (!isNumber(value)) {
    return '–';
  }
  const size = Math.abs(value);
  let text;
  if (value === 0) {
    text = '0';
  } else if (Number.isInteger(value) && size < 1e6) {
    text = String(value);
  } else if (size < 1e-3 || size >= 1e5) {
    text = value.toExponential(1).replace('e+', 'e');
  } else {
    text = value.toPrecision(3);
  }
  return text.replace('-', '−').replace('e-', 'e−');
}

// A value that is no more than its floor is rounding: only the floor is known.
// A floor without bound is Infinity.
const belowFloor = ({value, floor}) => isNumber(value) && typeof floor === 'number' && value <= floor;

function formatValue(value, floor) {
  if (Array.isArray(value)) {
    return value.map((item) => formatNumber(item)).join(', ');
  }
  if (belowFloor({value, floor})) {
    return floor === Infinity ? 'rounding' : `< ${formatNumber(floor)}`;
  }
  return formatNumber(value);
}

// As short as it can be written.
const plainNumber = (value) => (isNumber(value) ? String(value).replace(/-/g, '−') : '–');

function formatAttribute(value) {
  if (typeof value === 'number') {
    return plainNumber(value);
  }
  return value === null || value === undefined ? '–' : printable(typeof value === 'object' ? JSON.stringify(value) : value);
}

const plural = (count, one, many) => `${count} ${count === 1 ? one : many || `${one}s`}`;
