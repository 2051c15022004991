"""Weights as the forward pass used them, and that they stay the same while a dump is recorded.

Most weights are parameters. Some are computed anew for every pass: by a parametrization (torch.nn.utils.parametrize) each time
that one asks for them, or by the older hooks of weight_norm, spectral_norm and pruning. In training mode spectral_norm moves
its power iteration on, too. So such a weight is read right after the call that used it, in eval mode, and buffers and random
numbers are put back: then it is the one of the call, to the bit. One that the forward of a class makes is seen where it is used.
"""
from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch
from torch.overrides import TorchFunctionMode

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


def parameters_of(module) -> list[tuple]:
    """The parameters of a module's weights: in which module, under which name, and what they are."""
    inner = module._modules.get("parametrizations")
    return [(part, name, parameter) for part in (module, *(inner.modules() if inner is not None else ()))
            for name, parameter in part._parameters.items()]


def read(layer: _layers.Layer, features: int) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Weight and bias of a layer, None for what does not meet `features` inputs. Changes nothing."""
    with torch.no_grad(), _parametrizations_evaluating(layer.module):
        weight = _layers.weight_of(layer, features)
        return weight, None if weight is None else _layers.bias_of(layer, weight.shape[0])


@dataclass
class Used:
    """Weight and bias that a call used, on the CPU. unseen: they could not be seen."""

    weight: torch.Tensor | None
    bias: torch.Tensor | None
    unseen: bool = False

    def same(self, other: Used) -> bool:
        pairs = ((self.weight, other.weight), (self.bias, other.bias))
        return all(a is b or a is not None and b is not None and torch.equal(a, b) for a, b in pairs)


def on_cpu(weight, bias) -> Used:
    return Used(*(None if part is None else part.to("cpu", copy=True) for part in (weight, bias)))


def used(layer: _layers.Layer, features: int, args: tuple, kwargs: dict, where: str) -> Used:
    """What a call with these arguments used, right after it. Raises ValueError for a weight that is drawn anew each time."""
    if has_own_forward(layer):
        return _of_own_forward(layer, features, args, kwargs)
    found = on_cpu(*read(layer, features))
    if "parametrizations" in layer.module._modules:
        with same_random():
            torch.manual_seed(torch.initial_seed() ^ 1)
            again = on_cpu(*read(layer, features))
        if not again.same(found):
            raise ValueError(f"{where}/weight: found one that is drawn anew for each call, so that no second look gives the one of the pass; "
                             f"expected a parametrization without random numbers, or exclude={[layer.name]}")
    return found


def has_own_forward(layer: _layers.Layer) -> bool:
    """Whether the class of a layer is one of PyTorch's, but does something else with the weight."""
    module, cls = layer.module, next((cls for cls, kind in _layers.KINDS if kind == layer.kind and isinstance(layer.module, cls)), None)
    return cls is not None and any(getattr(type(module), name, None) is not getattr(cls, name, None) for name in ("forward", "_conv_forward"))


class _Spy(TorchFunctionMode):
    """Notes weight and bias of every linear map inside."""

    MAPS = (torch.nn.functional.linear, torch.conv1d, torch.conv2d, torch.conv3d, torch.conv_transpose1d, torch.conv_transpose2d,
            torch.conv_transpose3d)

    def __init__(self):
        super().__init__()
        self.seen: list[tuple] = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in self.MAPS:
            given = dict(zip(("input", "weight", "bias"), args), **kwargs)
            self.seen.append((given.get("weight"), given.get("bias")))
        return function(*args, **kwargs)


def _of_own_forward(layer: _layers.Layer, features: int, args: tuple, kwargs: dict) -> Used:
    """Runs the layer once more to see with which weight: standardized, scaled, quantized ... or the module's own."""
    module, own = layer.module, read(layer, features)
    try:
        with torch.no_grad(), same_random(), same_buffers(list(module.modules())), _Spy() as spy:
            raw = getattr(module, "weight", None)
            module.forward(*args, **kwargs)
    except Exception:  # whatever a second call does not like
        return Used(None, None, unseen=True)
    if len(spy.seen) != 1 or not isinstance(raw, torch.Tensor) or spy.seen[0][0].shape != raw.shape:
        return Used(None, None, unseen=True)
    weight, bias = spy.seen[0]
    if torch.equal(raw.detach().to(weight.dtype), weight):  # in the precision that the module has it in
        return on_cpu(*own)
    weight = _layers.weight_of(layer, features, weight)
    return on_cpu(weight, None if weight is None else _layers.as_bias(bias, weight.shape[0]))


SAMPLED = 512  # numbers of a tensor that are looked at in every batch


