"""Meter: the metrics of a model's layers while it runs, without a dump. Needs PyTorch."""
from __future__ import annotations

import contextlib
import copy
import numbers
from types import SimpleNamespace

import numpy as np
import torch

from ._arrays import gpu_of, is_torch
from ._dump import CheckedRows, first_bad_row, shape_text, type_name
from ._gather import buffers_of, gathered
from ._labels import labels_of
from ._model import same_random, unwrap
from ._options import attributes_of, metric_patterns, require_options, require_some_metric
from ._shards import Shard, check_shards, generators_of, running, shard_of, world
from ._tensors import to_numpy
from .accumulator import Accumulator
from .attach import arguments_of
from .errors import AccumulatorError
from .recorder import Recorder
from .text import fitting


class _Sums(CheckedRows):
    """Takes what a recorder writes, into an accumulator."""

    def __init__(self, where, task: str, attributes: dict, options: dict):
        super().__init__(where, allow_nonfinite=False)
        self.task, self.attributes, self.options = task, attributes, options
        self.kinds: dict[str, str] = {}
        self.weights: dict[str, np.ndarray] = {}
        self.biases: dict[str, np.ndarray] = {}
        self.class_names: list[str] = []
        self.sums: Accumulator | None = None
        self.looks = False
        self.buffers: dict[str, str] = {}  # of the model at the first batch, for other ranks

    def check(self, name: str, values) -> None:
        # Numbers of tensors, and of predictions, which come behind all layers, are looked at in append_all.
        super().check(name, values[:0] if name == "predictions" else _like(values))
        classes = self.options["classes"] if self.sums is None else self.sums.classes
        if name == "targets" and classes is not None and self.task == "classification":
            labels_of(values, classes, None)  # before any of the batch is in the sums

    def _require_finite(self, tensors: dict) -> None:
        """Waits for a GPU once, not for each layer."""
        lengths: dict = {}  # by device and type; not finite where a number is not, or where squares overflow
        for rows in tensors.values():
            wide = torch.float64 if rows.dtype == torch.float64 else torch.float32
            lengths.setdefault((rows.device, wide), []).append(torch.linalg.vector_norm(rows, dtype=wide))
        if all(torch.stack(found).isfinite().all() for found in lengths.values()):
            return
        for name, rows in tensors.items():
            good = rows.isfinite().flatten(1).all(1)
            self.refuse_bad_row(name, None if good.all() else int((~good).nonzero()[0]), type_name(_like(rows)))

    def refuse_bad_row(self, name: str, bad: int | None, type_name: str) -> None:
        if bad is not None:
            first = self.rows[name].count if name in self.rows else 0
            raise AccumulatorError(f"{self.path}: {name}: sample {first + bad} has a NaN or Inf (as {type_name}); expected finite numbers")

    def group(self, name: str, **attributes) -> None:
        self.kinds[name.split("/", 1)[1]] = attributes.get("kind") or ""

    def array(self, name: str, values: np.ndarray) -> None:
        layer, part = name.split("/", 1)[1].rsplit("/", 1)
        (self.weights if part == "weight" else self.biases)[layer] = values

    def names(self, values: list[str]) -> None:
        self.class_names = values

    def append_all(self, arrays: dict) -> None:
        self._require_finite({name: rows for name, rows in arrays.items() if is_torch(rows) and rows.is_floating_point()})
        arrays = dict(arrays)
        targets, predictions = arrays.pop("targets"), arrays.pop("predictions", None)
        if predictions is not None:
            self.refuse_bad_row("predictions", first_bad_row(predictions), type_name(predictions))
        features = {name.split("/", 1)[1].rsplit("/", 1)[0]: rows for name, rows in arrays.items()}
        for layer, rows in features.items():
            if rows.ndim != 2:
                raise AccumulatorError(f"{self.path}: layers/{layer}: found {type_name(_like(rows))} {shape_text(rows.shape[1:])}; expected rows "
                                       "[N, d]: pool='mean', 'max', 'first' or 'last', or a target for each position")
        if self.sums is None:
            self.sums = self._new_sums({layer: rows.shape[1] for layer, rows in features.items()}, targets, predictions)
        if self.looks:
            self.sums.look(features, targets)
            return
        shaped = predictions.reshape(targets.shape) if predictions is not None and self.task == "regression" else predictions
        self.sums.update(features, targets, shaped)
        for name, rows in {"targets": targets, **arrays, **({} if predictions is None else {"predictions": predictions})}.items():
            like = _like(rows)
            known = self.rows.setdefault(name, SimpleNamespace(shape=like.shape[1:], dtype=like.dtype, type_name=type_name(like), count=0))
            known.count += len(rows)

    def _new_sums(self, features: dict[str, int], targets: np.ndarray, logits: np.ndarray | None) -> Accumulator:
        options = dict(self.options)
        classes = options.pop("classes")
        if self.task == "regression":
            return Accumulator(features, _columns(targets), weights=self.weights, kinds=self.kinds, **options)
        if classes is None:
            classes = self._classes(logits)
        return Accumulator(features, classes=classes, weights=self.weights, biases=self.biases, kinds=self.kinds, **options)

    def _classes(self, logits: np.ndarray | None) -> int:
        """As many as the model has logits, else as the last weight has rows."""
        if logits is not None and logits.ndim == 2:
            if logits.shape[1] == 1:
                raise AccumulatorError(f"{self.path}: predictions: found one logit for each sample; expected one for each class. For two classes "
                                       "with one logit: classes=2, and output=lambda result: None")
            return logits.shape[1]
        linear = [weight for weight in self.weights.values() if weight.ndim == 2]
        if not linear:
            raise AccumulatorError(f"{self.path}: classes: found neither logits nor a linear layer that tell how many there are; expected classes=")
        return len(linear[-1])

    def state(self, samples: int) -> tuple:
        """For other ranks: the sums, and what else is known."""
        return self.sums, samples, {"attributes": self.attributes, "class_names": self.class_names, "buffers": self.buffers}

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass


