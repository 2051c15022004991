"""The calls of layers in a forward pass: hooks that keep each input as it will be stored."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch

from . import _layers, _pool, _weights
from ._tensors import to_numpy


@dataclass
class Call:
    """One call of a layer in a forward pass: its input as it will be stored, and the shape it had."""

    layer: _layers.Layer
    rows: np.ndarray | torch.Tensor  # a tensor where it stays on its GPU
    attributes: dict
    shape: tuple
    weights: tuple | None = None  # weight and bias, where they are made for each call

    @property
    def layout(self) -> str:
        return self.attributes.get("layout", "")

    @property
    def features(self) -> int:
        return self.rows.shape[1 if self.layout in _pool.IMAGES else -1]


class Hook:
    """A forward pre-hook that keeps the layer's input, copied: later modules may change it. `mask` and `captured` are of
    the pass that runs; `captured` is None between passes."""

    def __init__(self, where: str, layer: _layers.Layer, pool: str, dtype, batch_first: bool, stays):
        self.where, self.layer, self.pool, self.dtype, self.batch_first, self.stays = where, layer, pool, dtype, batch_first, stays
        if isinstance(layer.module, _layers.TIME_FIRST):
            self.batch_first = layer.module.batch_first
        self.mask: torch.Tensor | None = None
        self.captured: list[Call] = []

    def __call__(self, module, args, kwargs=None):
        layer = self.layer
        if module is not layer.module:
            raise ValueError(f"{self.where}: called as a replica of DataParallel; expected a call of the bare model "
                             "(model.module)")
        x = args[0] if args else next(iter((kwargs or {}).values()), None)
        if not isinstance(x, torch.Tensor):
            packed = isinstance(x, torch.nn.utils.rnn.PackedSequence)
            raise ValueError(f"{self.where}: found an input of type {type(x).__name__}; expected a tensor"
                             + (", padded, with mask=" if packed else ""))
        x = x.detach()
        try:
            mask = None if self.mask is None else self.mask.to(x.device)
            rows, attributes = _pool.as_rows(x, layer.kind, self.pool, mask, self.batch_first)
        except ValueError as error:
            raise ValueError(f"{self.where}: {error}") from None
        if self.dtype is not None and rows.is_floating_point():
            rows = rows.to(self.dtype)
        stays = self.stays(rows)
        rows = rows.to(rows.device if stays else "cpu", copy=True, memory_format=torch.contiguous_format)
        self.captured.append(Call(layer, rows if stays else to_numpy(rows), attributes, tuple(x.shape)))

    def after(self, module, args, result):
        """A forward hook: the weight that this call used."""
        call = next(call for call in reversed(self.captured) if call.layer is self.layer and call.weights is None)
        call.weights = tuple(None if part is None else part.to("cpu", copy=True)
                             for part in _weights.read(self.layer, call.features))


class Watcher:
    """The hooks of all layers, made once and put on for each pass."""

    def __init__(self, path, chosen: list[_layers.Layer], pool_of, dtype, batch_first: bool, stays):
        """stays: of a tensor, whether it is kept where it is; the others come to the CPU."""
        self.hooks = [Hook(f"{path}: layers/{layer.name}", layer, pool_of(layer.name), dtype, batch_first, stays) for layer in chosen]
        # Since PyTorch 2.0 hooks can see keyword arguments.
        self.options = {"with_kwargs": True} if int(torch.__version__.split(".")[0]) >= 2 else {}

    def on(self, mask: torch.Tensor | None, captured: list[Call], weights: bool) -> list:
        """Handles of the hooks. weights: read those that are made for each call, too."""
        handles = []
        for hook in self.hooks:
            hook.mask, hook.captured = mask, captured
            module = hook.layer.module
            computed = weights and _weights.is_computed(module)
            handles.append(module.register_forward_pre_hook(hook, **self.options))
            if computed:
                handles.append(module.register_forward_hook(hook.after))
        return handles


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
