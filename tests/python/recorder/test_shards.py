"""Distributed training: each rank records its shard, once, and no two write one file."""
import os
import re
import subprocess
import sys
import types

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset  # noqa: E402

import collapscope  # noqa: E402

SAMPLES = 23


def dataset():
    generator = torch.Generator().manual_seed(3)
    return TensorDataset(torch.randn(SAMPLES, 4, generator=generator), torch.randn(SAMPLES, 2, generator=generator))


def loader(rank, ranks, batch_size=5, **options):
    data = dataset()
    return DataLoader(data, batch_size, sampler=DistributedSampler(data, ranks, rank, **{"shuffle": False, **options}))


@pytest.mark.parametrize("ranks, batch_size", [(2, 5), (5, 1), (4, 6), (4, 3)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_padded_sampler_counts_each_sample_once(tmp_path, ranks, batch_size, shuffle):
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    for rank in range(ranks):
        collapscope.record(model, tmp_path / "dump.h5", loader(rank, ranks, batch_size, shuffle=shuffle))
    assert sorted(os.listdir(tmp_path)) == [f"dump.rank{rank}.h5" for rank in range(ranks)]
    rows = []
    for rank in range(ranks):
        with h5py.File(tmp_path / f"dump.rank{rank}.h5") as f:
            assert (f.attrs["shard"], f.attrs["shards"]) == (rank, ranks)
            rows += [np.hstack([f["layers/model/activations"], f["targets"]])]
            assert len(f["predictions"]) == len(f["targets"])
    found = np.concatenate(rows)
    expected = np.hstack([tensor.numpy() for tensor in dataset().tensors])
    assert len(found) == SAMPLES and np.array_equal(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)])


def test_joined_they_are_the_whole(tmp_path, analyze):
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    for rank in range(3):
        collapscope.record(model, tmp_path / "parts" / "dump.h5", loader(rank, 3), attributes={"run": "a", "step": 1})
    collapscope.record(model, tmp_path / "whole.h5", DataLoader(dataset(), 5))
    parts, whole = analyze(tmp_path / "parts", "--shards"), analyze(tmp_path / "whole.h5")
    assert parts["model"]["samples"] == SAMPLES and parts[""]["model_mse"] == pytest.approx(whole[""]["model_mse"], rel=1e-12)
    for metric in ("nrc1", "nrc2", "total_variance", "linear_mse"):
        assert parts["model"][metric] == pytest.approx(whole["model"][metric], rel=1e-10)


def test_tokens_of_a_padded_sampler(tmp_path):
    data = TensorDataset(torch.arange(30.).reshape(5, 3, 2), torch.arange(15.).reshape(5, 3, 1))
    for rank in range(2):
        sampled = DataLoader(data, 3, sampler=DistributedSampler(data, 2, rank, shuffle=False))
        collapscope.record(nn.Linear(2, 1), tmp_path / "dump.h5", sampled, pool="none")
    with h5py.File(tmp_path / "dump.rank1.h5") as f:
        assert f["targets"][:, 0].tolist() == [3, 4, 5, 9, 10, 11]


def test_what_nobody_can_tell_is_refused(tmp_path):
    class Repeating(DistributedSampler):
        def __iter__(self):
            return iter(list(super().__iter__()))

    class BatchSamplerShard:
        num_processes = 2

    data = dataset()
    with pytest.raises(ValueError, match=r"dump.h5: data: found a Repeating, of which nobody can tell which samples it repeats"):
        collapscope.record(nn.Linear(4, 2), tmp_path / "dump.h5", DataLoader(data, 5, sampler=Repeating(data, 2, 0, shuffle=False)))
    sharded = DataLoader(data, 5)
    object.__setattr__(sharded, "batch_sampler", BatchSamplerShard())
    with pytest.raises(ValueError, match="data: found a BatchSamplerShard, which deals out batches to 2 processes and repeats some"):
        collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", sharded)
    with pytest.raises(ValueError, match="found a loader with DistributedSampler, whose order differs"):
        collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", loader(0, 2, shuffle=True))


