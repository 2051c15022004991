"""Classifiers: labels, names of classes and ignored labels, from the recorder to the program's results."""
import json
import os
import subprocess
import warnings

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import collapscope  # noqa: E402
from collapscope.__main__ import main  # noqa: E402

NAMES = ["cat", "dog", "été"]


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))


def batches(count=3, ignored=None):
    torch.manual_seed(1)
    for number in range(count):
        x, y = torch.randn(20, 5), torch.arange(20) % 3
        if ignored is not None:
            y[number::4] = ignored
        yield x, y


def classes_of(path):
    """The program's results of each class: of the checkpoint, of the last layer."""
    done = subprocess.run([os.environ["COLLAPSCOPE_PROGRAM"], "analyze", path, "--per-class", "--device", "cpu", "-q", "-o", "-"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    checkpoint = json.loads(done.stdout)["checkpoints"][0]
    return checkpoint["classes"], checkpoint["layers"][-1]["classes"], checkpoint


@pytest.mark.parametrize("names", [list, np.array])
def test_labels_logits_and_names_reach_the_results(tmp_path, names):
    net = model()
    with collapscope.Recorder(net, tmp_path / "a.h5", task="classification", class_names=names(NAMES)) as rec:
        for x, y in batches():
            rec.add(x, y)
    known, layer, checkpoint = classes_of(tmp_path / "a.h5")
    x, y = (torch.cat(parts) for parts in zip(*batches()))
    assert known["labels"] == [0, 1, 2] and known["names"] == NAMES and known["samples"] == [21, 21, 18]
    right = (net(x).argmax(1) == y).numpy()
    assert checkpoint["targets"]["model_accuracy"] == pytest.approx(right.mean())
    assert known["model_accuracy"] == pytest.approx([right[y == c].mean() for c in range(3)])
    h = net[1](net[0](x)).detach().double().numpy()
    means = np.array([h[y == c].mean(0) for c in range(3)])
    assert layer["mean_norm"] == pytest.approx(np.linalg.norm(means - means.mean(0), axis=1), rel=1e-5)


@pytest.mark.parametrize("of", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("last, told", [(nn.Softmax(-1), True), (nn.LogSoftmax(-1), False), (nn.ReLU(), False), (nn.Sigmoid(), False)])
def test_probabilities_in_place_of_logits_are_warned_of_once(tmp_path, last, told, of):
    data = [(x.to(of), y) for x, y in batches()]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        rec = collapscope.attach(nn.Sequential(model().to(of), last), tmp_path / "{step}.h5", data, task="classification")
        rec.step(1), rec.step(2)
    assert ["1.h5: predictions: found probabilities" in str(one.message) for one in found] == [True] * told


def test_ignored_samples_are_not_recorded(tmp_path):
    attached = collapscope.attach(model(), str(tmp_path / "a_{step}.h5"), data=list(batches(3, -100)), task="classification",
                                  ignore_label=-100, class_names=NAMES)
    path = attached.step(1)
    x, y = (torch.cat(parts) for parts in zip(*batches(3, -100)))
    with h5py.File(path) as f:
        assert np.array_equal(f["targets"][()], y[y != -100]) and np.array_equal(f["layers/0/activations"][()], x[y != -100])
        assert len(f["predictions"]) == 45
    assert sum(classes_of(path)[0]["samples"]) == 45


def test_ignored_tokens_are_not_recorded(tmp_path):
    torch.manual_seed(2)
    net, x, y = model(), torch.randn(4, 6, 5), torch.randint(0, 3, (4, 6))
    y[:, 4:] = -100
    mask = torch.ones(4, 6, dtype=torch.bool)
    mask[0, 0] = False
    kept = mask & (y != -100)
    collapscope.record(net, tmp_path / "a.h5", [{"x": x, "y": y, "mask": mask}], batch=dict, task="classification", pool="none",
                       ignore_label=-100)
    with h5py.File(tmp_path / "a.h5") as f:
        assert np.array_equal(f["targets"][()], y[kept]) and np.array_equal(f["layers/0/activations"][()], x[kept])
        assert f["predictions"].shape == (15, 3)
    with pytest.raises(ValueError, match="the label -100 at a position that counts; .* or ignore_label=-100"):
        collapscope.record(net, tmp_path / "b.h5", [(x, y)], task="classification", pool="none")


def test_what_does_not_fit_is_refused(tmp_path):
    def refused(message, **options):
        with pytest.raises(ValueError, match=message):
            collapscope.Recorder(model(), tmp_path / "a.h5", **options)

    refused("class_names: found some for task 'regression'", class_names=NAMES)
    refused("class_names: found 3 for label 1", task="classification", class_names=["a", 3])
    refused("class_names: found none", task="classification", class_names=[])
    refused("class_names: found 'xxx", task="classification", class_names=["x" * 5000])
    refused("ignore_label: found 0.5", task="classification", ignore_label=0.5)
    refused("ignore_label: found -100 for task 'regression'", ignore_label=-100)
    refused("class_names: found the text 'abcde'; expected a list of texts", task="classification", class_names="abcde")
    with pytest.raises(ValueError, match="found no samples with another label than the ignored -100"):
        collapscope.record(model(), tmp_path / "a.h5", [(torch.randn(2, 5), torch.full((2,), -100))], task="classification",
                           ignore_label=-100)
    with pytest.raises(ValueError, match=r"targets: found int64 of shape \[2, 3\]; expected integers \[N\] \(of one-hot rows: y.argmax\(1\)\)"):
        collapscope.record(model(), tmp_path / "a.h5", [(torch.randn(2, 5), torch.eye(3, dtype=torch.int64)[:2])], task="classification")
    for labels, hint in ((torch.ones(2, 1).long(), r" \(of labels \[N, 1\]: y\[:, 0\]\)"), (torch.arange(6).view(2, 3), "")):
        with pytest.raises(ValueError, match=rf"expected integers \[N\]{hint}, or pool='none' for one target per position"):
            collapscope.record(model(), tmp_path / "a.h5", [(torch.randn(2, 5), labels)], task="classification")
    with pytest.raises(ValueError, match=r"targets: found float32 of shape \[2\]; expected integers"):
        collapscope.record(model(), tmp_path / "a.h5", [(torch.randn(2, 5), torch.randn(2))], task="classification")
    assert not list(tmp_path.iterdir())


def test_a_batch_of_ignored_labels_is_passed_over(tmp_path):
    x, y = torch.randn(60, 5), torch.arange(60) % 3
    y[:20] = y[40:] = -100
    parts = list(zip(x.split(20), y.split(20)))
    collapscope.record(model(), tmp_path / "a.h5", parts, task="classification", ignore_label=-100)
    with h5py.File(tmp_path / "a.h5") as f:
        assert np.array_equal(f["targets"][()], y[20:40]) and np.array_equal(f["layers/0/activations"][()], x[20:40])
        assert f["predictions"].shape == (20, 3)


def test_a_batch_of_ignored_tokens_is_passed_over(tmp_path):
    x, y = torch.randn(6, 4, 5), torch.randint(0, 3, (6, 4))
    y[:2] = y[2:4, 1:] = -100
    mask = torch.ones(6, 4)
    mask[2:4, :1] = 0
    items = [{"x": x[i:i + 2], "y": y[i:i + 2], "mask": mask[i:i + 2]} for i in (0, 2, 4)]  # none in the first two
    collapscope.record(model(), tmp_path / "a.h5", items, batch=dict, task="classification", pool="none", ignore_label=-100)
    with h5py.File(tmp_path / "a.h5") as f:
        assert np.array_equal(f["targets"][()], y[4:].reshape(-1)) and f["layers/0/activations"].shape == (8, 5)
    items[0]["mask"] = torch.zeros(2, 4)
    with pytest.raises(ValueError, match="mask: found no position that counts"):
        collapscope.record(model(), tmp_path / "b.h5", items, batch=dict, task="classification", pool="none", ignore_label=-100)


def test_predictions_of_a_classifier_are_logits(tmp_path):
    for output in (lambda logits: logits.argmax(1), lambda logits: logits[:, 0]):
        with pytest.raises(ValueError, match=r"predictions: found shape \[20\]; expected logits of shape \[20, K\], one column for each "
                                             "class; output=lambda result: None records none"):
            collapscope.record(model(), tmp_path / "a.h5", batches(), task="classification", output=output)
    assert not list(tmp_path.iterdir())
    collapscope.record(model(), tmp_path / "a.h5", batches(), task="classification", output=lambda result: None)
    assert classes_of(tmp_path / "a.h5")[0]["model_accuracy"] is None
    np.savez(tmp_path / "c.npz", **{"acts.fc": np.ones((6, 2)), "y": np.arange(6) % 3, "p": np.arange(6)})
    with pytest.raises(ValueError, match=r"predictions: found shape \[6\]; expected logits of shape \[6, K\], .*; predictions=None"):
        collapscope.convert(tmp_path / "c.npz", tmp_path / "c.h5", activations="acts.*", targets="y", predictions="p", task="classification")


def test_integers_without_a_task_are_told_of_it(tmp_path):
    for record in (lambda path: collapscope.record(model(), path, batches()),
                   lambda path: collapscope.attach(model(), f"{path}_{{step}}.h5", data=list(batches())).step(1)):
        with pytest.raises(ValueError, match=r"predictions: found shape \[20, 3\]; expected \[20\] .*; task='classification' takes integers"):
            record(tmp_path / "a")
    np.savez(tmp_path / "c.npz", **{"acts.fc": np.ones((6, 2)), "y": np.arange(6) % 3, "p": np.ones((6, 3))})
    with pytest.raises(ValueError, match=r"expected \[6\] .*; task='classification'"):
        collapscope.convert(tmp_path / "c.npz", tmp_path / "c.h5", activations="acts.*", targets="y", predictions="p")


def test_booleans_are_labels(tmp_path):
    x = torch.randn(40, 5)
    y = x[:, 0] > 0
    collapscope.record(model(), tmp_path / "a.h5", [(x, y)], task="classification")
    np.savez(tmp_path / "b.npz", **{"acts.0": x.numpy(), "y": y.numpy()})
    collapscope.convert(tmp_path / "b.npz", tmp_path / "b.h5", activations="acts.*", targets="y", task="classification")
    for name in ("a.h5", "b.h5"):
        assert classes_of(tmp_path / name)[0]["samples"] == [int((~y).sum()), int(y.sum())]


def test_converted_files_have_names_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    np.savez("a.npz", **{"acts.fc": random.normal(size=(30, 4)), "y": np.arange(30) % 3, "logits": random.normal(size=(30, 3))})
    (tmp_path / "names.txt").write_text("\n".join(NAMES) + "\n", encoding="utf-8")
    assert main(["convert", "a.npz", "-o", "a.h5", "--activations", "acts.*", "--targets", "y", "--predictions", "logits",
                 "--task", "classification", "--class-names", "names.txt"]) == 0
    known, layer, _ = classes_of(tmp_path / "a.h5")
    assert known["names"] == NAMES and known["samples"] == [10, 10, 10] and len(layer["cosines"]) == 3
    with pytest.raises(ValueError, match="class_names"):
        collapscope.convert("a.npz", "b.h5", activations="acts.*", targets="y", class_names=NAMES)
    assert not (tmp_path / "b.h5").exists()
