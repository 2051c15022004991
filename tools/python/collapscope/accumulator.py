"""Accumulator: the metrics of features and targets, or labels, that come in batches, without a dump.

    sums = collapscope.Accumulator({"fc": 512}, targets=2, weights={"fc": model.fc.weight})
    for x, y in loader:
        sums.update({"fc": features(x)}, y)
    table = sums.compute()

Of a classification it is Accumulator({"fc": 512}, classes=10, weights=..., biases=...), and `update` takes labels.

It sums moments in float64 as the program does, and takes memory for matrices [d, d] only, of classes also [K, d], however many rows come.
"""
from __future__ import annotations

import copy
import functools
import json
import numbers
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ._arrays import float64, gpu_of, matrix, type_name, weight_of, with_bits, with_zeros
from ._labels import LEFT_OUT, labels_of
from ._looks import Passes
from ._options import attributes_of, core_options, whole
from .errors import AccumulatorError

try:
    from . import _core
except ImportError as error:  # a checkout that was only put on Python's path
    raise ImportError("collapscope.Accumulator needs the compiled part of the package, which is not there; expected "
                      "`pip install ./` in a checkout of collapscope") from error

# For device="cuda": the program finds it beside itself, but here the program is Python.
_GPU_MODULE = Path(__file__).resolve().parent / "lib" / "collapscope" / "libcollapscope_cuda.so"
if _GPU_MODULE.exists():
    os.environ.setdefault("COLLAPSCOPE_GPU_MODULE", str(_GPU_MODULE))


MOST_CLASSES = 1 << 26
MOST_LOGITS = 1 << 23  # that are float64 at a time


_CORE_ERRORS = (_core.CoreUsageError, _core.CoreInputError, _core.CoreError)


def _plain_errors(function):
    """Errors of the compiled part as this package's own."""
    @functools.wraps(function)
    def called(*arguments, **options):
        try:
            return function(*arguments, **options)
        except _CORE_ERRORS as error:
            raise AccumulatorError(str(error)) from None
    return called


def _by_name(given, names) -> dict:
    """{layer name: array} of such a mapping, or of one array for all."""
    if given is None:
        return {}
    return dict(given) if isinstance(given, Mapping) else {name: given for name in names}


