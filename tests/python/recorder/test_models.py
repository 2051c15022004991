"""What is recorded of real models, against their inputs of layers computed by hand, and the program's metrics against the
oracle's."""
import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import collapscope  # noqa: E402

BATCH = 48


def batches(*tensors):
    return list(zip(*(tensor.split(BATCH) for tensor in tensors)))


def by_hand(function, x):
    """Concatenated results of a function of a batch that returns a tuple of tensors; the batches are those recorded, as
    float32 products round differently for others."""
    with torch.no_grad():
        parts = [function(*args) for args in batches(*x)]
    return [torch.cat(part).numpy() for part in zip(*parts)]


def stored(path, layer, part="activations"):
    with h5py.File(path) as f:
        return f[f"layers/{layer}/{part}"][()]


def mlp():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(16, 16), nn.ReLU(inplace=True),
                         nn.Linear(16, 3))


def data(n=500, d=6, targets=3):
    generator = torch.Generator().manual_seed(2)
    return torch.randn(n, d, generator=generator), torch.randn(n, targets, generator=generator)


class ResNet(nn.Module):
    """Two residual blocks; the second shrinks the image."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.conv1, self.bn1 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, stride=2), nn.BatchNorm2d(8)
        self.down = nn.Conv2d(8, 8, 1, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(8, 2)
        self.bn.running_mean.normal_()

    def parts(self, x):
        a = F.relu(self.bn(self.stem(x)))
        b = F.relu(a + self.bn1(self.conv1(a)))
        c = F.relu(self.down(b) + self.bn2(self.conv2(b)))
        pooled = c.mean((2, 3))
        return x, a, b, b, pooled, self.fc(pooled)

    def forward(self, x):
        x = self.relu(self.bn(self.stem(x)))
        x += self.bn1(self.conv1(x))  # conv1's input is overwritten
        x = self.relu(x)
        x = self.relu(self.bn2(self.conv2(x)) + self.down(x))
        return self.fc(x.mean((2, 3)))


class Block(nn.Module):
    """A transformer encoder layer between an embedding and a head on masked means."""

    def __init__(self, batch_first=True):
        super().__init__()
        torch.manual_seed(4)
        self.embed = nn.Linear(5, 12)
        self.encoder = nn.TransformerEncoderLayer(12, 4, 24, batch_first=batch_first)
        self.head = nn.Linear(12, 2)

    def forward(self, x, mask):
        h = self.encoder(self.embed(x), src_key_padding_mask=~mask)
        weights = mask.float()[:, :, None]
        return self.head((h * weights).sum(1) / weights.sum(1))


def test_mlp_is_recorded_bit_for_bit_and_measured_like_in_memory(tmp_path, analyze, same_as_oracle):
    model, (x, y) = mlp(), data()
    path = tmp_path / "dump.h5"
    with collapscope.Recorder(model, path, attributes={"run": "a", "step": 3, "weight_decay": 1e-3, "seed": None}) as rec:
        for xb, yb in batches(x, y):
            rec.add(xb, yb)
    assert rec.layers == ["0", "3", "5"] and rec.samples == 500

    def parts(x):
        a = F.relu(F.linear(x, model[0].weight, model[0].bias))
        b = F.relu(F.linear(a, model[3].weight, model[3].bias))
        return x, a, b, F.linear(b, model[5].weight, model[5].bias)

    *inputs, predictions = by_hand(parts, [x])
    with h5py.File(path) as f:
        assert dict(f.attrs) == {"format": "collapscope-dump", "format_version": 1, "complete": True, "task": "regression", "run": "a", "step": 3,
                                 "weight_decay": 1e-3}
        assert np.array_equal(f["targets"], y) and np.array_equal(f["predictions"], predictions)
        assert [f[f"layers/{name}"].attrs["index"] for name in rec.layers] == [0, 1, 2]
    results = analyze(path)
    assert results[""]["model_mse"] == pytest.approx(np.mean((predictions.astype(float) - y.numpy()) ** 2), rel=1e-10)
    for name, h in zip(rec.layers, inputs):
        layer = model[int(name)]
        assert np.array_equal(stored(path, name), h)
        assert np.array_equal(stored(path, name, "weight"), layer.weight.detach())
        assert np.array_equal(stored(path, name, "bias"), layer.bias.detach())
        same_as_oracle(results[name], h, y, layer.weight.detach(), predictions)


def test_resnet_with_batch_norm_and_in_place_sums(tmp_path, analyze, same_as_oracle):
    model = ResNet()
    x, y = torch.randn(300, 3, 8, 8), torch.randn(300, 2)
    for pool, name in (("mean", "mean.h5"), ("keep", "keep.h5")):
        with collapscope.Recorder(model, tmp_path / name, pool=pool) as rec:
            for xb, yb in batches(x, y):
                rec.add(xb, yb)
    assert rec.layers == ["stem", "conv1", "conv2", "down", "fc"]
    model.eval()
    *inputs, predictions = by_hand(model.parts, [x])
    whole, pooled = analyze(tmp_path / "keep.h5"), analyze(tmp_path / "mean.h5")
    with h5py.File(tmp_path / "keep.h5") as f:
        assert f["layers/conv2"].attrs["layout"] == "NCHW" and "pool" not in f["layers/conv2"].attrs
        assert f["layers/conv2"].attrs["kind"] == "conv2d" and "layout" not in f["layers/fc"].attrs
    for name, h in zip(rec.layers, inputs):
        assert np.array_equal(stored(tmp_path / "keep.h5", name), h), name
        mean = h.astype(float).mean((2, 3)) if h.ndim == 4 else h
        np.testing.assert_allclose(stored(tmp_path / "mean.h5", name), mean, rtol=1e-5, atol=1e-6)
        weight = getattr(model, name).weight.detach().numpy()
        assert np.array_equal(stored(tmp_path / "mean.h5", name, "weight"), weight)
        if name != "stem":  # of three channels, of which two are the signal: nearly all is null
            W = np.moveaxis(weight, 1, -1).reshape(-1, weight.shape[1]) if weight.ndim == 4 else weight
            same_as_oracle(whole[name], mean, y, W, predictions)
            same_as_oracle(pooled[name], stored(tmp_path / "mean.h5", name), y, W, predictions)


def test_a_mask_that_is_added_to_scores_is_refused(tmp_path):
    """Its zeros are what counts."""
    model = torch.nn.Linear(5, 2)
    added = torch.zeros(4, 7)
    added[:, 5:] = -torch.inf
    with collapscope.Recorder(model, tmp_path / "a.h5", attributes={"train_loss": torch.tensor(0.5)}) as rec:
        with pytest.raises(ValueError, match="mask: found negative numbers, as of a mask that is added to scores"):
            rec.add(torch.randn(4, 7, 5), torch.randn(4, 2), mask=added, predictions=torch.randn(4, 2))
        rec.add(torch.randn(4, 7, 5), torch.randn(4, 2), mask=added == 0, predictions=torch.randn(4, 2))
    with h5py.File(tmp_path / "a.h5") as f:
        assert f.attrs["train_loss"] == 0.5


@pytest.mark.parametrize("pool", ["mean", "max", "first", "last"])
def test_transformer_block_with_mask(tmp_path, analyze, same_as_oracle, pool):
    model = Block()
    x, y = torch.randn(200, 7, 5), torch.randn(200, 2)
    lengths = torch.randint(1, 8, (200,))
    mask = torch.arange(7) < lengths[:, None]
    mask[::3] = mask[::3].flip(1)  # padding on the left, too
    x[~mask] = 1e3  # what is padding must not count
    path = tmp_path / "dump.h5"
    with collapscope.Recorder(model, path, layers=["embed", "encoder.linear*", "head"], pool=pool) as rec:
        for xb, yb, mb in batches(x, y, mask):
            rec.add({"x": xb, "mask": mb}, yb, mask=mb)
    assert rec.layers == ["embed", "encoder.linear1", "encoder.linear2", "head"]

    def parts(x, mask):
        e = model.encoder
        h = model.embed(x)
        a = e.norm1(h + e.self_attn(h, h, h, key_padding_mask=~mask, need_weights=False)[0])
        b = F.relu(e.linear1(a))
        out = e.norm2(a + e.linear2(b))
        w = mask.float()[:, :, None]
        m = (out * w).sum(1) / w.sum(1)
        return x, a, b, m, model.head(m)

    model.eval()
    *inputs, predictions = by_hand(parts, [x, mask])
    results = analyze(path)
    positions = mask.numpy()
    for name, h in zip(rec.layers, inputs):
        if h.ndim == 3:
            rows = [sample[kept] for sample, kept in zip(h.astype(float), positions)]
            pick = {"mean": lambda r: r.mean(0), "max": lambda r: r.max(0), "first": lambda r: r[0], "last": lambda r: r[-1]}
            h = np.array([pick[pool](r) for r in rows])
        np.testing.assert_allclose(stored(path, name), h, rtol=1e-4, atol=1e-5)
        weight = model.get_submodule(name).weight.detach()
        same_as_oracle(results[name], stored(path, name), y, weight, predictions, relative=1e-5 if name == "embed" else 1e-8)


def test_default_layers_of_a_transformer_are_those_that_are_called(tmp_path):
    """In eval mode PyTorch would run the whole block in one fused kernel."""
    model, mask = Block(), torch.ones(4, 7, dtype=torch.bool)
    with collapscope.Recorder(model, tmp_path / "dump.h5", exclude="encoder.self_attn") as rec:
        rec.add((torch.randn(4, 7, 5), mask), torch.randn(4, 2), mask=mask)
    assert rec.layers == ["embed", "encoder.linear1", "encoder.linear2", "head"]


def test_a_whole_encoder_with_padding(tmp_path):
    """PyTorch would pack the tokens of all samples into a nested tensor."""
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 4, 24, batch_first=True), 2)
    mask = torch.arange(7) < torch.tensor([7, 2, 5, 1])[:, None]
    x = torch.randn(4, 7, 12)
    with collapscope.Recorder(encoder, tmp_path / "dump.h5", exclude=nn.MultiheadAttention, output=lambda out: out[:, 0, :2]) as rec:
        rec.add({"src": x, "src_key_padding_mask": ~mask}, torch.randn(4, 2), mask=mask)
    assert rec.layers == [f"layers.{i}.linear{k}" for i in (0, 1) for k in (1, 2)]
    expected = encoder.eval()(x, src_key_padding_mask=~mask)[:, 0, :2].detach()  # with gradients there is no fused path
    with h5py.File(tmp_path / "dump.h5") as f:
        np.testing.assert_allclose(f["predictions"], expected, rtol=1e-4, atol=1e-5)


def test_sequences_with_time_first(tmp_path):
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh())
    x, y = torch.randn(7, 3, 5), torch.randn(3)
    options = {"output": lambda out: out.mean((0, 2)), "pool": "keep"}
    with pytest.raises(ValueError, match=r"layers/0/activations: found 7 samples .* expected 3, .*batch_first=False"):
        with collapscope.Recorder(model, tmp_path / "a.h5", **options) as rec:
            rec.add(x, y)
    with collapscope.Recorder(model, tmp_path / "b.h5", batch_first=False, **options) as rec:
        rec.add(x, y)
    assert np.array_equal(stored(tmp_path / "b.h5", "0"), x.transpose(0, 1))


class Wrapped(nn.Module):
    """Stands in for torch.compile: the graph calls no hooks."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module

    def forward(self, *args):
        raise AssertionError("the compiled graph ran")