@dataclass
class _Part:
    """A parameter or buffer as it was when it was first seen."""

    layer: str
    place: dict  # of the module, with the tensor under its name
    name: str
    tensor: torch.Tensor
    values: torch.Tensor  # the tensor's memory, also after `tensor.data = ...`
    sample: torch.Tensor | None  # a view of some of them
    before: torch.Tensor | None  # a copy of that, where the tensor lies
    version: int
    copy: torch.Tensor | None  # of a buffer

    def is_where_it_was(self) -> bool:
        return self.place.get(self.name) is self.tensor and (self.sample is None or self.tensor.data_ptr() == self.values.data_ptr())


class Unchanged:
    """Watches the tensors that weights consist of.

    PyTorch counts most changes in place. Fused optimizers and `.data` are not counted, so some numbers of each tensor are compared in
    every batch, in one piece for each type. One that lies elsewhere or was replaced is compared in full."""

    def __init__(self):
        self.parts: list[_Part] = []
        self._seen: set[int] = set()  # ids of tensors that the parts keep
        self.samples: dict[tuple, tuple] = {}  # by device and type: parts, and their numbers

    def note(self, layer: _layers.Layer) -> None:
        """The parameters as a forward pass uses them, where `changed` is asked later. Waits for no device."""
        for owner, key, parameter in parameters_of(layer.module):
            if parameter is not None:
                self._add(layer.name, owner._parameters, key, parameter, None)

    def watch(self, name: str, layer: _layers.Layer) -> None:
        module = layer.module
        modules = [module, *module._modules["parametrizations"].modules()] if "parametrizations" in module._modules else [module]
        for owner in modules:
            for key, parameter in owner._parameters.items():
                if parameter is not None:
                    self._add(name, owner._parameters, key, parameter, None)
            for key, buffer in owner._buffers.items() if is_computed(module) else ():
                if buffer is not None:
                    self._add(name, owner._buffers, key, buffer, buffer.detach().clone())

    def _add(self, layer: str, place: dict, name: str, tensor: torch.Tensor, copy) -> None:
        if id(tensor) in self._seen:  # of a module that is called several times
            return
        self._seen.add(id(tensor))
        values = tensor.detach()
        sample = _sample(values)
        before = None if sample is None else sample.clone()
        self.parts.append(_Part(layer, place, name, tensor, values, sample, before, version(tensor), copy))
        self.samples = {}

    def changed(self) -> str | None:
        """The layer of a tensor that has other values than when it was first seen."""
        moved = False
        if not self.samples:
            self.begin()
        for part in self.parts:
            if not part.is_where_it_was():
                now = part.place.get(part.name)
                if not isinstance(now, torch.Tensor) or not _same(part.values, now):
                    return part.layer
                moved = True
            elif version(part.tensor) != part.version and (part.copy is None or not torch.equal(part.copy, part.tensor)):
                return part.layer
        found = self._changed_sample()
        if moved and found is None:
            self._follow()
        return found

    def _follow(self) -> None:
        """Looks at tensors that were moved or replaced where they are now."""
        for part in self.parts:
            if not part.is_where_it_was():
                part.tensor = part.place[part.name]
                part.values, part.version = part.tensor.detach(), version(part.tensor)
                part.sample = _sample(part.values)
                part.before = None if part.sample is None else part.sample.clone()
        self.begin()

    def _changed_sample(self) -> str | None:
        for parts, before in self.samples.values():
            now = _bits([part.sample for part in parts])
            if now != before:
                at = next(i for i, (a, b) in enumerate(zip(before, now)) if a != b) // parts[0].values.element_size()
                for part in parts:
                    at -= len(part.sample)
                    if at < 0:
                        return part.layer
        return None

    def begin(self) -> None:
        """Once all are watched: notes their numbers."""
        kinds: dict[tuple, list] = {}
        for part in self.parts:
            if part.sample is not None:
                kinds.setdefault((part.values.device, part.values.dtype), []).append(part)
        self.samples = {kind: (parts, _bits([part.before for part in parts])) for kind, parts in kinds.items()}


def _sample(values: torch.Tensor) -> torch.Tensor | None:
    """A view of at most SAMPLED numbers, spread over all rows and columns; None of tensors that have no plain memory."""
    if type(values) not in (torch.Tensor, torch.nn.Parameter) or values.layout is not torch.strided or values.is_meta or not values.numel():
        return None
    dense = values.is_contiguous() or values.ndim in (4, 5) and values.is_contiguous(memory_format=(
        torch.channels_last if values.ndim == 4 else torch.channels_last_3d))
    if not dense:
        values = values[tuple([0] * (values.ndim - 1))]  # a view of one row
        return values[:SAMPLED]
    step = -(-values.numel() // SAMPLED) | 1  # odd: no multiple of a row's length
    return values.as_strided((-(-values.numel() // step),), (step,))


def _bits(samples: list[torch.Tensor]) -> bytes:
    """NaN is NaN."""
    return torch.cat(samples).view(torch.uint8).cpu().numpy().tobytes()


def _same(before: torch.Tensor, now: torch.Tensor) -> bool:
    return before.shape == now.shape and before.dtype == now.dtype and torch.equal(before, now.detach().to(before.device))
