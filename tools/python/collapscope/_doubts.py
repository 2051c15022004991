"""What is taken as it is, with a warning: numbers that float16 does not hold, and probabilities in place of logits."""
from __future__ import annotations

import numpy as np

from ._arrays import float64

PROBABILITIES = "found probabilities, rows >= 0 with the sum 1; expected logits, as model_cross_entropy is the one of their softmax"
FULL, LEAST = 2.0**-14, 2.0**-24  # of float16: the smallest number with all its digits, and the smallest one


def lost_in_float16(rows) -> str:
    """What becomes of rows [..., d] of NumPy or PyTorch in float16; empty where nothing is lost.

    Of most rows a few numbers tell. Numbers that are small beside others of their row do not matter."""
    if not rows.shape[-1]:
        return ""
    step = -(-rows.shape[-1] // 16)
    few = ~(abs(rows[..., ::step]) >= FULL).any(-1)
    if not few.any():
        return ""
    looked_at = rows[few]
    filled = (looked_at != 0).sum(-1)
    if ((filled > 0) & (abs(looked_at) <= LEAST / 2).all(-1)).any():
        return f"rows that are not 0 become 0 in float16, which has no number below {LEAST:.1g}; dtype='float32' keeps them"
    small = int(((looked_at * looked_at).sum(-1) < FULL**2 * filled).sum())
    if 2 * small > int((~few).sum()) + int((filled > 0).sum()):
        return f"most rows have numbers below {FULL:.2g}, of which float16 keeps fewer digits; dtype='float32' keeps them"
    return ""


def are_probabilities(predictions: np.ndarray) -> bool:
    """Whether all rows [N, K] are >= 0 and have the sum 1."""
    if predictions.dtype.kind in "iu" or not len(predictions):
        return False
    numbers = float64(predictions, "predictions", None)
    tolerance = 1e-2 if predictions.dtype.itemsize <= 2 else 1e-4
    return numbers.shape[1] > 1 and bool((numbers >= 0).all() and (abs(numbers.sum(1) - 1) < tolerance).all())