@pytest.mark.parametrize("wrap", [nn.DataParallel, Wrapped, lambda m: nn.DataParallel(Wrapped(m))])
def test_wrapped_models_give_the_same_file(tmp_path, wrap):
    model, (x, y) = mlp(), data(60)
    collapscope.record(model, tmp_path / "bare.h5", [(x, y)])
    collapscope.record(wrap(model), tmp_path / "wrapped.h5", [(x, y)])
    assert (tmp_path / "bare.h5").stat().st_size == (tmp_path / "wrapped.h5").stat().st_size
    for layer in ("0", "3", "5"):
        for part in ("activations", "weight", "bias"):
            assert np.array_equal(stored(tmp_path / "bare.h5", layer, part), stored(tmp_path / "wrapped.h5", layer, part))


@pytest.mark.skipif(not hasattr(torch, "compile"), reason="PyTorch 1 cannot compile")
@pytest.mark.parametrize("in_place", [False, True])
def test_compiled_models_give_the_same_file(tmp_path, in_place):
    model, (x, y) = mlp(), data(60)
    collapscope.record(model, tmp_path / "bare.h5", [(x, y)])
    if in_place:
        model.compile(backend="eager")
    compiled = model if in_place else torch.compile(model, backend="eager")
    before = compiled(x)  # compiles
    collapscope.record(compiled, tmp_path / "compiled.h5", [(x, y)])
    for layer in ("0", "3", "5"):
        assert np.array_equal(stored(tmp_path / "bare.h5", layer), stored(tmp_path / "compiled.h5", layer))
    assert compiled(x).shape == before.shape


