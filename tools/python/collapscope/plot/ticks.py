"""Tick labels that are names: short enough to tell layers apart, and never overlapping."""
import math
import re

from ..text import printable
from .short import Labels
from .style import text

_LONGEST = 20  # characters of a label
_TITLE = 0.061  # inches of a letter of an axis title
_UPRIGHT = 0.13  # inches between upright labels, and between lines of text


class Names:
    """How names stand along an axis. `height`: inches that upright labels take more than level ones.

    Where all names have the same beginning and end (`model.layers.3.mlp`), only what differs is shown, and `pattern`
    (`model.layers.*.mlp`) belongs on the axis; else `pattern` is "".
    """

    def __init__(self, names, inches):
        """names: in order, at positions 0, 1, …; inches: the length of the axis."""
        self.inches = inches
        names, self.pattern = _without_common(names)
        short = Labels(names, _LONGEST)
        self.pattern = self.pattern or short.left_out
        self.labels = [short.of(name) for name in names]
        longest = max(map(_length, self.labels), default=0)
        self.level = longest + 0.07 <= max(inches / max(len(names), 1), 0.25)  # short ones are rather left out than upright
        self.height = 0.0 if self.level else max(longest - _UPRIGHT, 0.0)
        self.every = max(1, math.ceil(len(names) * (longest + 0.07 if self.level else _UPRIGHT) / inches))

    def put_below(self, ax):
        """The labels on the x axis, level where they fit, else upright, and only every so many where they must."""
        self._put(ax.xaxis, 0 if self.level else 90)
        if self.pattern:
            ax.set_xlabel(self._title())

    def put_beside(self, ax):
        """The labels on the y axis."""
        self.every = max(1, math.ceil(len(self.labels) * _UPRIGHT / self.inches))
        self._put(ax.yaxis, 0)
        if self.pattern:
            ax.set_ylabel(self._title())

    def _title(self):
        """The pattern, no longer than the axis; of a long one what is next to the `*`."""
        most = min(max(int(self.inches / _TITLE), 12), 60)
        pattern = printable(self.pattern)
        head, star, tail = pattern.partition("*")
        if len(pattern) > most and star:
            half = (most - 1) // 2
            before = max(half, most - 1 - len(tail))
            head = head if len(head) <= before else "…" + head[len(head) - before + 1:]
            after = most - 1 - len(head)
            tail = tail if len(tail) <= after else tail[:after - 1] + "…"
        return text(head + star + tail, most)

    def _put(self, axis, rotation):
        shown = range((len(self.labels) - 1) % self.every, len(self.labels), self.every)
        axis.set_ticks(list(shown), [self.labels[i] for i in shown], rotation=rotation)


def put_steps(ax, steps, inches):
    """Level labels of steps at positions 0, 1, … of the x axis, as many as fit."""
    labels = [f"{step:g}" for step in steps]
    every = math.ceil(len(labels) * (max(map(_length, labels), default=0) + 0.07) / inches)
    shown = range((len(labels) - 1) % every, len(labels), every) if len(labels) else []
    ax.xaxis.set_ticks(list(shown), [labels[i] for i in shown])


def _length(label):
    """About how many inches a tick label takes."""
    return sum(0.049 if c.isdigit() else 0.058 for c in label)


def _without_common(names):
    """Names without the words that all begin and end with, where they are long, and the pattern they have in common."""
    if len(names) < 2 or max(map(len, names)) <= 8:
        return names, ""
    words = [re.split(r"(?<=[./_-])|(?=[./_-])", name) for name in names]
    most = min(map(len, words)) - 1
    head = next((i for i in range(most) if len({w[i] for w in words}) > 1), most)
    tail = next((i for i in range(most - head) if len({w[-1 - i] for w in words}) > 1), most - head)
    if head + tail == 0:
        return names, ""
    middles = ["".join(w[head:len(w) - tail]) for w in words]
    return middles, "".join(words[0][:head]) + "*" + "".join(words[0][len(words[0]) - tail:])
