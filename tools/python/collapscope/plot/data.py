"""What the figures ask of results: runs, steps, layers, and the series of one metric."""
import numpy as np

from ..errors import FigureError
from ..results import COLUMNS, load
from ..text import did_you_mean, fitting, printable
from .ends import Ends, say
from .groups import death, differing, groups, natural, number_of, run_names, split_of, value_key
from .names import is_drawn
from .style import group_looks, line_looks, text


class Results:
    """Results as figures use them. `frame`: the rows of `load` with the names of `run_names` as run; `runs`: these names, in the order of
    what they differ in; `dead`: {run: step} of those that ended in nothing. Rows of a run from its death on are never given."""

    def __init__(self, source, run=None):
        """source: what `load` returns (not wide) or takes. run: only runs of this name or glob, or of a list of them."""
        frame = source if hasattr(source, "columns") else load(source)
        missing = [name for name in COLUMNS if name not in frame.columns]
        if missing:
            raise FigureError(f"a figure needs what load() returns without wide=True; missing column: {missing[0]}")
        _refuse_mixed_numbers(frame)
        self._attributes = frame.attrs.get("attributes") or []
        self.frame = frame.copy(deep=False)
        self.frame.attrs = {}
        given = self.frame["run"].fillna("")
        heads = self.frame.drop_duplicates("checkpoint")
        heads = heads.assign(run=heads["run"].fillna(""), path=heads["path"].fillna(""), id=heads["id"].fillna(""))
        attributes = {c: self._all_attributes(c) for c in heads["checkpoint"]}
        self.frame["run"] = self.frame["checkpoint"].map(run_names(heads, attributes))
        self._named = dict(zip(self.frame["run"], given))  # as the results have it, without the split
        self._splits = {run: split_of(attributes[c]) for run, c in zip(self.frame["run"], self.frame["checkpoint"])}
        self.frame["dump"] = self.frame["checkpoint"].map(_dumps(heads))
        self._warn_of_equal_steps()
        if self.frame["step"].isna().all():
            self.step_label = "Checkpoint"
        by_run = self.frame.groupby("run")  # a run without steps counts its checkpoints, in the order given
        stepless = by_run["step"].transform("count") == 0
        self.frame["step"] = self.frame["step"].where(~stepless, by_run["checkpoint"].rank("dense") - 1)
        failures = frame.attrs.get("failures") or []
        self._ends = Ends(self.frame, failures, frame.attrs.get("failed_layers") or {}, self._is_of)
        if run is not None:
            names = [run] if isinstance(run, str) else list(run)
            known = list(self.frame["run"].unique())
            chosen = self.frame["run"].isin([name for glob in names for name in fitting(glob, known)])
            if not chosen.any():
                raise FigureError(f"no run {_listed(names)}; there are {_listed(self.frame['run'].unique())}")
            self.frame = self.frame[chosen]
        self.runs = sorted(self.frame["run"].unique(), key=natural)
        if not self.runs:
            raise FigureError("the results hold no checkpoint")
        self.run_attributes = {run: self._attributes_of(run) for run in self.runs}
        self.by = differing(self.run_attributes)
        self.runs = [run for members in groups(self.run_attributes, self.by).values() for run in members]
        self.dead = self._deaths(failures)
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

    def _all_attributes(self, checkpoint):
        if self._attributes:
            return self._attributes[checkpoint] if checkpoint < len(self._attributes) else {}
        names = [name.removeprefix("attribute_") for name in self.frame.columns if name not in COLUMNS]
        return {name: self.attribute(checkpoint, name) for name in names}

    def _warn_of_equal_steps(self):
        heads = self.frame.drop_duplicates("checkpoint").drop_duplicates(["dump", "run", "step"])
        twice = heads[heads["step"].notna() & heads.duplicated(["run", "step"], keep=False)]
        if len(twice):
            one = twice.iloc[0]
            say(f"{len(twice)} checkpoints have the run and the step of another one, such as step {one['step']:g} of run "
                f"{printable(one['run'])}; a line goes through all of them")

    def _attributes_of(self, run):
        """The attributes that all checkpoints of a run have in common."""
        numbers = self.frame.loc[self.frame["run"] == run, "checkpoint"].unique()
        if not self._attributes:
            return self._all_attributes(numbers[0])
        first, *others = [self._attributes[number] for number in numbers if number < len(self._attributes)] or [{}]
        return {name: value for name, value in first.items() if all(value_key(other.get(name)) == value_key(value) for other in others)}

    def _deaths(self, failures):
        layers = self.frame[self.frame["scope"] == "layer"]
        last = layers[layers["position"] == layers.groupby("checkpoint")["position"].transform("max")]
        sound = last[~last["checkpoint"].isin(self._ends.headless)]
        flat = sound[((sound["metric"] == "total_variance") & (sound["value"] <= 0)) | (sound["note"] == "zero variance")]
        dead = {}
        for run in self.runs:
            mine = last[last["run"] == run]
            if mine.empty:
                continue
            since = death(set(mine["step"].dropna()), [one for one in failures if self._is_of(one, run)],
                          self._ends.headless.get(mine["checkpoint"].iloc[0], mine["layer"].iloc[0]),
                          set(flat.loc[flat["run"] == run, "step"].dropna()))
            if since is not None:
                dead[run] = since
        return dead

    def _is_of(self, failure, run):
        """Whether a failure is of this run, by its run and split. One that says no split is of all runs of that name, unless there is one
        whose checkpoints say none either."""
        name, split = self._named[run], failure.get("split") or ""
        if not name or name not in (failure.get("run"), f"{failure.get('run')} ({split})"):  # the second: in a report
            return False
        return split == self._splits[run] or (not split and all(self._splits[other] for other in self._splits if self._named[other] == name))

    def splits(self, runs):
        """{split: runs that have it}, of those runs; one without a name where they do not differ in it."""
        found = {}
        for run in runs:
            found.setdefault(self._splits[run], []).append(run)
        return dict(sorted(found.items())) if len(found) > 1 else {"": list(runs)}

    def _alive(self, rows):
        return rows[rows["step"].isna() | ~(rows["step"] >= rows["run"].map(self.dead).astype(float).fillna(np.inf))] if self.dead else rows

    def looks(self):
        """{run: how its line looks}: the colour says in what runs differ, dashes and marks tell apart those that differ in their seeds."""
        found = list(groups(self.run_attributes, self.by).values())
        if 1 < len(found) < len(self.runs):
            return group_looks(found)
        return dict(zip(self.runs, line_looks(len(self.runs))))

    def together(self, rows, by, keys):
        """Means of rows over the runs that have the same values of some attributes, and of `split` where they differ in it, without those
        that died.

        by: names of attributes. keys: columns in which rows of a mean agree. Returns (rows with run = a label of the group, value,
        spread, the sample standard deviation, NaN of one value, and lowest; {label: look}). A label says of how many runs its values are.
        """
        missing = [name for name in by if all(name not in values for values in self.run_attributes.values())]
        if missing:
            known = sorted({name for values in self.run_attributes.values() for name in values})
            raise FigureError(f"no run has an attribute {printable(missing[0])}{did_you_mean(missing[0], known)}; there are "
                              f"{_listed(known) if known else 'none'}")
        if len(self.splits(self.runs)) > 1 and "split" not in by:
            by = [*by, "split"]  # a mean of training and test samples is of no network
        members = {}
        for values, runs in groups(self.run_attributes, by).items():
            alive = [run for run in runs if run not in self.dead]
            if alive:
                label = ", ".join(f"{_named_value(name, value)}" for name, value in zip(by, values))
                points = rows[rows["run"].isin(alive) & rows["value"].notna()].groupby(keys)["run"].nunique()
                counts = sorted({points.min(), points.max()}) if len(points) else [len(alive)]
                members.setdefault(f"{label} (n {'–'.join(map(str, counts))})", []).extend(alive)
        labels = {run: label for label, runs in members.items() for run in runs}
        rows = rows[rows["run"].isin(labels)].assign(run=lambda found: found["run"].map(labels))
        numbers = rows.groupby(["run", *keys], sort=False, dropna=False)["value"]
        means = rows.drop_duplicates(["run", *keys]).copy()
        at = list(zip(*(means[key] for key in ["run", *keys])))
        means["value"] = numbers.mean().reindex(at).to_numpy()
        means["spread"], means["lowest"] = (found.reindex(at).to_numpy() for found in (numbers.std(), numbers.min()))
        means["floor"] = rows.groupby(["run", *keys], sort=False, dropna=False)["floor"].max().reindex(at).to_numpy()
        return means, dict(zip(members, line_looks(len(members))))

    def of(self, metric):
        """The rows of a metric, of a checkpoint measured twice the last. Raises FigureError when none has a value."""
        known = set(self.frame["metric"])
        close = did_you_mean(metric, known)
        if close and not is_drawn(metric):  # else it is one of the other task
            raise FigureError(f"no metric is called {printable(metric)} in these results{close}")
        rows = self._alive(self.frame[self.frame["metric"] == metric])
        rows = rows.drop_duplicates(["dump", "run", "step", "layer", "component"], keep="last")
        if not rows["value"].notna().any():
            reasons = [printable(note) for note in rows["note"].unique() if note]
            raise FigureError(f"no value of {printable(metric)} in these results" +
                              (f" ({'; '.join(reasons)})" if reasons else "") + self._other_task(metric))
        return rows.sort_values(["step", "checkpoint", "position", "component"], kind="stable")

    def _other_task(self, metric):
        """Where a metric is one of the other task: the figure to draw."""
        known = set(self.frame["metric"])
        if metric.startswith("nrc") and "nc1" in known and "nrc1" not in known:
            return "; they are of classifiers, whose NC1-4 neural_collapse shows"
        if metric.startswith("nc") and "nrc1" in known and "nc1" not in known:
            return "; they are of regressions, whose NRC1-3 last_layer shows"
        return ""

    def has(self, metric):
        return self._alive(self.frame[self.frame["metric"] == metric])["value"].notna().any()

    def at_layer(self, metric, layer=None):
        """Rows of a metric at one layer, by name, or at the last layer of each checkpoint; target metrics as they are."""
        rows = self.of(metric)
        if (rows["scope"] == "targets").all():
            return rows
        if layer is not None:
            self.check_layer(layer)
            chosen = rows[rows["layer"] == layer]
        else:
            chosen = self._ends.last_layers(rows)
            if chosen.empty and rows["position"].notna().any():
                raise FigureError(f"no value of {printable(metric)} at the last layer, which failed at all checkpoints; layer= (--layer) chooses another")
        if not chosen["value"].notna().any():
            raise FigureError(f"no value of {printable(metric)} at layer {_listed([layer] if layer is not None else chosen['layer'].unique())}")
        return chosen

    def at_step(self, rows, step="last"):
        """Those rows at one step, or at the last step of each run."""
        if isinstance(step, str) and step == "last":
            if len(rows) and rows["run"].isin(self.dead).all():
                raise FigureError(f"no run is alive at its end: {_listed(self.dead)} died")
            rows = rows[~rows["run"].isin(self.dead)]
            return rows[rows["step"].eq(rows["run"].map(self._ends.last_steps(rows)))]
        wanted = number_of(step)
        if wanted is None:
            raise FigureError(f"step: found {printable(step)}, expected a number or last")
        chosen = rows[rows["step"] == wanted]
        if chosen.empty:
            steps = ", ".join(f"{s:g}" for s in sorted(rows["step"].dropna().unique()))
            raise FigureError(f"no checkpoint at step {wanted:g}; there are {steps}")
        return chosen

    def looks_at(self, step):
        """As looks(), of the runs that are alive and have a checkpoint at a step, or at their last."""
        there = set(self.at_step(self._alive(self.frame), step)["run"])
        return {run: look for run, look in self.looks().items() if run in there}

    def steps_of(self, metric):
        """{run: its steps}, also those from its death on, and those of checkpoints of which nothing is left."""
        rows = self.frame[self.frame["metric"] == metric]
        return {run: np.unique([*rows.loc[rows["run"] == run, "step"].dropna(), *([self.dead[run]] if np.isfinite(self.dead.get(run, np.inf)) else [])])
                for run in self.runs}

    def check_layer(self, layer):
        """Raises FigureError for a name (not None) that no layer has."""
        if layer is not None and layer not in set(self.frame["layer"]):
            raise FigureError(f"no layer {_listed([layer])}{did_you_mean(layer, self.layers())}; there are {_listed(self.layers())}")

    def layers(self):
        """Names of the layers, input to output, of all runs together."""
        rows = self.frame[self.frame["scope"] == "layer"]
        return list(rows.groupby("layer")["position"].max().sort_values(kind="stable").index)


