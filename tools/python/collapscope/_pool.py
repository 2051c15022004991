"""Inputs of layers as rows of a dump: axes in order, sequences and images pooled."""
from __future__ import annotations

import torch

POOLED = ("mean", "max", "first", "last")
WHOLE = ("none", "flatten", "keep")  # stored as they are; the program does the rest
POOLS = POOLED + WHOLE


def arrange(x: torch.Tensor, kind: str, batch_first: bool) -> tuple[torch.Tensor, str]:
    """x as [N, d] (layout ""), [N, T, D] ("NTD") or [N, C, H, W] ("NCHW").

    Linear layers act on the last axis, all between it and the first are positions; Conv1d has [N, C, T].
    batch_first: False where sequences are [T, N, D]. Raises ValueError for other shapes."""
    if kind == "conv1d" and x.ndim == 3:
        return x.transpose(1, 2), "NTD"
    if kind == "conv2d" and x.ndim == 4 or kind == "" and x.ndim == 4:
        return x, "NCHW"
    if kind in ("linear", "") and x.ndim == 2:
        return x, ""
    if kind == "linear" and x.ndim >= 3 or kind == "" and x.ndim == 3:
        if not batch_first:
            x = x.transpose(0, 1)
        return x.flatten(1, -2), "NTD"
    expected = {"conv1d": "[N, C, T]", "conv2d": "[N, C, H, W]", "linear": "[N, ..., d]"}
    raise ValueError(f"found an input of shape {list(x.shape)}; expected {expected.get(kind, '2 to 4 axes')}")


def fill(x: torch.Tensor, kept: torch.Tensor, value: float) -> torch.Tensor:
    """`value` in place of what is not kept, also of NaN and Inf there. x [N, T, D], kept [N, T]."""
    return x.masked_fill(~kept[:, :, None], value)


def pooled(x: torch.Tensor, pool: str, mask: torch.Tensor | None) -> torch.Tensor:
    """[N, T, D] as [N, D]. mask [N, T]: true for the positions that count, at least one of every sample.
    Means of float16 and bfloat16 are float32."""
    rows = torch.arange(len(x), device=x.device)
    if pool == "mean":
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) or not x.is_floating_point() else x
        if mask is None:
            return wide.mean(1)
        return fill(wide, mask, 0).sum(1) / mask.sum(1, keepdim=True)
    if pool == "max":
        lowest = -torch.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
        return (x if mask is None else fill(x, mask, lowest)).amax(1)
    if mask is None:
        return x[:, 0 if pool == "first" else -1]
    positions = torch.arange(x.shape[1], device=x.device)
    at = torch.where(mask, positions, x.shape[1]).amin(1) if pool == "first" else torch.where(mask, positions, -1).amax(1)
    return x[rows, at]


def as_rows(x: torch.Tensor, kind: str, pool: str, mask: torch.Tensor | None, batch_first: bool
            ) -> tuple[torch.Tensor, dict]:
    """What a layer's group stores for the input x, and its attributes (layout, pool; of stored sequences and images).

    mask [N, T] counts for sequences only. Raises ValueError where it does not fit, or cannot be stored."""
    x, layout = arrange(x, kind, batch_first)
    if not layout:
        return x, {}
    if pool in WHOLE:
        if mask is not None and layout == "NTD":
            raise ValueError(f"pool {pool!r} stores every position, and a dump has no mask; expected pool mean, max, first "
                             "or last with mask=")
        return x, {"layout": layout, "pool": None if pool == "keep" else pool}
    if layout == "NCHW":
        return pooled(x.flatten(2).transpose(1, 2), pool, None), {}
    if mask is not None and mask.shape != x.shape[:2]:
        raise ValueError(f"found a sequence of shape {list(x.shape[:2])} (samples, positions); expected "
                         f"{list(mask.shape)}, as the mask has")
    return pooled(x, pool, mask), {}
