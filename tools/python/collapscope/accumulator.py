"""Accumulator: the metrics of features and targets that come in batches, without a dump.

    sums = collapscope.Accumulator({"fc": 512}, targets=2, weights={"fc": model.fc.weight})
    for x, y in loader:
        sums.update({"fc": features(x)}, y)
    table = sums.compute()

It sums moments in float64 as the program does, and takes memory for matrices [d, d] only, however many rows come.
"""
from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

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


def _plain_errors(function):
    """Errors of the compiled part as this package's own."""
    @functools.wraps(function)
    def called(*arguments, **options):
        try:
            return function(*arguments, **options)
        except (_core.CoreUsageError, _core.CoreInputError, _core.CoreError) as error:
            raise AccumulatorError(str(error)) from None
    return called


def _is_torch(array) -> bool:
    return type(array).__module__.split(".")[0] == "torch"


def _on_cpu(array):
    """Something that the compiled part takes without a copy where that can be."""
    if _is_torch(array):
        return array.detach().cpu()
    return array if hasattr(array, "__dlpack__") and not isinstance(array, np.ndarray) else np.asarray(array)


def _matrix(array, what: str, cols: int | None):
    """[rows, cols] with its numbers one after the other."""
    found = _on_cpu(array)
    if found.ndim == 1 and cols in (1, None):
        found = found.reshape(-1, 1)
    if found.ndim != 2 or cols is not None and found.shape[1] != cols:
        raise AccumulatorError(f"{what}: found shape {list(found.shape)}; expected [rows, {cols if cols else 'd'}]")
    if _is_torch(found):
        return found.contiguous()
    if isinstance(found, np.ndarray):
        return np.ascontiguousarray(found if _is_bits(found) else found.astype(found.dtype.newbyteorder("="), copy=False))
    return found


def _is_bits(array) -> bool:
    """bfloat16 in NumPy: 2-byte void, or ml_dtypes' type."""
    return isinstance(array, np.ndarray) and array.dtype.itemsize == 2 and (array.dtype.kind == "V" or array.dtype.name == "bfloat16")


def _float64(array, what: str, cols: int | None) -> np.ndarray:
    found = _matrix(array, what, cols)
    if _is_bits(found):
        found = (found.view("<u2").astype("<u4") << 16).view("<f4")
    if _is_torch(found):
        return found.double().numpy()
    return np.ascontiguousarray(np.from_dlpack(found) if not isinstance(found, np.ndarray) else found, dtype=np.float64)


def _with_bits(rows):
    """Rows as the compiled part takes them, and which of them are the bits of bfloat16."""
    bits = [_is_bits(found) for found in rows]
    return [found.view("<u2") if is_bits else found for found, is_bits in zip(rows, bits)], bits


def _type_name(array) -> str:
    name = str(getattr(array, "dtype", "float64")).rsplit(".", 1)[-1]
    if name == "|V2":
        return "bfloat16"
    return {"half": "float16", "float": "float32", "double": "float64"}.get(name, name)


