"""Which modules of a model are layers, and their weights in the shapes of a dump."""
from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn

KINDS = ((nn.Linear, "linear"), (nn.Conv1d, "conv1d"), (nn.Conv2d, "conv2d"), (nn.Conv3d, "conv3d"),
         (nn.ConvTranspose1d, "conv_transpose1d"), (nn.ConvTranspose2d, "conv_transpose2d"),
         (nn.ConvTranspose3d, "conv_transpose3d"))
TIME_FIRST = (nn.RNNBase, nn.MultiheadAttention)  # they say by `batch_first` how their sequences lie
LOOKUPS = (nn.Embedding, nn.EmbeddingBag)  # their weight meets no input, but gives one


@dataclass
class Layer:
    """A module whose input is recorded. kind: "linear", "conv1d" ... or "" for others that were chosen.
    required: named by the user, so it must take part in the forward pass."""

    name: str
    module: nn.Module
    kind: str
    required: bool


def is_conv1d_of_transformers(module) -> bool:
    """A linear layer that stores its weight as [d, m]."""
    return type(module).__name__ == "Conv1D" and hasattr(module, "nf") and getattr(module.weight, "ndim", 0) == 2


def kind_of(module) -> str:
    for cls, kind in KINDS:
        if isinstance(module, cls):
            return kind
    return "linear" if is_conv1d_of_transformers(module) else ""


def dimensions(kind: str) -> int:
    """Spatial axes of a convolution's input; 0 of other layers."""
    return int(kind[-2]) if kind.startswith("conv") else 0


def acts_on(layer: Layer, x: torch.Tensor) -> str:
    """The kind that says which axis of an input x is the features: LayerNorm's is the last one, as of a linear layer."""
    shape = getattr(layer.module, "normalized_shape", None)
    plain = isinstance(layer.module, nn.LayerNorm) and type(layer.module).forward is nn.LayerNorm.forward or "RMSNorm" in type(
        layer.module).__name__
    return "linear" if plain and isinstance(shape, (tuple, list)) and len(shape) == 1 and tuple(x.shape[-1:]) == tuple(shape) else layer.kind


def choose(root: nn.Module, layers, exclude=None) -> list[Layer]:
    """The layers of a model, in its own order.

    layers: None (every module of a kind above), or a name, a glob, a regular expression, a class, a module, a predicate
    (name, module) -> bool, or a list of these. exclude: the same; what lies in such a module is left out, too.
    Raises ValueError where something named is not there."""
    modules = list(named(root))
    dropped = excluded(root, modules, exclude)
    if layers is None:
        # MultiheadAttention reads the weight of its out_proj, and never calls it.
        hidden = {id(module.out_proj) for _, module in modules if isinstance(module, nn.MultiheadAttention)}
        wanted = {id(module): False for _, module in modules if kind_of(module) and id(module) not in hidden}
        if not wanted:
            raise ValueError(f"{type(root).__name__}: found no Linear or Conv module; expected at least one, or layers=...")
    else:
        wanted = {}
        for item in items_of(layers, "layers"):
            wanted.update(matches(item, modules, root))
    chosen = [Layer(name, module, kind_of(module), wanted[id(module)]) for name, module in modules
              if id(module) in wanted and id(module) not in dropped]
    if not chosen:
        raise ValueError(f"layers: found none of {type(root).__name__} that fits; expected at least one")
    for layer in chosen:
        if any(nn.parameter.is_lazy(parameter) for parameter in layer.module._parameters.values()):
            raise ValueError(f"layers/{layer.name}: found a {type(layer.module).__name__} that has no weight yet; expected "
                             "a model that has seen a batch, as recording changes nothing")
    return chosen


def items_of(given, option: str) -> list:
    """A choice of modules as a list of its items. Raises ValueError for what is none."""
    single = isinstance(given, (str, re.Pattern, type, nn.Module)) or callable(given)
    try:
        items = [given] if single else list(given)
    except TypeError:
        items = [given]
    for item in items:
        if not (isinstance(item, (str, re.Pattern, nn.Module)) or callable(item)):
            raise ValueError(f"{option}: found {item!r}; expected a name, a glob, a regular expression, a class, a module, a "
                             "predicate (name, module) -> bool, or a list of these")
    return items


def matches(item, modules, root) -> dict[int, bool]:
    """The ids of the modules that an item of layers= stands for, and whether they are required."""
    if isinstance(item, nn.Module):
        found = {id(module): True for _, module in modules if module is item}
        item = type(item).__name__
    elif isinstance(item, type):
        found = {id(module): False for _, module in modules if isinstance(module, item)}
        item = item.__name__
    elif callable(item):
        return {id(module): False for name, module in modules if item(name, module)}
    else:
        exact = {} if isinstance(item, re.Pattern) else {id(module): True for name, module in named(root, True) if name == item}
        found = exact or {id(module): False for name, module in named(root, True) if fits(name, item) and kind_of(module)}
    if not found:
        raise missing("layers", item, modules, root)
    return found


