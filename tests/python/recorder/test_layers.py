"""Which modules are layers: kinds, choices, exclusions, and what is left out with its name."""
import re
import warnings

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import collapscope  # noqa: E402

N = 12


def recorded(path, layer="1"):
    with h5py.File(path) as f:
        group = f[f"layers/{layer}"]
        return group.attrs["kind"], group["activations"][()], torch.from_numpy(group["weight"][()])


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_convolutions(tmp_path, analyze, groups, axes, transposed):
    """The stored weight, applied as a convolution without groups, is the layer."""
    cls = getattr(nn, f"Conv{'Transpose' if transposed else ''}{axes}d")
    torch.manual_seed(0)
    layer = cls(4, 6, (3, 2, 2)[:axes], groups=groups)
    model = nn.Sequential(nn.Identity(), layer)
    x, y = torch.randn(N, 4, *(5, 4, 3)[:axes]), torch.randn(N, 2)
    options = {"output": lambda out: out.flatten(2).mean(2)[:, :2]}
    collapscope.record(model, tmp_path / "dump.h5", [(x, y)], **options)
    kind, h, weight = recorded(tmp_path / "dump.h5")
    assert kind == f"conv{'_transpose' if transposed else ''}{axes}d"
    np.testing.assert_allclose(h, x.flatten(2).mean(2), rtol=1e-5, atol=1e-6)
    if axes == 1:
        weight = weight.squeeze(2)
    full = cls(4, 6, (3, 2, 2)[:axes], bias=False)
    full.weight = nn.Parameter(weight.transpose(0, 1) if transposed else weight)
    with torch.no_grad():
        bias = layer.bias.reshape(-1, *[1] * axes)
        torch.testing.assert_close(full(x) + bias, layer(x))
    if groups == 2:
        return
    assert analyze(tmp_path / "dump.h5")["1"]["weight_rank"] == 4
    collapscope.record(model, tmp_path / "keep.h5", [(x, y)], pool="keep", **options)
    _, kept, _ = recorded(tmp_path / "keep.h5")
    assert np.array_equal(kept, x.transpose(1, 2) if axes == 1 else x)
    found = analyze(tmp_path / "keep.h5", "--metrics", "features,weight_rank,total_variance")["1"]
    assert (found["features"], found["weight_rank"]) == (4, 4)
    assert found["total_variance"] == pytest.approx(np.var(x.flatten(2).double().mean(2).numpy(), axis=0).sum(), rel=1e-6)


