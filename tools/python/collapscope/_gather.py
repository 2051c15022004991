"""The sums of all ranks of torch.distributed, on each of them."""
from __future__ import annotations

import hashlib
import os
import tempfile
import warnings

from .accumulator import Accumulator
from .errors import AccumulatorError


def gathered(mine, device: str, threads: int, failure: Exception | None = None):
    """(Accumulator, samples, what is known of them) of all ranks in their order; None where this process is the only one.

    mine: the same of this rank, or None where it has no samples. failure: why this rank has none. Every rank talks to the others whatever it has, so that none waits:
    what one of them cannot give is an error on all."""
    import torch.distributed as distributed

    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        if mine is None:
            raise AccumulatorError("meter: found no samples; expected at least one call of update() before gather()")
        return None
    every: list = [None] * distributed.get_world_size()
    distributed.all_gather_object(every, _packed(mine) if failure is None else _failed(failure))
    failed = [(rank, part["error"]) for rank, part in enumerate(every) if "error" in part]
    if failed:
        raise AccumulatorError(f"meter: found no sums on rank {failed[0][0]}: {failed[0][1]}")
    parts = [part for part in every if "file" in part]
    if not parts:
        raise AccumulatorError("meter: found no samples on any rank; expected at least one call of update() before gather()")
    _tell_of_buffers(parts)
    whole = None
    with tempfile.TemporaryDirectory() as folder:
        for part in parts:
            path = os.path.join(folder, "sums.h5")
            with open(path, "wb") as file:
                file.write(part["file"])
            sums = Accumulator.load(path, device=device, threads=threads)
            sums._passes = part["passes"]
            if whole is None:
                whole = sums
            else:
                whole.merge(sums)
    return whole, sum(part["samples"] for part in parts), parts[0]["about"]


def buffers_of(model) -> dict[str, str]:
    """A digest of each buffer of float numbers that a checkpoint has, such as running statistics; nothing outside a job of several ranks, nor of what
    has no plain numbers."""
    import torch

    from ._shards import world

    found = {}
    for prefix, module in model.named_modules() if world()[1] > 1 else ():
        for name, buffer in module._buffers.items():
            if buffer is not None and name not in module._non_persistent_buffers_set and buffer.is_floating_point():
                try:
                    numbers = buffer.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
                except (RuntimeError, TypeError, NotImplementedError):
                    continue
                found[f"{prefix}.{name}".lstrip(".")] = hashlib.sha256(numbers).hexdigest()[:16]
    return found


def _tell_of_buffers(parts: list[dict]) -> None:
    """DistributedDataParallel gives all ranks the first one's buffers at the begin of a forward pass, and lets them go apart after it."""
    first = parts[0]["about"].get("buffers") or {}
    for part in parts[1:]:
        for name, digest in (part["about"].get("buffers") or {}).items():
            if first.get(name, digest) != digest:
                warnings.warn(f"meter: the ranks measured models with different buffers ({name} and maybe others), as running statistics are after a step of "
                              "DistributedDataParallel; the sums are of several models. Expected the same: torch.distributed.broadcast(buffer, 0) for "
                              "each of model.buffers() before, or SyncBatchNorm", RuntimeWarning, stacklevel=5)
                return


def _failed(error: Exception) -> dict:
    return {"error": f"{type(error).__name__}: {error}"}


def _packed(mine) -> dict:
    if mine is None:
        return {}
    sums, samples, about = mine
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sums.h5")
            sums.save(path)
            with open(path, "rb") as file:
                state = file.read()
    except Exception as error:  # said by all ranks
        return _failed(error)
    return {"file": state, "samples": samples, "about": about, "passes": None if sums._passes is None else sums._passes.copy()}
