"""Loaders that give each rank of torch.distributed a part of the samples: the numbers are those of all samples, or an error."""
import types

import pytest
import torch
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import collapscope
from in_two_ranks import in_two_ranks
from test_callbacks import stand_in
from test_meter import mlp

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this PyTorch has no torch.distributed")

COMMON = """
import types
from torch.utils.data import DataLoader, DistributedSampler, Subset
from test_shared_loaders import dataset, model, numbers, refused
"""

MEASURE = COMMON + """
data, net = dataset(), model()
shared = DataLoader(data, 8, sampler=DistributedSampler(data))
print(numbers(collapscope.measure(net, shared)))
print(numbers(collapscope.measure(net, DataLoader(data, 8))))
mine = [tensor[rank::2] for tensor in data.tensors]
print(numbers(collapscope.measure(net, [mine], shards=True)))
print(numbers(collapscope.measure(net, [data.tensors], shards=False)))
print(numbers(collapscope.measure(net, [mine] if rank else [], shards=True, metrics="samples")))
for wanted, call in (("looks: found 2 for a loader that shares its samples out among 2 ranks", lambda: collapscope.measure(net, shared, looks=2)),
                     (f"found list in rank {rank} of 2, of which nobody can tell", lambda: collapscope.measure(net, [mine])),
                     ("found a loader of a Subset", lambda: collapscope.measure(net, DataLoader(Subset(data, range(rank, 101, 2)), 8)))):
    assert wanted in refused(call), refused(call)
data.tensors[0][3] = float("nan")  # of one rank
found = refused(lambda: collapscope.measure(net, DataLoader(data, 8, sampler=DistributedSampler(data, shuffle=False))))
assert "found no sums on rank 1: AccumulatorError: meter: layers/0/activations: sample 1 has a NaN" in found, found
"""

CALLBACKS = COMMON + """
import pytest
from test_callbacks import stand_in
patch = pytest.MonkeyPatch()
stand_in(patch, "lightning.pytorch", "Callback")
stand_in(patch, "transformers", "TrainerCallback")
logged = []
class Module(torch.nn.Sequential):
    def log_dict(self, numbers, rank_zero_only):
        logged.append(numbers)
data, net = dataset(), Module(*model())
shared = DataLoader(data, 8, sampler=DistributedSampler(data))
callback = collapscope.callbacks.lightning(shared, metrics=["samples", "nrc1"])
callback.on_fit_start(None, net)
callback.on_train_epoch_end(types.SimpleNamespace(current_epoch=0), net)
of = types.SimpleNamespace(log=logged.append, add_callback=lambda callback: None)
callback = collapscope.callbacks.trainer(of, shared, every=1, metrics=["samples", "nrc1"])
callback.on_train_begin(None, None, None, model=net)
callback.on_step_end(None, types.SimpleNamespace(global_step=1), None, model=net)
assert logged[0].keys() == logged[1].keys() and all(abs(logged[1][name] / value - 1) < 1e-9 for name, value in logged[0].items()), logged
print(numbers(callback.table))
for make in (lambda **options: collapscope.callbacks.lightning([data.tensors], **options), lambda **options: collapscope.callbacks.lightning(shared, looks=2, **options)):
    assert "measure: " in refused(lambda: make(on_error="warn").on_fit_start(None, net))
if rank == 0:
    print(numbers(collapscope.measure(net, DataLoader(data, 8), looks=2)))
    collapscope.callbacks.lightning([data.tensors], shards=False).on_fit_start(None, net)
with torch.no_grad():
    net[0].weight.fill_(float("nan")) if rank else None
callback = collapscope.callbacks.lightning(shared, on_error="warn")
with pytest.warns(RuntimeWarning, match="not measured at step 3: .*no sums on rank 1: .*NaN or Inf"):
    callback.on_train_epoch_end(types.SimpleNamespace(current_epoch=3), net)
assert callback.failures
"""

ACCELERATE = COMMON + """
import accelerate
data, net = dataset(), model()
accelerator = accelerate.Accelerator(cpu=True)
for batch_size, options in ((8, {}), (3, {}), (60, {}), (8, {"split_batches": True}), (8, {"even_batches": False})):
    ready = accelerate.data_loader.prepare_data_loader(DataLoader(data, batch_size), num_processes=2, process_index=rank, put_on_device=True,
                                                       **options)
    print(numbers(collapscope.measure(net, ready)))
    assert accelerator.gradient_state.dataloader_references == [None]
deals = accelerate.data_loader.prepare_data_loader(DataLoader(data, 8), num_processes=2, process_index=rank, put_on_device=True, dispatch_batches=True)
assert "found a DataLoaderDispatcher, which deals out batches to 2 processes and repeats some" in refused(lambda: collapscope.measure(net, deals))
mixed = accelerate.data_loader.prepare_data_loader(DataLoader(data, 8, shuffle=True), num_processes=2, process_index=rank)
assert "found a BatchSamplerShard, which deals out batches" in refused(lambda: collapscope.measure(net, mixed))
"""


def dataset(samples=101):
    generator = torch.Generator().manual_seed(5)
    return TensorDataset(torch.randn(samples, 5, generator=generator), torch.randn(samples, 2, generator=generator))


def model():
    return mlp()


def numbers(table):
    """Samples of the last layer, and nrc1 of all."""
    found = [table[table["metric"] == metric]["value"].tolist() for metric in ("samples", "nrc1")]
    return " ".join(f"{value:.9g}" for value in (found[0][-1:] + found[1]))


def refused(call):
    with pytest.raises(ValueError) as error:
        call()
    return str(error.value)


def close(printed):
    wanted = numbers(collapscope.measure(model(), DataLoader(dataset(), 8)))
    return [float(value) for value in printed.split()] == pytest.approx([float(value) for value in wanted.split()], rel=1e-7)


def test_measure_in_two_processes(tmp_path):
    first, second = in_two_ranks(tmp_path, MEASURE)
    assert first == second and len(first) == 5
    assert all(map(close, first[:4])), first
    assert first[4] == "50"


def test_callbacks_in_two_processes(tmp_path):
    first, second = in_two_ranks(tmp_path, CALLBACKS)
    assert first[0] == second[0] and all(map(close, first)) and len(first) == 2


def test_loaders_of_accelerate(tmp_path):
    pytest.importorskip("accelerate")
    first, second = in_two_ranks(tmp_path, ACCELERATE)
    assert first == second and len(first) == 5 and all(map(close, first)), first


def test_a_share_without_the_others(monkeypatch):
    """A sampler for two ranks in a process that knows no other."""
    data = dataset()
    shared = DataLoader(data, 8, sampler=DistributedSampler(data, 2, 0))
    with pytest.raises(ValueError, match="data: found a loader with the samples of rank 0 of 2, and no torch.distributed"):
        collapscope.measure(model(), shared)
    assert numbers(collapscope.measure(model(), shared, shards=False)).split()[0] == "51"
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    callback = collapscope.callbacks.trainer(types.SimpleNamespace(add_callback=lambda callback: None), shared)
    with pytest.raises(ValueError, match="no torch.distributed"):
        callback.on_train_begin(None, None, None, model=model())
    with pytest.raises(ValueError, match="shards: found 'yes'"):
        collapscope.callbacks.trainer(None, shared, shards="yes")