def _on_gpu(rows) -> bool:
    return gpu_of(rows) is not None


def _nowhere(rows) -> bool:
    return False


def _like(rows) -> np.ndarray:
    """An array of the type and the shape of such rows; of tensors, which may be on a GPU, without their numbers."""
    return to_numpy(rows[:0]) if is_torch(rows) else rows


def _columns(targets: np.ndarray) -> int:
    return 1 if targets.ndim == 1 else targets.shape[1]


class Meter(Recorder):
    """Measures a model's layers on the batches that it is given, as a dump of them would be measured; no file is written.

        meter = collapscope.Meter(model)
        for x, y in loader:
            meter.update(x, y)
        table = meter.compute()          # a DataFrame, as collapscope.load gives
        meter.reset()                    # before the next epoch: the weights have changed

    A forward pass of your own goes into a block, and its targets into or behind that:

        with meter:
            predictions = model(x)
        meter.update(y=y, predictions=predictions)

    Between the calls the model is as it was. What needs a second look at the rows (nrc1_centered, nc4_disagreement, low floors) is
    undefined, with that note; `compute(loader)` looks again.

    model, layers, exclude, pool, output, batch_first, autocast, dtype, task, class_names, ignore_label: as of Recorder; layers are
        measured on rows [N, d], so pool is "mean", "max", "first", "last", or "none" with a target or label for every position.
    attributes: run, step, weight_decay, lambda_w, lambda_h ... of the results.
    classes: of a classification, with labels 0 to classes - 1; None: as many as the model has logits or, without these, as its last
        linear layer that is measured has outputs.
    metrics, signal_dim, top, precision, memory, device, threads, per_class: as of Accumulator. A model on a GPU is measured there, where
        the package can use it.
    Raises ValueError for what does not fit; that batch has then left no trace.
    """

    _WATCHES, _ADDS = "meter", "update()"

    def __init__(self, model, layers=None, *, task: str = "regression", classes: int | None = None, ignore_label: int | None = None,
                 class_names=None, attributes=None, exclude=None, pool="mean", dtype=None, output=None, batch_first=None, autocast=None,
                 metrics=None, signal_dim=None, top: int = 10, precision: str = "float64", memory: int | str = 0, device: str | None = None,
                 threads: int = 0, per_class: bool = False):
        if classes is not None and (task != "classification" or not isinstance(classes, numbers.Integral) or classes < 1):
            raise AccumulatorError(f"meter: classes: found {classes!r} for task {task!r}; expected how many there are, with task='classification'")
        require_options(task, classes=classes, metrics=metrics, signal_dim=signal_dim, top=top, precision=precision, memory=memory, device=device,
                        threads=threads, per_class=per_class)
        require_some_metric(task, metrics)
        self._stays = _nowhere if device == "cpu" else _on_gpu
        self._sums_options = {"classes": classes, "metrics": metrics, "signal_dim": signal_dim, "top": top, "precision": precision,
                              "memory": memory, "device": device, "threads": threads, "per_class": per_class}
        self._arguments = (model, layers, task, attributes,
                           {"exclude": exclude, "pool": pool, "dtype": dtype, "output": output, "batch_first": batch_first,
                            "autocast": autocast, "class_names": class_names, "ignore_label": ignore_label})
        self.reset()

    def reset(self) -> None:
        """Forgets all batches, and the weights that they were recorded with."""
        block: contextlib.ExitStack | None = getattr(self, "_block", None)  # of `with meter:`
        if block is not None:
            block.close()
        self._block = None
        self._own: tuple | None = None  # this rank's, while the sums are those of all
        model, layers, task, attributes, options = self._arguments
        super().__init__(model, "meter", layers, task, attributes, **options)
        if block is not None:
            self._enter_block()

    def __deepcopy__(self, memo) -> Meter:
        """A meter of the same model with the same samples, to go on from by itself; outside `with meter:`."""
        found = copy.copy(self)
        found._block = None
        found.reset()  # with hooks of its own
        if self._writer is not None:
            for name in ("_writer", "_own"):
                setattr(found, name, copy.deepcopy(getattr(self, name), memo))
            found._random = copy.copy(self._random)
            for name in ("samples", "_modules", "_layers", "_layouts", "_weights", "_lent", "_closed", "_quiet", "_failure"):
                setattr(found, name, getattr(self, name))
        return found

    def _checked(self, path):
        return path

    def _new_writer(self, attributes: dict):
        return _Sums(self.path, self._task, attributes, self._sums_options)

    def update(self, x=None, y=None, *, mask=None, predictions=None) -> None:
        """One batch: as Recorder.add. Without x it is of the pass that you ran inside `with meter:`."""
        self._to_own()
        with self._outside_block():
            self.add(x, y, mask=mask, predictions=predictions)

    def __enter__(self):
        if self._block is not None:
            raise AccumulatorError("meter: found `with meter:` inside another one; expected one at a time")
        self._enter_block()
        return self

    def __exit__(self, kind, error, traceback):
        try:
            self._leave_block()
        except ValueError:  # two passes, as of an evaluation in between
            if kind is None:
                raise
        if kind is not None:
            self._captured = None

    @contextlib.contextmanager
    def _outside_block(self):
        """A pass that is run in here is not also one of `with meter:`."""
        again = self._block is not None
        self._leave_block()
        try:
            yield
        finally:
            if again:
                self._enter_block()

    def _enter_block(self) -> None:
        self._block = contextlib.ExitStack()
        self._block.enter_context(self.watch())

    def _leave_block(self) -> None:
        block, self._block = self._block, None
        if block is None:
            return
        before = self._captured
        block.close()
        if self._captured is not None and not self._captured.calls:
            self._captured = before  # no pass was run

    def close(self) -> None:
        """Nothing: a meter has no file. For those that treat it as a Recorder."""

    def abort(self) -> None:
        """Nothing, as close."""

    def _store(self, arrays, calls, positions) -> None:
        first = not self.samples
        batches = None if self._sums is None else self._sums._batches
        try:
            super()._store(arrays, calls, positions)
        except BaseException:
            if first:
                self.reset()
            elif self._sums is not None and self._sums._sound and self._sums._batches == batches:
                self._failure, self._closed = None, False
            raise
        if first and self._ran:  # a pass in training mode reads no running statistics, and moves them
            self._writer.buffers = buffers_of(unwrap(self._model))

    @property
    def _sums(self) -> Accumulator | None:
        return None if self._writer is None else self._writer.sums

    def results(self, loader=None, *, batch=None, attributes=None) -> dict:
        """The results as `collapscope analyze -o FILE.json` writes them, parsed. loader, batch, attributes: as of compute."""
        more = attributes_of(attributes)
        self._require_no_failure()
        if self._writer is None or not self.samples:
            raise AccumulatorError("meter: found no samples; expected at least one call of update()")
        if loader is not None:
            with self._outside_block():
                self._look(loader, batch)
        attributes = {"task": self._task, **attributes_of(self._writer.attributes), **more}
        run, step = attributes.get("run", ""), attributes.get("step")
        return self._writer.sums.results(run=str(run), step=step if isinstance(step, (int, float)) else None,
                                         attributes=dict(sorted(attributes.items())), class_names=self._writer.class_names)

    def compute(self, loader=None, *, batch=None, attributes=None, wide: bool = False):
        """A DataFrame of all metrics of the samples so far, as collapscope.load gives.

        loader: yields the same batches once more, in the same order, for metrics that need a second look. batch: a function of
            what it yields that gives (x, y), or a dict of the arguments of `update`.
        attributes: of these results, beside those of the meter: {"step": epoch}.
        """
        from .results import load
        return load(self.results(loader, batch=batch, attributes=attributes), wide=wide)

    def _look(self, loader, batch) -> None:
        samples, sums = self.samples, self._writer.sums
        sums.begin_look()
        self._writer.looks = True
        try:
            with same_random(*generators_of(loader)), self._random.again():
                for item in loader:
                    self.add(**arguments_of(item, batch))
            if self.samples != 2 * samples:
                raise AccumulatorError(f"meter: found {self.samples - samples} samples in the loader of a second look; expected the {samples} of "
                                       "before")
        except BaseException:
            sums.end_look()  # what the first look has summed up stays
            self._failure, self._closed = None, False
            raise
        finally:
            self._writer.looks, self.samples = False, samples

    def merge(self, other: Meter) -> None:
        """Adds the samples of another meter of the same model, after these."""
        if not isinstance(other, Meter):
            raise AccumulatorError(f"meter: found {type(other).__name__}; expected a Meter")
        for one in (self, other):
            one._require_no_failure()
        self._to_own()
        if other._writer is None:
            return
        if self._writer is None:
            raise AccumulatorError("meter: found no samples; expected at least one call of update() before merge()")
        self._writer.sums.merge(other._writer.sums)
        self.samples += other.samples

    def gather(self) -> None:
        """In a job of torch.distributed: adds up the samples of all ranks, in their order. All ranks must call it, also those without
        samples, and then have the same sums, until the next update(): that goes on from the rank's own samples. So it may be called
        after each epoch, or each batch."""
        self._gather(None)

    def _gather(self, failure: Exception | None) -> None:
        """failure: of this rank; then it is an error on all."""
        failure = failure or self._failure
        self._to_own()
        own = (self._writer, self.samples)
        device, threads = self._sums_options["device"] or "cpu", self._sums_options["threads"]
        found = gathered(None if self._writer is None else self._writer.state(self.samples), device, threads, failure)
        if found is None:
            return
        sums, samples, about = found
        self._writer = self._new_writer(about["attributes"])
        self._writer.sums, self._writer.class_names, self._writer.rows = sums, about["class_names"], {} if own[0] is None else own[0].rows
        self.samples, self._own = samples, own

    def _to_own(self) -> None:
        """From the sums of all ranks back to this one's."""
        if self._own is not None:
            (self._writer, self.samples), self._own = self._own, None


