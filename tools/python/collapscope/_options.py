"""The options of an analysis, and attributes, as they are checked before the compiled part has them."""
from __future__ import annotations

import functools
import numbers
from collections.abc import Mapping

import numpy as np

from ._arrays import is_torch
from .errors import AccumulatorError

LARGEST = 2**63 - 1
SECOND_LOOK = ("nrc1_centered", "nc1_unit", "nc4_disagreement", "ncc_accuracy")  # metrics that one look at the rows cannot give


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
    options.memory = _memory_bytes(memory)
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


def require_some_metric(task: str, metrics) -> tuple[str, ...]:
    """The metrics of a task that fit. Raises AccumulatorError where none does."""
    patterns = metric_patterns(metrics)
    found = _metrics_of(task, patterns)
    if not found and patterns and task in ("regression", "classification"):
        other = "regression" if task == "classification" else "classification"
        hint = f", or task={other!r}" if _metrics_of(other, patterns) else ""
        raise AccumulatorError(f"metrics: found {patterns!r}, of which a {task} has none; expected metrics of it{hint}")
    return found


@functools.lru_cache(maxsize=64)
def _metrics_of(task: str, patterns: str) -> tuple[str, ...]:
    """Measured on a few rows: the compiled part says which there are."""
    from .accumulator import Accumulator

    labels = np.arange(6) % 2
    is_classes = task == "classification"
    kind = {"classes": 2} if is_classes else {"targets": 1}
    layers = [f"layer{number}" for number in range(4)]  # some metrics say how others go over depth
    sums = Accumulator(dict.fromkeys(layers, 2), **kind, weights=dict.fromkeys(layers, np.eye(2) if is_classes else np.ones((1, 2))),
                       metrics=patterns, threads=1)
    sums.update(np.random.default_rng(0).standard_normal((6, 2)), labels if is_classes else labels.astype(float),
                np.eye(2)[labels] if is_classes else labels.astype(float))
    checkpoint = sums.results()["checkpoints"][0]
    over_depth = (f"{name}_depth_{part}" for name, parts in checkpoint.get("depth", {}).items() for part in parts if part != "notes")
    return tuple(dict.fromkeys([*(checkpoint["targets"] or {}), *checkpoint["layers"][0]["metrics"], *over_depth]))


def metric_patterns(metrics) -> str:
    """Names and globs with commas between them; "" for all."""
    listed = [metrics] if isinstance(metrics, str) else list(metrics or [])
    odd = [name for name in listed if not isinstance(name, str)]
    if odd:
        raise AccumulatorError(f"metrics: found {odd[0]!r:.80}; expected names or globs of metrics, such as 'nrc*'")
    return ",".join(listed)


def _memory_bytes(value) -> int:
    if not isinstance(value, str):
        return whole(value, "memory", 0, ", of bytes, or a text such as '2GiB'; 0: what there is")
    from . import _core

    try:
        return _core.parse_bytes(value)
    except _core.CoreUsageError as error:
        raise AccumulatorError(f"memory: {error}") from None


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