def _refuse_mixed_numbers(frame):
    """`checkpoint` is a number within what `load` returned: in tables that pandas joins it stands for several."""
    heads = frame[["checkpoint", "path", "id", "run", "step"]].drop_duplicates()
    mixed = heads.loc[heads["checkpoint"].duplicated(), "checkpoint"]
    if mixed.empty:
        mixed = frame.loc[frame.duplicated(["checkpoint", "scope", "position", "metric", "component"]), "checkpoint"]
    if len(mixed):
        raise FigureError(f"several checkpoints have the number {mixed.iloc[0]}, as in tables joined by pandas; load([a, b]) joins results")


def _dumps(heads):
    """{checkpoint: the number of its dump}; what was measured without one (by a Meter) is the same as nothing else."""
    seen = {}
    return {number: seen.setdefault((path, key) if path or key else number, len(seen))
            for number, path, key in zip(heads["checkpoint"], heads["path"], heads["id"])}


def _named_value(name, value):
    name = name.replace("_", " ")
    return f"no {name}" if value is None else f"{name} {_attribute_text(value)}"


def _attribute_text(value):
    number = number_of(value)
    if number is None:
        return printable(value)
    short = f"{number:g}"  # where that is the number, and not only nearly
    return short if float(short) == number or not np.isfinite(number) else f"{number:.0f}" if number == round(number) and abs(number) < 2**53 else repr(number)


def _listed(names):
    names = [printable(name) for name in names]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
