// A Chart.js controller that fills one rectangle per cell of a grid: 15,000 of them in a few milliseconds.
// dataset: {data: [], columns, rows, colour(row, column) (null: undefined), marked(row, column)}.

class HeatController extends Chart.DatasetController {
  draw() {
    const {ctx, chartArea} = this.chart;
    const {columns, rows, colour} = this.getDataset();
    const colours = themeColours();
    const left = edges(chartArea.left, chartArea.right, columns);
    const top = edges(chartArea.top, chartArea.bottom, rows);
    const gap = chartArea.width / columns > 9 && chartArea.height / rows > 9 ? 1 : 0;
    const hatch = hatching(ctx, colours);
    ctx.save();
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        ctx.fillStyle = colour(row, column) || hatch;
        ctx.fillRect(left[column], top[row], left[column + 1] - left[column] - gap, top[row + 1] - top[row] - gap);
      }
    }
    this.outline(left, top);
    ctx.restore();
  }

  // A line around every group of marked cells, black on white so that it stands out from any colour.
  outline(left, top) {
    const {ctx} = this.chart;
    const {columns, rows, marked} = this.getDataset();
    const inside = (row, column) =>
      row >= 0 && column >= 0 && row < rows && column < columns && marked(row, column) === true;
    const path = new Path2D();
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        if (!inside(row, column)) {
          continue;
        }
        const [x0, x1, y0, y1] = [left[column], left[column + 1], top[row], top[row + 1]];
        [[row - 1, column, x0, y0, x1, y0], [row + 1, column, x0, y1, x1, y1], [row, column - 1, x0, y0, x0, y1],
          [row, column + 1, x1, y0, x1, y1]].forEach(([otherRow, otherColumn, fromX, fromY, toX, toY]) => {
          if (!inside(otherRow, otherColumn)) {
            path.moveTo(fromX, fromY);
            path.lineTo(toX, toY);
          }
        });
      }
    }
    ctx.lineCap = 'square';
    [['#ffffff', 5], ['#000000', 2.5]].forEach(([colour, width]) => {
      ctx.strokeStyle = colour;
      ctx.lineWidth = width;
      ctx.stroke(path);
    });
  }
}
HeatController.id = 'heat';
HeatController.defaults = {dataElementType: 'point'};
HeatController.overrides = {interaction: {mode: 'nearest'}};
Chart.register(HeatController);

// Whole pixels from start to end in `count` parts, count + 1 of them.
function edges(start, end, count) {
  return Array.from({length: count + 1}, (unused, i) => Math.round(start + ((end - start) * i) / count));
}

function hatching(ctx, colours) {
  const tile = document.createElement('canvas');
  tile.width = 6;
  tile.height = 6;
  const pen = tile.getContext('2d');
  pen.fillStyle = colours.empty;
  pen.fillRect(0, 0, 6, 6);
  pen.strokeStyle = colours.hatch;
  pen.lineWidth = 1;
  pen.beginPath();
  [-6, 0, 6].forEach((x) => {
    pen.moveTo(x - 1, 7);
    pen.lineTo(x + 7, -1);
  });
  pen.stroke();
  return ctx.createPattern(tile, 'repeat');
}
