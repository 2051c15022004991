"""The calls of layers in a forward pass: hooks that keep each input as it will be stored."""
from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
import torch.utils.checkpoint

from . import _layers, _pool, _weights
from ._doubts import lost_in_float16
from ._tensors import to_numpy


@dataclass
class Call:
    """One call of a layer in a forward pass: its input as it will be stored, and the shape it had."""

    layer: _layers.Layer
    rows: np.ndarray | torch.Tensor  # a tensor where it stays on its GPU
    attributes: dict
    shape: tuple
    lost: str = ""  # by the type that it is stored in
    lent: bool = False  # used other parameters than the module's own, as of functional_call
    weights: _weights.Used | None = None  # where they are not the module's own, or are made for each call

    @property
    def layout(self) -> str:
        return self.attributes.get("layout", "")

    @property
    def features(self) -> int:
        return self.rows.shape[1 if self.layout in _pool.IMAGES else -1]


def in_backward() -> bool:
    """Whether gradients are being computed, in this thread. PyTorch says so since 2.0; before, checkpointing is seen on the stack."""
    task = getattr(torch._C, "_current_graph_task_id", None)
    if task is not None:
        return task() != -1
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name in ("backward", "unpack") and code.co_filename == torch.utils.checkpoint.__file__:
            return True
        frame = frame.f_back
    return False


_of_thread = threading.local()


def _running() -> list[Pass]:
    """The passes of this thread that a recorder runs itself, the innermost one last."""
    if not hasattr(_of_thread, "passes"):
        _of_thread.passes = []
    return _of_thread.passes


class _NoHook:
    """What is on a copy of the model that was made while hooks were on it, as of the best model so far, and on one in a file."""

    def __call__(self, *arguments, **options) -> None:
        """Nothing."""


class _Put:
    """What is put on a module: a method of a pass or of a hook."""

    def __init__(self, of: Pass | Hook, method: str):
        self.of, self.method = of, method

    def __call__(self, *arguments, **options):
        return getattr(self.of, self.method)(*arguments, **options)

    def __deepcopy__(self, memo) -> _NoHook:
        return _NoHook()

    def __reduce__(self):
        return _NoHook, ()


class Pass:
    """One forward pass: the calls of layers in it, and whether the model itself has returned."""

    def __init__(self, mask: torch.Tensor | None, weights: _weights.Unchanged | None = None):
        """weights: notes those of each layer that is called; None: nobody asks later whether they changed."""
        self.mask, self.weights = mask, weights
        self.calls: list[Call] = []
        self.count = self.depth = 0  # calls of the model; those that run
        self.is_over = False  # hooks that an interrupt has left do nothing

    @contextlib.contextmanager
    def alone(self):
        """Inside, the calls are of this pass, and of no other one around it."""
        running = _running()
        running.append(self)
        try:
            yield
        finally:
            running.pop()

    def is_other(self) -> bool:
        """Whether the calls now are none of this pass: of another one's, or of gradients."""
        if self.is_over:
            return True
        running = _running()
        return running[-1] is not self if running else in_backward()

    def enter(self, module, args) -> None:
        if not self.is_other():
            self.count += self.depth == 0
            self.depth += 1

    def leave(self, module, args, result) -> None:
        if not self.is_other():
            self.depth -= 1

    def repeats(self, layer: _layers.Layer) -> bool:
        """Whether a call is none of the pass: checkpointing calls layers again, when the gradients are computed."""
        return self.is_other() or self.count > 0 and self.depth == 0 and any(call.layer is layer for call in self.calls)


