"""Recorder: the inputs of a model's layers, its predictions and the targets, batch by batch, as one dump.

Needs PyTorch 1.13 or later and h5py. docs/record.md shows how to use it, docs/format.md what it writes.
"""
from __future__ import annotations

import contextlib
import warnings
import weakref
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import torch

from . import _layers, _model, _pool
from ._dump import DumpWriter, check_options, check_predictions, check_targets
from ._tensors import DTYPES, to_numpy


@dataclass
class Call:
    """One call of a layer in a forward pass: its input as it will be stored, and the shape it had."""

    layer: _layers.Layer
    rows: np.ndarray
    attributes: dict
    shape: tuple


class Recorder:
    """Records a model's layers into one dump; a context manager.

        with Recorder(model, "epoch_0010.h5", attributes={"run": "wd1e-3", "step": 10}) as rec:
            for x, y in loader:
                rec.add(x, y)

    The file appears under its name when the `with` block ends, whole; an exception leaves none, and an existing file is
    replaced only then. Between the calls and afterwards the model is as it was: modes, hooks, gradients, buffers, wrappers.

    model: any torch.nn.Module; DataParallel, DistributedDataParallel and torch.compile are looked through, at any depth.
    path: of the file; its folder is made if missing.
    layers: None: every Linear, Conv1d, Conv2d and transformers' Conv1D that the first forward pass calls. Or a name, a glob,
        a module, or a list of these, or a predicate (name, module) -> bool. What is named must take part in the forward
        pass; what only fits a glob or a predicate is left out with a warning if it does not. A module called several times
        in one pass is several layers: fc, fc#2, fc#3 ...
    task: "regression" (targets [N] or [N, n]) or "classification" (targets [N], integers).
    attributes: of the file, strings and numbers: run, step, weight_decay, lambda_w, lambda_h ...
    pool: how sequences [N, T, D] and images [N, C, H, W] become rows [N, d]: "mean", "max", "first", "last"; or "keep",
        "none", "flatten", which store them whole, for the program to pool. Or a dict {glob: pool}; the rest is "mean".
    dtype: of the stored activations: "float16", "bfloat16", "float32", "float64", or None: as they are.
    compression: None (fastest to read) or "gzip".
    output: a function of what the model returns, giving the predictions [N] or [N, n], or None to store none.
        By default a tensor is taken as it is, and `.logits` of what transformers return.
    batch_first: False for models whose sequences are [T, N, D].
    allow_nonfinite: keep NaN and Inf, which the program later refuses.
    Raises ValueError for what does not fit, with file, layer, what was found and expected.
    """

    def __init__(self, model, path, layers=None, task="regression", attributes=None, *, pool="mean", dtype=None,
                 compression=None, output=None, batch_first=True, allow_nonfinite=False):
        if dtype not in DTYPES:
            raise ValueError(f"{path}: dtype: found {dtype!r}; expected one of {', '.join(map(repr, DTYPES))}")
        self._pools = dict(pool) if isinstance(pool, Mapping) else {"*": pool}
        for name in self._pools.values():
            if name not in _pool.POOLS:
                raise ValueError(f"{path}: pool: found {name!r}; expected one of {', '.join(_pool.POOLS)}")
        check_options(path, task, attributes, compression)
        self.path, self._task = path, task
        self._model, self._dtype, self._output, self._batch_first = model, DTYPES[dtype], output, batch_first
        with _model.plain(model) as root:
            self._chosen = _layers.choose(root, layers)
        self._options = (path, task, attributes, compression, allow_nonfinite)
        self._writer: DumpWriter | None = None
        self._captured: list[Call] | None = None  # of one forward pass
        self._layers: dict[str, _layers.Layer] = {}  # by recorded name, in the order of the calls
        self._weights: list = []  # (layer, tensor, its version) at the first batch
        self._closed = False
        self._failure: BaseException | None = None  # in the middle of a batch
        self.samples = 0

    @property
    def layers(self) -> list[str]:
        """Names of the recorded layers, in the order of the first forward pass; empty before it."""
        return list(self._layers)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None:
            self.close()
        else:
            self.abort()

    def close(self) -> None:
        """Completes the file. Raises ValueError when no sample was added, or after an error in the middle of a batch."""
        self._require_no_failure()
        if self._closed:
            return
        self._closed = True
        if self._writer is None:
            raise ValueError(f"{self.path}: found no samples; expected at least one call of add()")
        self._writer.close()

    def _require_no_failure(self) -> None:
        if self._failure is not None:
            raise ValueError(f"{self.path}: given up after an error: {self._failure}") from self._failure

    def abort(self) -> None:
        """Gives up; nothing stays."""
        self._closed = True
        if self._writer is not None:
            self._writer.abort()

    def add(self, x=None, y=None, *, mask=None, predictions=None) -> None:
        """One batch: runs the model on x in eval mode and without gradients, and stores all layers, predictions and targets.

        x: a tensor, a tuple (positional arguments) or a mapping (keyword arguments); moved to the model's device. None if you
            ran the model yourself, inside `with rec.watch():`.
        y: targets, [N] or [N, n].
        mask: [N, T], nonzero for the positions of sequences that count; every sample needs one.
        predictions: [N] or [N, n]; instead of what the model returned.
        Raises ValueError, and then this batch has left no trace.
        """
        self._require_no_failure()
        if self._closed:
            raise ValueError(f"{self.path}: add() after the recording has ended")
        if y is None:
            raise ValueError(f"{self.path}: targets: found None; expected y of shape [N] or [N, n]")
        if x is not None:
            predictions = self._run(x, mask, predictions)
        elif mask is not None:
            raise ValueError(f"{self.path}: mask: found in add() without x; expected in watch(mask=...)")
        elif self._captured is None:
            raise ValueError(f"{self.path}: found no forward pass; expected x, or a call of the model inside `with "
                             "rec.watch():`")
        captured, self._captured = self._captured, None
        # Copies: small batches wait in memory, and the caller may use his for the next one.
        arrays = {"targets": np.array(to_numpy(y))}
        check_targets(self.path, self._task, arrays["targets"])
        if predictions is not None:
            arrays["predictions"] = np.array(to_numpy(predictions))
            check_predictions(self.path, self._task, arrays["predictions"].shape, arrays["targets"].shape)
        elif self.samples and "predictions" in self._writer.rows:
            raise ValueError(f"{self.path}: predictions: found none from sample {self.samples} on; expected some, as before")
        self._store(arrays, self._name_calls(captured))

    @contextlib.contextmanager
    def watch(self, mask=None):
        """Records the one forward pass that you run inside; then call add(y=..., predictions=...). Mode, gradients and
        autocast are yours. Run the model itself: neither compiled graphs nor the replicas of DataParallel can be recorded."""
        mask = None if mask is None else self._mask(mask)
        captured = []
        hooks = [layer.module.register_forward_pre_hook(self._hook(layer, mask, captured), **_with_kwargs())
                 for layer in self._chosen]
        try:
            yield self
            self._captured = captured
        finally:
            for hook in hooks:
                hook.remove()

    def _mask(self, mask) -> torch.Tensor:
        mask = torch.as_tensor(mask) != 0
        if mask.ndim != 2:
            raise ValueError(f"{self.path}: mask: found shape {list(mask.shape)}; expected [N, T]")
        empty = ~mask.any(1)
        if empty.any():
            raise ValueError(f"{self.path}: mask: sample {self.samples + int(empty.nonzero()[0])} has no position that counts; "
                             "expected at least one")
        return mask

    def _run(self, x, mask, predictions):
        """One forward pass of the bare model. Returns the predictions."""
        with contextlib.ExitStack() as stack:
            root = stack.enter_context(_model.plain(self._model))
            stack.enter_context(_model.same_random())
            stack.enter_context(_model.same_buffers(root))
            stack.enter_context(_model.evaluating(root))
            stack.enter_context(self.watch(mask))
            device = _model.only_device(root)
            if isinstance(x, Mapping):
                x = dict(x)
            if device is not None:
                x = _model.to_device(x, device)
            result = root(*x) if isinstance(x, tuple) else root(**x) if isinstance(x, dict) else root(x)
            if predictions is None:
                predictions = self._predictions_of(result)
            # Copied here: what the model returned may be a buffer that is put back.
            return None if predictions is None else np.array(to_numpy(predictions))

    def _predictions_of(self, result):
        if self._output is not None:
            return self._output(result)
        if isinstance(result, torch.Tensor):
            return result
        logits = getattr(result, "logits", None)
        if isinstance(logits, torch.Tensor):
            return logits
        raise ValueError(f"{self.path}: predictions: the model returned {type(result).__name__}; expected a tensor, or "
                         "output=, a function that picks one")

    def _pool_of(self, name: str) -> str:
        return next((pool for pattern, pool in self._pools.items() if fnmatchcase(name, pattern)), "mean")

    def _hook(self, layer, mask, captured):
        """A forward pre-hook that keeps the layer's input as it will be stored, copied: later modules may change it."""
        pool = self._pool_of(layer.name)

        def keep(module, args, kwargs=None):
            where = f"{self.path}: layers/{layer.name}"
            if module is not layer.module:
                raise ValueError(f"{where}: called as a replica of DataParallel; expected a call of the bare model "
                                 "(model.module)")
            x = args[0] if args else next(iter((kwargs or {}).values()), None)
            if not isinstance(x, torch.Tensor):
                raise ValueError(f"{where}: found an input of type {type(x).__name__}; expected a tensor")
            with torch.no_grad():
                x = x.detach()
                try:
                    rows, attributes = _pool.as_rows(x, layer.kind, pool, None if mask is None else mask.to(x.device),
                                                     self._batch_first)
                except ValueError as error:
                    raise ValueError(f"{where}: {error}") from None
                if self._dtype is not None and rows.is_floating_point():
                    rows = rows.to(self._dtype)
                rows = rows.to("cpu", copy=True, memory_format=torch.contiguous_format)
            captured.append(Call(layer, to_numpy(rows), attributes, tuple(x.shape)))

        return keep

    def _name_calls(self, captured: list[Call]) -> dict[str, Call]:
        """The calls by recorded name: the k-th of a module is NAME#k. The same in every batch."""
        calls = Counter()
        named = {}
        for call in captured:
            name = call.layer.name
            calls[name] += 1
            named[name if calls[name] == 1 else f"{name}#{calls[name]}"] = call
        if self.samples:
            for name in [*self._layers, *named]:
                if (name in self._layers) != (name in named):
                    raise ValueError(f"{self.path}: layers/{name}: found {'a' if name in named else 'no'} call in the "
                                     f"batch from sample {self.samples} on; expected the calls of the first batch")
            return named
        unused = [layer for layer in self._chosen if not calls[layer.name]]
        for layer in unused:
            if layer.required:
                raise ValueError(f"{self.path}: layers/{layer.name}: found no call in the forward pass; expected one, as "
                                 "it was named in layers=")
        if not named:
            raise ValueError(f"{self.path}: layers: none of the {len(self._chosen)} modules was called in the forward pass")
        if unused:
            warnings.warn(f"{self.path}: left out, as the forward pass does not call them: "
                          + ", ".join(layer.name for layer in unused), stacklevel=3)
        return named

    def _store(self, arrays: dict, calls: dict[str, Call]) -> None:
        """Checks all, then stores all."""
        first = self._writer is None
        samples = len(arrays["targets"])
        hints = {f"layers/{name}/activations": self._hint(call, samples) for name, call in calls.items()}
        arrays.update((f"layers/{name}/activations", call.rows) for name, call in calls.items())
        if first:
            self._writer = DumpWriter(*self._options)
            weakref.finalize(self, self._writer.abort)  # for those who never close it
        try:
            for name, rows in arrays.items():
                if len(rows) != samples:
                    raise ValueError(f"{self.path}: {name}: found {len(rows)} samples in a batch; expected {samples}, as the "
                                     f"targets have{hints.get(name, '')}")
                if not first and name not in self._writer.rows:
                    raise ValueError(f"{self.path}: {name}: found from sample {self.samples} on; expected in no batch, as "
                                     "before")
                self._writer.check(name, rows)
            self._check_weights()
        except ValueError:
            if first:
                self._writer.abort()
                self._writer = None
            raise
        try:
            if first:
                self._begin(calls)
            for name, rows in arrays.items():
                self._writer.append(name, rows)
        except BaseException as error:  # some datasets may have these rows and others not
            self._failure = error
            self.abort()
            raise
        self.samples += samples

    def _hint(self, call: Call, samples: int) -> str:
        swapped = self._batch_first and len(call.shape) > 2 and call.shape[1] == samples
        return " (batch_first=False if sequences are [T, N, D])" if swapped else ""

    def _begin(self, calls: dict[str, Call]) -> None:
        """Groups, weights and biases, after the first forward pass."""
        for index, (name, call) in enumerate(calls.items()):
            layer = self._layers[name] = call.layer
            self._writer.group(f"layers/{name}", index=index, kind=layer.kind or None, **call.attributes)
            features = call.rows.shape[1 if call.rows.ndim == 4 else -1]  # 4 axes: NCHW
            with torch.no_grad():
                weight = _layers.weight_of(layer, features)
                bias = None if weight is None else _layers.bias_of(layer, weight.shape[0])
            if weight is not None:
                self._writer.array(f"layers/{name}/weight", to_numpy(weight))
            if bias is not None:
                self._writer.array(f"layers/{name}/bias", to_numpy(bias))
            parameter = layer.module._parameters.get("weight")
            if parameter is not None:
                self._weights.append((name, parameter, _model.version(parameter)))

    def _check_weights(self) -> None:
        """All batches must be of one model: PyTorch counts changes of a parameter in place, as an optimizer makes them."""
        for name, parameter, version in self._weights:
            if _model.version(parameter) != version:
                raise ValueError(f"{self.path}: layers/{name}/weight: found changed after sample {self.samples}; expected no "
                                 "training while a dump is recorded")


def _with_kwargs() -> dict:
    """Since PyTorch 2.0 hooks can see keyword arguments."""
    return {"with_kwargs": True} if int(torch.__version__.split(".")[0]) >= 2 else {}

