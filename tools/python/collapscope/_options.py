"""The options of an analysis, and attributes, as they are checked before the compiled part has them."""
from __future__ import annotations

import numbers
from collections.abc import Mapping

import numpy as np

from ._arrays import is_torch
from .errors import AccumulatorError

LARGEST = 2**63 - 1


def whole(value, what: str, lowest: int, more: str = "") -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or not lowest <= value <= LARGEST:
        raise AccumulatorError(f"{what}: found {value!r:.80}; expected a whole number from {lowest} on{more}")
    return int(value)


def core_options(*, metrics, signal_dim, top, precision, memory, device, threads, per_class):
    """As the compiled part takes them. What it says itself of their values comes when an accumulator is made of them."""
    from . import _core  # accumulator.py says what to do where it is missing

    options = _core.Options()
    options.metrics = metric_patterns(metrics)
    options.signal_dim = _signal_dim(signal_dim)
    options.top = whole(top, "top", 0)
    options.memory = whole(memory, "memory", 0, ", of bytes; 0: what there is")
    options.threads = whole(threads, "threads", 0, "; 0: all cores")
    if precision not in ("float64", "fast", "float64-emulated"):
        raise AccumulatorError(f"precision: found {precision!r:.80}; expected 'float64', 'fast' or, on a GPU, 'float64-emulated'")
    options.precision = precision
    if device is not None and not isinstance(device, str):
        raise AccumulatorError(f"device: found {device!r:.80}; expected 'cpu', 'cuda', 'cuda:N' or None")
    options.device = "cpu" if device is None else device
    if not isinstance(per_class, (bool, np.bool_)):
        raise AccumulatorError(f"per_class: found {per_class!r:.80}; expected True or False")
    options.per_class = bool(per_class)
    return options


def require_options(task: str, *, classes, **options) -> None:
    """Raises AccumulatorError for what an accumulator of any layers would say. task: of another kind than there are it says nothing."""
    from .accumulator import Accumulator

    if task == "classification":
        Accumulator(1, classes=classes or 2, **options)
    else:
        Accumulator(1, 1, **options)


def metric_patterns(metrics) -> str:
    """Names and globs with commas between them; "" for all."""
    listed = [metrics] if isinstance(metrics, str) else list(metrics or [])
    odd = [name for name in listed if not isinstance(name, str)]
    if odd:
        raise AccumulatorError(f"metrics: found {odd[0]!r:.80}; expected names or globs of metrics, such as 'nrc*'")
    return ",".join(listed)


def _signal_dim(value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if value == "intrinsic":
            return value
        if value.isascii() and value.isdigit() and 1 <= int(value) <= LARGEST:
            return str(int(value))
    elif isinstance(value, numbers.Integral) and not isinstance(value, bool) and 1 <= value <= LARGEST:
        return str(int(value))
    raise AccumulatorError(f"signal_dim: found {value!r:.80}; expected a whole number from 1 on, 'intrinsic', or None")


def attributes_of(attributes) -> dict:
    """Texts and numbers of Python, from those of NumPy, too; None is left out, as in a dump."""
    if attributes is not None and not isinstance(attributes, Mapping):
        raise AccumulatorError(f"attributes: found {type(attributes).__name__}; expected a dict of texts and numbers")
    found = {}
    for name, value in (attributes or {}).items():
        if (isinstance(value, np.ndarray) or is_torch(value)) and value.ndim == 0 or isinstance(value, np.generic):
            value = value.item()
        if value is None:
            continue
        if not isinstance(value, (bool, int, float, str)):
            raise AccumulatorError(f"attribute {name!r}: found {type(value).__name__}; expected a text or a number")
        if isinstance(value, int) and not -2**63 <= value < 2**64:
            raise AccumulatorError(f"attribute {name!r}: found {value}; expected an integer of 64 bits, or a float")
        found[str(name)] = value
    return found
