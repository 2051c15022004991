"""Checkpoints that end before the others of their run: at a layer behind which one failed, or without a metric."""
import sys
import warnings

from ..text import printable


class Ends:
    """The last layers of checkpoints and the last steps of runs. Says once what is not as one expects."""

    def __init__(self, frame, failures, failed_layers, is_of):
        """frame: all rows, also of runs that are not drawn. failures, failed_layers: as `load` has them. is_of(failure, run): whether it is of that run."""
        deepest = frame[frame["scope"] == "layer"].groupby("checkpoint")["position"].max()
        self.headless = {checkpoint: layers[-1]["name"] for checkpoint, layers in failed_layers.items()  # whose last layer failed, and its name
                         if checkpoint in deepest.index and layers[-1]["position"] > deepest[checkpoint]}
        self._depth = frame[frame["scope"] == "layer"].groupby("layer")["position"].max().to_dict()
        self._lost = [(failure, layer) for failure in failures for layer in self._depth if _names(failure, layer)]
        self._is_of, self._last, self._said = is_of, frame.groupby("run")["step"].max().to_dict(), set()

    def last_layers(self, rows):
        """Rows at the last layer of each checkpoint. Not of those of which a deeper layer failed: what is before it is no last layer.
        Warns where a run's last layer changes its name for no such reason."""
        chosen = rows[rows["position"] == rows.groupby("checkpoint")["position"].transform("max")]
        chosen = chosen[~chosen["checkpoint"].isin(self.headless)]
        heads = chosen.drop_duplicates("checkpoint") if self._lost else chosen[:0]
        chosen = chosen[~chosen["checkpoint"].isin([head.checkpoint for head in heads.itertuples() if self._has_lost_more(head)])]
        names = chosen.groupby("run")["layer"].unique()
        for run, found in names[names.map(len) > 1].items():
            self._say(run, f"the last layer of run {printable(run)} is {printable(found[0])} at some checkpoints and {printable(found[1])} at "
                           "others; a line goes through both, and layer= (--layer) chooses one")
        return chosen

    def last_steps(self, rows):
        """{run: the last step that it has among rows}. Warns where that is not its last."""
        steps = rows.groupby("run")["step"].max()
        for run, step in steps.items():
            if step < self._last[run]:
                self._say((run, step), f"run {printable(run)} has no {printable(rows['metric'].iloc[0])} to draw at its last step "
                                       f"{self._last[run]:g}; its step {step:g} is the last that has it")
        return steps

    def _has_lost_more(self, head):
        return any(self._depth[layer] > self._depth[head.layer] and _is_of_checkpoint(failure, head, self._is_of) for failure, layer in self._lost)

    def _say(self, key, words):
        if key not in self._said:
            self._said.add(key)
            say(words)


def say(words):
    """Warns, at the line outside this package that asked for the figure."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("collapscope."):
        level, frame = level + 1, frame.f_back
    warnings.warn(words, stacklevel=level)


def _names(failure, layer):
    found = failure.get("object") or ""
    return found == layer or f"/layers/{layer}/" in f"{found}/"


def _is_of_checkpoint(failure, head, is_of):
    """By the file and the checkpoint's place in it, where the failure says both; else, as of another shard, by run and step."""
    if head.path and failure.get("path") == head.path and (not head.id or f"/checkpoints/{head.id}/" in f"{failure.get('object') or ''}/"):
        return True
    step = failure.get("step")
    return bool(failure.get("run")) and step is not None and step == head.step and is_of(failure, head.run)
