"""The examples from training to pictures: what story.sh leaves behind is whole, and shows collapse where it must."""
import subprocess
import sys

import h5py
import numpy as np
import pytest
from conftest import ROOT, call_story, program

FIGURES = "deep explained_variance heatmap last_layer nrc3_over_gamma spectrum weight_decay".split()
SHAPES = {"arm": (3, 4, [f"fc{i}" for i in range(1, 7)]),  # runs, checkpoints of each, layers
          "digits": (3, 3, ["conv1", "conv2", "conv3", "conv4", "fc1", "fc2", "fc3"])}
METRICS = "nrc1 deep_nrc1 deep_nrc2 deep_nrc3 deep_nrc4 linear_mse".split()


def test_results_are_complete(story, request):
    runs, steps, layers = SHAPES[request.node.callspec.params["story"]]
    checkpoints = story.results["checkpoints"]
    assert story.results["failures"] == []
    assert len({checkpoint["run"] for checkpoint in checkpoints}) == runs and len(checkpoints) == runs * steps
    for checkpoint in checkpoints:
        assert [layer["name"] for layer in checkpoint["layers"]] == layers
        assert checkpoint["targets"]["target_rank"] == 2
        undefined = [(layer["name"], metric, layer["notes"][metric]) for layer in checkpoint["layers"] for metric in METRICS
                     if layer["metrics"][metric] is None]
        assert undefined == ([("conv1", "deep_nrc3", "convolution of flattened features")] if "conv1" in layers else [])
        assert checkpoint["layers"][-1]["metrics"]["nrc3"] is not None


def test_the_program_accepts_the_dumps(story):
    done = subprocess.run([program(), "inspect", story.folder / "dumps"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((story.folder / "dumps").iterdir())) == len(story.results["checkpoints"])


def test_the_report_names_every_run(story):
    page = (story.folder / "report.html").read_text()
    assert page.lower().startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    for checkpoint in story.results["checkpoints"]:
        assert checkpoint["run"] in page
        assert f"{checkpoint['run']}: " in story.text


def test_figures_have_something_in_them(story):
    image = pytest.importorskip("matplotlib.image")
    assert sorted(path.stem for path in (story.folder / "figures").iterdir()) == FIGURES
    for name in FIGURES:
        pixels = image.imread(story.folder / "figures" / f"{name}.png")
        assert min(pixels.shape[:2]) > 300, name
        assert 0.005 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.995, name  # neither empty nor full


@pytest.mark.parametrize("name, last, factor", [("arm", "fc6", 1.5), ("digits", "fc3", 1.15)])
def test_more_weight_decay_more_collapse(name, last, factor, request):
    """Quick training is too short for a collapsed layer; that the order is right it shows already."""
    noise = request.getfixturevalue(name).last(last, "deep_nrc1")
    none, some, most = (noise[decay] for decay in sorted(noise))
    assert none > factor * some and some > factor * most
    aligned = request.getfixturevalue(name).last(last, "deep_nrc3")
    none, some, most = (aligned[decay] for decay in sorted(aligned))
    assert none < some < most


def test_each_recorded_layer_follows_from_the_one_before(story, request):
    relu = {"arm": ("fc1", "fc2", "fc3", "fc4"), "digits": ("fc1",)}[request.node.callspec.params["story"]]
    path = max((story.folder / "dumps").iterdir())
    with h5py.File(path) as f:
        names = sorted(name for name in f["layers"] if name.startswith("fc"))
        for name, following in zip(names, [*names[1:], None]):
            layer = f["layers"][name]
            out = layer["activations"][:] @ layer["weight"][:].T + (layer["bias"][:] if "bias" in layer else 0)
            expected = f["layers"][following]["activations"][:] if following else f["predictions"][:]
            np.testing.assert_allclose(np.maximum(out, 0) if name in relu else out, expected, rtol=1e-4, atol=1e-4)


def objects(f):
    """Paths, types, shapes of one sample, and attribute names of all that is in a dump. The committed dumps are older than the
    attribute `complete`."""
    found = {"/": sorted(set(f.attrs) - {"complete"})}
    f.visititems(lambda name, item: found.update({name: (sorted(item.attrs), *(
        (item.dtype, item.shape[1:]) if isinstance(item, h5py.Dataset) else ()))}))
    return found


def test_arm_dumps_are_laid_out_as_the_committed_ones(arm):
    committed = ROOT / "examples" / "arm" / "dumps" / "arm_wd0.02_epoch12000.h5"
    with h5py.File(committed) as old, h5py.File(arm.folder / "dumps" / "arm_wd0.02_epoch00400.h5") as new:
        assert objects(new) == objects(old)
        for name in set(old.attrs) - {"step"}:
            assert new.attrs[name] == old.attrs[name], name
        states = old["layers/fc1/activations"][:len(new["targets"])]
        states = (states - states.mean(0)) / states.std(0)
        np.testing.assert_allclose(new["layers/fc1/activations"][:], states, atol=1e-5)


def test_says_what_python_lacks(tmp_path):
    bare = tmp_path / "bare-python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    done = call_story("digits", "--quick", cwd=tmp_path, PYTHON=str(bare))
    assert done.returncode == 2
    assert "python3-scipy python3-sklearn" in done.stderr and "scikit-learn" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bare-python"]


@pytest.mark.parametrize("arguments, environment, message", [
    (("leg",), {}, "expected story.sh arm|digits"),
    (("arm", "--quik"), {}, "expected story.sh arm|digits"),
    (("arm", "--quick", "there"), {}, "there/dumps is there already"),
    (("arm",), {"COLLAPSCOPE": "/no/such/program"}, "COLLAPSCOPE is '/no/such/program'"),
])
def test_refuses(tmp_path, arguments, environment, message):
    (tmp_path / "there" / "dumps").mkdir(parents=True)
    done = call_story(*arguments, cwd=tmp_path, **environment)
    assert done.returncode == 2 and message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