class Own(nn.Module):
    """A layer of one's own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4))

    def forward(self, x):
        return x @ self.weight.t()


def test_a_name_with_brackets_means_itself(tmp_path):
    net = nn.Sequential()
    for name in ("h0", "h[0]", "h1"):
        net.add_module(name, nn.Linear(4, 4))
    path, x = tmp_path / "dump.h5", torch.randn(N, 3, 4)
    with collapscope.Recorder(net, path, pool={"h[0]": "first", "h?": "last"}, exclude="h1") as rec:
        rec.add(x, torch.randn(N, 4), predictions=torch.randn(N, 4))
    with h5py.File(path) as f:
        np.testing.assert_array_equal(f["layers/h0/activations"], x[:, -1])
        np.testing.assert_allclose(f["layers/h[0]/activations"], net[0](x)[:, 0].detach(), rtol=1e-5, atol=1e-6)
    assert [layer.name for layer in collapscope.Recorder(net, "never.h5", exclude="h[0]")._chosen] == ["h0", "h1"]
    assert [layer.name for layer in collapscope.Recorder(net, "never.h5", exclude="h[1]")._chosen] == ["h0", "h[0]"]
    arrays = {"h0.x": np.ones((5, 4)), "h[0].x": np.ones((5, 4)), "h0.weight": np.ones((2, 4)), "h[0].weight": np.ones((4, 2)), "y": np.ones(5)}
    np.savez(tmp_path / "a.npz", **arrays)
    collapscope.convert(tmp_path / "a.npz", tmp_path / "a.h5", activations="*.x", targets="y", transpose="h[0]")
    with h5py.File(tmp_path / "a.h5") as f:
        assert f["layers/h0/weight"].shape == f["layers/h[0]/weight"].shape == (2, 4)


class Many(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.cell = nn.LSTM(4, 4, batch_first=True), nn.GRUCell(4, 4)
        self.attention = nn.MultiheadAttention(4, 1, batch_first=True)
        self.both, self.own = nn.Bilinear(4, 4, 4), Own()
        self.norm, self.fc = nn.LayerNorm([3, 4]), nn.Linear(3, 2)

    def forward(self, x):
        h = self.norm(self.rnn(x)[0])
        h = self.attention(h, h, h)[0][:, -1]
        return self.fc(self.own(self.both(h, self.cell(h))))


def test_what_is_left_out_is_named(tmp_path):
    batch = [(torch.randn(N, 3, 4), torch.randn(N, 2))]
    message = (r"^Many: left out, as no single weight meets their input: rnn \(LSTM\), cell \(GRUCell\), attention "
               r"\(MultiheadAttention\), both \(Bilinear\), own \(Own\)\. Named in layers=, they are recorded")
    with pytest.warns(UserWarning, match=message) as found:
        collapscope.record(Many(), tmp_path / "dump.h5", batch)
    assert len(found) == 1
    everything = ["rnn", nn.GRUCell, re.compile("att.*"), "both", "own"]
    collapscope.record(Many(), tmp_path / "dump.h5", batch, exclude=everything)
    with collapscope.Recorder(Many(), tmp_path / "named.h5", layers=["rnn", "attention", "both", "own", "fc"]) as rec:
        rec.add(*batch[0])
    with h5py.File(tmp_path / "named.h5") as f:
        assert rec.layers == ["rnn", "attention", "both", "own", "fc"]
        assert [name for name in rec.layers if "weight" in f[f"layers/{name}"]] == ["own", "fc"]
        np.testing.assert_allclose(f["layers/rnn/activations"], batch[0][0].mean(1), rtol=1e-5, atol=1e-6)


class NoHead(nn.Module):
    """The predictions are made by a parameter of its own, an embedding, or neither."""

    def __init__(self, head, classes=3):
        super().__init__()
        self.e, self.a, self.how = nn.Embedding(classes, 4), nn.Linear(4, 5 if head == "W" else 4), head
        self.W, self.queries = nn.Parameter(torch.randn(5, classes)), nn.Parameter(torch.randn(7, 4))
        self.head = nn.Linear(4, classes) if head == "Linear" else None

    def forward(self, x):
        h = torch.relu(self.a(self.e(x)))
        return h @ self.W if self.how == "W" else self.head(h) if self.head else nn.functional.linear(h, self.e.weight)


@pytest.mark.parametrize("head, message", [("W", r"W \[5, 3\] may make them of the 5 of a"), ("e", r"e.weight \[3, 4\] may make them of the 4 of a"),
                                           ("Linear", "")])
def test_heads_that_are_no_modules_are_named(tmp_path, head, message):
    model, x, y = NoHead(head), torch.arange(N) % 3, torch.arange(N) % 3
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        rec = collapscope.attach(model, tmp_path / "{step}.h5", [(x, y), (x, y)], task="classification")
        rec.step(1), rec.step(2)
    assert [bool(re.search(f"^NoHead: found predictions with 3 columns, and no layer with as many outputs; {message}, which then counts", str(
        one.message))) for one in found] == [True] * (message != "")
    collapscope.record(model, tmp_path / "named.h5", [(x, y)], task="classification", layers="*")
    collapscope.record(model, tmp_path / "none.h5", [(x, y)], task="classification", output=lambda out: None)


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(nn.ModuleDict({"a": nn.Linear(4, 4), "c": nn.Conv1d(1, 1, 1)}) for _ in range(3))
        self.head = nn.Linear(4, 2)
        self.alias = self.head

    def forward(self, x):
        for block in self.blocks:
            x = block["c"](block["a"](x)[:, None])[:, 0]
        return self.head(x)


def names(**options):
    rec = collapscope.Recorder(Nested(), "never.h5", **options)
    return [layer.name for layer in rec._chosen]


@pytest.mark.parametrize("options, expected", [
    (dict(layers=nn.Conv1d), ["blocks.0.c", "blocks.1.c", "blocks.2.c"]),
    (dict(layers=[nn.Conv1d, "head"]), ["blocks.0.c", "blocks.1.c", "blocks.2.c", "head"]),
    (dict(layers=re.compile(r"blocks\.[02]\.a")), ["blocks.0.a", "blocks.2.a"]),
    (dict(layers="alias"), ["head"]),
    (dict(layers=[lambda name, module: name.endswith("2.a"), "head"]), ["blocks.2.a", "head"]),
    (dict(exclude="blocks"), ["head"]),
    (dict(exclude=["blocks.0", "*.c", "alias"]), ["blocks.1.a", "blocks.2.a"]),
    (dict(exclude=[nn.Conv1d, re.compile("head")]), ["blocks.0.a", "blocks.1.a", "blocks.2.a"]),
    (dict(exclude=lambda name, module: not name.startswith("blocks.1")), ["blocks.1.a", "blocks.1.c"]),
    (dict(exclude="model"), []),
    (dict(layers="blocks.*", exclude=nn.Linear), ["blocks.0.c", "blocks.1.c", "blocks.2.c"])])
def test_choices(options, expected):
    if expected:
        assert names(**options) == expected
    else:
        with pytest.raises(ValueError, match="layers: found none of Nested that fits"):
            names(**options)


@pytest.mark.parametrize("options, message", [
    (dict(layers="blokcs.0.a"), r"layers: found no module 'blokcs.0.a' in Nested \(did you mean 'blocks.0.a'\?\); expected one of"),
    (dict(exclude="heads"), r"exclude: found no module 'heads' in Nested \(did you mean 'head'\?\)"),
    (dict(exclude=nn.Conv2d), r"exclude: found no module 'Conv2d' in Nested"),
    (dict(layers=re.compile("block")), r"layers: found no module 'block' in Nested"),
    (dict(layers=[3]), r"layers: found 3; expected a name, a glob, a regular expression, a class, a module, a predicate"),
    (dict(exclude=3), r"exclude: found 3; expected a name")])
def test_choices_that_fit_nothing(options, message):
    with pytest.raises(ValueError, match=message):
        names(**options)


class Windows(nn.Module):
    """As in Swin: attention within windows, which stand where samples did."""

    def __init__(self):
        super().__init__()
        self.embed, self.qkv, self.proj, self.head = (nn.Linear(4, 4) for _ in range(4))

    def forward(self, x):  # [N, 8, 4]
        h = self.embed(x).reshape(-1, 2, 4)
        h = self.proj(self.qkv(h)).reshape(len(x), 8, 4)
        return self.head(h.mean(1))


def test_windows_in_place_of_samples(tmp_path):
    batch = [(torch.randn(N, 8, 4), torch.randn(N, 4))]
    with pytest.raises(ValueError, match=r"layers/qkv/activations: found 48 samples in a batch; expected 12, as the targets have\. "
                                         r"Modules that see windows, patches or heads as samples are left out by "
                                         r"exclude=\['qkv', 'proj'\]"):
        collapscope.record(Windows(), tmp_path / "dump.h5", batch)
    collapscope.record(Windows(), tmp_path / "dump.h5", batch, exclude=["qkv", "proj"])


class Recurrent(nn.Module):
    def __init__(self, batch_first):
        super().__init__()
        self.rnn, self.fc = nn.GRU(4, 4, batch_first=batch_first), nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.rnn(x)[0])


def test_time_first_where_there_are_as_many_samples_as_positions(tmp_path):
    x, y = torch.randn(N, N, 4), torch.randn(N, 2)
    options = {"exclude": "rnn", "output": lambda out: out.mean(0)}
    with pytest.raises(ValueError, match=r"layers/fc: found an input of shape \[12, 12, 4\], as many samples as positions, and rnn has "
                                         r"batch_first=False; expected batch_first=True or False"):
        collapscope.record(Recurrent(False), tmp_path / "dump.h5", [(x, y)], **options)
    collapscope.record(Recurrent(True), tmp_path / "dump.h5", [(x, y)], **options)
    model = Recurrent(False)
    collapscope.record(model, tmp_path / "dump.h5", [(x, y)], batch_first=False, **options)
    with h5py.File(tmp_path / "dump.h5") as f:
        np.testing.assert_allclose(f["layers/fc/activations"], model.rnn(x)[0].detach().mean(0), rtol=1e-4, atol=1e-5)
    collapscope.record(model, tmp_path / "rnn.h5", [(x, y)], layers="rnn", output=lambda out: out.mean(0))  # it says so itself
    with h5py.File(tmp_path / "rnn.h5") as f:
        np.testing.assert_allclose(f["layers/rnn/activations"], x.mean(0), rtol=1e-4, atol=1e-6)


def test_a_part_that_is_called_model():
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.model, self.head = nn.Sequential(nn.Linear(4, 4)), nn.Linear(4, 2)

    for options, expected in (({}, ["model.0", "head"]), ({"exclude": "model"}, ["head"]), ({"layers": "model"}, ["model"])):
        rec = collapscope.Recorder(Outer(), "never.h5", **options)
        assert [layer.name for layer in rec._chosen] == expected


def test_sharded_models_are_refused(tmp_path):
    class FullyShardedDataParallel(nn.Linear):
        pass

    with pytest.raises(ValueError, match="a.h5: model: found one whose parameters are sharded .*; expected a whole copy"):
        collapscope.Recorder(nn.Sequential(FullyShardedDataParallel(4, 2)), tmp_path / "a.h5")
    with pytest.raises(ValueError, match="a.h5: model: found function; expected a torch.nn.Module"):
        collapscope.Recorder(lambda x: x, tmp_path / "a.h5")


def test_a_module_with_the_name_of_a_second_call(tmp_path):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.d = nn.ModuleDict({"fc": nn.Linear(6, 6), "fc#2": nn.Linear(6, 2)})

        def forward(self, x):
            return self.d["fc#2"](self.d["fc"](self.d["fc"](x)))

    with collapscope.Recorder(Named(), tmp_path / "dump.h5") as rec:
        rec.add(torch.randn(N, 6), torch.randn(N, 2))
    assert rec.layers == ["d.fc", "d.fc#3", "d.fc#2"]


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)

    def forward(self, x, scale):
        return self.fc(x) * scale


class Anything(nn.Module):
    def forward(self, *args, **kwargs):
        return kwargs["b"] * kwargs["a"]


class OfKeywords(nn.Module):
    def __init__(self):
        super().__init__()
        self.block, self.any, self.head = Scaled(), Anything(), nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.any(a=2 * x, b=self.block(scale=torch.ones(len(x), 6), x=x)))


@pytest.mark.skipif(int(torch.__version__.split(".")[0]) < 2, reason="hooks see no keyword arguments before PyTorch 2")
def test_modules_that_are_called_with_keywords_only(tmp_path):
    x, y = torch.randn(N, 6), torch.randn(N, 2)
    collapscope.record(OfKeywords(), tmp_path / "dump.h5", [(x, y)], layers=["block", "block.fc"])
    with h5py.File(tmp_path / "dump.h5") as f:
        assert np.array_equal(f["layers/block/activations"], x)
    with pytest.raises(ValueError, match=r"layers/any: found a call with a, b, and without args, the first parameter of its forward; expected .* "
                                         r"exclude=\['any'\]"):
        collapscope.record(OfKeywords(), tmp_path / "no.h5", [(x, y)], layers=["block", "any"])


def test_keywords_that_hooks_do_not_see(tmp_path):
    """Before PyTorch 2."""
    with collapscope.Recorder(OfKeywords(), tmp_path / "dump.h5", layers="block") as rec:
        rec._watcher.options = {}
        with pytest.raises(ValueError, match=r"layers/block: found a call with keywords only, which hooks of PyTorch .* cannot see; expected a call "
                                             r"that gives its input by position, PyTorch 2, or exclude=\['block'\]"):
            rec.add(torch.randn(N, 6), torch.randn(N, 2))
        rec.abort()


class ChannelsLast(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.first, self.head = nn.Conv2d(3, 5, 1), nn.LayerNorm(5), ChannelsFirst(5), nn.Linear(5, 2)

    def forward(self, x):
        x = self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.head(self.first(x).mean((2, 3)))


class ChannelsFirst(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("size", [4, 5])
def test_a_layer_norm_of_images_says_which_axis_are_the_features(tmp_path, size):
    """The last one, or with a forward of its own the second, as everywhere in PyTorch."""
    model, x = ChannelsLast(), torch.randn(N, 3, size, size)
    collapscope.record(model, tmp_path / "dump.h5", [(x, torch.randn(N, 2))], layers=["norm", "first"])
    before = model.conv(x)
    with h5py.File(tmp_path / "dump.h5") as f:
        np.testing.assert_allclose(f["layers/norm/activations"], before.mean((2, 3)).detach(), rtol=1e-5, atol=1e-6)
        after = model.norm(before.permute(0, 2, 3, 1)).mean((1, 2)).detach()
        np.testing.assert_allclose(f["layers/first/activations"], after, rtol=1e-5, atol=1e-6)
