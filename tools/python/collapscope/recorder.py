"""Recorder: the inputs of a model's layers, its predictions and the targets, batch by batch, as one dump.

Needs PyTorch 1.13 or later and h5py. docs/record.md shows how to use it, docs/format.md what it writes.
"""
from __future__ import annotations

import contextlib
import difflib
import numbers
import warnings
import weakref
from collections.abc import Mapping

from .errors import optional

optional("torch", "recording", "record")
import numpy as np
import torch

from . import _layers, _model, _pool, _positions, _shards, _weights
from ._calls import Call, Pass, Watcher, by_name
from ._doubts import PROBABILITIES, are_probabilities
from ._dump import DumpWriter, check_class_names, check_options, check_predictions, check_targets, look_like_labels, with_ending
from ._tensors import DTYPES, to_numpy
from .text import fitting

_COMPILED = "compiled graphs and the replicas of DataParallel cannot be seen"


class Recorder:
    """Records a model's layers into one dump; a context manager.

        with Recorder(model, "epoch_0010.h5", attributes={"run": "wd1e-3", "step": 10}) as rec:
            for x, y in loader:
                rec.add(x, y)

    The file appears under its name when the `with` block ends, whole; an exception leaves none, and an existing file is
    replaced only then. Between the calls and afterwards the model is as it was: modes, hooks, gradients, buffers, wrappers.

    model: any torch.nn.Module; DataParallel, DistributedDataParallel and torch.compile are looked through, at any depth.
    path: of the file; its folder is made if missing, and a name without an ending gets .h5.
    layers: None: every Linear, Conv1d to Conv3d, ConvTranspose1d to 3d and transformers' Conv1D that the first forward pass
        calls; a warning names the modules that have other weights. Or a name, a glob, a regular expression (re.compile), a
        class, a module, a predicate (name, module) -> bool, or a list of these. What is named must take part in the forward
        pass; what only fits is left out with a warning if it does not. A module called several times in one pass is several
        layers: fc, fc#2, fc#3 ...
    task: "regression" (targets [N] or [N, n]) or "classification" (targets [N], integers; the predictions are logits [N, K]).
    attributes: of the file, strings and numbers: run, step, weight_decay, lambda_w, lambda_h ...
    exclude: modules to leave out, with all that is in them; as `layers`.
    pool: how sequences [N, T, D] and images [N, C, H, W] become rows [N, d]: "mean", "max", "first", "last"; or "keep",
        "none", "flatten", which store them whole, for the program to pool. Or a dict {glob: pool}; the rest is "mean".
        "none" also takes a target for every position: [N, T, n], [N, n, H, W]; labels [N, T], [N, H, W]. Then every position
        is a sample of its own.
    dtype: of the stored activations: "float16", "bfloat16", "float32", "float64", or None: as they are.
    compression: None (fastest to read) or "gzip".
    output: a function of what the model returns, giving the predictions, shaped like the targets, or None to store none.
        By default a tensor is taken as it is, and `.logits` of what transformers return.
    batch_first: False for models whose sequences are [T, N, D]; None: they are [N, T, D], unless that cannot be told.
    autocast: "bfloat16" or "float16": run the model in this mixed precision, as training does; None: as the caller does.
    allow_nonfinite: keep NaN and Inf, which the program later refuses.
    class_names: of a classification: a text for each label from 0 on, which the program shows.
    ignore_label: of a classification: samples with this label (positions, with pool="none") are not recorded, and nothing of a
        batch that has no other; -100 is PyTorch's.
    Raises ValueError for what does not fit, with file, layer, what was found and expected.
    """

    _WATCHES, _ADDS = "rec.watch()", "add()"  # what people call, for messages

    def __init__(self, model, path, layers=None, task="regression", attributes=None, *, exclude=None, pool="mean", dtype=None,
                 compression=None, output=None, batch_first=None, autocast=None, allow_nonfinite=False, class_names=None,
                 ignore_label=None):
        self.path = path = self._checked(path)
        for name, value in (("dtype", dtype), ("autocast", autocast)):
            if value not in DTYPES or name == "autocast" and value in ("float32", "float64"):
                known = [key for key in DTYPES if name == "dtype" or key not in ("float32", "float64")]
                raise ValueError(f"{path}: {name}: found {value!r}; expected one of {', '.join(map(repr, known))}")
        if output is not None and not callable(output):
            raise ValueError(f"{path}: output: found {output!r}; expected a function of what the model returns")
        self._pools: dict[str, str] = {}  # by layer
        pools = dict(pool) if isinstance(pool, Mapping) else {"*": pool}
        for name in pools.values():
            if name not in _pool.POOLS:
                raise ValueError(f"{path}: pool: found {name!r}; expected one of {', '.join(_pool.POOLS)}")
        if batch_first is not None and not isinstance(batch_first, (bool, np.bool_)):
            raise ValueError(f"{path}: batch_first: found {batch_first!r:.80}; expected True, False or None")
        check_options(path, task, attributes, compression)
        self._class_names = check_class_names(path, task, class_names)
        if ignore_label is not None and (task != "classification" or not isinstance(ignore_label, numbers.Integral)):
            raise ValueError(f"{path}: ignore_label: found {ignore_label!r} for task {task!r}; expected a whole number for "
                             "task='classification'")
        self._ignore_label = ignore_label
        self._task, self._attributes = task, dict(attributes or {})
        self._model, self._output, self._autocast = model, output, DTYPES[autocast]
        self._batch_first = None if batch_first is None else bool(batch_first)
        if not isinstance(model, torch.nn.Module):
            raise ValueError(f"{path}: model: found {type(model).__name__}; expected a torch.nn.Module")
        with _model.plain(model) as root:
            if any(map(_model.is_sharded, root.modules())):
                raise ValueError(f"{path}: model: found one whose parameters are sharded (FSDP, DeepSpeed); expected a whole copy, such as "
                                 "one that has loaded its full state_dict")
            self._chosen = _layers.choose(root, layers, exclude)
            self._all_but = (exclude,) if layers is None else None  # of all layers those that are left out
            self.left_out = _layers.left_out(root, exclude) if layers is None else {}
            self._time_first = [name for name, module in root.named_modules()
                                if isinstance(module, _layers.TIME_FIRST) and not module.batch_first]
        self._set_pools(pools)
        self._modules: list | None = None  # of the model without wrappers, once a pass ran
        self._watcher = Watcher(path, self._chosen, self._pool_of, DTYPES[dtype], self._batch_first is not False, self._stays)
        self._positions = all(hook.pool == "none" for hook in self._watcher.hooks)  # may each have a target
        self._options = (compression, allow_nonfinite)
        self._writer: DumpWriter | None = None
        self._captured: Pass | None = None  # that is still to be added
        self._layers: dict[str, _layers.Layer] = {}  # by recorded name, in the order of the calls
        self._layouts: dict[str, str] = {}  # of targets and predictions for every position, once a batch told
        self._weights = _weights.Unchanged()
        self._lent: dict[str, _weights.Used] = {}  # weights that are not of the module, as of functional_call
        self._closed = self._quiet = False
        self._told: set[str] = set()  # what was warned of already
        self._failure: BaseException | None = None  # in the middle of a batch
        self._random = _model.OwnRandom()  # of the passes that it runs
        self._ran = False  # the last one was its own
        self.samples = 0

    def _set_pools(self, pools: dict) -> None:
        """pools: by pattern, each of which must fit a layer; of several that fit one the first counts."""
        names = [layer.name for layer in self._chosen]
        for pattern, pool in pools.items():
            found = fitting(pattern, names) if isinstance(pattern, str) else []
            if not found:
                near = difflib.get_close_matches(str(pattern), names, 1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                raise ValueError(f"{self.path}: pool: found no layer that fits {pattern!r}{hint}; expected one of {_layers.listed(names)}, or a "
                                 "glob of them")
            for name in found:
                self._pools.setdefault(name, pool)

    @staticmethod
    def _stays(rows: torch.Tensor) -> bool:
        return False  # h5py writes from the CPU

    def _checked(self, path):
        path = with_ending(path)
        _shards.require_own_path(path)
        return path

    def _new_writer(self, attributes: dict):
        writer = DumpWriter(self.path, self._task, attributes, *self._options)
        weakref.finalize(self, _not_closed, writer)
        return writer

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
            left_out = "" if self._ignore_label is None else f" with another label than the ignored {self._ignore_label}"
            raise ValueError(f"{self.path}: found no samples{left_out}; expected at least one call of add()")
        self._writer.close()

    def _require_no_failure(self) -> None:
        if self._failure is not None:
            raise ValueError(f"{self.path}: given up after an error: {str(self._failure) or type(self._failure).__name__}") from self._failure

    def abort(self) -> None:
        """Gives up; nothing stays."""
        self._closed = True
        if self._writer is not None:
            self._writer.abort()

    def add(self, x=None, y=None, *, mask=None, predictions=None) -> None:
        """One batch: runs the model on x in eval mode and without gradients, and stores all layers, predictions and targets.

        x: a tensor, a tuple (positional arguments) or a mapping (keyword arguments); moved to the model's device. None if you
            ran the model yourself, inside `with rec.watch():`.
        y: targets, [N] or [N, n]; with pool="none" also [N, T, n] or [N, n, H, W], one for every position.
        mask: [N, T], nonzero for the positions of sequences that count; every sample needs one.
        predictions: shaped like y; instead of what the model returned.
        Raises ValueError, and then this batch has left no trace.
        """
        self._add(x, y, mask, predictions)

    def _add(self, x, y, mask=None, predictions=None, keep: int | None = None) -> int:
        """keep: only the first samples of the batch are stored, at most so many. Returns how many it has."""
        self._require_no_failure()
        if self._closed:
            raise ValueError(f"{self.path}: add() after the recording has ended")
        if y is None:
            raise ValueError(f"{self.path}: targets: found None; expected y of shape [N] or [N, n]")
        # Copies: small batches wait in memory, and the caller may use his for the next one.
        arrays = {"targets": np.array(to_numpy(y))}
        positions = _positions.wanted(self._task, arrays["targets"]) and self._positions
        if not positions:
            self._check_targets(arrays["targets"])
        swapped = positions and self._batch_first is False  # as the model has them
        if swapped:
            arrays["targets"] = arrays["targets"].swapaxes(0, 1)
        made: dict[str, str] = {}  # layouts that are known from who made them
        if x is not None:
            predictions = self._run(x, mask, predictions, positions, made)
        elif mask is not None:
            raise ValueError(f"{self.path}: mask: found in {self._ADDS} without x; expected in watch(mask=...)")
        elif self._captured is None:
            raise ValueError(f"{self.path}: found no forward pass; expected x, or a call of the model itself inside `with {self._WATCHES}:`; "
                             f"{_COMPILED}")
        run, self._captured = self._captured, None
        mask, calls = run.mask, by_name(run.calls)
        self._require_same_weights(run.weights)
        self._require_same_calls(calls)
        self._tell_of_parts(run, calls)
        if predictions is not None:
            arrays["predictions"] = np.array(to_numpy(predictions))
            if swapped:
                arrays["predictions"] = arrays["predictions"].swapaxes(0, 1)
            if not positions:
                self._check_predictions(arrays, self._positions)
        samples = len(arrays["targets"])
        self._require_samples(samples, calls)
        if keep is not None and keep < samples:
            arrays = {name: values[:keep] for name, values in arrays.items()}
            mask = None if mask is None else mask[:keep]
            for call in calls.values():
                call.rows = call.rows[:keep]
        if positions:
            # Time first, one is [T, N, n]. Else the shape of some batch tells, or who made the predictions.
            layouts = dict.fromkeys(arrays, "last") if swapped else {**made, **self._layouts}
            if not _positions.as_samples(self.path, self._task, arrays, calls, None if mask is None else mask.cpu().numpy(),
                                         self._ignore_label, layouts):
                return samples
        else:
            _positions.refuse_ambiguous(self.path, arrays["targets"], calls)
            stored = next((name for name, call in calls.items() if call.attributes.get("layout") == "NTD"), None)
            if mask is not None and stored is not None:
                raise ValueError(f"{self.path}: layers/{stored}: {_pool.no_mask('none')}")
            if not self._leave_out(arrays, calls):
                return samples
        if predictions is not None:
            self._check_predictions(arrays)  # in rows
        elif self.samples and "predictions" in self._writer.rows:
            raise ValueError(f"{self.path}: predictions: found none from sample {self.samples} on; expected some, as before")
        self._ran = x is not None
        self._store(arrays, calls, positions)
        if positions and not swapped:
            self._layouts = layouts
        return samples

    def _leave_out(self, arrays: dict, calls: dict[str, Call]) -> bool:
        """The samples with the ignored label. Whether any other is left."""
        if self._ignore_label is None:
            return True
        kept = np.flatnonzero(arrays["targets"] != self._ignore_label)
        if len(kept) < len(arrays["targets"]):
            arrays.update((name, values[kept]) for name, values in arrays.items())
            for call in calls.values():
                call.rows = call.rows[kept]
        return bool(kept.size)

    def _check_predictions(self, arrays: dict, may_be_of_positions: bool = False) -> None:
        found, targets = arrays["predictions"].shape, arrays["targets"].shape
        try:
            check_predictions(self.path, self._task, found, targets, look_like_labels(arrays["targets"]), "output=lambda result: None")
        except ValueError as error:
            hint = may_be_of_positions and self._task == "regression" and len(targets) == 2 and found == (*targets, 1)
            raise ValueError(f"{error}" + (f"; a target for each position takes y of shape {list(found)} (y.unsqueeze(-1))" if hint else "")) from None

    def _check_targets(self, targets: np.ndarray) -> None:
        try:
            check_targets(self.path, self._task, targets)
        except ValueError as error:
            more = _positions.wanted(self._task, targets)
            raise ValueError(f"{error}" + (", or pool='none' for one target per position" if more else "")) from None

    @contextlib.contextmanager
    def watch(self, mask=None):
        """Records the one forward pass that you run inside; then call add(y=..., predictions=...). Mode, gradients and
        autocast are yours. Run the model itself: neither compiled graphs nor the replicas of DataParallel can be recorded."""
        noted = None if self._layers else _weights.Unchanged()  # afterwards each batch is compared with the first
        with self._watching(None if mask is None else self._mask(mask, self._positions), noted):
            yield self

    @contextlib.contextmanager
    def _watching(self, mask, noted=None):
        """noted: takes down the weights as the pass uses them."""
        run, self._captured = Pass(mask, noted), None
        with self._watcher.on(_model.unwrap(self._model), run, weights=not self._layers):
            yield run
        if run.count > 1:
            raise ValueError(f"{self.path}: found {run.count} forward passes inside `with {self._WATCHES}:`; expected one, and "
                             f"{self._ADDS} after each")
        self._captured = run

    def _mask(self, mask, positions: bool) -> torch.Tensor:
        """positions: it may have any shape, and leave out whole samples."""
        mask = torch.as_tensor(mask)
        if mask.is_floating_point() and (mask < 0).any():
            raise ValueError(f"{self.path}: mask: found negative numbers, as of a mask that is added to scores; expected nonzero for the positions "
                             "that count, such as mask == 0 of that one")
        mask = mask != 0
        if positions:
            return mask
        if mask.ndim != 2:
            raise ValueError(f"{self.path}: mask: found shape {list(mask.shape)}; expected [N, T]")
        empty = ~mask.any(1)
        if empty.any():
            raise ValueError(f"{self.path}: mask: sample {self.samples + int(empty.nonzero()[0])} has no position that counts; "
                             "expected at least one")
        return mask

    def _run(self, x, mask, predictions, positions: bool, made: dict):
        """One forward pass of the bare model. Returns the predictions, and in `made` their layout if their maker tells."""
        with contextlib.ExitStack() as stack:
            root = stack.enter_context(_model.plain(self._model))
            if self._modules is None:
                self._modules = list(root.modules())
            device = _model.only_device(self._modules)
            stack.enter_context(self._random.drawing())
            stack.enter_context(_model.same_buffers(self._modules))
            stack.enter_context(_model.same_attributes(self._modules))
            stack.enter_context(_model.evaluating(self._modules))
            stack.enter_context(_model.precision(device, self._autocast))
            run = stack.enter_context(self._watching(None if mask is None else self._mask(mask, positions)))
            stack.enter_context(run.alone())
            if isinstance(x, Mapping):
                x = dict(x)
            if device is not None:
                x = _model.to_device(x, device)
            result = root(*x) if isinstance(x, tuple) else root(**x) if isinstance(x, dict) else root(x)
            if predictions is None:
                predictions = self._predictions_of(result)
                if self._output is None and _is_of_transformers(result):
                    made["predictions"] = "last"  # [N, T, K]
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
        return self._pools.get(name, "mean")

    def _require_same_calls(self, calls: dict[str, Call]) -> None:
        """The same in every batch; in the first, all that was named."""
        if self.samples:
            for name in [*self._layers, *calls]:
                if (name in self._layers) != (name in calls):
                    raise ValueError(f"{self.path}: layers/{name}: found {'a' if name in calls else 'no'} call in the "
                                     f"batch from sample {self.samples} on; expected the calls of the first batch")
            return
        unused = [layer for layer in self._chosen if layer.name not in calls]
        for layer in unused:
            if layer.required:
                raise ValueError(f"{self.path}: layers/{layer.name}: found no call in the forward pass; expected one, as "
                                 "it was named in layers=")
        if not calls:
            raise ValueError(f"{self.path}: layers: none of the {len(self._chosen)} modules was called in the forward pass; {_COMPILED}")
        if unused and not self._quiet:
            warnings.warn(f"{self.path}: left out, as the forward pass does not call them: "
                          + ", ".join(layer.name for layer in unused), stacklevel=4)
        if self.left_out and not self._quiet:
            what = ", ".join(f"{name} ({kind})" for name, kind in self.left_out.items())
            warnings.warn(f"{type(_model.unwrap(self._model)).__name__}: left out, as no single weight meets their input: {what}. "
                          "Named in layers=, they are recorded without a weight; named in exclude=, nothing is said.",
                          stacklevel=4)

    def _tell_of_parts(self, run: Pass, calls: dict[str, Call]) -> None:
        """Where parts of the model are called, and not the model, nobody sees where a pass ends."""
        again = [name for name, call in calls.items() if name != call.layer.name]
        if again and run.count == 0 and not self.samples and not self._quiet:
            name = calls[again[0]].layer.name
            warnings.warn(f"{self.path}: layers/{name}: found several calls, and none of the whole model, so that one pass cannot be told from two; "
                          f"they count as layers of one pass, {name} and {again[0]}. Expected one call of the model inside `with {self._WATCHES}:`",
                          stacklevel=4)

    def _require_samples(self, samples: int, calls: dict[str, Call]) -> None:
        """As many in every layer as there are targets."""
        other = [name for name, call in calls.items() if len(call.rows) != samples]
        if other:
            call = calls[other[0]]
            swapped = self._batch_first is not False and len(call.shape) > 2 and call.shape[1] == samples
            hint = " (batch_first=False if sequences are [T, N, D])" if swapped else (
                f". Modules that see windows, patches or heads as samples are left out by exclude={_layers.exclusion(other)}")
            raise ValueError(f"{self.path}: layers/{other[0]}/activations: found {len(call.rows)} samples in a batch; expected "
                             f"{samples}, as the targets have{hint}")
        if self._batch_first is None and self._time_first and not self.samples:
            for name, call in calls.items():
                if call.layer.kind in ("linear", "") and len(call.shape) == 3 and call.shape[0] == call.shape[1] and not isinstance(
                        call.layer.module, _layers.TIME_FIRST):
                    raise ValueError(f"{self.path}: layers/{name}: found an input of shape {list(call.shape)}, as many samples as "
                                     f"positions, and {self._time_first[0]} has batch_first=False; expected batch_first=True or "
                                     "False to say which is which")

    def _require_same_weights(self, noted: _weights.Unchanged | None) -> None:
        """noted: the weights at the time of the first pass, where one ran by itself. The later ones are compared with these."""
        if self._layers:
            return
        self._weights = noted or _weights.Unchanged()
        changed = self._weights.changed()
        if changed is not None:
            raise ValueError(f"{self.path}: layers/{changed}/weight: found changed between the forward pass and {self._ADDS}; expected the weights "
                             f"of the pass: call {self._ADDS} before optimizer.step()")

    def _store(self, arrays: dict, calls: dict[str, Call], positions: bool) -> None:
        """Checks all, then stores all."""
        first = self._writer is None
        samples = len(arrays["targets"])
        predictions = {name: arrays.pop(name) for name in ("predictions",) if name in arrays}
        arrays.update((f"layers/{name}/activations", call.rows) for name, call in calls.items())
        arrays.update(predictions)  # last: a NaN is said of the first layer that has it
        if first:
            extra = {"sample": "position"} if positions and "sample" not in self._attributes else {}
            self._writer = self._new_writer({**self._attributes, **extra})
        try:
            for name, rows in arrays.items():
                if not first and name not in self._writer.rows:
                    raise ValueError(f"{self.path}: {name}: found from sample {self.samples} on; expected in no batch, as "
                                     "before")
                self._writer.check(name, rows)
            changed = None if first else self._weights.changed() or self._lent_others(calls)
            if changed is not None:
                raise ValueError(f"{self.path}: layers/{changed}/weight: found changed after sample {self.samples}; expected no "
                                 "training while a dump is recorded")
            self._tell_of_mixed()
        except ValueError:
            if first:
                self._writer.abort()
                self._writer = None
            raise
        try:
            self._tell_of_doubts(calls, arrays.get("predictions") if first else None)
            if first:
                self._begin(calls, arrays.get("predictions"))
            self._writer.append_all(arrays)
            self.samples += samples
            if self._ran:
                self._random.keep()
        except BaseException as error:  # some datasets may have these rows and others not
            self._failure = error
            self.abort()
            raise

    def _tell_once(self, what: str, why: str) -> None:
        if what not in self._told:
            self._told.add(what)
            warnings.warn(f"{self.path}: {what}: {why}", stacklevel=6)

    def _tell_of_mixed(self) -> None:
        """Once: then the rest of the model is watched no more."""
        part, self._weights.mixed = self._weights.mixed, None
        if part is not None:
            keeps = " and model.eval(), as passes in training mode move such values" if part.version is None else ""
            warnings.warn(f"{self.path}: {part.layer}: found changed after sample {self.samples}, so that these are features of several networks; "
                          f"expected no training while they are recorded{keeps}", stacklevel=5)

    def _tell_of_doubts(self, calls: dict[str, Call], predictions: np.ndarray | None) -> None:
        for name, call in calls.items():
            if call.lost:
                self._tell_once(f"layers/{name}/activations", call.lost)
        if predictions is not None and self._task == "classification" and are_probabilities(predictions):
            self._tell_once("predictions", f"{PROBABILITIES}. output= picks what comes before the model's softmax, or takes the logarithm")

    def _begin(self, calls: dict[str, Call], predictions: np.ndarray | None) -> None:
        """Names, groups, weights and biases, after the first forward pass."""
        outputs = []  # of each layer
        if self._class_names is not None:
            self._writer.names(self._class_names)
        for index, (name, call) in enumerate(calls.items()):
            layer = self._layers[name] = call.layer
            self._writer.group(f"layers/{name}", index=index, kind=layer.kind or None, **call.attributes)
            if call.lent:
                self._lent[name] = call.weights
            else:
                self._weights.watch(name, layer)
            used = call.weights or _weights.Used(*_weights.read(layer, call.features))
            if used.unseen and not self._quiet:
                warnings.warn(f"{self.path}: layers/{name}/weight: left out, as the forward of {type(layer.module).__name__} {used.unseen}; "
                              "named in exclude=, nothing of the layer is recorded", stacklevel=5)
            weight, bias = used.weight, used.bias
            outputs.append(None if weight is None else len(weight))
            if weight is not None:
                self._writer.array(f"layers/{name}/weight", to_numpy(weight))
            if bias is not None:
                self._writer.array(f"layers/{name}/bias", to_numpy(bias))
        if not self._lent:  # else the pass had others
            self._weights.watch_rest(_model.unwrap(self._model))
        self._weights.begin()
        if predictions is not None and predictions.ndim <= 2 and not self._quiet:
            self._tell_of_heads(outputs, predictions.shape[1] if predictions.ndim == 2 else 1)

    def _tell_of_heads(self, outputs: list[int | None], columns: int) -> None:
        """Where no layer makes the predictions, and a parameter looks as if it did."""
        if self._all_but is None or columns in outputs or outputs[-1] is None:
            return
        root = _model.unwrap(self._model)
        found = _layers.possible_heads(root, *self._all_but, [layer.module for layer in self._layers.values()], columns, outputs[-1])
        if found:
            last = list(self._layers)[-1]
            what = ", ".join(f"{name} {shape}" for name, shape in found.items())
            warnings.warn(f"{type(root).__name__}: found predictions with {columns} columns, and no layer with as many outputs; {what} may make them "
                          f"of the {outputs[-1]} of {last}, which then counts as the last layer. Only modules are seen: torch.nn.Linear, with such a "
                          "weight, would be a layer. With layers= nothing is said", stacklevel=6)

    def _lent_others(self, calls: dict[str, Call]) -> str | None:
        """The layer of a call that used another weight than in the first batch, where one of the two was not the module's own."""
        for name, call in calls.items():
            if call.lent or name in self._lent:
                now, before = (used or _weights.on_cpu(*_weights.read(call.layer, call.features))
                               for used in (call.weights, self._lent.get(name)))
                if not now.same(before):
                    return name
        return None


def _is_of_transformers(result) -> bool:
    return any(cls.__module__.split(".")[0] == "transformers" for cls in type(result).__mro__)


def _not_closed(writer: DumpWriter) -> None:
    """For those who never close a recorder: nothing stays, and they are told."""
    if writer.is_open():
        writer.abort()
        warnings.warn(f"{writer.path}: a recorder was not closed, so there is no file; expected `with collapscope.Recorder(...) as "
                      "rec:`, or rec.close() at the end", RuntimeWarning, stacklevel=2)
