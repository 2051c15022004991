"""Weights as the forward pass used them, and that they stay the same while a dump is recorded.

Most weights are parameters. Some are computed anew for every pass: by a parametrization (torch.nn.utils.parametrize) each time
that one asks for them, or by the older hooks of weight_norm, spectral_norm and pruning. In training mode spectral_norm moves
its power iteration on, too. So such a weight is read right after the call that used it, in eval mode, and buffers and random
numbers are put back: then it is the one of the call, to the bit.
"""
from __future__ import annotations

import contextlib

import torch

from . import _layers
from ._model import same_buffers, same_random, version


def is_computed(module) -> bool:
    """Whether the weight or bias is no parameter of the module, but made from some."""
    if "parametrizations" in module._modules:
        return True
    return any(isinstance(module.__dict__.get(name), torch.Tensor) for name in ("weight", "bias"))


@contextlib.contextmanager
def _parametrizations_evaluating(module):
    inner = module._modules.get("parametrizations")
    modules = [] if inner is None else [part for part in inner.modules() if part.training]
    with contextlib.ExitStack() as stack:
        if inner is not None:
            stack.enter_context(same_random())
            stack.enter_context(same_buffers(inner.modules()))
        try:
            for part in modules:
                part.__dict__["training"] = False
            yield
        finally:
            for part in modules:
                part.__dict__["training"] = True


def read(layer: _layers.Layer, features: int) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Weight and bias of a layer, None for what does not meet `features` inputs. Changes nothing."""
    with torch.no_grad(), _parametrizations_evaluating(layer.module):
        weight = _layers.weight_of(layer, features)
        return weight, None if weight is None else _layers.bias_of(layer, weight.shape[0])


class Unchanged:
    """Watches the tensors that weights consist of: PyTorch counts changes in place, as an optimizer makes them."""

    def __init__(self):
        self.tensors: list[tuple] = []  # layer, tensor, its version, a copy of a buffer

    def watch(self, name: str, layer: _layers.Layer) -> None:
        module = layer.module
        parts = [module, *module._modules["parametrizations"].modules()] if "parametrizations" in module._modules else [module]
        for part in parts:
            for parameter in part._parameters.values():
                if parameter is not None:
                    self.tensors.append((name, parameter, version(parameter), None))
            for buffer in part._buffers.values() if is_computed(module) else ():
                if buffer is not None:
                    self.tensors.append((name, buffer, version(buffer), buffer.detach().clone()))

    def changed(self) -> str | None:
        """The layer of a tensor that has other values than when it was first seen."""
        for name, tensor, before, copy in self.tensors:
            if version(tensor) != before and (copy is None or not torch.equal(copy, tensor)):
                return name
        return None