def excluded(root, modules, exclude) -> set[int]:
    """The ids of the modules that an item of exclude= stands for, with all that is in them."""
    found = set()
    for item in () if exclude is None else items_of(exclude, "exclude"):
        if isinstance(item, nn.Module):
            here = [module for _, module in modules if module is item]
            item = type(item).__name__
        elif isinstance(item, type):
            here = [module for _, module in modules if isinstance(module, item)]
            item = item.__name__
        elif callable(item):
            found.update(id(module) for name, module in modules if item(name, module))
            continue
        else:
            every = list(named(root, True))
            here = [module for name, module in every if name == item] or [module for name, module in every if fits(name, item)]
        if not here:
            raise missing("exclude", item, modules, root)
        found.update(id(inner) for module in here for inner in module.modules())
    return found


def named(root, all_names: bool = False):
    """The modules by name, the root as "model". all_names: one that is in several places under each of its names."""
    own = "model" if "model" not in root._modules else f"({type(root).__name__})"
    return ((name or own, module) for name, module in root.named_modules(remove_duplicate=not all_names))


def fits(name: str, item) -> bool:
    """Whether the whole name fits a glob or a regular expression."""
    return bool(item.fullmatch(name)) if isinstance(item, re.Pattern) else fnmatchcase(name, item)


def missing(option: str, item, modules, root) -> ValueError:
    names = [name for name, module in modules if kind_of(module)]
    text = repr(item.pattern) if isinstance(item, re.Pattern) else repr(item)
    near = difflib.get_close_matches(str(item), [name for name, _ in modules], 1) if isinstance(item, str) else []
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return ValueError(f"{option}: found no module {text} in {type(root).__name__}{hint}; expected one of {listed(names)}")


def listed(names, most: int = 20) -> str:
    names = list(names)
    return (", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")) or "none"


def exclusion(names, most: int = 8) -> str:
    """Names as a list for exclude=."""
    names = list(names)
    return f"{names[:most]}" + (f" and {len(names) - most} more" if len(names) > most else "")


def left_out(root, exclude=None) -> dict[str, str]:
    """What has a weight and is no layer here, as no single weight meets its input: names and classes."""
    modules = list(named(root))
    dropped = excluded(root, modules, exclude)
    return {name: type(module).__name__ for name, module in modules if id(module) not in dropped and is_left_out(module)}


def is_left_out(module) -> bool:
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention, nn.Bilinear)):
        return True
    weight = module._parameters.get("weight")
    if kind_of(module) or isinstance(module, LOOKUPS) or weight is None or nn.parameter.is_lazy(weight):
        return False
    return weight.ndim >= 2 and not any(word in type(module).__name__ for word in ("Norm", "Embedding"))


def possible_heads(root, exclude, recorded: list[nn.Module], columns: int, features: int) -> dict[str, list[int]]:
    """Parameters of no layer whose shape is that of a product that makes `columns` predictions of `features` numbers: an embedding's that is
    used a second time, a matrix of the model's own."""
    modules = list(named(root))
    known = excluded(root, modules, exclude).union(id(inner) for module in recorded for inner in module.modules())
    return {key if module is root else f"{name}.{key}": list(parameter.shape) for name, module in modules
            if not (id(module) in known or kind_of(module) or is_left_out(module) or "Norm" in type(module).__name__)
            for key, parameter in module._parameters.items()
            if parameter is not None and not nn.parameter.is_lazy(parameter) and sorted(parameter.shape) == sorted((columns, features))}


def weight_of(layer: Layer, features: int, weight=None) -> torch.Tensor | None:
    """The layer's weight as [m, d] or [m, C, kernel axes], or None where it has none that meets `features` inputs.

    Grouped convolutions act on all channels with a block-diagonal weight, which is returned in full. A transposed
    convolution sends every position of its input through [m, C] for each place of its kernel, as others do.
    weight: as the module stores it, where it is not the module's own."""
    weight = getattr(layer.module, "weight", None) if weight is None else weight
    if not isinstance(weight, torch.Tensor) or isinstance(layer.module, LOOKUPS):
        return None
    weight = weight.detach()
    if is_conv1d_of_transformers(layer.module):
        weight = weight.t()
    if dimensions(layer.kind) == 1:
        weight = weight.unsqueeze(2)
    if layer.kind.startswith("conv"):
        weight = dense(weight, layer.module.groups, "transpose" in layer.kind)
    return weight if weight.ndim in (2, 4, 5) and weight.shape[1] == features else None


def dense(weight: torch.Tensor, groups: int, transposed: bool) -> torch.Tensor:
    """[m, C / groups, ...], or [C, m / groups, ...] of a transposed convolution, as the [m, C, ...] of the same map."""
    blocks = [block.transpose(0, 1) if transposed else block for block in weight.chunk(groups)]
    if groups == 1:
        return blocks[0]
    outputs, inputs, *kernel = blocks[0].shape
    full = weight.new_zeros((outputs * groups, inputs * groups, *kernel))
    for g, block in enumerate(blocks):
        full[g * outputs:(g + 1) * outputs, g * inputs:(g + 1) * inputs] = block
    return full


def bias_of(layer: Layer, outputs: int) -> torch.Tensor | None:
    return as_bias(getattr(layer.module, "bias", None), outputs)


def as_bias(bias, outputs: int) -> torch.Tensor | None:
    fits_it = isinstance(bias, torch.Tensor) and tuple(bias.shape) == (outputs,)
    return bias.detach() if fits_it else None