class BatchSamplerShard(torch.utils.data.BatchSampler):
    """As accelerate's with whole batches: rank by rank, the last round filled up from the beginning."""

    def __init__(self, inner, ranks, rank):
        self.batch_sampler, self.num_processes, self.process_index = inner, ranks, rank

    def __iter__(self):
        batches = list(self.batch_sampler)
        order = [index for batch in batches for index in batch]
        size = self.batch_sampler.batch_size
        while len(order) % (size * self.num_processes):
            order.append(order[len(order) - sum(map(len, batches))])
        for first in range(self.process_index * size, len(order), self.num_processes * size):
            yield order[first:first + size]


@pytest.mark.parametrize("ranks, batch_size", [(2, 5), (3, 4), (5, 1), (4, 6), (2, 30)])
def test_batches_that_are_dealt_out(tmp_path, ranks, batch_size):
    data = dataset()
    for rank in range(ranks):
        inner = DataLoader(data, batch_size).batch_sampler
        try:
            collapscope.record(nn.Linear(4, 2), tmp_path / "dump.h5", DataLoader(data, batch_sampler=BatchSamplerShard(inner, ranks, rank)))
        except ValueError as error:
            assert "found no samples" in str(error) and (rank, batch_size) == (1, 30)
    found = np.concatenate([h5py.File(tmp_path / name)["targets"] for name in sorted(os.listdir(tmp_path))])
    expected = data.tensors[1].numpy()
    assert len(found) == SAMPLES and np.array_equal(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)])


@pytest.mark.parametrize("options", [{}, {"split_batches": True}, {"even_batches": False}, {"split_batches": True, "even_batches": False}])
def test_batches_that_accelerate_deals_out(options):
    """Each sample is one rank's own, for any number of samples, ranks and size of batches."""
    loaders = pytest.importorskip("accelerate.data_loader")
    from collapscope._shards import own_of_batches

    for samples in (1, 2, 7, 23, 24, 48, 49):
        for ranks in (2, 3, 4):
            for batch_size in (1, 3, 5, 12, 60) if "split_batches" not in options else (12, 60):
                for drop_last in (False, True):
                    inner = DataLoader(range(samples), batch_size, drop_last=drop_last).batch_sampler
                    shards = [loaders.BatchSamplerShard(inner, ranks, rank, **options) for rank in range(ranks)]
                    own = own_of_batches(None, shards[0])
                    found = [index for shard, keep in zip(shards, own) for index in [index for batch in shard for index in batch][:keep]]
                    assert len(found) == len(set(found)), (samples, ranks, batch_size)
                    assert set(found) == {index for shard in shards for batch in shard for index in batch}
                    assert drop_last or sorted(found) == list(range(samples))


def test_dealt_out_samples_that_nobody_can_tell_are_refused(tmp_path):
    data = dataset()
    shuffled = BatchSamplerShard(DataLoader(data, 5, shuffle=True).batch_sampler, 2, 0)
    with pytest.raises(ValueError, match="data: found a BatchSamplerShard, which deals out batches to 2 processes and repeats some"):
        collapscope.record(nn.Linear(4, 2), tmp_path / "dump.h5", DataLoader(data, batch_sampler=shuffled))

    class IterableDatasetShard(torch.utils.data.IterableDataset):
        num_processes = 2

        def __iter__(self):
            return iter(())

    with pytest.raises(ValueError, match="data: found a IterableDatasetShard, which deals out batches to 2 processes"):
        collapscope.record(nn.Linear(4, 2), tmp_path / "dump.h5", DataLoader(IterableDatasetShard(), 5))


def test_a_dataset_of_several_processes_is_no_shard(tmp_path):
    """Whatever it means by them."""
    data = dataset()
    data.num_processes = 2
    collapscope.record(nn.Linear(4, 2), tmp_path / "dump.h5", DataLoader(data, 5))
    assert len(h5py.File(tmp_path / "dump.h5")["targets"]) == SAMPLES


class OfAccelerate(DataLoader):
    """Counts as the loader that the training is at until its end, which before accelerate 1.4 may come once only."""

    def __iter__(self):
        self.begun.append(self)
        yield from super().__iter__()
        self.end()

    @property
    def begun(self):
        return self.gradient_state.dataloader_references

    def end(self):
        self.begun.remove(self)


def of_accelerate():
    made = OfAccelerate(dataset(), 5)
    made.gradient_state = types.SimpleNamespace(dataloader_references=[])
    return made


