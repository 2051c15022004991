"""Targets for every position of sequences and images: one row per position that counts, in one order everywhere."""
import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import collapscope  # noqa: E402

N, T = 20, 6


def contents(path):
    with h5py.File(path) as f:
        assert f.attrs["sample"] == "position"
        layers = {name: f[f"layers/{name}/activations"][()] for name in f["layers"]}
        for name in layers:
            assert "layout" not in f[f"layers/{name}"].attrs and "pool" not in f[f"layers/{name}"].attrs
        return f["targets"][()], f["predictions"][()], layers


def tokens():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.mark.parametrize("masked", [False, True])
def test_a_target_for_each_token(tmp_path, analyze, same_as_oracle, masked):
    model, x, y = tokens(), torch.randn(N, T, 5), torch.randn(N, T, 3)
    mask = torch.arange(T) < torch.randint(0, T + 1, (N, 1)) if masked else torch.ones(N, T, dtype=torch.bool)
    mask[3] = True
    x[~mask] = float("nan")  # padding counts nowhere
    path = tmp_path / "dump.h5"
    with collapscope.Recorder(model, path, pool="none") as rec:
        for part in (slice(0, 13), slice(13, N)):
            rec.add(x[part], y[part], mask=mask[part] if masked else None)
    assert rec.samples == int(mask.sum())
    rows = x[mask]
    targets, predictions, layers = contents(path)
    assert np.array_equal(targets, y[mask]) and np.array_equal(layers["0"], rows)
    np.testing.assert_allclose(predictions, model(rows).detach(), rtol=1e-5, atol=1e-6)
    results = analyze(path)
    for name in ("0", "2"):
        same_as_oracle(results[name], layers[name], targets, model[int(name)].weight.detach(), predictions)


def test_lengths_that_differ_between_batches_and_passes_of_ones_own(tmp_path):
    model, parts = tokens(), [torch.randn(4, t, 5) for t in (4, 7)]
    with collapscope.Recorder(model, tmp_path / "dump.h5", pool="none") as rec:
        for x in parts:
            mask = torch.rand(x.shape[:2]) < 0.7
            mask[0, 0] = True
            with rec.watch(mask=mask), torch.no_grad():
                prediction = model(x)
            rec.add(y=prediction + x.sum(2, keepdim=True), predictions=prediction)
    targets, predictions, layers = contents(tmp_path / "dump.h5")
    np.testing.assert_allclose(targets - predictions, np.repeat(layers["0"].sum(1)[:, None], 3, 1), rtol=1e-4, atol=1e-5)