class Accumulator:
    """Sums of features and targets, from which `compute` gives every metric of regression.

    features: the number of features d, or {layer name: d} for several layers, input to output.
    targets: the number of target components n.
    weights: of the linear modules that the features go into: [m, d], or {layer name: [m, d]}; None: metrics that need them
        are undefined.
    kinds: {layer name: kind}, such as "linear".
    metrics, signal_dim, top, precision, memory (bytes), device, threads: as of `collapscope analyze`.

    The same rows in any batches give the bits of `collapscope analyze --looks 1` on a dump of them (up to 1,048,576 rows of at
    most 1024 features; the sums are asked for once, at the end). Not for several threads at the same time.
    Raises AccumulatorError, a ValueError.
    """

    @_plain_errors
    def __init__(self, features, targets: int, *, weights=None, kinds=None, metrics=None, signal_dim=None, top: int = 10,
                 precision: str = "float64", memory: int = 0, device: str = "cpu", threads: int = 0):
        self._features = dict(features) if isinstance(features, Mapping) else {"features": int(features)}
        self._targets = int(targets)
        if not isinstance(weights, Mapping):
            weights = {} if weights is None else {name: weights for name in self._features}
        unknown = [name for name in (*weights, *(kinds or {})) if name not in self._features]
        if unknown:
            raise AccumulatorError(f"found a weight or kind of {unknown[0]!r}; expected one of {', '.join(map(repr, self._features))}")
        self._layers = [
            _core.Layer(name, int(d), None if weights.get(name) is None else _float64(weights[name], f"weight of {name!r}", int(d)),
                        number, (kinds or {}).get(name) or "")
            for number, (name, d) in enumerate(self._features.items())]
        self._options = _core.Options()
        self._options.metrics = ",".join([metrics] if isinstance(metrics, str) else metrics or [])
        self._options.signal_dim = "" if signal_dim is None else str(signal_dim)
        self._options.top, self._options.precision, self._options.memory = top, precision, memory
        self._options.device, self._options.threads = device, threads
        self._core = None
        self._made("float64")  # says what does not fit at once
        self._core = None

    def _made(self, target_type: str):
        if self._core is None:
            self._core = _core.Accumulator(self._layers, self._targets, target_type, self._options)
        return self._core

    @property
    def rows(self) -> int:
        """How many rows have come."""
        return 0 if self._core is None else self._core.rows

    @property
    def layers(self) -> list[str]:
        return list(self._features)

    def _batch(self, features):
        batch = dict(features) if isinstance(features, Mapping) else {name: features for name in self._features}
        if set(batch) != set(self._features):
            odd = sorted(set(batch) ^ set(self._features))[0]
            raise AccumulatorError(f"found features of {', '.join(map(repr, batch))}; expected those of "
                                   f"{', '.join(map(repr, self._features))} (not so: {odd!r})")
        rows = [_matrix(batch[name], f"features of {name!r}", d) for name, d in self._features.items()]
        counts = {len(found) for found in rows}
        if len(counts) > 1:
            raise AccumulatorError(f"found {' and '.join(map(str, sorted(counts)))} rows in one batch; expected as many of every layer")
        return rows

    @_plain_errors
    def update(self, features, targets, predictions=None) -> None:
        """The next rows.

        features: [rows, d], or {layer name: [rows, d]}: NumPy arrays, PyTorch or JAX tensors of any float type or of integers. On
            the CPU they are not copied; tensors on a GPU are brought down.
        targets: [rows, n], or [rows] where n = 1. predictions: likewise, of the model; with all batches or with none.
        After an error in the middle of it only `reset` helps.
        """
        rows = self._batch(features)
        values = _float64(targets, "targets", self._targets)
        guesses = None if predictions is None else _float64(predictions, "predictions", self._targets)
        self._require_rows(rows, values, "targets")
        if guesses is not None:
            self._require_rows(rows, guesses, "predictions")
        self._made(_type_name(targets)).update(*_with_bits(rows), values, guesses)

    @staticmethod
    def _require_rows(rows, values, what):
        if len(values) != len(rows[0]):
            raise AccumulatorError(f"{what}: found {len(values)} rows; expected {len(rows[0])}, as the features have")

    @_plain_errors
    def begin_look(self) -> None:
        """Begins a second look at the same rows, for what one look cannot give (nrc1_centered, low floors): pass them to `look`, in
        the order in which they came, then `compute`."""
        self._require_some()
        self._core.begin_look()

    @_plain_errors
    def look(self, features, targets) -> None:
        """Rows of a second look, as of `update`."""
        self._require_some()
        rows = self._batch(features)
        values = _float64(targets, "targets", self._targets)
        self._require_rows(rows, values, "targets")
        self._core.look(*_with_bits(rows), values)

    @_plain_errors
    def merge(self, other: Accumulator) -> None:
        """Adds the rows of another accumulator of the same layers, weights and options, after these."""
        if not isinstance(other, Accumulator):
            raise AccumulatorError(f"found {type(other).__name__}; expected an Accumulator")
        if other._features != self._features or other._targets != self._targets:
            raise AccumulatorError("found an accumulator of other layers or targets; expected the same")
        if other._core is not None:
            self._made("float64").merge(other._core)

    def reset(self) -> None:
        """Forgets all rows."""
        if self._core is not None:
            self._core.reset()

    def _require_some(self) -> None:
        if self._core is None or not self._core.rows:
            raise AccumulatorError("found no rows; expected update() first")

    @_plain_errors
    def results(self, *, path: str = "", run: str = "", step=None, attributes=None) -> dict:
        """The results as `collapscope analyze -o FILE.json` writes them, parsed."""
        self._require_some()
        listed = [(str(name), value if isinstance(value, (bool, int, float, str)) else str(value))
                  for name, value in (attributes or {}).items()]
        return json.loads(self._core.compute(path, run, None if step is None else float(step), listed))

    def compute(self, *, path: str = "", run: str = "", step=None, attributes=None, wide: bool = False):
        """A DataFrame of all metrics of the rows so far, as `collapscope.load` gives. What needs a second look is undefined, with
        that note, unless `look` has had all rows again."""
        from .results import load
        return load(self.results(path=path, run=run, step=step, attributes=attributes), wide=wide)

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
        found._targets = found._core.targets
        found._layers, found._options = None, None
        return found
