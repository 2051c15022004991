"""The sums of all ranks of torch.distributed, on each of them."""
from __future__ import annotations

import os
import tempfile

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