def test_a_rank_without_samples_of_its_own_records_nothing(tmp_path, monkeypatch):
    shard = sys.modules["collapscope._shards"].Shard(7, 5, 0)
    monkeypatch.setattr(sys.modules["collapscope.attach"], "shard_of", lambda *_: shard)
    assert collapscope.record(nn.Linear(4, 2), tmp_path / "a.h5", loader(0, 1)) is None
    attached = collapscope.attach(nn.Linear(4, 2), tmp_path / "b_{step}.h5", loader(0, 1))
    assert attached.step(1) is None
    assert attached.files == [] and os.listdir(tmp_path) == []


def test_a_loader_that_is_left_early_is_told(tmp_path):
    loader = of_accelerate()
    collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", loader)
    assert loader.begun == []
    collapscope.record(nn.Linear(4, 2), tmp_path / "dump.h5", loader, samples=5)
    assert loader.begun == []


def test_a_loader_that_has_ended_itself_is_not_ended_again(tmp_path):
    loader = of_accelerate()
    collapscope.record(nn.Linear(4, 2), tmp_path / "dump.h5", loader)
    assert loader.begun == []


RANKS = """
import os, sys, torch, collapscope
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset
folder = sys.argv[1]
rank = 0 if os.fork() else 1
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
torch.manual_seed(0)
model = nn.parallel.DistributedDataParallel(nn.Linear(4, 2))
data = TensorDataset(torch.randn(9, 4), torch.randn(9, 2))
own = DataLoader(data, 2, sampler=DistributedSampler(data, shuffle=False))
rec = collapscope.attach(model, folder + "/own_{step}", own, every=2)
for epoch in range(1, 5):
    for x, y in own:
        model(x).sum().backward()
    rec.step(epoch)
assert [path.name for path in rec.files] == [f"own_{e}.rank{rank}.h5" for e in (2, 4)], rec.files
collapscope.record(model, folder + "/all.h5", DataLoader(data, 4))
collapscope.record(model, folder + "/shards.h5", [(data.tensors[0][rank::2], data.tensors[1][rank::2])], shards=True)
collapscope.record(model, folder + "/first.h5", [data.tensors], shards=False)
collapscope.Recorder(model, folder + "/rank_1.h5") if rank else None
def refused(call):
    try:
        call()
    except ValueError as error:
        return str(error)
unknown = refused(lambda: collapscope.attach(model, folder + "/no_{step}.h5", [data.tensors]))
assert "of which nobody can tell whether each rank has the same samples" in unknown, unknown
part = DataLoader(torch.utils.data.Subset(data, range(rank, 9, 2)), 2)
found = refused(lambda: collapscope.record(model, folder + "/no.h5", part))
assert f"found a loader of a Subset in rank {rank} of 2, of which nobody can tell" in found and "shards=True" in found, found
collapscope.record(model, folder + "/subset.h5", part, shards=True)
if rank:
    same = refused(lambda: collapscope.Recorder(model, folder + "/all.h5"))
    assert "found no rank in the name, in rank 1 of 2" in same and "all.rank1.h5" in same, same
other = DataLoader(data, 2, sampler=DistributedSampler(data, 3, 2, shuffle=False))
found = refused(lambda: collapscope.record(model, folder + "/no.h5", other))
assert f"found a sampler for rank 2 of 3 in rank {rank} of 2" in found, found
torch.distributed.barrier()
torch.distributed.destroy_process_group()
if not rank:
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this PyTorch has no torch.distributed")
def test_two_processes(tmp_path):
    done = subprocess.run([sys.executable, "-W", "error::UserWarning:collapscope", "-c", RANKS, str(tmp_path)], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    files = sorted(name for name in os.listdir(tmp_path) if name != "meet")
    assert files == ["all.h5", "first.h5", "own_2.rank0.h5", "own_2.rank1.h5", "own_4.rank0.h5", "own_4.rank1.h5", "shards.rank0.h5",
                     "shards.rank1.h5", "subset.rank0.h5", "subset.rank1.h5"]
    samples = {}
    for name in files:
        with h5py.File(tmp_path / name) as f:
            samples[re.sub(r".rank\d", "", name)] = samples.get(re.sub(r".rank\d", "", name), 0) + len(f["targets"])
    assert set(samples.values()) == {9}
