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
from ._model import observes, same_buffers, same_random, version
from ._tensors import DTYPES


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
    """Weight and bias that a call used, on the CPU. unseen: why no weight can be told; else empty."""

    weight: torch.Tensor | None
    bias: torch.Tensor | None
    unseen: str = ""

    def same(self, other: Used) -> bool:
        pairs = ((self.weight, other.weight), (self.bias, other.bias))
        return all(a is b or a is not None and b is not None and torch.equal(a, b) for a, b in pairs)


def on_cpu(weight, bias) -> Used:
    return Used(*(None if part is None else part.to("cpu", copy=True) for part in (weight, bias)))


def used(layer: _layers.Layer, features: int, x: torch.Tensor, args: tuple, kwargs: dict, where: str) -> Used:
    """What a call with these arguments, of which x is the input, used, right after it. Raises ValueError for a weight that is drawn
    anew each time."""
    if has_own_forward(layer):
        return _of_own_forward(layer, features, x, args, kwargs)
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
    """Whether a layer is one of PyTorch's kinds, but it or its class does something else with the weight."""
    module, names = layer.module, ("forward", "_conv_forward")
    cls = next((cls for cls, kind in _layers.KINDS if kind == layer.kind and isinstance(module, cls)), None)
    return layer.kind != "" and any(name in module.__dict__ for name in names) or cls is not None and any(
        getattr(type(module), name, None) is not getattr(cls, name, None) for name in names)


@dataclass
class _Map:
    input: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None
    result: torch.Tensor  # a copy: what follows may change it


class _Spy(TorchFunctionMode):
    """Notes every linear map inside, and what is made of the input otherwise, and of the maps' results."""

    MAPS = dict.fromkeys((torch.nn.functional.linear, torch.conv1d, torch.conv2d, torch.conv3d, torch.conv_transpose1d,
                          torch.conv_transpose2d, torch.conv_transpose3d), ("input", "weight", "bias"))
    OF_CONV1D = {torch.addmm: ("bias", "input", "weight")}  # transformers'; its arguments by place
    SIMPLE = {"add", "iadd", "radd", "sub", "isub", "rsub", "mul", "imul", "rmul", "multiply", "div", "truediv", "itruediv", "neg", "clone",
              "to", "float", "half", "bfloat16", "double", "type_as", "view", "view_as", "reshape", "flatten", "unflatten", "contiguous", "get",
              "transpose", "permute", "movedim", "squeeze", "unsqueeze", "detach"}  # without the underscores of their names

    def __init__(self, inputs: tuple, maps: dict):
        super().__init__()
        self.maps = maps
        self.seen: list[_Map] = []
        self.origins: dict[int, tuple] = {}  # of tensors: "input" where not through a map, "map"
        self._note(inputs, {"input"})
        self.shapes = False  # whether a result went through more than sums, products with numbers and views

    def of(self, values) -> set:
        if isinstance(values, torch.Tensor):
            return self.origins.get(id(values), (None, set()))[1]
        values = values.values() if isinstance(values, dict) else values if isinstance(values, (tuple, list)) else ()
        return set().union(*map(self.of, values))

    def _note(self, values, origins: set) -> None:
        if isinstance(values, torch.Tensor):
            self.origins[id(values)] = (values, origins)
        for value in values.values() if isinstance(values, dict) else values if isinstance(values, (tuple, list)) else ():
            self._note(value, origins)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "").strip("_")
        origins = self.of(args[:1] if name.endswith("_as") or name == "to" else (args, kwargs))
        result = function(*args, **kwargs)
        if function in self.maps:
            given = dict(zip(self.maps[function], args), **kwargs)
            self.seen.append(_Map(given["input"], given["weight"], given.get("bias"), result.detach().clone()))
            origins = {"map"}
        elif origins:
            self.shapes |= "map" in origins and name not in self.SIMPLE
        if origins:
            self._note(args[0] if name == "setitem" else result, origins)
        return result


UNSEEN = "makes one that cannot be seen"
MORE = "is not one linear map of its input"