class Hook:
    """A forward pre-hook that keeps the layer's input, copied: later modules may change it. The pass is the one that runs."""

    def __init__(self, where: str, layer: _layers.Layer, pool: str, dtype, batch_first: bool, stays):
        self.where, self.layer, self.pool, self.dtype, self.batch_first, self.stays = where, layer, pool, dtype, batch_first, stays
        if isinstance(layer.module, _layers.TIME_FIRST):
            self.batch_first = layer.module.batch_first
        self.of: Pass | None = None
        self.reads = False
        self.own: list[tuple] = []
        self.running: tuple[Call, torch.Tensor, tuple, dict] | None = None

    def begin(self, of: Pass, reads: bool) -> None:
        """reads: of weights that are made for each call."""
        self.of, self.running = of, None
        self.own = _weights.parameters_of(self.layer.module)
        self.reads = reads and (_weights.is_computed(self.layer.module) or _weights.has_own_forward(self.layer))

    @property
    def is_over(self) -> bool:
        return self.of is None or self.of.is_over

    def before(self, module, args, kwargs=None):
        layer = self.layer
        self.running = None
        if self.is_over:
            return
        if module is not layer.module:
            raise ValueError(f"{self.where}: called as a replica of DataParallel; expected a call of the bare model "
                             "(model.module)")
        if self.of.repeats(layer):
            return
        if not args and kwargs is None:
            raise ValueError(f"{self.where}: found a call with keywords only, which hooks of PyTorch {torch.__version__} cannot see; expected a call "
                             f"that gives its input by position, PyTorch 2, or exclude={[layer.name]}")
        x = args[0] if args else self._keyword(module, kwargs or {})
        if not isinstance(x, torch.Tensor):
            packed = isinstance(x, torch.nn.utils.rnn.PackedSequence)
            raise ValueError(f"{self.where}: found an input of type {type(x).__name__}; expected a tensor"
                             + (", padded, with mask=" if packed else ""))
        x = x.detach()
        try:
            mask = None if self.of.mask is None else self.of.mask.to(x.device)
            rows, attributes = _pool.as_rows(x, _layers.acts_on(layer, x), self.pool, mask, self.batch_first)
        except ValueError as error:
            raise ValueError(f"{self.where}: {error}") from None
        lost = ""
        if self.dtype is not None and rows.is_floating_point():
            if self.dtype is torch.float16 and rows.dtype is not torch.float16:
                lost = lost_in_float16(self._each(rows, attributes.get("layout")))
            rows = rows.to(self.dtype)
        stays = self.stays(rows)
        rows = rows.to(rows.device if stays else "cpu", copy=True, memory_format=torch.contiguous_format)
        lent = any(getattr(owner, name) is not parameter for owner, name, parameter in self.own)
        call = Call(layer, rows if stays else to_numpy(rows), attributes, tuple(x.shape), lost, lent)
        self.of.calls.append(call)
        if lent or self.reads or self.of.weights is not None:
            self.running = call, x, args, kwargs or {}

    def _each(self, rows: torch.Tensor, layout: str | None) -> torch.Tensor:
        """[..., d]: the positions one by one where each is a sample."""
        if self.pool != "none" or not layout:
            return rows.flatten(1)
        return rows.movedim(1, -1) if layout in _pool.IMAGES else rows

    def _keyword(self, module, kwargs: dict):
        """The input of a module that is called with keywords only: its forward's first parameter, or the only tensor."""
        first = next(iter(inspect.signature(module.forward).parameters), None)
        if first in kwargs or not kwargs:
            return kwargs.get(first)
        tensors = [value for value in kwargs.values() if isinstance(value, torch.Tensor)]
        if len(tensors) != 1:
            raise ValueError(f"{self.where}: found a call with {', '.join(kwargs)}, and without {first}, the first parameter of its forward; "
                             f"expected a call that gives its input there, or exclude={[self.layer.name]}")
        return tensors[0]

    def after(self, module, args, result):
        """A forward hook: the weight that this call used."""
        if self.running is None:
            return
        (call, x, args, kwargs), self.running = self.running, None
        if call.lent or self.reads:
            before = len(self.of.calls)
            call.weights = _weights.used(self.layer, call.features, x, args, kwargs, self.where)
            del self.of.calls[before:]  # of layers within, which ran again
        if self.of.weights is not None and not call.lent:
            self.of.weights.note(self.layer)


class Watcher:
    """The hooks of all layers, made once and put on for each pass."""

    def __init__(self, path, chosen: list[_layers.Layer], pool_of, dtype, batch_first: bool, stays):
        """stays: of a tensor, whether it is kept where it is; the others come to the CPU."""
        self.hooks = [Hook(f"{path}: layers/{layer.name}", layer, pool_of(layer.name), dtype, batch_first, stays) for layer in chosen]
        # Since PyTorch 2.0 hooks can see keyword arguments.
        self.options = {"with_kwargs": True} if int(torch.__version__.split(".")[0]) >= 2 else {}

    @contextlib.contextmanager
    def on(self, root, of: Pass, weights: bool):
        """Inside, the hooks are on the model. weights: read those that are made for each call, too."""
        handles = []
        try:
            self._take_off(root)
            handles.append(root.register_forward_pre_hook(_Put(of, "enter")))
            handles.append(root.register_forward_hook(_Put(of, "leave")))
            for hook in self.hooks:
                hook.begin(of, weights)
                handles.append(hook.layer.module.register_forward_pre_hook(_Put(hook, "before"), **self.options))
                handles.append(hook.layer.module.register_forward_hook(_Put(hook, "after")))
            yield
        finally:
            of.is_over = True
            for handle in handles:
                handle.remove()

    def _take_off(self, root) -> None:
        """What copying has left, or an interrupt, between a hook and its handle or while they were taken off."""
        for module in [root, *(hook.layer.module for hook in self.hooks)]:
            for hooks in (module._forward_pre_hooks, module._forward_hooks):
                for key, hook in list(hooks.items()):
                    if isinstance(hook, _NoHook) or isinstance(hook, _Put) and hook.of.is_over:
                        del hooks[key]
                        for name in ("_forward_pre_hooks_with_kwargs", "_forward_hooks_with_kwargs", "_forward_hooks_always_called"):
                            getattr(module, name, {}).pop(key, None)


def by_name(captured: list[Call]) -> dict[str, Call]:
    """The calls by recorded name: the k-th of a module is NAME#k, or a later number where a module has that name itself."""
    calls = Counter()
    own = {call.layer.name for call in captured}
    named = {}
    for call in captured:
        name = called = call.layer.name
        calls[name] += 1
        while calls[name] > 1 and (called := f"{name}#{calls[name]}") in own:
            calls[name] += 1
        named[called] = call
    return named