class Accumulator:
    """Sums of features and targets, from which `compute` gives every metric of regression; of features and labels, from which it gives
    every metric of classification.

    features: the number of features d, or {layer name: d} for several layers, input to output.
    targets: the number of target components n, of a regression; or
    classes: K, of a classification with labels 0 to K - 1. Labels that never come count as absent, as the program has it.
    ignore_label: of a classification: rows with this label are left out, and counted as samples_ignored; -100 is PyTorch's.
    weights: of the linear modules that the features go into: [m, d], or {layer name: [m, d]}; of convolutions [m, d, kernel axes].
        None: metrics that need them are undefined.
    biases: of these, [m] or {layer name: [m]}, which nc4_disagreement takes; None: zeros.
    kinds: {layer name: kind}, such as "linear".
    device: "cpu", "cuda" or "cuda:N"; None: the GPU that the first features are on, where the package has the GPU module and can
        use it, else the CPU.
    metrics, signal_dim, top, precision, memory (bytes, or a text such as '2GiB'), threads, per_class: as of `collapscope analyze`.

    The same rows in any batches give the bits of `collapscope analyze --looks 1` on a dump of them (up to 1,048,576 rows of at
    most 1024 features, and 1024 classes; the sums are asked for once, at the end). Not for several threads at the same time.
    Raises AccumulatorError, a ValueError.
    """

    @_plain_errors
    def __init__(self, features, targets: int | None = None, *, classes: int | None = None, ignore_label: int | None = None, weights=None,
                 biases=None, kinds=None, metrics=None, signal_dim=None, top: int = 10, precision: str = "float64", memory: int | str = 0,
                 device: str | None = None, threads: int = 0, per_class: bool = False):
        features = features if isinstance(features, Mapping) else {"features": features}
        self._features = {name: whole(d, f"features of {name!r}", 1) for name, d in features.items()}
        self._targets, self._classes = self._checked_task(targets, classes)
        self._ignored = self._checked_label(ignore_label)
        self._core, self._passes = None, Passes()
        self._target_type: str | None = None  # of the targets so far
        self._sound = True  # False: some layers have rows that others have not
        self._torn = False  # an interrupt, or too little memory, has left part of a batch in the sums
        self._batches = 0  # that are in the sums
        weights, biases, convolutions = self._checked_weights(weights, biases)
        unknown = [name for name in kinds or {} if name not in self._features]
        if unknown:
            raise AccumulatorError(f"found a kind of {unknown[0]!r}; expected one of {', '.join(map(repr, self._features))}")
        self._layers = [_core.Layer(name, int(d), weights.get(name), number, (kinds or {}).get(name) or "", biases.get(name),
                                    name in convolutions)
                        for number, (name, d) in enumerate(self._features.items())]
        self._options = core_options(metrics=metrics, signal_dim=signal_dim, top=top, precision=precision, memory=memory, device=device,
                                     threads=threads, per_class=per_class)
        self._options.ignore_label, self._device = self._ignored, device
        made = self._made("float64")  # says what does not fit at once
        if device not in (None, "cpu"):
            made.row_stream  # so does the device
        self._core = None

    @staticmethod
    def _checked_task(targets, classes) -> tuple[int | None, int | None]:
        if (targets is None) == (classes is None):
            found = "neither targets= nor classes=" if classes is None else "both targets= and classes="
            raise AccumulatorError(f"found {found}; expected targets=n for a regression, or classes=K for a classification")
        if classes is not None and (not isinstance(classes, numbers.Integral) or classes < 1):
            raise AccumulatorError(f"classes: found {classes!r}; expected how many there are, so that labels are from 0 to classes - 1")
        if classes is not None and classes > MOST_CLASSES:
            raise AccumulatorError(f"classes: found {classes}; expected at most {MOST_CLASSES}")
        return (None, int(classes)) if targets is None else (whole(targets, "targets", 1), None)

    def _checked_label(self, label):
        if label is None:
            return None
        if self._classes is None or not isinstance(label, numbers.Integral) or isinstance(label, bool):
            raise AccumulatorError(f"ignore_label: found {label!r} for {'a classification' if self._classes else 'a regression'}; expected a whole "
                                   "number, with classes=")
        return int(label)

    def _checked_weights(self, weights, biases) -> tuple[dict, dict, set]:
        """By layer; and the layers whose weights are convolutions'."""
        weights, biases = _by_name(weights, self._features), _by_name(biases, self._features)
        unknown = [name for name in (*weights, *biases) if name not in self._features]
        if unknown:
            raise AccumulatorError(f"found a weight or bias of {unknown[0]!r}; expected one of {', '.join(map(repr, self._features))}")
        found_weights = {name: weight_of(found, f"weight of {name!r}", int(self._features[name])) for name, found in weights.items()
                         if found is not None}
        weights = {name: weight for name, (weight, _) in found_weights.items()}
        convolutions = {name for name, (_, is_convolution) in found_weights.items() if is_convolution}
        biases = {name: float64(found, f"bias of {name!r}", 1) for name, found in biases.items() if found is not None and name not in convolutions}
        for name in biases:
            rows = len(weights[name]) if name in weights else "no weight"
            if rows != len(biases[name]):
                raise AccumulatorError(f"bias of {name!r}: found {len(biases[name])} numbers beside a weight of {rows} rows; expected one for each "
                                       "row of weights=" if name in weights else
                                       f"bias of {name!r}: found one without a weight; expected weights= of this layer, too")
        return weights, biases, convolutions

    def _made(self, target_type: str):
        if self._core is None:
            self._core = _core.Accumulator(self._layers, self._targets or 0, self._classes or 0, target_type, self._options)
        return self._core

    @property
    def rows(self) -> int:
        """How many rows have come; without those with the ignored label."""
        return 0 if self._core is None else self._core.rows

    @property
    def layers(self) -> list[str]:
        return list(self._features)

    @property
    def classes(self) -> int | None:
        """K of a classification; None of a regression."""
        return self._classes

    def _batch(self, features, target_type: str):
        batch = dict(features) if isinstance(features, Mapping) else {name: features for name in self._features}
        if set(batch) != set(self._features):
            odd = sorted(set(batch) ^ set(self._features))[0]
            raise AccumulatorError(f"found features of {', '.join(map(repr, batch))}; expected those of "
                                   f"{', '.join(map(repr, self._features))} (not so: {odd!r})")
        gpu, stream = self._place(batch, target_type)
        rows = [matrix(batch[name], f"features of {name!r}", d, gpu) for name, d in self._features.items()]
        counts = {len(found) for found in rows}
        if len(counts) > 1:
            raise AccumulatorError(f"found {' and '.join(map(str, sorted(counts)))} rows in one batch; expected as many of every layer")
        return rows, stream

    def _place(self, batch, target_type: str) -> tuple[int | None, int | None]:
        """The GPU whose rows stay where they are, and its stream that waits for them; nothing where there is none."""
        gpus = {gpu_of(rows) for rows in batch.values()}
        if gpus == {None}:
            return None, None
        if self._core is None and self._device is None and len(gpus) == 1:
            self._made(target_type).prefer_device(f"cuda:{next(iter(gpus))}")
        return self._made(target_type).row_stream or (None, None)

    @_plain_errors
    def update(self, features, targets, predictions=None) -> None:
        """The next rows.

        features: [rows, d], or {layer name: [rows, d]}: NumPy arrays, PyTorch or JAX tensors of any float type or of integers. On
            the CPU they are not copied; on the GPU that sums them up they stay there; tensors on another GPU are brought down.
        targets: [rows, n], or [rows] where n = 1; of a classification labels [rows], integers of any kind or whole floats, or
            one-hot rows [rows, K].
        predictions: of the model, shaped as the targets; of a classification logits [rows, K]. With all batches or with none.
        NaN or Inf in rows or targets is an error when they are summed up, as late as in `compute`, and names the row. After it, or
        an error in the middle of an update, only `reset` helps.
        """
        self._require_whole()
        rows, stream = self._batch(features, type_name(targets))
        values = self._values(targets)
        columns = self._targets if self._classes is None else None
        guesses = None if predictions is None else matrix(predictions, "predictions", columns)
        self._require_rows(rows, values, "targets" if self._classes is None else "labels")
        self._require_type(type_name(targets))
        if guesses is not None:
            self._require_rows(rows, guesses, "predictions")
        core = self._made(type_name(targets))
        parts = self._parts(len(values), guesses)
        was_sound, self._sound, self._torn = self._sound, False, True  # until all of it is in
        for number, part in enumerate(parts):
            try:
                beside = values[part], None if guesses is None else float64(guesses[part], "predictions", columns)
                if not core.update(*with_bits([found[part] for found in rows], stream), *beside):
                    rows, stream = self._batch(features, type_name(targets))  # the GPU has no room for the sums: on the CPU
                    core.update(*with_bits([found[part] for found in rows], stream), *beside)
            except BaseException as error:
                is_whole = number == 0 and isinstance(error, (_core.CoreUsageError, AccumulatorError))  # found before anything is summed up
                self._sound = was_sound and is_whole
                self._torn = not is_whole and not isinstance(error, _CORE_ERRORS)
                raise
        self._target_type = type_name(targets)
        if self._passes is not None:
            self._passes.add(self._named(rows, values))
        self._batches += 1
        self._sound, self._torn = was_sound, False

    def _require_type(self, found: str | None) -> None:
        """Targets of several types would have the rounding of one of them in their floors."""
        if self._classes is None and None not in (found, self._target_type) and found != self._target_type:
            raise AccumulatorError(f"targets: found {found} after {self._target_type}; expected one type in all batches, also after reset()")

    @staticmethod
    def _parts(rows: int, guesses) -> list[slice]:
        """Slices of a batch: more than one where its logits, as of a vocabulary, would take much memory as float64. All of them are
        finite then, so that no part is in the sums when another one is refused."""
        columns = 1 if guesses is None else max(1, guesses.shape[1])
        step = max(1, MOST_LOGITS // columns)
        parts = [slice(first, first + step) for first in range(0, rows, step)] if rows > step and guesses is not None else [slice(None)]
        for part in parts if len(parts) > 1 else ():
            finite = np.isfinite(float64(guesses[part], "predictions", None)).all(1)
            if not finite.all():
                raise AccumulatorError(f"predictions: found NaN or Inf, first in row {part.start + int(np.argmin(finite))} of the batch; expected "
                                       "finite numbers")
        return parts

    def _values(self, targets):
        if self._classes is None:
            return float64(targets, "targets", self._targets)
        return labels_of(targets, self._classes, self._ignored)

    def _named(self, rows, values) -> dict:
        """Ignored rows may have any numbers, and count as zeros here."""
        if self._ignored is not None and (values == LEFT_OUT).any():
            rows = [with_zeros(found, values[:, 0] == LEFT_OUT) for found in rows]
        return {**{f"features of {name!r}": found for name, found in zip(self._features, rows)}, self._targets_name: values}

    @property
    def _targets_name(self) -> str:
        return "targets" if self._classes is None else "labels"

    @staticmethod
    def _require_rows(rows, values, what):
        if len(values) != len(rows[0]):
            raise AccumulatorError(f"{what}: found {len(values)} rows; expected {len(rows[0])}, as the features have")

    @_plain_errors
    def begin_look(self) -> None:
        """Begins a second look at the same rows, for what one look cannot give (nrc1_centered, nc4_disagreement,
        ncc_accuracy, nc1_unit, low floors): pass them to `look`, in the order in which they came, then `compute`."""
        self._require_some()
        self._core.begin_look()
        if self._passes is not None:
            self._passes.begin()

    @_plain_errors
    def look(self, features, targets) -> None:
        """Rows of a second look, as of `update`. Raises AccumulatorError where they turn out to be others than those of `update`; the second
        look is then given up. It counts for the next `compute` or `results` only."""
        self._require_some()
        rows, stream = self._batch(features, type_name(targets))
        values = self._values(targets)
        self._require_rows(rows, values, "targets" if self._classes is None else "labels")
        self._core.look(*with_bits(rows, stream), values)
        if self._passes is not None:
            try:
                self._passes.look(self._named(rows, values), self._targets_name)
            except AccumulatorError:
                self.end_look()
                raise

    @_plain_errors
    def end_look(self) -> None:
        """Gives up a second look, finished or not: the sums of the first one stay, and rows may be added."""
        self._require_some()
        self._core.end_look()

    @_plain_errors
    def merge(self, other: Accumulator) -> None:
        """Adds the rows of another accumulator of the same layers, weights and options, after these. Files: merge what `load` gives."""
        if not isinstance(other, Accumulator):
            raise AccumulatorError(f"found {type(other).__name__}; expected an Accumulator")
        for what, here, there in (("layers", self._features, other._features), ("targets", self._targets, other._targets),
                                  ("classes", self._classes, other._classes), ("ignore_label", self._ignored, other._ignored)):
            if here != there:
                raise AccumulatorError(f"found an accumulator whose {what} are {there}; expected {here}, as here")
        for one in (self, other):
            one._require_whole()
        self._require_type(other._target_type)
        if other._core is not None:
            core = self._made(other._target_type or "float64")
            self._torn = True  # until all of it is in
            try:
                core.merge(other._core)
            except _CORE_ERRORS:
                self._torn = False  # refused
                raise
            if self._passes is not None and other._passes is not None:
                self._passes.merge(other._passes)
            else:
                self._passes = None
            self._target_type = self._target_type or other._target_type
            self._batches += other._batches
            self._torn = False

    def reset(self) -> None:
        """Forgets all rows."""
        if self._core is not None:
            self._core.reset()
        self._passes, self._sound, self._torn, self._batches = Passes(), True, False, 0

    @_plain_errors
    def __deepcopy__(self, memo) -> Accumulator:
        """The same rows, to go on from by itself."""
        found = copy.copy(self)
        found._core = None if self._core is None else self._core.copy()
        found._passes = None if self._passes is None else self._passes.copy()
        return found

    def _require_whole(self) -> None:
        if self._torn:
            raise AccumulatorError("given up: an update ended in its middle, so that nobody knows which of its rows are in the sums; expected reset()")

    def _require_some(self) -> None:
        self._require_whole()
        if self._core is None or not self._core.rows:
            raise AccumulatorError("found no rows; expected update() first")

    @_plain_errors
    def set_weights(self, weights, biases=None) -> None:
        """In place of those so far, also of a loaded accumulator: as of the constructor. Layers that are not named keep theirs."""
        weights, biases, convolutions = self._checked_weights(weights, biases)
        for number, name in enumerate(self._features):
            if name in weights:
                self._made("float64").set_weight(number, weights[name], biases.get(name), name in convolutions)

    @_plain_errors
    def results(self, *, path: str = "", run: str = "", step=None, attributes=None, class_names=()) -> dict:
        """The results as `collapscope analyze -o FILE.json` writes them, parsed. class_names: of labels 0, 1 ... with per_class."""
        self._require_some()
        if isinstance(class_names, (str, bytes)):
            raise AccumulatorError(f"class_names: found the text {class_names!r:.80}; expected a list of texts, one for each label from 0 on")
        listed = list(attributes_of(attributes).items())
        return json.loads(self._core.compute(path, run, None if step is None else float(step), listed, list(class_names)))

    def compute(self, weights=None, biases=None, *, path: str = "", run: str = "", step=None, attributes=None, class_names=(),
                wide: bool = False):
        """A DataFrame of all metrics of the rows so far, as `collapscope.load` gives. What needs a second look is undefined, with
        that note, unless `look` has had all rows again. weights, biases: as of `set_weights`, which they stand for."""
        from .results import load
        if weights is not None or biases is not None:
            self.set_weights(weights, biases)
        return load(self.results(path=path, run=run, step=step, attributes=attributes, class_names=class_names), wide=wide)

    @_plain_errors
    def save(self, path) -> None:
        """Writes the sums to a file, whole or not at all; `collapscope merge FILE -o results.json` also reads it."""
        self._require_some()
        self._core.save(os.fspath(path))

    @classmethod
    @_plain_errors
    def load(cls, path, *, device: str = "cpu", threads: int = 0) -> Accumulator:
        """An accumulator that goes on from a file."""
        found = cls.__new__(cls)
        found._core = _core.Accumulator.load(os.fspath(path), device, threads)
        found._features = dict(zip(found._core.names, found._core.features))
        found._targets, found._classes = found._core.targets or None, found._core.classes or None
        found._ignored = found._core.ignore_label
        found._layers, found._options, found._device = None, None, device
        found._target_type = found._core.target_type
        found._passes, found._sound, found._torn, found._batches = None, True, False, 0  # a file has no sums that depend on the order
        return found