def _of_own_forward(layer: _layers.Layer, features: int, x: torch.Tensor, args: tuple, kwargs: dict) -> Used:
    """Runs the layer once more to see with which weight: standardized, scaled, quantized ... or the module's own."""
    module, own = layer.module, read(layer, features)
    spy = _Spy((args, kwargs), _Spy.MAPS if not _layers.is_conv1d_of_transformers(module) else _Spy.OF_CONV1D)
    try:
        with torch.no_grad(), same_random(), same_buffers(list(module.modules())):
            with spy:
                raw = getattr(module, "weight", None)
                made = module.forward(*args, **kwargs)
            if len(spy.seen) != 1 or not isinstance(raw, torch.Tensor) or spy.seen[0].weight.shape != raw.shape:
                return Used(None, None, UNSEEN)
            found = spy.seen[0]
            bias = _bias_of_map(layer, spy, x, made, own[1]) if _meets(layer, x, found.input) else MORE
    except Exception:  # whatever a second call does not like
        return Used(None, None, UNSEEN)
    if bias is MORE:
        return Used(None, None, MORE)
    weight = own[0] if _is_rounded(raw, found.weight) else _layers.weight_of(layer, features, found.weight)
    bias = own[1] if own[1] is not None and bias is not None and _is_rounded(own[1], bias) else bias
    return on_cpu(weight, None if weight is None else _layers.as_bias(bias, weight.shape[0]))


