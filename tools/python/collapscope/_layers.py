"""Which modules of a model are layers, and their weights in the shapes of a dump."""
from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn


@dataclass
class Layer:
    """A module whose input is recorded. kind: "linear", "conv1d", "conv2d" or "" for others that were chosen.
    required: named by the user, so it must take part in the forward pass."""

    name: str
    module: nn.Module
    kind: str
    required: bool


def is_conv1d_of_transformers(module) -> bool:
    """A linear layer that stores its weight as [d, m]."""
    weight = getattr(module, "weight", None)
    return type(module).__name__ == "Conv1D" and hasattr(module, "nf") and weight is not None and weight.ndim == 2


def kind_of(module) -> str:
    if isinstance(module, nn.Linear) or is_conv1d_of_transformers(module):
        return "linear"
    if isinstance(module, nn.Conv1d):
        return "conv1d"
    return "conv2d" if isinstance(module, nn.Conv2d) else ""


def choose(root: nn.Module, layers) -> list[Layer]:
    """The layers of a model, in its own order.

    layers: None (every Linear, Conv1d, Conv2d and transformers' Conv1D), or a name, a glob, a module or a list of these,
    or a predicate (name, module) -> bool. Raises ValueError where something named is not there."""
    modules = [(name or "model", module) for name, module in root.named_modules()]
    if layers is None:
        # MultiheadAttention reads the weight of its out_proj, and never calls it.
        hidden = {id(module.out_proj) for _, module in modules if isinstance(module, nn.MultiheadAttention)}
        chosen = [Layer(name, module, kind_of(module), False) for name, module in modules
                  if kind_of(module) and id(module) not in hidden]
        if not chosen:
            raise ValueError(f"{type(root).__name__}: found no Linear or Conv module; expected at least one, or layers=...")
        return chosen
    if callable(layers) and not isinstance(layers, nn.Module):
        wanted = {id(module): False for name, module in modules if layers(name, module)}
    else:
        wanted = {}
        for item in [layers] if isinstance(layers, (str, nn.Module)) else layers:
            wanted.update(matches(item, modules, root))
    chosen = [Layer(name, module, kind_of(module), wanted[id(module)]) for name, module in modules if id(module) in wanted]
    if not chosen:
        raise ValueError(f"layers: found none of {type(root).__name__} that fits; expected at least one")
    return chosen


def matches(item, modules, root) -> dict[int, bool]:
    """The ids of the modules that a name, a glob or a module stands for, and whether they are required."""
    if isinstance(item, nn.Module):
        found = {id(module): True for _, module in modules if module is item}
        item = type(item).__name__
    else:
        exact = {id(module): True for name, module in modules if name == item}
        found = exact or {id(module): False for name, module in modules
                          if fnmatchcase(name, item) and kind_of(module)}
    if not found:
        names = ", ".join(name for name, module in modules if kind_of(module))
        raise ValueError(f"layers: found no module {item!r} in {type(root).__name__}; expected one of {names or 'none'}")
    return found


def weight_of(layer: Layer, features: int) -> torch.Tensor | None:
    """The layer's weight as [m, d] or [m, C, kh, kw], or None where it has none that meets `features` inputs.

    Grouped convolutions act on all channels with a block-diagonal weight, which is returned in full."""
    weight = getattr(layer.module, "weight", None)
    if not isinstance(weight, torch.Tensor):
        return None
    weight = weight.detach()
    if is_conv1d_of_transformers(layer.module):
        weight = weight.t()
    if layer.kind == "conv1d":
        weight = weight.unsqueeze(2)
    if layer.kind.startswith("conv"):
        weight = dense(weight, layer.module.groups)
    return weight if weight.ndim in (2, 4) and weight.shape[1] == features else None


def dense(weight: torch.Tensor, groups: int) -> torch.Tensor:
    """[m, C / groups, kh, kw] as the [m, C, kh, kw] of the same map."""
    if groups == 1:
        return weight
    m, part, *kernel = weight.shape
    full = weight.new_zeros((m, part * groups, *kernel))
    for g in range(groups):
        rows = slice(g * (m // groups), (g + 1) * (m // groups))
        full[rows, g * part:(g + 1) * part] = weight[rows]
    return full


def bias_of(layer: Layer, outputs: int) -> torch.Tensor | None:
    bias = getattr(layer.module, "bias", None)
    fits = isinstance(bias, torch.Tensor) and tuple(bias.shape) == (outputs,)
    return bias.detach() if fits else None