class Dense(nn.Module):
    """Image to image: convolutions, then a linear layer on channels last."""

    def __init__(self, outputs):
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6, outputs)

    def forward(self, x):
        return self.b(self.a(x).relu().permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("masked", [False, True])
def test_a_target_for_each_pixel(tmp_path, analyze, masked):
    model, x, y = Dense(2), torch.randn(N, 3, 4, 5), torch.randn(N, 2, 4, 5)
    mask = torch.rand(N, 4, 5) < 0.5 if masked else torch.ones(N, 4, 5, dtype=torch.bool)
    collapscope.record(model, tmp_path / "dump.h5", [{"x": x, "y": y, "mask": mask if masked else None}], pool="none", batch=dict)
    last = lambda t: t.detach().movedim(1, -1)[mask]  # noqa: E731
    targets, predictions, layers = contents(tmp_path / "dump.h5")
    assert np.array_equal(targets, last(y)) and np.array_equal(layers["a"], last(x))
    np.testing.assert_allclose(predictions, last(model(x)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layers["b"], last(model.a(x).relu()), rtol=1e-4, atol=1e-5)
    assert analyze(tmp_path / "dump.h5")["b"]["samples"] == int(mask.sum())


def test_a_number_for_each_pixel(tmp_path):
    model, x, y = Dense(1), torch.randn(N, 3, 4, 5), torch.randn(N, 4, 5)
    collapscope.record(model, tmp_path / "dump.h5", [(x, y)], pool="none", output=lambda out: out[:, 0])
    targets, predictions, _ = contents(tmp_path / "dump.h5")
    assert np.array_equal(targets, y.flatten()) and predictions.shape == targets.shape


@pytest.mark.parametrize("outputs_first", [False, True])
def test_labels_of_tokens(tmp_path, outputs_first):
    model, x, y = tokens(), torch.randn(N, T, 5), torch.randint(0, 3, (N, T))
    y[2, 4:] = -100
    options = dict(task="classification", pool="none", output=lambda out: out.transpose(1, 2) if outputs_first else out)
    with pytest.raises(ValueError, match=r"targets: found the label -100 at a position that counts; .* mask=\(y != -100\)"):
        collapscope.record(model, tmp_path / "dump.h5", [(x, y)], **options)
    collapscope.record(model, tmp_path / "dump.h5", [(x, y)], batch=lambda b: {"x": b[0], "y": b[1], "mask": b[1] != -100}, **options)
    targets, predictions, layers = contents(tmp_path / "dump.h5")
    kept = y != -100
    assert np.array_equal(targets, y[kept]) and np.array_equal(layers["0"], x[kept])
    np.testing.assert_allclose(predictions, model(x)[kept].detach(), rtol=1e-5, atol=1e-6)


def test_labels_of_pixels(tmp_path):
    model, x, y = Dense(3), torch.randn(N, 3, 4, 5), torch.randint(0, 3, (N, 4, 5))
    collapscope.record(model, tmp_path / "dump.h5", [(x, y)], pool="none", task="classification")
    targets, predictions, _ = contents(tmp_path / "dump.h5")
    assert np.array_equal(targets, y.flatten())
    np.testing.assert_allclose(predictions, model(x).detach().movedim(1, -1).flatten(0, 2), rtol=1e-4, atol=1e-5)


def test_channels_of_sequences(tmp_path):
    model = nn.Sequential(nn.Conv1d(5, 3, 1))
    x, y = torch.randn(N, 5, T), torch.randn(N, 3, T)
    collapscope.record(model, tmp_path / "dump.h5", [(x, y)], pool="none")
    targets, _, layers = contents(tmp_path / "dump.h5")
    assert np.array_equal(targets, y.transpose(1, 2).flatten(0, 1)) and np.array_equal(layers["0"], x.transpose(1, 2).flatten(0, 1))
    with pytest.raises(ValueError, match=r"targets: found shape \[20, 6, 6\], where either axis may be the positions"):
        collapscope.record(nn.Conv1d(5, 6, 1), tmp_path / "no.h5", [(x, torch.randn(N, T, T))], pool="none")


class Tagger(nn.Module):
    """Logits [N, K, T], as CrossEntropyLoss takes them."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.fc = nn.Linear(5, 4)

    def forward(self, x):
        return self.fc(x).transpose(1, 2)


def test_as_many_positions_as_classes(tmp_path):
    """What the shape does not tell, another batch does, or how transformers return it; else it is an error, which says how to tell."""
    model, parts = Tagger(), [torch.randn(7, t, 5) for t in (3, 4, 6)]
    batches = [(x, model(x).argmax(1)) for x in parts]
    options = {"pool": "none", "task": "classification"}
    collapscope.record(model, tmp_path / "known.h5", batches, **options)
    wanted = [model.fc(x).detach().flatten(0, 1) for x in parts]
    np.testing.assert_allclose(contents(tmp_path / "known.h5")[1], torch.cat(wanted), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"predictions: found shape \[7, 4, 4\], where either axis may be the positions; expected "
                                         r"\[7, 1, 4, 4\] for \[N, T, n\] \(output=.*unsqueeze\(1\)\) or \[7, 4, 4, 1\]"):
        collapscope.record(model, tmp_path / "no.h5", batches[1:2], **options)
    for name, output in (("a", lambda out: out.unsqueeze(-1)), ("b", lambda out: out.transpose(1, 2).unsqueeze(1))):
        collapscope.record(model, tmp_path / f"{name}.h5", batches[1:2], output=output, **options)
        np.testing.assert_allclose(contents(tmp_path / f"{name}.h5")[1], wanted[1], rtol=1e-5, atol=1e-6)

    class Output(dict):
        __module__ = "transformers.modeling_outputs"
        logits = property(lambda self: self["logits"])

    last = nn.Sequential(model, nn.Identity())
    last.register_forward_hook(lambda module, args, out: Output(logits=out.transpose(1, 2)))
    collapscope.record(last, tmp_path / "c.h5", batches[1:2], **options)
    np.testing.assert_allclose(contents(tmp_path / "c.h5")[1], wanted[1], rtol=1e-5, atol=1e-6)


def test_as_many_positions_as_targets(tmp_path):
    model, x, y = nn.Linear(5, T), torch.randn(N, T, 5), torch.randn(N, T, T)
    with pytest.raises(ValueError, match=r"targets: found shape \[20, 6, 6\], .* for \[N, T, n\] \(y.unsqueeze\(1\)\)"):
        collapscope.record(model, tmp_path / "no.h5", [(x, y)], pool="none")
    for name, of in (("a", lambda t: t.unsqueeze(1)), ("b", lambda t: t.transpose(1, 2).unsqueeze(-1))):
        collapscope.record(model, tmp_path / f"{name}.h5", [(x, of(y))], pool="none", output=of)
        targets, predictions, _ = contents(tmp_path / f"{name}.h5")
        assert np.array_equal(targets, y.flatten(0, 1))
        np.testing.assert_allclose(predictions, model(x).detach().flatten(0, 1), rtol=1e-5, atol=1e-6)
    collapscope.record(model, tmp_path / "t.h5", [(x.transpose(0, 1), y.transpose(0, 1))], pool="none", batch_first=False)
    assert np.array_equal(contents(tmp_path / "t.h5")[0], y.flatten(0, 1))


def test_time_first(tmp_path):
    model, x, y = tokens(), torch.randn(T, N, 5), torch.randn(T, N, 3)
    collapscope.record(model, tmp_path / "dump.h5", [(x, y)], pool="none", batch_first=False)
    targets, predictions, layers = contents(tmp_path / "dump.h5")
    rows = x.transpose(0, 1).flatten(0, 1)
    assert np.array_equal(layers["0"], rows) and np.array_equal(targets, y.transpose(0, 1).flatten(0, 1))
    np.testing.assert_allclose(predictions, model(rows).detach(), rtol=1e-5, atol=1e-6)


def test_labels_and_a_shard_with_time_first(tmp_path):
    model, x, y = tokens(), torch.randn(T, 5, 5), torch.randint(0, 3, (T, 5))
    from torch.utils.data import DataLoader, DistributedSampler

    samples = list(zip(x.unbind(1), y.unbind(1)))
    sampled = DataLoader(samples, 2, sampler=DistributedSampler(samples, 2, 1, shuffle=False),
                         collate_fn=lambda items: tuple(torch.stack(part, 1) for part in zip(*items)))
    collapscope.record(model, tmp_path / "dump.h5", sampled, pool="none", batch_first=False, task="classification")
    targets, _, layers = contents(tmp_path / "dump.rank1.h5")  # the samples 1 and 3; 0 fills up
    assert np.array_equal(targets, y[:, [1, 3]].t().flatten()) and np.array_equal(layers["0"], x[:, [1, 3]].transpose(0, 1).flatten(0, 1))


class Headed(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.head = nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x):
        h = self.token(x)
        return h[..., :3] + self.head(h.mean(1))[:, None]


@pytest.mark.parametrize("model, y, options, message", [
    (tokens, (N, T, 3), {}, r"targets: found float32 of shape \[20, 6, 3\]; expected \[N\] or \[N, n\], or pool='none' for one target per"),
    (tokens, (N, T, 3), {"pool": {"0": "none"}}, r"targets: found float32 of shape"),
    (tokens, (N, T + 1, 3), {"pool": "none"}, r"targets: found shape \[20, 7, 3\]; expected a value for each of the positions \[6\]"),
    (tokens, (N, T, 2), {"pool": "none"}, r"predictions: found shape \[120, 3\]; expected \[120, 2\]"),
    (tokens, (N, T), {"pool": "none"}, r"targets: found shape \[20, 6\] beside sequences of 6 positions \(0, 2\) with pool 'none'; expected "
                                       r"\[20, 6, 1\] for one target per position, or pool='keep'"),
    (tokens, (N, T), {"pool": "none", "output": lambda out: out[:, :, :1]},
     r"predictions: found shape \[20, 6, 1\]; expected \[20, 6\] .*; a target for each position takes y of shape \[20, 6, 1\] \(y.unsqueeze"),
    (tokens, (N, T), {"pool": "mean", "output": lambda out: out[:, :, :1]},
     r"predictions: found shape \[20, 6, 1\]; expected \[20, 6\] beside targets of shape \[20, 6\]$"),
    (tokens, (N, T), {"output": lambda out: out},  # as of a language model
     r"predictions: found shape \[20, 6, 3\]; expected \[20, 6\] .*; a label for each position takes task='classification', pool='none'"),
    (Headed, (N, T, 3), {"pool": "none"}, r"layers/head: found an input of shape \[20, 4\]; expected one row for each of the positions "
                                          r"\[6\], as every position has a target\. Leave out what has none: exclude=\['head'\]")])
def test_refused(tmp_path, model, y, options, message):
    with pytest.raises(ValueError, match=message):
        collapscope.record(model(), tmp_path / "dump.h5", [(torch.randn(N, T, 5), torch.randn(y))],
                           **{"output": (lambda out: out[:, :, 0]) if len(y) == 2 else None, **options})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mask, message", [
    (torch.ones(N, T + 1), r"mask: found shape \[20, 7\]; expected \[20, 6\]"),
    (torch.zeros(N, T), r"mask: found no position that counts in a batch")])
def test_refused_masks(tmp_path, mask, message):
    with pytest.raises(ValueError, match=message):
        with collapscope.Recorder(tokens(), tmp_path / "dump.h5", pool="none") as rec:
            rec.add(torch.randn(N, T, 5), torch.randn(N, T, 3), mask=mask)


def test_a_mask_without_targets_for_each_position_is_refused(tmp_path):
    with pytest.raises(ValueError, match="layers/0: pool 'none' stores every position, and a dump has no mask; .* targets for every"):
        with collapscope.Recorder(tokens(), tmp_path / "dump.h5", pool="none", output=lambda out: out[:, 0]) as rec:
            rec.add(torch.randn(N, T, 5), torch.randn(N, 3), mask=torch.ones(N, T))