def _is_rounded(own: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether the other one is the module's own, in the precision that it is used in."""
    return own.shape == other.shape and torch.equal(own.detach().to(other.dtype), other)


def _wide(values: torch.Tensor) -> torch.Tensor:
    return values.detach() if values.dtype == torch.float64 else values.detach().float()


def _is_close(a: torch.Tensor, b: torch.Tensor, share: float, of: torch.Tensor | None = None) -> bool:
    """Whether the difference is a share, at most, of b or of something else; NaN is close."""
    return not torch.linalg.vector_norm(_wide(a) - _wide(b)) > share * torch.linalg.vector_norm(_wide(b if of is None else of))


def _meets(layer: _layers.Layer, x: torch.Tensor, given: torch.Tensor) -> bool:
    """Whether a map's input is the layer's, up to rounding; that of a convolution may be padded or resized before."""
    if _layers.dimensions(layer.kind) and x.ndim == given.ndim and x.shape != given.shape:
        return True
    return x.numel() == given.numel() and _is_close(given.reshape(-1), x.reshape(-1), 0.05)


def _bias_of_map(layer: _layers.Layer, spy: _Spy, x: torch.Tensor, made, own: torch.Tensor | None):
    """The bias of a forward that is one linear map, and perhaps an activation behind it; MORE of one that is something else."""
    (found,) = spy.seen
    made, *others = made if isinstance(made, (tuple, list)) and made else (made,)
    if not isinstance(made, torch.Tensor):
        return MORE
    returned = own is not None and any(isinstance(part, torch.Tensor) and _is_rounded(own, part) for part in others)  # to be added later
    result, origins = found.result, spy.of(made)
    if made.numel() == result.numel() and torch.allclose(result.to(made.dtype).reshape(-1), made.detach().reshape(-1), 0, 0, True):
        return own if found.bias is None and returned else found.bias
    if origins != {"map"}:
        return MORE
    axis = -1 - _layers.dimensions(layer.kind)
    if made.numel() == result.numel() and made.shape[axis] == result.shape[axis]:
        before, after = (_wide(values).movedim(axis, -1).reshape(-1, values.shape[axis]) for values in (result, made))
        tolerance = 8 * max(torch.finfo(values.dtype).eps for values in (result, made))
        added = (after - before).mean(0) if len(before) > 1 else before.new_zeros(()) if own is None else _wide(own)
        if _is_close(after - before, added.expand_as(before), tolerance, before):
            added = own if own is not None and _is_close(added, own, tolerance, before) else added
            return added if found.bias is None else found.bias + added
    return (own if found.bias is None else found.bias) if spy.shapes else MORE


SAMPLED = 512  # numbers of a tensor that are looked at in every batch


@dataclass
class _Part:
    """A parameter or buffer as it was when it was first seen."""

    layer: str  # of the rest of the model, the tensor's own name
    place: dict  # of the module, with the tensor under its name
    name: str
    tensor: torch.Tensor
    values: torch.Tensor  # the tensor's memory, also after `tensor.data = ...`
    sample: torch.Tensor | None  # a view of some of them
    before: torch.Tensor | None  # a copy of that, where the tensor lies; of the rest None
    version: int | None  # None: the sample alone tells
    copy: torch.Tensor | None  # of a buffer
    is_rest: bool = False

    def differs(self) -> bool:
        if self.is_where_it_was():
            return self.version not in (None, version(self.tensor)) and (self.copy is None or not torch.equal(self.copy, self.tensor))
        now = self.place.get(self.name)
        return not isinstance(now, torch.Tensor) or not _same(self.values, now)

    def is_where_it_was(self) -> bool:
        return self.place.get(self.name) is self.tensor and (self.sample is None or self.tensor.data_ptr() == self.values.data_ptr())


class Unchanged:
    """Watches the tensors that weights consist of, and the rest of the model, whose changes are in `mixed`.

    PyTorch counts most changes in place. Fused optimizers and `.data` are not counted, so some numbers of each tensor are compared in
    every batch, in one piece for each type. One that lies elsewhere or was replaced is compared in full."""

    def __init__(self):
        self.parts: list[_Part] = []
        self._seen: set[int] = set()  # ids of tensors that the parts keep
        self.samples: dict[tuple, tuple] = {}  # by device and type: parts, and their numbers
        self.mixed: _Part | None = None  # a tensor of no layer that was found changed; then the rest is no longer watched

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

    def watch_rest(self, root: torch.nn.Module) -> None:
        """Parameters and buffers that are of no layer, just before `begin`. Recordings put buffers back, so a sample tells of these;
        counters, and what a forward keeps for itself, do not count."""
        for prefix, module in root.named_modules():
            if observes(module) or getattr(module, "max_norm", None) is not None:  # the second: an embedding that every forward scales
                continue
            places = [(module._parameters, name) for name in module._parameters]
            places += [(module._buffers, name) for name in module._buffers if name not in module._non_persistent_buffers_set]
            for place, name in places:
                tensor = place[name]
                if tensor is None or id(tensor) in self._seen or torch.nn.parameter.is_lazy(tensor) or tensor.dtype not in DTYPES.values():
                    continue
                self._seen.add(id(tensor))
                values, full_name = tensor.detach(), f"{prefix}.{name}".lstrip(".")
                self.parts.append(_Part(f"{full_name} ({type(module).__name__})", place, name, tensor, values, _sample(values), None,
                                        version(tensor) if place is module._parameters else None, None, is_rest=True))
        self.samples = {}

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
        if not self.samples:
            self.begin()
        moved = [part for part in self.parts if not part.is_where_it_was()]
        found = [part for part in self.parts if part.differs()] + self._changed_samples()
        layers = [part.layer for part in found if not part.is_rest]
        if layers:
            return layers[0]
        if found:
            self.mixed = found[0]
            self.parts = [part for part in self.parts if not part.is_rest]
            self.begin()
        if moved:
            self._follow()
        return None

    def _follow(self) -> None:
        """Looks at tensors that were moved or replaced where they are now."""
        for part in self.parts:
            if not part.is_where_it_was():
                part.tensor = part.place[part.name]
                part.values, part.version = part.tensor.detach(), None if part.version is None else version(part.tensor)
                part.sample = _sample(part.values)
                part.before = None if part.sample is None or part.is_rest else part.sample.clone()
        self.begin()

    def _changed_samples(self) -> list[_Part]:
        found = []
        for parts, before in self.samples.values():
            now, end = _bits([part.sample for part in parts]), 0
            for part in parts if now != before else ():
                begin, end = end, end + len(part.sample) * part.values.element_size()
                if now[begin:end] != before[begin:end]:
                    found.append(part)
        return found

    def begin(self) -> None:
        """Once all are watched: notes their numbers."""
        kinds: dict[tuple, list] = {}
        for part in self.parts:
            if part.sample is not None:
                kinds.setdefault((part.values.device, part.values.dtype), []).append(part)
        self.samples = {kind: (parts, _bits([part.sample if part.before is None else part.before for part in parts]))
                        for kind, parts in kinds.items()}


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