def share_of(data, shards: bool | None, looks: int) -> Shard | None:
    """The part of the samples that a loader gives this rank; None where it gives all. Raises ValueError where nobody can tell, and where
    the parts cannot be added up."""
    check_shards("measure", shards)
    shard = shard_of(data, shards, "measure")
    if shard is None:
        return None
    if world()[1] == 1:
        raise AccumulatorError(f"measure: data: found a loader with the samples of rank {shard.rank} of {shard.ranks}, and no torch.distributed "
                               "that could add up those of all; expected a loader of all samples, or shards=False for these alone")
    if looks == 2:
        raise AccumulatorError(f"measure: looks: found 2 for a loader that shares its samples out among {shard.ranks} ranks; expected looks=1, or a "
                               "loader of all samples on each rank")
    return shard


def measure(model, data, layers=None, *, looks: int = 1, batch=None, shards: bool | None = None, wide: bool = False,
            task: str = "regression", classes: int | None = None, ignore_label: int | None = None, class_names=None,
            attributes=None, exclude=None, pool="mean", dtype=None, output=None, batch_first=None, autocast=None,
            metrics=None, signal_dim=None, top: int = 10, precision: str = "float64", memory: int | str = 0, device: str | None = None, threads: int = 0,
            per_class: bool = False):
    """A DataFrame of all metrics of a model on a loader's batches: a Meter from beginning to end.

    data: yields batches (x, y). looks: 2 goes through it twice, for what one look cannot give. batch: a function of what it yields
        that gives (x, y), or a dict of the arguments of Meter.update. All else is as of Meter.
    shards: in a job of torch.distributed, whether each rank has samples of its own; None: as the loader's sampler says. Then all ranks
        must call, the samples that a sampler repeats are left out, and every rank gets the numbers of all; looks is 1. False: this rank has
        all samples, and talks to no other.
    Raises ValueError as Meter does, on all ranks where they add up their samples; and where nobody can tell what the ranks have.
    """
    options = {name: value for name, value in locals().items() if name not in ("model", "data", "layers", "looks", "batch", "shards", "wide")}
    if looks not in (1, 2):
        raise AccumulatorError(f"looks: found {looks!r}; expected 1 or 2")
    share = share_of(data, shards, looks)
    meter = failure = None
    try:
        meter = Meter(model, layers, **options)
        _update_all(meter, data, batch, None if share is None else share.keep)
    except Exception as error:
        if share is None:
            raise
        failure = error  # the other ranks wait for this one
    if share is not None:
        try:
            if meter is None:
                gathered(None, "cpu", threads, failure)
            else:
                meter._gather(failure)
        except AccumulatorError as error:
            raise error from failure
    return meter.compute(data if looks == 2 else None, batch=batch, wide=wide)


