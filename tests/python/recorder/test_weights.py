"""Weights that are made for every pass: the dump has the one that the pass used, and nothing of the model changes."""
import types
import warnings

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.nn.utils import parametrizations, parametrize, prune  # noqa: E402

import collapscope  # noqa: E402


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


class Noisy(nn.Module):
    """Counts and draws in every mode."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, weight):
        self.calls += 1
        return weight + self.calls + 0 * torch.rand(1)


def deprecated(function, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args)


def pruned(layer):
    prune.l1_unstructured(layer, "weight", 0.5)
    return layer


KINDS = {
    "spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "own": lambda layer: parametrize.register_parametrization(layer, "weight", Doubled()) and layer,
    "counting": lambda layer: parametrize.register_parametrization(layer, "weight", Noisy()) and layer,
    "of the bias": lambda layer: parametrize.register_parametrization(layer, "bias", Doubled()) and layer,
    "old spectral_norm": lambda layer: deprecated(nn.utils.spectral_norm, layer),
    "old weight_norm": lambda layer: deprecated(nn.utils.weight_norm, layer),
    "pruned": pruned,
}
if hasattr(parametrizations, "weight_norm"):  # since PyTorch 2.1
    KINDS["weight_norm"] = parametrizations.weight_norm


def make(kind):
    torch.manual_seed(0)
    model = nn.Sequential(KINDS[kind](nn.Linear(6, 5)), nn.Tanh(), nn.Linear(5, 2))
    with torch.random.fork_rng():
        model(torch.randn(8, 6)).sum().backward()  # a step of training: power iterations, weights with a graph
    return model.train()


def state(model):
    return [(name, value.clone()) for name, value in [*model.named_parameters(), *model.named_buffers()]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_weight_of_the_pass(tmp_path, kind):
    model, x, y = make(kind), torch.randn(30, 6), torch.randn(30, 2)
    before, random, attribute = state(model), torch.get_rng_state(), model[0].__dict__.get("weight")
    collapscope.record(model, tmp_path / "dump.h5", [(x[:20], y[:20]), (x[20:], y[20:])])
    for (name, old), (_, new) in zip(before, state(model), strict=True):
        assert torch.equal(old, new), name
    assert torch.equal(random, torch.get_rng_state())
    assert model[0].__dict__.get("weight") is attribute
    with h5py.File(tmp_path / "dump.h5") as f:
        w, b, h = (torch.from_numpy(f[name][()]) for name in ("layers/0/weight", "layers/0/bias", "layers/2/activations"))
    if kind == "counting":  # as it is after the pass, before all was put back
        w = w - 1
    torch.testing.assert_close(torch.tanh(F.linear(x, w, b)), h, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["spectral_norm", "old spectral_norm"])
def test_in_a_pass_of_ones_own_in_training_mode(tmp_path, kind):
    """Each pass moves the power iteration on, as it would without a recorder; a second batch has another weight."""
    model, x, y = make(kind), torch.randn(20, 6), torch.randn(20, 2)
    twin = make(kind)
    expected = twin(x)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        with rec.watch():
            prediction = model(x)
        assert torch.equal(prediction, expected)
        for (name, ours), (_, theirs) in zip(state(model), state(twin), strict=True):
            assert torch.equal(ours, theirs), name
        rec.add(y=y, predictions=prediction)
        with rec.watch():
            prediction = model(x)
        with pytest.raises(ValueError, match="layers/0/weight: found changed after sample 20; expected no training"):
            rec.add(y=y, predictions=prediction)
    with h5py.File(tmp_path / "dump.h5") as f:
        w, b, h = (torch.from_numpy(f[name][()]) for name in ("layers/0/weight", "layers/0/bias", "layers/2/activations"))
    torch.testing.assert_close(torch.tanh(F.linear(x, w, b)), h, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["spectral_norm", "old weight_norm"])
def test_training_between_batches_is_noticed(tmp_path, kind):
    model, x, y = make(kind), torch.randn(20, 6), torch.randn(20, 2)
    with pytest.raises(ValueError, match="layers/0/weight: found changed after sample 20"):
        with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
            rec.add(x, y)
            model(x).sum().backward()
            torch.optim.SGD(model.parameters(), 0.1).step()
            rec.add(x, y)


def call_with(model, parameters, x):
    if hasattr(torch, "func"):
        return torch.func.functional_call(model, parameters, (x,))
    return torch.nn.utils.stateless.functional_call(model, parameters, (x,))


@pytest.mark.parametrize("kind", ["plain", "own"])
def test_the_weight_of_a_functional_call(tmp_path, kind):
    model, x, y = nn.Sequential(nn.Linear(6, 5) if kind == "plain" else KINDS[kind](nn.Linear(6, 5)), nn.Tanh(), nn.Linear(5, 2)), torch.randn(
        20, 6), torch.randn(20, 2)
    given = {name: torch.randn_like(value) for name, value in model.named_parameters()}

    def batch(rec, parameters):
        with rec.watch(), torch.no_grad():
            prediction = call_with(model, parameters, x)
        rec.add(y=y, predictions=prediction)

    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        batch(rec, given)
        batch(rec, {name: value.clone() for name, value in given.items()})
        for other in ({}, {**given, "2.bias": torch.zeros(2)}):
            with pytest.raises(ValueError, match="layers/[02]/weight: found changed after sample 40"):
                batch(rec, other)
    with h5py.File(tmp_path / "dump.h5") as f:
        w, b, h = (torch.from_numpy(f[name][()]) for name in ("layers/0/weight", "layers/0/bias", "layers/2/activations"))
        last, predictions = (torch.from_numpy(f[name][()]) for name in ("layers/2/weight", "predictions"))
    torch.testing.assert_close(torch.tanh(F.linear(x, w, b)), h[:20], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(F.linear(h, last, given["2.bias"]), predictions, rtol=1e-5, atol=1e-5)
    assert torch.equal(last, given["2.weight"])


def test_a_functional_call_after_a_plain_one(tmp_path):
    model, x, y = nn.Linear(6, 2), torch.randn(20, 6), torch.randn(20, 2)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        rec.add(x, y)
        with rec.watch(), torch.no_grad():
            prediction = call_with(model, {"weight": torch.zeros(2, 6)}, x)
        with pytest.raises(ValueError, match="layers/model/weight: found changed after sample 20"):
            rec.add(y=y, predictions=prediction)


class Random(nn.Module):
    def forward(self, weight):
        return weight + torch.randn_like(weight)


def test_weights_that_are_drawn_for_each_call_are_refused(tmp_path):
    model = nn.Linear(6, 2)
    parametrize.register_parametrization(model, "weight", Random())
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="layers/model/weight: found one that is drawn anew for each call"):
        collapscope.record(model, tmp_path / "dump.h5", [(torch.ones(20, 6), torch.ones(20, 2))])
    assert torch.equal(before, torch.get_rng_state())


class Standardized(nn.Linear):
    def made(self):
        return (self.weight - self.weight.mean(1, keepdim=True)) / self.weight.std(1, keepdim=True)

    def forward(self, x):
        return F.linear(x, self.made(), self.bias)


class StandardizedConv(nn.Conv2d):
    def made(self):
        return self.weight - self.weight.mean((1, 2, 3), keepdim=True)

    def _conv_forward(self, x, weight, bias):
        return super()._conv_forward(x, self.made(), bias)


class Padded(nn.Conv2d):
    """Its own forward, with the weight as it is."""

    def made(self):
        return self.weight

    def forward(self, x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias)


class Unseen(nn.Linear):
    def forward(self, x):
        return x @ (2 * self.weight).t() + self.bias


def test_weights_that_a_forward_of_ones_own_makes(tmp_path):
    model = nn.Sequential(StandardizedConv(3, 4, 3), Padded(4, 4, 3), nn.Flatten(), Standardized(64, 8), Unseen(8, 2))
    x, y = torch.randn(20, 3, 6, 6), torch.randn(20, 2)
    with pytest.warns(UserWarning, match="layers/4/weight: left out, as the forward of Unseen makes one that cannot be seen"):
        collapscope.record(model, tmp_path / "dump.h5", [(x, y), (x, y)])
    with h5py.File(tmp_path / "dump.h5") as f:
        for index in (0, 1, 3):
            assert np.array_equal(f[f"layers/{index}/weight"][()], model[index].made().detach()), index
        assert list(f["layers/4"]) == ["activations"] and list(f["layers"]) == ["0", "1", "3", "4"]


def own_forward(function, bias=True, cls=nn.Linear, sizes=(8, 8)):
    """A layer of a subclass with this forward."""
    return type("Layer", (cls,), {"forward": function})(*sizes, bias=bias)


def split(self, x):
    a, b = nn.Linear.forward(self, x).chunk(2, -1)
    return torch.cat([a, torch.sigmoid(b)], -1)


ONE_MAP = {
    "as it is": lambda s, x: F.linear(x, s.weight, s.bias),
    "an activation": lambda s, x: F.gelu(nn.Linear.forward(s, x)),
    "in place": lambda s, x: nn.Linear.forward(s, x).relu_(),
    "of a frequency": lambda s, x: torch.sin(30 * nn.Linear.forward(s, x)),
    "gated": split,
    "the bias apart": lambda s, x: F.linear(x, s.weight) + s.bias,
    "rows": lambda s, x: F.linear(x.reshape(-1, 8), s.weight, s.bias).reshape(x.shape),
    "a tuple inside": lambda s, x: (lambda result: result[0])((nn.Linear.forward(s, x), None)),
    "cast": lambda s, x: F.linear(x.double(), s.weight.double(), s.bias.double()).to(x.dtype),
    "normalized": lambda s, x: F.layer_norm(nn.Linear.forward(s, x), (8,)),
    "of a rounded input": lambda s, x: F.linear((x * 64).round() / 64, s.weight, s.bias),
    "dropout": lambda s, x: F.linear(F.dropout(x, 0.5, s.training), s.weight, s.bias),
}
MORE = {
    "low rank": lambda s, x: F.linear(x, s.weight, s.bias) + x @ s.weight[:2].t() @ s.weight[:, :2].t(),
    "a scale": lambda s, x: nn.Linear.forward(s, x) * 3 + 1,
    "a scale in place": lambda s, x: nn.Linear.forward(s, x).mul_(3),
    "a scale of the input": lambda s, x: F.linear(x * 0.1, s.weight, s.bias),
    "a cosine": lambda s, x: 10 * F.linear(F.normalize(x, dim=-1), F.normalize(s.weight, dim=1)),
    "a residual": lambda s, x: x + nn.Linear.forward(s, x),
    "a gate": lambda s, x: nn.Linear.forward(s, x) * torch.sigmoid(x),
}


@pytest.mark.parametrize("name", [*ONE_MAP, *MORE])
@pytest.mark.parametrize("of_instance", [False, True])
def test_what_a_forward_of_ones_own_does_beside_its_map(tmp_path, name, of_instance):
    function = {**ONE_MAP, **MORE}[name]
    layer = nn.Linear(8, 8) if of_instance else own_forward(function)
    if of_instance:
        layer.forward = types.MethodType(function, layer)
    model, x, y = nn.Sequential(layer, nn.Linear(8, 2)), torch.randn(20, 8), torch.randn(20, 2)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        collapscope.record(model, tmp_path / "dump.h5", [(x, y), (x, y)])
    with h5py.File(tmp_path / "dump.h5") as f:
        if name in ONE_MAP:
            assert found == []
            assert np.array_equal(f["layers/0/weight"], layer.weight.detach()) and np.array_equal(f["layers/0/bias"], layer.bias.detach())
        else:
            assert list(f["layers/0"]) == ["activations"] and len(found) == 1
            assert f"the forward of {'Linear' if of_instance else 'Layer'} is not one linear map of its input" in str(found[0].message)


def test_the_bias_that_a_forward_of_ones_own_adds(tmp_path):
    model = nn.Sequential(own_forward(lambda s, x: nn.Linear.forward(s, x) + 1), own_forward(lambda s, x: F.linear(x, s.weight)), nn.Linear(8, 2))
    x = torch.randn(20, 8)
    collapscope.record(model, tmp_path / "dump.h5", [(x, torch.randn(20, 2))])
    with h5py.File(tmp_path / "dump.h5") as f:
        np.testing.assert_allclose(f["layers/0/bias"], (model[0].bias + 1).detach(), rtol=1e-5, atol=1e-6)
        assert sorted(f["layers/1"]) == ["activations", "weight"]


def test_the_bias_that_a_forward_returns_for_others_to_add(tmp_path):
    """As layers of large language models do, whose bias a fused kernel adds."""
    class Later(nn.Linear):
        def forward(self, x):
            return F.linear(x, self.weight), self.bias

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.head = Later(8, 8), nn.Linear(8, 2)

        def forward(self, x):
            h, bias = self.a(x)
            return self.head(torch.relu(h + bias))

    model = Model()
    collapscope.record(model, tmp_path / "dump.h5", [(torch.randn(20, 8), torch.randn(20, 2))])
    with h5py.File(tmp_path / "dump.h5") as f:
        assert np.array_equal(f["layers/a/bias"], model.a.bias.detach())


def test_observers_of_quantization_are_left_as_they_were(tmp_path):
    """Their buffers change in every mode, without a new version, and get other shapes at the first batch."""
    quantization = pytest.importorskip("torch.ao.quantization")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 3)).train()
        model.qconfig = quantization.get_default_qat_qconfig("x86")
        model = quantization.prepare_qat(model)
        before = {name: values.clone() for name, values in model.state_dict().items()}
        with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
            for _ in range(3):
                rec.add(torch.randn(8, 10) * 5, torch.randn(8, 3))
    assert not [one for one in found if "found changed" in str(one.message)]
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


def test_convolutions_that_pad_or_resize_their_input(tmp_path):
    def same(self, x):
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), self.weight, self.bias)

    def finer(self, x):
        return nn.Conv2d.forward(self, F.interpolate(x, scale_factor=2))

    def normed(self, x):
        return F.batch_norm(nn.Conv2d.forward(self, x), torch.zeros(4), 2 * torch.ones(4))

    model = nn.Sequential(*(own_forward(function, cls=nn.Conv2d, sizes=(4, 4, 2)) for function in (same, finer, normed)), nn.AdaptiveAvgPool2d(1),
                          nn.Flatten(), nn.Linear(4, 2))
    collapscope.record(model, tmp_path / "dump.h5", [(torch.randn(20, 4, 5, 5), torch.randn(20, 2))])
    with h5py.File(tmp_path / "dump.h5") as f:
        for index in range(3):
            assert np.array_equal(f[f"layers/{index}/weight"], model[index].weight.detach())


def masked(self, x):
    return F.linear(x, self.weight * self.mask, self.bias)


class Conv1D(nn.Module):
    """As in transformers."""

    def __init__(self, d, m):
        super().__init__()
        self.nf, self.weight, self.bias = m, nn.Parameter(torch.randn(d, m)), nn.Parameter(torch.randn(m))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], self.nf)


def test_a_forward_of_an_instance(tmp_path):
    """As codes of pruning set it, and accelerate, which calls the one before."""
    model, x, y = nn.Sequential(nn.Linear(6, 5), Conv1D(5, 5), Conv1D(5, 4), nn.Linear(4, 2)), torch.randn(20, 6), torch.randn(20, 2)
    model[0].mask = nn.Parameter((torch.rand(5, 6) > 0.5).float())
    model[0].forward = types.MethodType(masked, model[0])
    for layer, scale in ((model[1], 1), (model[3], 1), (model[2], 3)):
        layer.forward = lambda x, before=layer.forward, scale=scale: before(x) * scale
    with pytest.warns(UserWarning, match="layers/2/weight: left out, as the forward of Conv1D is not one") as found:
        collapscope.record(model, tmp_path / "dump.h5", [(x, y)])
    assert len(found) == 1
    with h5py.File(tmp_path / "dump.h5") as f:
        assert np.array_equal(f["layers/0/weight"], (model[0].weight * model[0].mask).detach())
        assert np.array_equal(f["layers/1/weight"], model[1].weight.detach().t()) and "weight" not in f["layers/2"]
        assert np.array_equal(f["layers/3/weight"], model[3].weight.detach())


def fused(model):
    model(torch.randn(20, 6)).sum().backward()
    torch.optim.AdamW(model.parameters(), 0.1, fused=True).step()


def at_data(model):
    model[0].weight.data[1, 2] += 1


def new_data(model):
    model[0].bias.data = model[0].bias.data + 1


def replaced(model):
    model[0].weight = nn.Parameter(model[0].weight + 1)


def assigned(model):
    model.load_state_dict({name: value + 1 for name, value in model.state_dict().items()}, assign=True)


def rounded(model):
    model.half().float()


@pytest.mark.parametrize("change", [fused, at_data, new_data, replaced, assigned, rounded])
def test_changes_that_pytorch_does_not_count(tmp_path, change):
    if change in (fused, assigned) and int(torch.__version__.split(".")[0]) < 2:
        pytest.skip("this PyTorch has none")
    model, x, y = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 2)), torch.randn(20, 6), torch.randn(20, 2)
    with pytest.raises(ValueError, match="layers/0/weight: found changed after sample 20"):
        with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
            rec.add(x, y)
            change(model)
            rec.add(x, y)


class Norms(nn.Module):
    """Layers between other parameters and buffers."""

    def __init__(self):
        super().__init__()
        self.a, self.norm, self.batch, self.head, self.shift = nn.Linear(6, 6), nn.LayerNorm(6), nn.BatchNorm1d(6), nn.Linear(6, 2), nn.Parameter(
            torch.zeros(6))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.register_buffer("seen", torch.zeros(1))
        self.register_buffer("cache", torch.zeros(1), persistent=False)

    def forward(self, x):
        if self.training:
            self.seen += 1
        self.calls += 1
        self.cache = self.cache + 1
        return self.head(self.batch(self.norm(self.a(x + self.shift))))


def norms_trained(model):
    optimizer = torch.optim.SGD([*model.norm.parameters(), model.shift], 0.1)
    model(torch.randn(20, 6)).square().sum().backward()
    optimizer.step()


def norm_scaled(model):
    model.norm.weight.data *= 5


def shift_replaced(model):
    model.shift = nn.Parameter(torch.ones(6))


def statistics_moved(model):
    model.train()(torch.randn(20, 6))


@pytest.mark.parametrize("change, name", [(norms_trained, r"shift \(Norms\)"), (norm_scaled, r"norm.weight \(LayerNorm\)"), (
    shift_replaced, r"shift \(Norms\)"), (statistics_moved, r"seen \(Norms\)")])
def test_changes_of_what_is_no_layer_are_warned_of_once(tmp_path, change, name):
    model, x, y = Norms().eval(), torch.randn(20, 6), torch.randn(20, 2)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        rec.add(x, y)
        rec.add(x, y)
        change(model)
        with pytest.warns(UserWarning, match=f"dump.h5: {name}: found changed after sample 40, so that these are features of several "
                                             "networks; expected no training while they are recorded") as found:
            rec.add(x, y)
        assert len(found) == 1 and found[0].filename == __file__ and ("model.eval()" in str(found[0].message)) == (change is statistics_moved)
        change(model)
        rec.add(x, y)
        model.a.weight.data[1, 2] += 1
        with pytest.raises(ValueError, match="layers/a/weight: found changed after sample 80"):
            rec.add(x, y)


@pytest.mark.parametrize("training", [False, True])
def test_passes_of_ones_own_that_move_statistics(tmp_path, training):
    model, x, y = Norms().train(training), torch.randn(20, 6), torch.randn(20, 2)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with collapscope.Recorder(model, tmp_path / "a.h5") as rec, collapscope.Recorder(model, tmp_path / "b.h5") as other:
            for _ in range(4):
                with rec.watch():
                    prediction = model(x)
                rec.add(y=y, predictions=prediction.detach())
                other.add(x, y) if not training else None
            if training:
                other.add(x, y)
    assert ["found changed after sample 20" in str(one.message) for one in found] == [True] * training
    assert all("expected no training while they are recorded and model.eval()" in str(one.message) for one in found)


@pytest.mark.parametrize("kind", ["plain", "own", "spectral_norm", "old weight_norm"])
def test_a_step_between_a_pass_of_ones_own_and_add(tmp_path, kind):
    """The dump would have the inputs of one network and the weights of another."""
    model, x, y = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 2)) if kind == "plain" else make(kind).eval(), torch.randn(20, 6), torch.randn(20, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def trained(rec, step_first):
        with rec.watch():
            prediction = model(x)
        optimizer.zero_grad()
        (prediction - y).square().mean().backward()
        if step_first:
            optimizer.step()
        rec.add(y=y, predictions=prediction.detach())

    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        with pytest.raises(ValueError, match=r"layers/0/weight: found changed between the forward pass and add\(\); expected the weights of the "
                                             r"pass: call add\(\) before optimizer.step\(\)"):
            trained(rec, step_first=True)
        trained(rec, step_first=False)
        assert rec.samples == 20
        optimizer.step()
        with pytest.raises(ValueError, match="layers/0/weight: found changed after sample 20"):
            trained(rec, step_first=False)
    assert len(h5py.File(tmp_path / "dump.h5")["targets"]) == 20


@pytest.mark.parametrize("change", [fused, at_data, new_data, replaced, assigned, rounded])
@pytest.mark.parametrize("inference", [False, True])
def test_changes_behind_a_pass_that_pytorch_does_not_count(tmp_path, change, inference):
    if change in (fused, assigned) and int(torch.__version__.split(".")[0]) < 2:
        pytest.skip("this PyTorch has none")
    model, x, y = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 2)), torch.randn(20, 6), torch.randn(20, 2)
    rec = collapscope.Recorder(model, tmp_path / "dump.h5")
    with rec.watch(), torch.inference_mode(inference):
        prediction = model(x)
    change(model)
    with pytest.raises(ValueError, match="layers/0/weight: found changed between the forward pass and add"):
        rec.add(y=y, predictions=prediction)
    rec.abort()


def test_weights_that_a_pass_itself_moves_or_that_are_tied(tmp_path):
    """A layer that bounds its weight in each call, one weight in two layers, and a model that moves before add."""

    class Bounded(nn.Linear):
        def forward(self, x):
            self.weight.data = torch.clamp(self.weight.data, -0.1, 0.1)
            return super().forward(x)

    model, x, y = nn.Sequential(Bounded(6, 6), nn.Linear(6, 6), nn.Linear(6, 2)), torch.randn(20, 6), torch.randn(20, 2)
    model[1].weight = model[0].weight
    with warnings.catch_warnings(), collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        warnings.simplefilter("ignore")  # of the forward that makes a weight
        with rec.watch(), torch.no_grad():
            prediction = model(x)
        model[2].weight.data = model[2].weight.data.clone()
        rec.add(y=y, predictions=prediction)
        with rec.watch(), torch.no_grad():
            prediction = model(x)
        model[1].weight.data[0] *= 2
        with pytest.raises(ValueError, match="layers/0/weight: found changed after sample 20"):
            rec.add(y=y, predictions=prediction)
    with h5py.File(tmp_path / "dump.h5") as f:
        assert np.array_equal(f["layers/1/weight"], np.clip(f["layers/1/weight"], -0.1, 0.1))


def test_weights_that_are_moved_or_replaced_by_the_same(tmp_path):
    model, x, y = nn.Sequential(nn.Linear(600, 50), nn.Linear(50, 2)), torch.randn(20, 600), torch.randn(20, 2)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        rec.add(x, y)
        model[0].weight = nn.Parameter(model[0].weight.detach().clone())
        model[1].weight.data = model[1].weight.data.clone()
        rec.add(x, y)
        rec.add(x, y)
        for index in (0, 1):
            model[index].weight.data[:, ::2] *= 2
            with pytest.raises(ValueError, match=f"layers/{index}/weight: found changed after sample 60"):
                rec.add(x, y)
            model[index].weight.data[:, ::2] /= 2


def test_lazy_layers_are_refused(tmp_path):
    model = deprecated(lambda: nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2)))
    with pytest.raises(ValueError, match="layers/0: found a LazyLinear that has no weight yet; expected a model that has seen a batch"):
        collapscope.Recorder(model, tmp_path / "dump.h5")


def test_autocast_of_the_caller_keeps_its_gradients(tmp_path):
    """Autocast keeps the weights that it made smaller; those of a pass without gradients must not be among them."""
    model, x, y = nn.Linear(6, 2), torch.randn(20, 6), torch.randn(20, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        collapscope.record(model, tmp_path / "dump.h5", [(x, y)])
        model(x).float().sum().backward()
        assert torch.is_autocast_cache_enabled()
    assert model.weight.grad is not None and model.weight.grad.abs().sum() > 0
    with h5py.File(tmp_path / "dump.h5") as f:
        assert f["predictions"].attrs["dtype"] == "bfloat16" and f["layers/model/weight"].dtype == np.float32


def test_autocast_as_training_has_it(tmp_path):
    model, x, y = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 2)), torch.randn(20, 6), torch.randn(20, 2)
    collapscope.record(model, tmp_path / "dump.h5", [(x, y)], autocast="bfloat16")
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model[0](x)
    with h5py.File(tmp_path / "dump.h5") as f:
        dataset = f["layers/1/activations"]
        assert dataset.attrs["dtype"] == "bfloat16"
        assert np.array_equal(dataset, hidden.view(torch.int16).numpy().view(np.uint16))
    assert not torch.is_autocast_cpu_enabled()
    with pytest.raises(ValueError, match="autocast: found 'float32'; expected one of None, 'float16', 'bfloat16'"):
        collapscope.Recorder(model, tmp_path / "x.h5", autocast="float32")