def test_wrapped_parts_are_looked_through_and_put_back(tmp_path):
    inner = mlp()
    parts = [Wrapped(inner), nn.DataParallel(nn.Linear(3, 3))]
    model = nn.Sequential(*parts)
    x, y = data(20)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        rec.add(x, y)
    assert rec.layers == ["0.0", "0.3", "0.5", "1"]
    assert model[0] is parts[0] and model[1] is parts[1] and parts[0]._orig_mod is inner


def test_a_shared_module_is_a_layer_per_call(tmp_path, analyze, same_as_oracle):
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(5)
            self.step, self.out = nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, x):
            for _ in range(3):
                x = torch.tanh(self.step(x))
            return self.out(x)

    model, (x, y) = Shared(), data()
    path = tmp_path / "dump.h5"
    collapscope.record(model, path, batches(x, y))

    def parts(x):
        a = torch.tanh(model.step(x))
        b = torch.tanh(model.step(a))
        c = torch.tanh(model.step(b))
        return x, a, b, c, model.out(c)

    *inputs, predictions = by_hand(parts, [x])
    results = analyze(path)
    assert list(results) == ["", "step", "step#2", "step#3", "out"]
    for name, h in zip(["step", "step#2", "step#3", "out"], inputs):
        assert np.array_equal(stored(path, name), h)
        weight = (model.out if name == "out" else model.step).weight.detach()
        same_as_oracle(results[name], h, y, weight, predictions)


