"""Inputs of layers as rows of a dump: axes in order, sequences and images pooled."""
from __future__ import annotations

import torch

from ._layers import dimensions

POOLED = ("mean", "max", "first", "last")
WHOLE = ("none", "flatten", "keep")  # stored as they are; the program does the rest
POOLS = POOLED + WHOLE
IMAGES = ("NCHW", "NCDHW")  # layouts whose second axis is the features


def arrange(x: torch.Tensor, kind: str, batch_first: bool) -> tuple[torch.Tensor, str]:
    """x as [N, d] (layout ""), [N, T, D] ("NTD"), [N, C, H, W] ("NCHW") or [N, C, D, H, W] ("NCDHW").

    Linear layers act on the last axis, all between it and the first are positions; Conv1d has [N, C, T].
    batch_first: False where sequences are [T, N, D]. Raises ValueError for other shapes."""
    space = dimensions(kind)
    if space == 1 and x.ndim == 3:
        return x.transpose(1, 2), "NTD"
    if space and x.ndim == space + 2 or kind == "" and x.ndim in (4, 5):
        return x, IMAGES[x.ndim - 4]
    if not space and x.ndim == 2:
        return x, ""
    if kind == "linear" and x.ndim >= 3 or kind == "" and x.ndim == 3:
        if not batch_first:
            x = x.transpose(0, 1)
        return x.flatten(1, -2), "NTD"
    expected = {0: "[N, ..., d]" if kind else "2 to 5 axes", 1: "[N, C, T]", 2: "[N, C, H, W]", 3: "[N, C, D, H, W]"}
    raise ValueError(f"found an input of shape {list(x.shape)}; expected {expected[space]}")


def fill(x: torch.Tensor, kept: torch.Tensor, value: float) -> torch.Tensor:
    """`value` in place of what is not kept, also of NaN and Inf there. x [N, T, D], kept [N, T]."""
    return x.masked_fill(~kept[:, :, None], value)


def pooled(x: torch.Tensor, pool: str, mask: torch.Tensor | None) -> torch.Tensor:
    """[N, T, D] as [N, D]. mask [N, T]: true for the positions that count, at least one of every sample.
    Means of float16 and bfloat16 are float32."""
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
    return x[torch.arange(len(x), device=x.device), at]


def as_rows(x: torch.Tensor, kind: str, pool: str, mask: torch.Tensor | None, batch_first: bool
            ) -> tuple[torch.Tensor, dict]:
    """What a layer's group stores for the input x, and its attributes (layout, pool; of stored sequences and images).

    mask [N, T] counts for sequences only; with pool "none" it is left to who knows the targets. Raises ValueError where it
    does not fit, or cannot be stored."""
    x, layout = arrange(x, kind, batch_first)
    if not layout:
        return x, {}
    if pool in WHOLE:
        if mask is not None and layout == "NTD" and pool != "none":
            raise ValueError(no_mask(pool))
        return x, {"layout": layout, "pool": None if pool == "keep" else pool}
    if layout in IMAGES:
        return pooled(x.flatten(2).transpose(1, 2), pool, None), {}
    if mask is not None and mask.shape != x.shape[:2]:
        raise ValueError(f"found a sequence of shape {list(x.shape[:2])} (samples, positions); expected "
                         f"{list(mask.shape)}, as the mask has")
    return pooled(x, pool, mask), {}


def no_mask(pool: str) -> str:
    return (f"pool {pool!r} stores every position, and a dump has no mask; expected pool mean, max, first or last with mask=, or "
            "pool 'none' and targets for every position")
