"""The model, and all that is random, is left as it was found; also after an exception."""
import random
import threading

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

import collapscope  # noqa: E402


class Counter(nn.Module):
    """Has state that a forward pass changes also in eval mode, draws random numbers, and fails on demand."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("sum", torch.zeros(1))
        self.fail = False

    def forward(self, x):
        self.calls += 1
        self.sum = self.sum + x.sum()
        if self.fail:
            raise RuntimeError("on demand")
        random.random(), np.random.rand()
        return x + 0 * torch.randn(1)


def make_model():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), Counter(), nn.Dropout(0.5),
                          nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 2)),
                          nn.TransformerEncoderLayer(2, 1, 4, batch_first=True))
    model.train()
    model[1].eval()  # frozen statistics in a training model
    model[5][1].weight.requires_grad = False
    model[0].register_forward_pre_hook(lambda module, args: None)
    return model


def state(model):
    return {
        "modes": [module.training for module in model.modules()],
        "values": {name: value.clone() for name, value in model.state_dict().items()},
        "same objects": [id(value) for value in [*model.parameters(), *model.buffers()]],
        "requires_grad": [parameter.requires_grad for parameter in model.parameters()],
        "grad": [None if parameter.grad is None else parameter.grad.clone() for parameter in model.parameters()],
        "hooks": [(len(module._forward_pre_hooks), len(module._forward_hooks)) for module in model.modules()],
        "attributes": [sorted(module.__dict__) for module in model.modules()],
        "fused": model[6].activation_relu_or_gelu,
        "random": random.getstate(),
        "numpy": np.random.get_state()[1:],
        "torch": torch.get_rng_state(),
        "grad mode": torch.is_grad_enabled(),
    }


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        flat_a, flat_b = [x[key].values() if isinstance(x[key], dict) else x[key] for x in (a, b)]
        if isinstance(flat_a, (bool, int, torch.Tensor)):
            flat_a, flat_b = [flat_a], [flat_b]
        for x, y in zip(flat_a, flat_b, strict=True):
            same = torch.equal(x, y) if isinstance(x, torch.Tensor) else np.array_equal(x, y) if key == "numpy" else x == y
            assert same, key


class Shuffled:
    """A loader that draws from every generator."""

    def __iter__(self):
        for _ in range(3):
            random.random(), np.random.rand()
            yield torch.randn(5, 1, 4), torch.randn(5, 2)


def on_sequences(model):
    """A model of sequences [N, T, 4]: BatchNorm1d sees rows, the encoder layer sequences."""
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            h = x.flatten(0, 1)
            for part in model[:6]:
                h = part(h)
            return model[6](h.reshape(len(x), -1, 2)).mean(1)

    return Model()


def prepared():
    model = make_model()
    outer = on_sequences(model)
    outer(torch.randn(8, 1, 4)).sum().backward()  # gradients, statistics
    return model, outer


def test_a_recording_changes_nothing(tmp_path):
    model, outer = prepared()
    before = state(model)
    collapscope.record(outer, tmp_path / "dump.h5", Shuffled(), exclude=nn.MultiheadAttention)
    assert_same(before, state(model))
    assert outer.training


@pytest.mark.parametrize("where", ["forward", "hook", "loop", "targets"])
def test_nor_does_one_that_fails(tmp_path, where):
    model, outer = prepared()
    layers = [model[0], model[6].linear1]
    model[3].fail = where == "forward"
    x, y = torch.randn(4, 1, 4), torch.randn(5 if where == "targets" else 4, 2)
    before = state(model)
    with pytest.raises((RuntimeError, ValueError)):
        with collapscope.Recorder(outer, tmp_path / "dump.h5", layers=layers, pool="keep" if where == "hook" else "mean") as rec:
            if where == "loop":
                rec.add(x, y)
                raise RuntimeError("in the loop")
            # A sequence cannot be kept with a mask; five targets do not fit four samples.
            rec.add(x, y, mask=torch.ones(4, 1))
    assert_same(before, state(model))
    assert list(tmp_path.iterdir()) == []


def test_a_backward_pass_may_wait(tmp_path):
    """Recording between forward and backward leaves the graph whole."""
    model, outer = prepared()
    x = torch.randn(8, 1, 4)
    torch.manual_seed(7)
    with torch.random.fork_rng():
        loss = outer(x).square().sum()
        model.zero_grad()
        loss.backward(retain_graph=True)
        expected = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
        model.zero_grad()
        collapscope.record(outer, tmp_path / "dump.h5", [(x, torch.randn(8, 2))], exclude=nn.MultiheadAttention)
        loss.backward()
    found = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert len(found) == len(expected) and all(map(torch.equal, found, expected))


def test_modes_are_set_without_calling_train_or_eval(tmp_path):
    """Both may be overridden to change weights, as some adapters do to merge theirs."""
    class Merging(nn.Linear):
        def train(self, mode=True):
            raise AssertionError("called")

        eval = train

    model = nn.Sequential(Merging(4, 2), nn.Dropout(0.9))
    x = torch.randn(6, 4)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        rec.add(x, torch.zeros(6, 2))
    with h5py.File(tmp_path / "dump.h5") as f:
        assert np.array_equal(f["predictions"], model[0](x).detach())  # no dropout
    assert model[0].training and model[1].training


class CompiledInPlace(nn.Linear):
    """Stands in for Module.compile() of later versions, after which calls go to the compiled graph."""

    def __call__(self, *args):
        return self._compiled_call_impl(*args) if self._compiled_call_impl else super().__call__(*args)


def test_modules_compiled_in_place_run_as_they_are_written(tmp_path):
    def graph(*args):
        raise AssertionError("the compiled graph ran")

    model = CompiledInPlace(4, 2)
    model._compiled_call_impl = graph
    collapscope.record(model, tmp_path / "dump.h5", [(torch.randn(6, 4), torch.randn(6, 2))])
    assert model._compiled_call_impl is graph


def test_predictions_that_are_a_buffer(tmp_path):
    """The buffer is put back after the pass; its values in the pass are what the model returned."""
    class Cache(nn.Linear):
        def __init__(self):
            super().__init__(4, 2)
            self.register_buffer("cache", torch.zeros(6, 2))

        def forward(self, x):
            return self.cache.copy_(super().forward(x))

    model, x = Cache(), torch.randn(6, 4)
    collapscope.record(model, tmp_path / "dump.h5", [(x, torch.randn(6, 2))])
    assert not model.cache.any()
    with h5py.File(tmp_path / "dump.h5") as f:
        assert np.array_equal(f["predictions"], nn.functional.linear(x, model.weight, model.bias).detach())


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.b(checkpoint(self.a, x, use_reentrant=False))


def test_layers_that_checkpointing_calls_again_are_none_of_the_pass(tmp_path):
    model, x, y = Checkpointed(), torch.randn(9, 4), torch.randn(9, 2)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        with rec.watch():
            prediction = model(x)
            ((prediction - y) ** 2).mean().backward()
        rec.add(y=y, predictions=prediction)
    assert rec.layers == ["a", "b"] and model.a.weight.grad is not None


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("what", ["a part of it", "the model itself"])
def test_what_checkpointing_calls_again_of_parts_and_of_the_model(tmp_path, what, reentrant):
    model, x, y = Checkpointed(), torch.randn(9, 4, requires_grad=True), torch.randn(9, 2)
    head = nn.Linear(2, 2)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        for _ in range(2):
            with rec.watch():
                if what == "a part of it":  # whose calls are no pass of the model
                    prediction = model.b(checkpoint(model.a, x, use_reentrant=reentrant))
                else:
                    prediction = head(checkpoint(model, x, use_reentrant=reentrant))
                ((prediction - y) ** 2).mean().backward()
            rec.add(y=y, predictions=prediction.detach())
    assert rec.layers == ["a", "b"] and model.a.weight.grad is not None and rec.samples == 18


def test_two_passes_of_parts_are_told(tmp_path):
    """Nobody can tell them from one pass that calls a part twice."""
    model, x, y = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), torch.randn(9, 4), torch.randn(9, 2)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        with torch.no_grad(), rec.watch():
            model[1](model[0](x + 1))
            prediction = model[1](model[0](x))
        with pytest.warns(UserWarning, match=r"dump.h5: layers/0: found several calls, and none of the whole model, .* 0 and 0#2. Expected one call of "
                                             r"the model inside `with rec.watch\(\):`"):
            rec.add(y=y, predictions=prediction)


def test_a_watch_of_two_passes_is_refused(tmp_path):
    model, x, y = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), torch.randn(9, 4), torch.randn(9, 2)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        with pytest.raises(ValueError, match=r"found 2 forward passes inside `with rec.watch\(\):`; expected one, and add\(\)"):
            with torch.no_grad(), rec.watch():
                model(x), model(x)
        with pytest.raises(ValueError, match="found no forward pass"):
            rec.add(y=y)
        with torch.no_grad(), rec.watch():  # parts of a model, each by itself
            prediction = model[1](model[0](x))
        rec.add(y=y, predictions=prediction)
    assert rec.layers == ["0", "1"]


def layers_of(path):
    with h5py.File(path) as file:
        return sorted(file["layers"])


def test_recorders_of_two_threads_do_not_know_of_each_other(tmp_path):
    inside, goes_on = threading.Event(), threading.Event()

    class Waits(nn.Module):
        def forward(self, x):
            inside.set()
            assert goes_on.wait(10)
            return x

    class LetsGo(nn.Module):
        def forward(self, x):
            goes_on.set()
            thread.join(10)
            return x

    def add(name, between):
        with collapscope.Recorder(nn.Sequential(nn.Linear(4, 3), between, nn.Linear(3, 2)), tmp_path / name) as recorder:
            recorder.add(torch.randn(5, 4), torch.randn(5, 2))

    thread = threading.Thread(target=add, args=("a.h5", Waits()))
    thread.start()
    assert inside.wait(10)
    add("b.h5", LetsGo())
    assert layers_of(tmp_path / "a.h5") == layers_of(tmp_path / "b.h5") == ["0", "2"]


def test_a_pass_of_its_own_within_a_backward_counts(tmp_path):
    scale = torch.ones(1, requires_grad=True)
    with collapscope.Recorder(nn.Sequential(nn.Linear(4, 2)), tmp_path / "a.h5") as recorder:
        scale.register_hook(lambda grad: recorder.add(torch.randn(5, 4), torch.randn(5, 2)) and None)
        (2 * scale).sum().backward()
        assert recorder.samples == 5
    assert layers_of(tmp_path / "a.h5") == ["0"]


def test_generators_of_samplers_stay_as_they_are(tmp_path):
    generator = torch.Generator().manual_seed(1)
    data = torch.utils.data.TensorDataset(torch.randn(20, 4), torch.randn(20, 2))
    loader = torch.utils.data.DataLoader(data, 5, sampler=torch.utils.data.RandomSampler(data, generator=generator))
    before = generator.get_state()
    collapscope.record(nn.Linear(4, 2), tmp_path / "a.h5", loader)
    assert torch.equal(generator.get_state(), before)