def _update_all(meter: Meter, data, batch, keep: int | None) -> None:
    """keep: only the first samples. The loader is gone through to its end, as those of other ranks may be."""
    seen = 0
    with same_random(*generators_of(data)), running(data):  # so that a second look has the same random numbers
        for item in data:
            if keep is None:
                meter.update(**arguments_of(item, batch))
            elif seen < keep:
                seen += meter._add(**arguments_of(item, batch), keep=keep - seen)


def scalars(table, metrics, prefix: str = "collapse") -> dict[str, float]:
    """Of a table of `measure` or `Meter.compute`: {"collapse/fc/nrc1": 0.25, ...} for a logger. metrics: their names, or globs;
    target metrics have no layer. Undefined ones are left out. Raises AccumulatorError for what fits no metric that there is, and for a table that
    is wide or has several checkpoints."""
    if "metric" not in table or "layer" not in table:
        raise AccumulatorError("scalars: found a wide table; expected one row for each metric, as without wide=True")
    if "checkpoint" in table and table["checkpoint"].nunique() > 1:
        raise AccumulatorError(f"scalars: found a table of {table['checkpoint'].nunique()} checkpoints; expected one, such as "
                               "table[table['checkpoint'] == 0]")
    require_options("regression", classes=None, metrics=metrics, signal_dim=None, top=10, precision="float64", memory=0, device="cpu", threads=1,
                    per_class=False)
    known = list(table["metric"].unique())
    named = [name for pattern in metric_patterns(metrics).split(",") for name in fitting(pattern.strip(), known)]
    found = table[table["metric"].isin(named) & table["value"].notna()]
    layers = [f"{prefix}/{layer}" if isinstance(layer, str) else prefix for layer in found["layer"]]
    parts = [f"[{part}]" for part in found["component"].fillna(0)]
    return {f"{layer}/{metric}{'' if part == '[0]' else part}": float(value)
            for layer, metric, part, value in zip(layers, found["metric"], parts, found["value"])}
