"""Tensors that stay where they are, as those of a GPU do: what a batch asks of PyTorch. Here they stay on the CPU."""
import collections

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import collapscope
from collapscope import meter as meter_module


@pytest.fixture(autouse=True)
def tensors_stay(monkeypatch):
    monkeypatch.setattr(meter_module, "_on_gpu", lambda rows: True)


class Calls(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.counts[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))


def model_of(layers):
    torch.manual_seed(1)
    return torch.nn.Sequential(*(torch.nn.Linear(8, 8) for _ in range(layers)))


def batch(rows=20):
    draw = torch.Generator().manual_seed(rows)
    return torch.randn(rows, 8, generator=draw), torch.randn(rows, 8, generator=draw)


def calls_of_a_batch(layers):
    model = model_of(layers)
    meter = collapscope.Meter(model)
    meter.update(*batch())
    with Calls() as plain, torch.no_grad():
        model(batch()[0])
    with Calls() as calls:
        meter.update(*batch())
    return calls.counts - plain.counts


def test_a_batch_waits_as_often_with_many_layers_as_with_few():
    few, many = calls_of_a_batch(2), calls_of_a_batch(12)
    assert many["_local_scalar_dense"] == few["_local_scalar_dense"] <= 2
    views = {"detach", "slice", "as_strided"}
    more = {name: count for name, count in (many - few).items() if name not in views}
    assert more == {"_to_copy": 10, "linalg_vector_norm": 20, "mv": 10}  # of each layer: its rows copied, two lengths, a product


def test_the_numbers_are_those_of_arrays():
    stays = collapscope.Meter(model_of(3))
    comes = collapscope.Meter(model_of(3), device="cpu")
    for rows in (20, 1, 33):
        stays.update(*batch(rows))
        comes.update(*batch(rows))
    assert stays._writer.sums._passes.parts[0].numbers().keys() == comes._writer.sums._passes.parts[0].numbers().keys()
    again = [batch(rows) for rows in (20, 1, 33)]
    ours, theirs = stays.results(again), comes.results(again)
    assert ours["checkpoints"][0]["layers"] == theirs["checkpoints"][0]["layers"]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_none_is_named_and_the_batch_leaves_no_trace(first, bad):
    model = model_of(2)
    meter, expected = collapscope.Meter(model), collapscope.Meter(model)
    if not first:
        meter.update(*batch())
        expected.update(*batch())
    x, y = batch(5)
    x[3, 2] = bad
    with pytest.raises(ValueError, match=rf"layers/0/activations: sample {3 if first else 23} has a NaN or Inf \(as float32\)"):
        meter.update(x, y, predictions=y)
    meter.update(*batch(33))
    expected.update(*batch(33))
    assert meter.results()["checkpoints"] == expected.results()["checkpoints"]


def test_the_first_layer_with_a_nan_is_named():
    """Not the predictions, and no layer behind it."""
    model = model_of(4)
    with torch.no_grad():
        model[1].bias[0] = np.nan
    with pytest.raises(ValueError, match=r"layers/2/activations: sample 0 has a NaN or Inf \(as float32\)"):
        collapscope.Meter(model).update(*batch())


def test_lengths_that_overflow_are_no_numbers_that_are_none():
    model = model_of(1)
    meter = collapscope.Meter(model)
    x, y = batch()
    meter.update(x * 1e25, y, predictions=y)
    assert meter.samples == 20


def test_other_rows_in_the_second_look_are_noticed():
    meter = collapscope.Meter(model_of(2))
    meter.update(*batch())
    x, y = batch()
    with pytest.raises(ValueError, match="found other rows in the second look"):
        meter.results([(x.flip(0), y.flip(0))])
