"""Panels of equal size and one legend below them that covers nothing."""
import math
import numbers

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..errors import FigureError
from .short import Labels
from .style import GREY, PaperFigure

_MOST_ENTRIES = 24  # of a legend
_NARROWEST, _WIDEST = 1.0, 100.0  # inches


def grid_columns(columns, count):
    """How many columns of at most `columns` a grid of so many panels has. Raises FigureError for what is no number of columns."""
    if not isinstance(columns, numbers.Integral) or isinstance(columns, bool) or columns < 1:
        raise FigureError(f"columns: found {columns!r:.80}; expected a whole number from 1 on")
    return max(1, min(columns, count))


def panels(count, *, width, columns, height=1.5):
    """A figure `width` inches wide with `count` axes in a grid of at most `columns`, each `height` inches high."""
    columns = grid_columns(columns, count)
    if not isinstance(width, numbers.Real) or not _NARROWEST <= width <= _WIDEST:
        raise FigureError(f"width: found {width!r:.80}; expected inches from {_NARROWEST:g} to {_WIDEST:g}")
    rows = math.ceil(count / columns)
    figure = PaperFigure(figsize=(width, rows * height))
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.04)
    grid = figure.add_gridspec(rows, columns)
    return figure, [figure.add_subplot(grid[i // columns, i % columns]) for i in range(count)]


def line_handle(look):
    return Line2D([], [], **look)


def floor_handle():
    return Patch(facecolor="none", edgecolor=GREY, hatch="//////", linewidth=0)


def death_handle():
    return Line2D([], [], linestyle="", marker="x", markersize=5, markeredgewidth=1.2, color=GREY)


def spread_handle():
    return Patch(facecolor=GREY, alpha=0.3, linewidth=0)


def legend_below(figure, entries):
    """A legend {label: handle} under the panels; the figure grows by its height. Labels are shown as they are, long ones shortened."""
    hidden = len(entries) - _MOST_ENTRIES
    short = Labels(entries, 40)
    entries = list(entries.items())[:_MOST_ENTRIES]
    labels = [short.of(label) for label, _ in entries]
    handles = [handle for _, handle in entries]
    if hidden > 0:
        labels.append(f"and {hidden} more")
        handles.append(Line2D([], [], linestyle=""))
    if not labels:
        return
    width, height = figure.get_size_inches()
    for columns in range(len(labels), 0, -1):
        legend = figure.legend(handles, [str(i) for i in range(len(labels))], loc="lower center", ncol=columns,
                               borderaxespad=0.2, labelspacing=0.3)
        for drawn, label in zip(legend.get_texts(), labels):  # set late: matplotlib leaves out labels that begin with _
            drawn.set_text(label)
        extent = legend.get_window_extent(figure.canvas.get_renderer())
        if extent.width <= width * figure.dpi or columns == 1:
            break
        legend.remove()
    high = extent.height / figure.dpi + 0.03
    figure.set_size_inches(width, height + high)
    share = high / (height + high)
    figure.get_layout_engine().set(rect=(0, share, 1, 1 - share))
