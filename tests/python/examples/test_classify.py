"""The story of digits that are classified: whole, and with more collapse where there is more weight decay."""
import h5py
import numpy as np
import pytest

FIGURES = "deep explained_variance heatmap neural_collapse separation spectrum weight_decay".split()
LAYERS = ["conv1", "conv2", "conv3", "fc1", "fc2"]


def last(classify, metric):
    """The metric of fc2 at the last step of each run."""
    values = {}
    for checkpoint in sorted(classify.results["checkpoints"], key=lambda checkpoint: checkpoint["step"]):
        values[checkpoint["run"]] = checkpoint["layers"][-1]["metrics"][metric]
    return values


def test_classify_leaves_whole_results(classify):
    checkpoints = classify.results["checkpoints"]
    assert classify.results["failures"] == [] and len(checkpoints) == 5 * 3
    for checkpoint in checkpoints:
        assert checkpoint["task"] == "classification" and checkpoint["targets"]["classes"] == 10
        assert [layer["name"] for layer in checkpoint["layers"]] == LAYERS
        metrics, balanced = checkpoint["layers"][-1]["metrics"], checkpoint["run"].startswith("balanced")
        for metric in ("nc1", "nc2_equiangular", "nc2_seli", "nc3_self_duality", "nc4_disagreement", "ncc_accuracy"):
            assert metrics[metric] is not None, metric
        assert (checkpoint["targets"]["class_imbalance"] < 2) == balanced
        assert checkpoint["classes"]["names"][:2] == ["zero", "one"]


def test_classify_more_weight_decay_more_collapse(classify):
    nc1 = last(classify, "nc1")
    assert set(nc1) == {"balanced_wd0.000", "balanced_wd0.005", "balanced_wd0.020", "imbalanced_wd0.005", "imbalanced_wd0.020"}
    assert nc1["balanced_wd0.000"] > 1.5 * nc1["balanced_wd0.020"]


def test_classify_page_and_figures(classify):
    image = pytest.importorskip("matplotlib.image")
    page = (classify.folder / "report.html").read_text()
    assert "balanced_wd0.020" in page and '"seven"' in page and "last_layer_only" in page
    assert "collapsed means: nc1 < 0.05" in classify.text
    assert sorted(path.stem for path in (classify.folder / "figures").iterdir()) == FIGURES
    for name in FIGURES:
        pixels = image.imread(classify.folder / "figures" / f"{name}.png")
        assert 0.005 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.995, name  # neither empty nor full


def test_classify_last_layer_has_no_bias_and_gives_the_logits(classify):
    path = max((classify.folder / "dumps").iterdir())
    with h5py.File(path) as f:
        assert "bias" not in f["layers/fc2"]
        np.testing.assert_allclose(f["layers/fc2/activations"][:] @ f["layers/fc2/weight"][:].T, f["predictions"][:], rtol=1e-4, atol=1e-4)
