"""Figures of classifiers, from dumps with known answers: their lines hold the numbers of the results."""
import json
import subprocess

import numpy as np
import pytest

import collapscope
from collapscope import plot
from collapscope.__main__ import main
from collapscope.errors import FigureError
from conftest import PROGRAM, whole_svg

NC1 = {1: [2, 0.5, 0.125], 10: [1, 0.01, 1e-4]}


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifiers")
    for step, values in NC1.items():
        subprocess.run([PROGRAM, "synth", "classes", "-K", "6", "-d", "8", "-n", "20", "--nc1", ",".join(map(str, values)), "--run", "made",
                        "--step", str(step), "-o", folder / f"made_{step}.h5"], check=True)
    subprocess.run([PROGRAM, "analyze", folder / "made_1.h5", folder / "made_10.h5", "--device", "cpu", "-q", "-o", folder / "made.json"],
                   check=True)
    return folder / "made.json"


def line(ax):
    return next(found for found in ax.get_lines() if not found.get_label().startswith("_")).get_data()


def test_neural_collapse_has_the_numbers(classifiers):
    figure = plot.neural_collapse(classifiers)

    assert [ax.get_title() for ax in figure.axes] == ["NC1", "NC2", "NC3", "NC4"]
    x, y = line(figure.axes[0])
    assert list(x) == [1, 10] and figure.axes[0].get_yscale() == "log"
    np.testing.assert_allclose(y, [0.125, 1e-4], rtol=1e-9)
    frame = collapscope.load(classifiers)
    last = frame[(frame.metric == "nc3_self_duality") & (frame.layer == "layer3")]
    assert line(figure.axes[2])[1].tobytes() == last.value.to_numpy().tobytes()


def test_separation_has_the_numbers_and_their_slope(classifiers):
    figure = plot.separation(classifiers)

    assert [ax.get_title() for ax in figure.axes] == ["Separation", "Nearest class mean"]
    x, y = line(figure.axes[0])
    # Balanced classes: nc1_trace is K times nc1.
    assert list(x) == [0, 1, 2] and figure.axes[0].get_yscale() == "log"
    np.testing.assert_allclose(y, 6 * np.array(NC1[10]), rtol=1e-9)
    assert [text.get_text() for text in figure.axes[0].texts] == [r"$\times\,10^{-2.00}$ a layer"]
    early = plot.separation(classifiers, step=1)
    assert r"10^{-0.60}" in early.axes[0].texts[0].get_text()
    fit = next(found for found in early.axes[0].get_lines() if found.get_label() == "_fit").get_data()
    np.testing.assert_allclose(fit[1], [12, 0.75], rtol=1e-9)


def test_factors_of_runs_that_lie_together_are_apart(classifiers):
    tree = json.loads(classifiers.read_text())
    sample = tree["checkpoints"][1]
    for count, shown in ((3, 3), (60, None)):
        tree["checkpoints"] = [{**sample, "run": f"run{number}"} for number in range(count)]
        figure = plot.separation(tree)
        figure.canvas.draw()
        texts = figure.axes[0].texts
        assert len(texts) == shown if shown else 3 < len(texts) < count and texts[-1].get_text() == f"and {count - len(texts) + 1} more"
        boxes = sorted((text.get_window_extent() for text in texts), key=lambda box: box.y0)
        assert all(below.y1 <= above.y0 + 1 for below, above in zip(boxes, boxes[1:]))
        frame = figure.axes[0].get_window_extent()
        assert boxes[0].y0 >= frame.y0 and boxes[-1].y1 <= frame.y1


def test_what_is_below_its_floor_does_not_turn_the_fit(classifiers):
    tree = json.loads(classifiers.read_text())
    layer = tree["checkpoints"][1]["layers"][2]
    layer["metrics"]["nc1_trace"], layer["floors"]["nc1_trace"] = 1e-30, 1e-20

    assert "10^{-2.00}" in plot.separation(tree).axes[0].texts[0].get_text()


def test_all_draws_those_of_classifiers_only(classifiers, tmp_path, capsys):
    assert main(["plot", "all", str(classifiers), "-o", str(tmp_path / "figures"), "--format", "svg"]) == 0

    assert sorted(path.stem for path in (tmp_path / "figures").iterdir()) == [
        "deep", "explained_variance", "heatmap", "neural_collapse", "separation", "spectrum"]
    for path in (tmp_path / "figures").iterdir():
        whole_svg(path.read_bytes())
    assert "no weight_decay" in capsys.readouterr().err


def test_figures_of_regressions_name_the_one_of_classifiers(classifiers, capsys):
    with pytest.raises(FigureError, match="no value of nrc1 in these results; they are of classifiers, whose NC1-4 neural_collapse shows"):
        plot.last_layer(classifiers)
    for source in (classifiers, classifiers.parent / "made_1.h5"):
        assert main(["plot", "nrc3_over_gamma", str(source), "-o", str(classifiers.parent / "x.pdf")]) == 2
        assert "a classifier, which has no NRC3; neural_collapse shows its NC1-4" in capsys.readouterr().err


def test_regressions_have_neither(arm):
    with pytest.raises(FigureError, match="no value of nc1.*; they are of regressions, whose NRC1-3 last_layer shows"):
        plot.neural_collapse(arm / "arm.json")
    with pytest.raises(FigureError, match="no value of nc1_trace"):
        plot.separation(arm / "arm.json")
