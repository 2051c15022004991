"""One panel of lines: log or linear, and what floors and zeros look like."""
import math

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from .names import drawn
from .style import GREY, UNNAMED

_SPAN = 20.0  # values that differ by more than this factor are drawn on a log scale
_NARROW = 1.1  # inches, of a panel without its labels


def dress(ax, metric, log=None, rows=None):
    """Title, label and scale of a panel whose lines are drawn; `log`: True, False, or None for what the values ask for:
    a span of decades, tiny ones, or (`rows`: what is drawn) one below its floor.

    Narrow panels go without the label. Zeros (and less), which a log axis cannot hold, are marked by a triangle at its
    lower edge.
    """
    look = drawn(metric)
    ax.set_title(look.title)
    if ax.get_position().width * ax.figure.get_figwidth() > _NARROW:
        ax.set_ylabel(look.label)
    values = _finite(line.get_ydata() for line in _data_lines(ax))
    if look.range and not log:
        low, high = look.range
        ax.set_ylim(min(low, *values) - 0.03, max(high, *values) + 0.03)
        return
    positive = values[values > 0]
    if log is None:
        low = rows is not None and (rows["value"] < rows["floor"]).any()
        log = positive.size and (values >= 0).all() and (
            low or positive.max() / positive.min() > _SPAN or positive.max() < 1e-3)
    if not log or not positive.size:
        ax.margins(y=0.08)
        return
    ax.set_yscale("log")
    set_log_limits(ax, positive.min(), positive.max())
    mark_zeros(ax)


def set_log_limits(ax, low, high):
    """Limits around [low, high], at least a decade, with ticks at powers of ten that are not too many."""
    span = max(math.log10(high / low), 1.0)
    middle = math.log10(low) / 2 + math.log10(high) / 2
    ax.set_ylim(10 ** (middle - 0.56 * span), 10 ** (middle + 0.56 * span))
    ax.yaxis.set_major_locator(LogLocator(numticks=6))
    _minor_ticks(ax.yaxis, span)


def mark_zeros(ax):
    """Leads lines that are zero or negative to the lower edge of a log axis, and marks those points by triangles."""
    bottom = ax.get_ylim()[0]
    for line in _data_lines(ax):
        x, y = (np.asarray(part, dtype=float) for part in line.get_data())
        zero = y <= 0
        if zero.any():
            line.set_ydata(np.where(zero, bottom, y))
            ax.plot(x[zero], np.full(zero.sum(), bottom), linestyle="", marker="v", markersize=4, clip_on=False,
                    color=line.get_color(), label="_zeros", zorder=4)


def floor_zone(ax, x, floors):
    """Hatches what lies below the floors at the positions x, where the panel is logarithmic and comes near them.

    Floors that lie less than a decade below the lowest line widen the panel. Returns whether a zone is drawn.
    """
    x, floors = np.asarray(x, dtype=float), np.asarray(floors, dtype=float)
    known = np.isfinite(floors) & np.isfinite(x) & (floors > 0)
    if ax.get_yscale() != "log" or not known.any():
        return False
    order = np.argsort(x[known], kind="stable")
    x, floors = x[known][order], floors[known][order]
    places = np.unique(x)
    highest = np.array([floors[x == place].max() for place in places])
    low, high = ax.get_ylim()
    if highest.max() < low / 10:
        return False
    low, high = min(low, highest.min() / 3), max(high, highest.max() * 3)
    ax.set_ylim(low, high)
    left, right = ax.get_xlim()
    ax.fill_between([left, *places, right], low / 1e3, [highest[0], *highest, highest[-1]], facecolor="none", hatch="//////",
                    edgecolor=GREY, linewidth=0, zorder=0.6, label="_floor")
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
    return True


def dress_steps(ax, steps, label):
    """The x axis of training: linear, or log where the steps are spread over decades (100, 1000, 4000, 12000)."""
    steps = np.unique(_finite([steps]))
    ax.set_xlabel(label)
    if steps.size > 2 and steps[0] > 0 and steps[-1] / steps[0] > _SPAN and np.median(steps) < steps[-1] / 4:
        ax.set_xscale("log")
        _minor_ticks(ax.xaxis, math.log10(steps[-1] / steps[0]))
    elif steps.size == 1:
        ax.set_xticks(steps)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))


def plot_line(ax, x, y, label, look):
    """A line of floats with at most some ten marks."""
    ax.plot(np.asarray(x, dtype=float), np.asarray(y, dtype=float), label=label or UNNAMED, markevery=max(1, len(x) // 8),
            **look)


def _minor_ticks(axis, decades):
    """Ticks between the powers of ten without labels, where they are few."""
    axis.set_minor_formatter(NullFormatter())
    if decades > 2:
        axis.set_minor_locator(NullLocator())


def _data_lines(ax):
    return [line for line in ax.get_lines() if line.get_transform() == ax.transData]


def _finite(parts):
    values = np.concatenate([np.asarray(part, dtype=float).ravel() for part in parts] or [np.empty(0)])
    return values[np.isfinite(values)]
