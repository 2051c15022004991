"""Targets for every position of sequences and images, as rows: one sample per position that counts.

A dump has one target per row of a layer. So the positions of a batch are laid out sample by sample, those of images row by row,
of every layer, of the targets and of the predictions alike.
"""
from __future__ import annotations

import math

import numpy as np
import torch

from ._calls import Call
from ._layers import exclusion, listed


def wanted(task: str, targets: np.ndarray) -> bool:
    """Whether targets have more axes than one target per sample needs."""
    return targets.ndim > (2 if task == "regression" else 1)


def place_of(calls: dict[str, Call]) -> tuple:
    """The positions of a sample, [T] or [H, W], as most of the layers have them."""
    found: dict[tuple, int] = {}
    for call in calls.values():
        if call.layout:
            axes = tuple(call.rows.shape[2:] if call.layout != "NTD" else call.rows.shape[1:2])
            found[axes] = found.get(axes, 0) + 1
    images = [axes for axes in found if len(axes) > 1]
    return max(images or found, key=lambda axes: found[axes], default=())


def laid_out(values: np.ndarray, place: tuple, labels: bool, what: str, known: str | None = None) -> tuple[np.ndarray, str | None]:
    """[N, *place], [N, *place, n] or [N, n, *place] as [N, P] or [N, P, n]; labels as [N, P]. Also which of the last two it was,
    "last" or "first" (where n is), if the shape tells.

    CrossEntropyLoss takes [N, K, T], transformers give [N, T, K]: with as many positions as classes only `known`, what is known of
    other batches, tells. Images are [N, n, H, W] in all of PyTorch. Raises ValueError for other shapes."""
    count, shape = math.prod(place), values.shape[1:]
    if shape == place or labels and math.prod(shape) == count:
        return values.reshape(len(values), count), None
    last, first = len(shape) > 1 and math.prod(shape[:-1]) == count, len(shape) > 1 and math.prod(shape[1:]) == count
    both = last and first
    if both:
        image = len(place) > 1 and shape[1:] == place
        last = shape[0] == 1 or not image and known == "last"
        first = not last and (image or known == "first")
    if last:
        return values.reshape(len(values), count, shape[-1]), None if both else "last"
    if first:
        return np.moveaxis(values.reshape(len(values), shape[0], count), 1, 2), None if both else "first"
    if both:
        n, is_target = shape[-1], what.endswith("targets")
        how = "y." if is_target else "output=lambda result: result."
        raise ValueError(f"{what}: found shape {list(values.shape)}, where either axis may be the positions; expected "
                         f"{[len(values), 1, count, n]} for [N, T, n] ({how}unsqueeze(1)) or {[len(values), n, count, 1]} for [N, n, T] "
                         f"({how}unsqueeze(-1))")
    raise ValueError(f"{what}: found shape {list(values.shape)}; expected a value for each of the positions "
                     f"{list(place)} that the layers have: [N, T], [N, T, n] or [N, n, H, W]")


def rows_of(call: Call) -> np.ndarray | torch.Tensor:
    """A call's input as [N, P, d]."""
    rows = call.rows
    if call.layout == "NTD":
        return rows
    return rows.reshape(len(rows), rows.shape[1], -1).swapaxes(1, 2)


def count_of(call: Call) -> int:
    """Positions of a sample in a layer's input; 0 where it has none."""
    return math.prod(call.rows.shape[1:2] if call.layout == "NTD" else call.rows.shape[2:]) if call.layout else 0


def as_samples(path, task: str, arrays: dict, calls: dict[str, Call], mask: np.ndarray | None, ignore_label: int | None = None,
               layouts: dict | None = None) -> bool:
    """Makes the rows of targets, predictions and calls one per position that the mask keeps, in place. All calls have as many
    samples as the targets. layouts: of targets and predictions, "last" or "first" where it is known (laid_out); what this batch tells is
    added. Returns False, and leaves the arrays as they are, where all that the mask keeps has the ignored label."""
    layouts = {} if layouts is None else layouts
    place = place_of(calls)
    samples = len(arrays["targets"])
    count = math.prod(place)
    other = [name for name, call in calls.items() if not place or count_of(call) != count]
    if other:
        expected = f"one row for each of the positions {list(place)}" if place else "positions, [N, T, d] or [N, C, H, W]"
        raise ValueError(f"{path}: layers/{other[0]}: found an input of shape {list(calls[other[0]].shape)}; expected {expected}, "
                         f"as every position has a target. Leave out what has none: exclude={exclusion(other)}")
    kept = np.ones(samples * count, bool)
    if mask is not None:
        if mask.shape[0] != samples or mask.size != samples * count:
            raise ValueError(f"{path}: mask: found shape {list(mask.shape)}; expected {[samples, *place]}")
        kept = mask.reshape(-1) != 0
    if not kept.any():
        raise ValueError(f"{path}: mask: found no position that counts in a batch; expected at least one")
    if ignore_label is not None and arrays["targets"].size == kept.size:
        kept &= laid_out(arrays["targets"], place, True, f"{path}: targets")[0].reshape(-1) != ignore_label
    if not kept.any():
        return False
    for name, values in arrays.items():
        if len(values) != samples:
            raise ValueError(f"{path}: {name}: found shape {list(values.shape)}; expected {samples} samples")
        labels = name == "targets" and task == "classification"
        values, tells = laid_out(values, place, labels, f"{path}: {name}", layouts.get(name))
        if tells and layouts.setdefault(name, tells) != tells:
            raise ValueError(f"{path}: {name}: found [N, {'T, n' if tells == 'last' else 'n, T'}]; expected "
                             f"[N, {'n, T' if tells == 'last' else 'T, n'}], as before, or as batch_first=False and transformers have it")
        arrays[name] = values.reshape(samples * count, *values.shape[2:])[kept]
    for call in calls.values():
        rows = rows_of(call)
        call.rows, call.attributes = rows.reshape(samples * count, rows.shape[2])[kept], {}
    if task == "classification" and arrays["targets"].min() < 0:
        at = int(arrays["targets"].min())
        raise ValueError(f"{path}: targets: found the label {at} at a position that counts; expected mask=, which leaves such "
                         f"positions out: mask=(y != {at}), or ignore_label={at}")
    return True


def refuse_ambiguous(path, targets: np.ndarray, calls: dict[str, Call]) -> None:
    """[N, T] beside sequences of T positions that are each a sample: n = T targets of a sample, or one of each position?"""
    if targets.ndim != 2 or targets.shape[1] < 2:
        return
    same = [name for name, call in calls.items() if call.layout == "NTD" and call.attributes.get("pool") == "none"
            and call.rows.shape[1] == targets.shape[1]]
    if same:
        raise ValueError(f"{path}: targets: found shape {list(targets.shape)} beside sequences of {targets.shape[1]} positions "
                         f"({listed(same, 3)}) with pool 'none'; expected {[*targets.shape, 1]} for one target per position, or "
                         "pool='keep' for targets of the whole sample")
