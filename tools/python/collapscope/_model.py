"""A model as it is found and left: wrappers looked through, state put back."""
from __future__ import annotations

import contextlib
import random
import sys

import torch


def wrapped(module) -> torch.nn.Module | None:
    """What a compiled module or one of the parallel wrappers holds, else None."""
    if isinstance(module, torch.jit.ScriptModule):
        return None
    inner = module.__dict__.get("_orig_mod") or module._modules.get("_orig_mod")  # torch.compile
    if inner is None and isinstance(module, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
        inner = module.module
    return inner if isinstance(inner, torch.nn.Module) else None


def is_sharded(module) -> bool:
    """Whether a module's parameters lie in pieces on several ranks: FSDP of either kind, DeepSpeed, tensor parallel."""
    return any(cls.__name__ in ("FullyShardedDataParallel", "FSDPModule", "DeepSpeedEngine") for cls in type(module).__mro__) or any(
        cls.__name__ == "DTensor" for parameter in module._parameters.values() for cls in type(parameter).__mro__)


def _require_measurable(modules) -> None:
    """Raises ValueError for modules that run no hooks, and for those that have no numbers."""
    for module in modules:
        name = type(module).__name__
        if isinstance(module, torch.jit.ScriptModule):
            raise ValueError(f"model: found a scripted module, {getattr(module, 'original_name', name)}, which runs no hooks; expected the one that "
                             "it was made of")
        if any(parameter is not None and parameter.device.type == "meta" for parameter in module._parameters.values()):
            raise ValueError(f"model: found a {name} on the meta device, which has no numbers; expected a model on the CPU or a GPU")


def unwrap(module):
    while wrapped(module) is not None:
        module = wrapped(module)
    return module


@contextlib.contextmanager
def plain(model):
    """The model without wrappers, inside it, too: compiled graphs run no hooks, and parallel ones many. Put back after."""
    root = unwrap(model)
    _require_measurable(root.modules())
    changed = []
    try:
        for parent in list(root.modules()):
            for name, child in parent._modules.items():
                if child is not None and wrapped(child) is not None:
                    changed.append((parent._modules, name, child))
                    parent._modules[name] = unwrap(child)
        for module in root.modules():  # Module.compile() compiles in place
            if module.__dict__.get("_compiled_call_impl") is not None:
                changed.append((module.__dict__, "_compiled_call_impl", module.__dict__["_compiled_call_impl"]))
                module.__dict__["_compiled_call_impl"] = None
        yield root
    finally:
        for place, name, value in reversed(changed):
            place[name] = value


class Random:
    """The states of all that draw random numbers: Python's, numpy's, PyTorch's."""

    def __init__(self):
        numpy = sys.modules.get("numpy")
        cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
        self._python, self._numpy, self._torch = random.getstate(), numpy.random.get_state() if numpy else None, torch.get_rng_state()
        self._cuda = torch.cuda.get_rng_state_all() if cuda else None

    def put_back(self) -> None:
        random.setstate(self._python)
        if self._numpy is not None:
            sys.modules["numpy"].random.set_state(self._numpy)
        torch.set_rng_state(self._torch)
        if self._cuda is not None:
            torch.cuda.set_rng_state_all(self._cuda)


@contextlib.contextmanager
def same_random(*generators):
    """Whatever draws random numbers inside, those outside stay the same: Python's, numpy's, PyTorch's, those of these generators."""
    before, own = Random(), [(generator, generator.get_state()) for generator in generators]
    try:
        yield
    finally:
        before.put_back()
        for generator, state in own:
            generator.set_state(state)


class OwnRandom:
    """Random numbers that go on from pass to pass, whatever is drawn between them: from those of the caller at the first one."""

    def __init__(self):
        self._first: Random | None = None
        self._next: Random | None = None
        self._drawn: Random | None = None

    @contextlib.contextmanager
    def drawing(self):
        """Inside they are drawn; outside the caller's are as they were."""
        with same_random():
            start = self._next or self._first
            if start is None:
                self._first = Random()
            else:
                start.put_back()
            yield
            self._drawn = Random()

    def keep(self) -> None:
        """The last pass counts. One that is refused draws the same numbers when it comes again."""
        self._next = self._drawn or self._next

    @contextlib.contextmanager
    def again(self):
        """Inside they are those from the first pass on once more."""
        first, going_on = self._first, self._next
        self._next = first
        try:
            yield
        finally:
            self._first, self._next = first, going_on


def version(tensor) -> int:
    """Goes up with every change in place; inference tensors have none."""
    return 0 if tensor.is_inference() else tensor._version


def observes(module) -> bool:
    """Whether it is of quantization: its buffers change in every mode, some without a new version."""
    return type(module).__module__.startswith(("torch.ao.quantization", "torch.quantization"))


@contextlib.contextmanager
def same_buffers(modules):
    """Buffers have the values afterwards that they have now."""
    saved = [(module, name, buffer, version(buffer), buffer.detach().clone())
             for module in modules for name, buffer in module._buffers.items() if buffer is not None]
    try:
        yield
    finally:
        with torch.no_grad():
            for module, name, buffer, before, values in saved:
                if version(buffer) != before or buffer.is_inference() or observes(module):
                    buffer.resize_(values.shape).copy_(values)
                module._buffers[name] = buffer


@contextlib.contextmanager
def same_attributes(modules):
    """Tensors that are plain attributes of modules with hooks stay the same objects: the hooks of weight_norm and the like set
    the weight before each pass."""
    saved = [(module.__dict__, name, value) for module in modules if module._forward_pre_hooks
             for name, value in module.__dict__.items() if isinstance(value, torch.Tensor)]
    try:
        yield
    finally:
        for place, name, value in saved:
            place[name] = value


# Attributes of PyTorch's transformer modules that let them take a fused path, which never calls their Linear modules.
FUSED = {"activation_relu_or_gelu": 0, "enable_nested_tensor": False, "use_nested_tensor": False}


@contextlib.contextmanager
def evaluating(modules):
    """Every module in eval mode, without gradients and fused paths; afterwards each is as it was.

    The flags are set one by one: train() and eval() may be overridden to change weights."""
    changed = []
    wanted = {"training": False, **FUSED}
    try:
        for module in modules:
            place = module.__dict__
            for name, value in wanted.items():
                if place.get(name, value) != value:
                    changed.append((place, name, place[name]))
                    place[name] = value
        with torch.no_grad():
            yield
    finally:
        for place, name, value in changed:
            place[name] = value


@contextlib.contextmanager
def precision(device, dtype):
    """Autocast to `dtype`, or as the caller has it where that is None. What autocast keeps of weights is for one mode of
    gradients: a pass without would leave the caller's next one without, so nothing is kept.
    Raises ValueError where the device cannot."""
    before = torch.is_autocast_cache_enabled()
    try:
        if dtype is None:
            torch.set_autocast_cache_enabled(False)
            yield
            return
        kind = "cpu" if device is None else device.type
        context = torch.autocast(kind, dtype=dtype, cache_enabled=False)
        if not context._enabled:
            raise ValueError(f"autocast: found {str(dtype)[6:]} for a model on {kind!r}, which cannot; expected another type")
        with context:
            yield
    finally:
        torch.set_autocast_cache_enabled(before)


def to_device(value, device):
    """Tensors, also in tuples, lists and mappings, moved to a device; all else as it is."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, (tuple, list)):
        items = [to_device(item, device) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    return value


def only_device(modules):
    """The device of all parameters, or None where there are none or several."""
    devices = {parameter.device for module in modules for parameter in module._parameters.values() if parameter is not None}
    return devices.pop() if len(devices) == 1 else None
