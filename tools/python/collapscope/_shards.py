"""Distributed training: which part of the data a rank has, and where it goes.

A loader with a DistributedSampler gives each rank its shard, filled up with samples that others have, so that all are of one
length. So does one of accelerate, which deals out whole batches. Such a shard becomes a file of its own, without what it was filled up
with; `collapscope analyze --shards` joins them. In a Meter the sums of all ranks are added up.
"""
from __future__ import annotations

import contextlib
import copy
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, IterableDataset, SequentialSampler, Subset


@dataclass(frozen=True)
class Shard:
    """The part of one rank. ranks: those that have samples of their own, which are the first ones. keep: its first samples that are its
    own; None: all of them."""

    rank: int
    ranks: int
    keep: int | None = None


def world() -> tuple[int, int]:
    """This process's rank, and how many there are."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def samplers(data) -> list:
    """The samplers of a loader, also of its batch sampler."""
    owners = (data, getattr(data, "batch_sampler", None))
    found = [getattr(owner, "sampler", None) for owner in owners if owner is not None]
    return [sampler for sampler in found if sampler is not None]


def generators_of(data) -> list[torch.Generator]:
    """Those that a loader and its samplers draw from."""
    owners = [data, *samplers(data)]
    found = {id(generator): generator for generator in (getattr(owner, "generator", None) for owner in owners)}
    return [generator for generator in found.values() if isinstance(generator, torch.Generator)]


def check_shards(place, shards) -> None:
    if shards is not None and not isinstance(shards, bool):
        raise ValueError(f"{place}: shards: found {shards!r:.80}; expected True (each rank has its own samples), False (rank 0 has all) or "
                         "None (as the loader's sampler says)")


def shard_of(data, shards: bool | None, place: str) -> Shard | None:
    """The shard that a loader gives this rank, or None where it gives all samples. Raises ValueError where nobody can tell.

    shards: what the caller says: each rank has its own samples (True), or all ranks have the same (False)."""
    rank, ranks = world()
    if shards is False:
        return None
    for sampler in samplers(data):
        if hasattr(sampler, "num_replicas") and hasattr(sampler, "rank") and sampler.num_replicas > 1:
            _require_own(sampler.rank, sampler.num_replicas, place)
            return Shard(sampler.rank, sampler.num_replicas, own_samples(sampler, place))
    dealer = dealer_of(data)
    if dealer is not None:
        own = own_of_batches(data, dealer)
        if own is None:
            raise ValueError(f"{place}: data: found a {type(dealer).__name__}, which deals out batches to "
                             f"{getattr(dealer, 'num_processes', ranks)} processes and repeats some; expected the loader as it was before, or one "
                             "with a DistributedSampler")
        _require_own(dealer.process_index, dealer.num_processes, place)
        return Shard(dealer.process_index, sum(count > 0 for count in own), own[dealer.process_index])
    if shards:
        return Shard(rank, ranks) if ranks > 1 else None
    if ranks > 1 and not gives_all(data):
        part = isinstance(getattr(data, "dataset", None), Subset)
        found = "a loader of a Subset" if part else type(data).__name__
        raise ValueError(f"{place}: data: found {found} in rank {rank} of {ranks}, of which nobody can tell whether each rank has the same "
                         "samples; expected a DataLoader of a whole dataset in order, one with a DistributedSampler, shards=True (each rank has "
                         "its own), or shards=False (rank 0 has all)")
    return None


def _require_own(rank: int, ranks: int, place: str) -> None:
    """Raises ValueError for a shard of another rank than this process is."""
    if world()[1] > 1 and (rank, ranks) != world():
        raise ValueError(f"{place}: data: found a sampler for rank {rank} of {ranks} in rank {world()[0]} of {world()[1]}; expected one shard "
                         "for each rank, or shards=False and all samples on rank 0")


def dealer_of(data):
    """What deals out a loader's batches or samples to several processes, as accelerate's loaders have it; None where nothing does."""
    if world()[1] > 1 and any(cls.__name__ == "DataLoaderDispatcher" for cls in type(data).__mro__):
        return data
    dataset = getattr(data, "dataset", None)
    dealers = [getattr(data, "batch_sampler", None), *([dataset] if type(dataset).__name__ == "IterableDatasetShard" else [])]
    return next((dealer for dealer in dealers if getattr(dealer, "num_processes", 1) > 1), None)


def own_of_batches(data, dealer) -> list[int] | None:
    """How many samples of each rank, from its first one on, no rank has had before; None where nobody can tell. They are dealt out here
    once more for all ranks, without the samples."""
    inner = getattr(dealer, "batch_sampler", None)
    in_order = type(inner) is BatchSampler and type(inner.sampler) is SequentialSampler
    if type(dealer).__name__ != "BatchSamplerShard" or not in_order or getattr(data, "skip_batches", 0):
        return None
    shares = []
    for rank in range(dealer.num_processes):
        share = copy.copy(dealer)
        share.process_index = rank
        shares.append(share)
    seen, own, filled_up = set(), [0] * len(shares), [False] * len(shares)
    for batches in itertools.zip_longest(*shares, fillvalue=()):
        for rank, batch in enumerate(batches):
            for index in batch:
                filled_up[rank] |= index in seen
                if index not in seen:
                    if filled_up[rank]:
                        return None
                    own[rank] += 1
                    seen.add(index)
    return own


@contextlib.contextmanager
def running(data):
    """Around a pass through a loader that may end early. One of accelerate must then be told, else it counts as the one that the
    training is at."""
    try:
        yield
    finally:
        state = getattr(data, "gradient_state", None)
        if hasattr(data, "end") and any(reference is data for reference in getattr(state, "dataloader_references", ())):
            data.end()


def gives_all(data) -> bool:
    """Whether a loader certainly goes through a whole dataset in order."""
    return (isinstance(data, DataLoader) and not isinstance(data.dataset, (IterableDataset, Subset))
            and all(type(sampler) is SequentialSampler for sampler in samplers(data)))


def own_samples(sampler, place: str) -> int | None:
    """How many of a sampler's samples, from the first on, no other rank has."""
    size = len(sampler.dataset) if hasattr(sampler, "dataset") else None
    if isinstance(sampler, DistributedSampler) and type(sampler).__iter__ is DistributedSampler.__iter__:
        return len(range(sampler.rank, size, sampler.num_replicas))  # dealt out in turn; what follows is padding
    if "Unrepeated" in type(sampler).__name__ or size is not None and len(sampler) * sampler.num_replicas == size:
        return None
    raise ValueError(f"{place}: data: found a {type(sampler).__name__}, of which nobody can tell which samples it repeats; expected a "
                     "DistributedSampler, or a loader of all samples")


def with_rank(path, shard: Shard) -> Path:
    """The path of a shard: dump.h5 becomes dump.rank3.h5, unless it says the rank already."""
    path = Path(path)
    return path if says_rank(path, shard.rank) else path.with_name(f"{path.stem}.rank{shard.rank}{path.suffix}")


def says_rank(path, rank: int) -> bool:
    return bool(re.search(rf"rank[_-]?0*{rank}(?!\d)", Path(path).name))


def require_own_path(path) -> None:
    """Raises ValueError where this rank would write what rank 0 writes."""
    rank, ranks = world()
    if rank and not says_rank(path, rank):
        raise ValueError(f"{path}: found no rank in the name, in rank {rank} of {ranks}; expected a recorder on rank 0 alone, or a "
                         f"file of its own for each rank, such as {with_rank(path, Shard(rank, ranks)).name}")