class Conv1D(nn.Module):
    """As in transformers: a linear layer with the weight [d, m]."""

    def __init__(self, d, m):
        super().__init__()
        self.nf, self.weight, self.bias = m, nn.Parameter(torch.randn(d, m)), nn.Parameter(torch.randn(m))

    def forward(self, x):
        return x @ self.weight + self.bias


def test_weights_have_the_inputs_on_their_second_axis(tmp_path, analyze):
    class Convolutions(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(6)
            self.one = nn.Conv1d(4, 6, 3)
            self.grouped = nn.Conv2d(6, 9, (1, 2), groups=3)
            self.transposed = Conv1D(9, 2)

        def forward(self, x):
            x = torch.relu(self.one(x))
            x = torch.relu(self.grouped(x[:, :, None, :]))
            return self.transposed(x.mean((2, 3)))

    model, path = Convolutions(), tmp_path / "dump.h5"
    x, y = torch.randn(50, 4, 9), torch.randn(50, 2)
    collapscope.record(model, path, [(x, y)], pool={"one": "keep"})
    assert np.array_equal(stored(path, "one"), x.transpose(1, 2))
    with h5py.File(path) as f:
        assert [f["layers/one"].attrs[key] for key in ("kind", "layout")] == ["conv1d", "NTD"]
    assert np.array_equal(stored(path, "one", "weight"), model.one.weight.detach()[:, :, None])
    full = torch.from_numpy(stored(path, "grouped", "weight"))
    assert full.shape == (9, 6, 1, 2)
    image = torch.randn(2, 6, 4, 4)
    torch.testing.assert_close(F.conv2d(image, full, model.grouped.bias), model.grouped(image))
    assert np.array_equal(stored(path, "transposed", "weight"), model.transposed.weight.detach().T)
    assert [layer for layer, metrics in analyze(path).items() if layer and metrics["weight_rank"]] == ["one", "grouped", "transposed"]


@pytest.mark.parametrize("pool", ["none", "flatten"])
def test_pools_that_the_program_does(tmp_path, analyze, pool):
    model = nn.Sequential(nn.Conv2d(3, 5, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2))
    x, y = torch.randn(40, 3, 4, 4), torch.randn(40, 2)
    collapscope.record(model, tmp_path / "dump.h5", [(x, y)], pool={"0": pool})
    found = analyze(tmp_path / "dump.h5", "--metrics", "samples,features")["0"]
    assert (found["samples"], found["features"]) == ((40 * 16, 3) if pool == "none" else (40, 48))
