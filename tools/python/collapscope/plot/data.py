"""What the figures ask of results: runs, steps, layers, and the series of one metric."""
import fnmatch
import re

from ..errors import FigureError
from ..results import COLUMNS, load
from ..text import printable
from .style import text


class Results:
    """Results as figures use them. `frame`: the rows of `load` with run "" where it has no name; `runs`: their names."""

    def __init__(self, source, run=None):
        """source: what `load` returns (not wide) or takes. run: only runs of this name or glob, or of a list of them."""
        frame = source if hasattr(source, "columns") else load(source)
        missing = [name for name in COLUMNS if name not in frame.columns]
        if missing:
            raise FigureError(f"a figure needs what load() returns without wide=True; missing column: {missing[0]}")
        self._attributes = frame.attrs.get("attributes") or []
        self.frame = frame.copy(deep=False)
        self.frame.attrs = {}
        self.frame["run"] = self.frame["run"].fillna("")
        if self.frame["step"].isna().all():
            self.step_label = "Checkpoint"
        by_run = self.frame.groupby("run")  # a run without steps counts its checkpoints, in the order given
        stepless = by_run["step"].transform("count") == 0
        self.frame["step"] = self.frame["step"].where(~stepless, by_run["checkpoint"].rank("dense") - 1)
        if run is not None:
            names = [run] if isinstance(run, str) else list(run)
            chosen = self.frame["run"].map(lambda name: any(name == n or fnmatch.fnmatchcase(name, n) for n in names))
            if not chosen.any():
                raise FigureError(f"no run {_listed(names)}; there are {_listed(self.frame['run'].unique())}")
            self.frame = self.frame[chosen]
        self.runs = sorted(self.frame["run"].unique(), key=natural)
        if not self.runs:
            raise FigureError("the results hold no checkpoint")
        if not hasattr(self, "step_label"):
            units = {self.attribute(c, "step_unit") for c in self.frame["checkpoint"].unique()} - {None}
            self.step_label = text(str(units.pop()).capitalize()) if len(units) == 1 else "Step"

    def attribute(self, checkpoint, name):
        """An attribute of a checkpoint, from its column or from `.attrs`; None without it."""
        for column in (f"attribute_{name}", name):
            if column in self.frame.columns and column not in COLUMNS:
                value = self.frame.loc[self.frame["checkpoint"] == checkpoint, column].iloc[0]
                return None if value is None or value != value else value
        return self._attributes[checkpoint].get(name) if checkpoint < len(self._attributes) else None

    def of(self, metric):
        """The rows of a metric, of a checkpoint measured twice the last. Raises FigureError when none has a value."""
        rows = self.frame[self.frame["metric"] == metric]
        rows = rows.drop_duplicates(["path", "id", "run", "step", "layer", "component"], keep="last")
        if not rows["value"].notna().any():
            reasons = [printable(note) for note in rows["note"].unique() if note]
            raise FigureError(f"no value of {printable(metric)} in these results" +
                              (f" ({'; '.join(reasons)})" if reasons else ""))
        return rows.sort_values(["step", "checkpoint", "position", "component"], kind="stable")

    def has(self, metric):
        return self.frame.loc[self.frame["metric"] == metric, "value"].notna().any()

    def at_layer(self, metric, layer=None):
        """Rows of a metric at one layer, by name, or at the last layer of each checkpoint; target metrics as they are."""
        rows = self.of(metric)
        if (rows["scope"] == "targets").all():
            return rows
        if layer is not None:
            self.check_layer(layer)
            chosen = rows[rows["layer"] == layer]
        else:
            chosen = rows[rows["position"] == rows.groupby("checkpoint")["position"].transform("max")]
        if not chosen["value"].notna().any():
            raise FigureError(f"no value of {printable(metric)} at layer {_listed(chosen['layer'].unique())}")
        return chosen

    def at_step(self, rows, step="last"):
        """Those rows at one step, or at the last step of each run."""
        if isinstance(step, str) and step == "last":
            return rows[rows["step"].eq(rows.groupby("run")["step"].transform("max"))]
        chosen = rows[rows["step"] == float(step)]
        if chosen.empty:
            steps = ", ".join(f"{s:g}" for s in sorted(rows["step"].dropna().unique()))
            raise FigureError(f"no checkpoint at step {float(step):g}; there are {steps}")
        return chosen

    def check_layer(self, layer):
        """Raises FigureError for a name (not None) that no layer has."""
        if layer is not None and layer not in set(self.frame["layer"]):
            raise FigureError(f"no layer {_listed([layer])}; there are {_listed(self.layers())}")

    def layers(self):
        """Names of the layers, input to output, of all runs together."""
        rows = self.frame[self.frame["scope"] == "layer"]
        return list(rows.groupby("layer")["position"].max().sort_values(kind="stable").index)


def natural(name):
    """Sort key by which run2 comes before run10, and wd1e-3 before wd0.01."""
    parts = re.split(r"((?:\d+\.?\d*)(?:e[+-]?\d+)?)", name)
    return [(1, float(part), "") if i % 2 else (0, 0.0, part) for i, part in enumerate(parts)]


def _listed(names):
    names = [printable(name) for name in names]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
