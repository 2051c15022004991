"""One panel of lines: log or linear, and what floors and zeros look like."""
import math

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from ..text import printable
from .ends import say
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
    if log and not positive.size:
        say(f"{printable(metric)}: no value is above 0, as a logarithmic axis needs; its axis is linear")
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


def _lower_zeros(ax, low):
    """Takes the zeros that `mark_zeros` has put at the lower edge along to a lower one."""
    before = ax.get_ylim()[0]
    for line in _data_lines(ax):
        y = np.asarray(line.get_ydata(), dtype=float)
        if (y == before).any():
            line.set_ydata(np.where(y == before, low, y))


def floor_zone(ax, x, rows, looks, by="run"):
    """What lies below the floors of rows at the positions x, on a logarithmic panel: hatched below the lowest floor, and a dotted line
    for each run (`by`) whose floor is higher. Only where one of its values comes near its floor; that may widen the panel.

    looks: {run: look}. Returns whether there is anything.
    """
    x, floors, values = (np.asarray(part, dtype=float) for part in (x, rows["floor"], rows["value"]))
    known = np.isfinite(floors) & np.isfinite(x) & (floors > 0)
    if ax.get_yscale() != "log" or not known.any():
        return False
    keys = rows[by].to_numpy()
    near = {key for key, close in zip(keys, known & (values < 10 * floors)) if close}
    shown = known & np.array([key in near for key in keys])
    if not shown.any():
        return False
    places = np.unique(x[shown])
    lowest = np.array([floors[shown & (x == place)].min() for place in places])
    low, high = ax.get_ylim()
    if floors[shown].max() < low / 10:
        return False
    low, high = min(low, lowest.min() / 3), max(high, floors[shown].max() * 3)
    _lower_zeros(ax, low)
    left, right = ax.get_xlim()
    ax.fill_between([left, *places, right], low / 1e3, [lowest[0], *lowest, lowest[-1]], facecolor="none", hatch="//////",
                    edgecolor=GREY, linewidth=0, zorder=0.6, label="_floor")
    for key in sorted(near, key=str):
        mine = shown & (keys == key)
        order = np.argsort(x[mine], kind="stable")
        at, floor = x[mine][order], floors[mine][order]
        if (floor > 2 * lowest[np.searchsorted(places, at)]).any():
            ax.plot(at, floor, color=looks.get(key, {}).get("color", GREY), linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=0.7,
                    marker="_" if len(np.unique(at)) == 1 else "", markersize=5, label=f"_floor {key}")
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
    return True


def dress_steps(ax, steps, label):
    """The x axis of training: linear, or log where the steps are spread over decades (100, 1000, 4000, 12000). The last is named."""
    steps = np.unique(_finite([steps]))
    ax.set_xlabel(label)
    if steps.size < 2:
        ax.set_xticks(steps)
        return
    log = steps.size > 2 and steps[0] > 0 and steps[-1] / steps[0] > _SPAN and np.median(steps) < steps[-1] / 4
    if log:
        ax.set_xscale("log")
        low, high = np.floor(np.log10(steps[0]) + 1e-9), np.ceil(np.log10(steps[-1]) - 1e-9)
        ticks = 10.0 ** np.arange(low, high + 1, max(1, (high - low) // 3))
    else:
        ticks = MaxNLocator(nbins=3, integer=True).tick_values(steps[0], steps[-1])
    place = np.log if log else np.asarray
    inches = ax.get_position().width * ax.figure.get_figwidth() * 0.75
    room = (0.06 * max(len(_step_text(steps[-1])), 3) + 0.08) / max(inches, 0.3) * (place(steps[-1]) - place(steps[0]))
    ticks = [tick for tick in ticks if tick >= steps[0] - 1e-9 and place(steps[-1]) - place(tick) > room] + [steps[-1]]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _step_text(value)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_minor_locator(NullLocator() if not log or high - low > 2 else LogLocator(subs="all"))


def _step_text(step):
    """100, 12000, and of what is longer $10^6$ or 2.5M."""
    if abs(step) < 1e5:
        return f"{step:g}"
    power = np.log10(abs(step))
    if abs(power - round(power)) < 1e-9:
        return f"$10^{{{round(power)}}}$"
    return f"{step / 1e6:.4g}M" if abs(step) >= 1e6 else f"{step / 1e3:.4g}k"


def plot_line(ax, x, y, label, look, *, around=None, died=False):
    """A line of floats with at most some ten marks. around: rows with the `spread` of a band, NaN where there is none, and the `lowest`
    value, where it ends if it would come near 0, which a logarithmic axis does not have. died: a cross ends the line."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    ax.plot(x, y, label=label or UNNAMED, markevery=max(1, len(x) // 8), **look)
    if around is not None and around["spread"].notna().any():
        spread, lowest = np.nan_to_num(around["spread"].to_numpy(dtype=float)), around["lowest"].to_numpy(dtype=float)
        lower = np.where(y - spread < 0.1 * y, np.maximum(y - spread, lowest), y - spread)
        ax.fill_between(x, lower, y + spread, color=look["color"], alpha=0.18, linewidth=0, label="_spread")
    if died and len(x):
        ax.plot(x[-1:], y[-1:], linestyle="", marker="x", markersize=5, markeredgewidth=1.2, color=look["color"], label="_death", zorder=5)


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
