"""Figures of sweeps: dead runs, means over seeds, names of transformers, colours that mean what the report's page means."""
import copy
import json
import re
import subprocess
import warnings

import matplotlib.text
import numpy as np
import pandas
import pytest
from matplotlib.colors import to_hex

import collapscope
from collapscope import plot
from collapscope.__main__ import main
from collapscope.errors import FigureError
from collapscope.plot.names import collapsed_end
from collapscope.plot.short import Labels
from collapscope.plot.style import GREY
from conftest import PROGRAM, ROOT

DECAYS = (0.0, 1e-4, 1e-3, 0.01)
STEPS = (1, 5, 20, 50, 100, 200)
NAN = {"run": "wd0_seed2", "step": 50}  # where this run ends in NaN
ZERO = {"run": "wd0.01_seed1", "step": 20}  # and this one in features that are 0


@pytest.fixture
def sweep(tree):
    """Twelve runs: four weight decays, three seeds, two of them dead."""
    sample = tree["checkpoints"][0]
    last = sample["layers"][5]
    last.update(metrics={name: last["metrics"][name] for name in ("nrc1", "deep_nrc1", "deep_nrc2")}, notes={})
    tree["checkpoints"], tree["failures"] = [], []
    for number, decay in enumerate(DECAYS):
        for seed in range(3):
            run = f"wd{decay:g}_seed{seed}"
            for step in STEPS:
                if run == NAN["run"] and step >= NAN["step"]:
                    tree["failures"].append({"path": f"{run}_{step}.h5", "object": "/predictions", "run": run, "step": step,
                                             "message": "found NaN or Inf, first in row 0; expected finite numbers"})
                    continue
                flat = run == ZERO["run"] and step >= ZERO["step"]
                checkpoint = copy.deepcopy(sample)
                checkpoint.update(run=run, step=step, path=f"{run}_{step}.h5")
                checkpoint["attributes"].update(weight_decay=decay, seed=seed)
                checkpoint["targets"]["model_mse"] = 1e6 if flat else 0.1 + 0.1 * seed
                layers = []
                for position in range(12):
                    layer = copy.deepcopy(sample["layers"][5])
                    layer.update(name=f"model.encoder.layers.{position}.mlp.fc2", index=position)
                    value = 0.5 ** (number * STEPS.index(step) + position) * (1 + seed)
                    layer["metrics"].update(nrc1=value / 4, deep_nrc1=value / 4, total_variance=0.0 if flat else 1.0)
                    layer["floors"].update(deep_nrc1=1e-6, nrc1=1e-9 * 100 ** seed)
                    if flat:
                        layer["metrics"].update(nrc1=1e9, deep_nrc1=1e9)
                    layers.append(layer)
                checkpoint["layers"] = layers
                tree["checkpoints"].append(checkpoint)
    return tree


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines() if not line.get_label().startswith("_")}


def texts(figure):
    figure.draw_without_rendering()
    return [item.get_text() for item in figure.findobj(matplotlib.text.Text) if item.get_visible() and item.get_text()]


def panels(figure):
    return {ax.get_title(): ax for ax in figure.axes}


def test_dead_runs_end_with_a_cross_and_spoil_no_axis(sweep):
    axes = panels(plot.last_layer(sweep, metrics=["nrc1", "model_mse"]))

    drawn = lines(axes["MSE"])
    assert list(drawn[ZERO["run"]].get_xdata()) == [1, 5] and list(drawn[NAN["run"]].get_xdata()) == [1, 5, 20]
    assert axes["MSE"].get_ylim()[1] < 1
    crosses = [line for line in axes["MSE"].get_lines() if line.get_label() == "_death"]
    assert sorted(line.get_xdata()[0] for line in crosses) == [5, 20] and {line.get_marker() for line in crosses} == {"x"}


def test_dead_runs_are_in_no_figure_of_the_end(sweep):
    figure = plot.deep(sweep, metrics=["deep_nrc1"])
    assert len(lines(figure.axes[0])) == 10 and not {NAN["run"], ZERO["run"]} & set(lines(figure.axes[0]))
    assert len(lines(plot.deep(sweep, metrics=["deep_nrc1"], step=20).axes[0])) == 11  # of which one is dead by then


def test_logits_that_are_masked_are_no_death(sweep):
    sweep["failures"] = [{"path": "x.h5", "object": "/predictions", "run": "wd0_seed0", "step": step, "message": "found NaN or Inf, first in row 0"}
                         for step in STEPS]
    assert "wd0_seed0" in lines(plot.deep(sweep, metrics=["deep_nrc1"]).axes[0])
    sweep["failures"].pop(0)
    assert "wd0_seed0" not in lines(plot.deep(sweep, metrics=["deep_nrc1"]).axes[0])


def test_where_all_runs_died_that_is_said(sweep):
    for figure in (plot.deep, plot.weight_decay, plot.spectrum):
        with pytest.raises(FigureError, match="no run is alive at its end: wd0.01_seed1 died|no value of evr"):
            figure(sweep, run=ZERO["run"])
    assert len(lines(plot.last_layer(sweep, run=ZERO["run"], metrics=["nrc1"]).axes[0])) == 1


def test_a_heat_map_hatches_death_and_takes_no_colour_from_it(sweep):
    axes = panels(plot.heatmap(sweep))
    assert {f"{ZERO['run']} (dead)", f"{NAN['run']} (dead)"} <= set(axes)
    (image,) = axes[f"{ZERO['run']} (dead)"].get_images()
    assert image.get_array().shape == (12, 6) and image.get_array().mask[:, 2:].all() and image.norm.vmax < 1
    (image,) = axes[f"{NAN['run']} (dead)"].get_images()
    assert image.get_array().shape == (12, 4) and image.get_array().mask[:, 3].all()


def test_weight_decay_takes_means_of_the_living_and_says_how_many(sweep):
    figure = plot.weight_decay(sweep, metrics=["model_mse"])
    (ax,) = figure.axes
    (zero,) = [line for line in ax.get_lines() if line.get_label().startswith("_zero")]
    assert zero.get_ydata()[0] == pytest.approx(0.15)  # 0.1 and 0.2; the third is dead
    assert list(ax.get_lines()[1].get_ydata()) == pytest.approx([0.2, 0.2, 0.2])  # at 0.01 of 0.1 and 0.3
    assert [label.get_text().split("\n")[-1] for label in ax.get_xticklabels()] == ["n 2", "n 3", "n 3", "n 2"]


def test_lines_are_means_by_attribute(sweep):
    figure = plot.last_layer(sweep, metrics=["model_mse"], group_by="weight_decay")
    (ax,) = figure.axes
    drawn = lines(ax)
    assert list(drawn) == ["weight decay 0 (n 2)", "weight decay 0.0001 (n 3)", "weight decay 0.001 (n 3)", "weight decay 0.01 (n 2)"]
    assert drawn["weight decay 0 (n 2)"].get_ydata()[-1] == pytest.approx(0.15)
    assert drawn["weight decay 0.001 (n 3)"].get_ydata()[-1] == pytest.approx(0.2)
    bands = [band for band in ax.collections if band.get_label() == "_spread"]
    assert len(bands) == 4 and bands[1].get_paths()[0].get_extents().ymax == pytest.approx(0.3)
    assert "± one standard deviation" in texts(figure)

    deep = lines(plot.deep(sweep, metrics=["deep_nrc1"], group_by=["weight_decay"]).axes[0])
    assert deep["weight decay 0.0001 (n 3)"].get_ydata()[0] == pytest.approx(0.5 ** 5 * 2 / 4)
    with pytest.raises(FigureError, match="no run has an attribute nosuch; there are .*seed"):
        plot.last_layer(sweep, group_by="nosuch")


def test_the_command_groups_too(sweep, tmp_path, capsys):
    (tmp_path / "sweep.json").write_text(json.dumps(sweep))
    assert main(["plot", "last_layer", str(tmp_path / "sweep.json"), "-o", str(tmp_path / "x.svg"), "--group-by", "weight_decay"]) == 0
    assert "weight decay 0.01 (n 2)" in (tmp_path / "x.svg").read_text()
    assert main(["plot", "heatmap", str(tmp_path / "sweep.json"), "-o", str(tmp_path / "y.svg"), "--group-by", "weight_decay"]) == 2
    assert "heatmap has no option --group-by" in capsys.readouterr().err


def test_colours_are_those_of_the_page(sweep):
    drawn = lines(plot.last_layer(sweep, metrics=["nrc1"]).axes[0])
    script = (ROOT / "src" / "report" / "page" / "colours.js").read_text()
    page = re.findall(r"#[0-9a-f]{6}", re.search(r"light: \[(.*?)\]", script)[1])
    for number, decay in enumerate(DECAYS):
        looks = [drawn[f"wd{decay:g}_seed{seed}"] for seed in range(3)]
        assert {to_hex(line.get_color()) for line in looks} == {page[number]}
        assert len({line.get_marker() for line in looks}) == 3
    # And the collapsed end of a map is the light one.
    for metric, light in (("deep_nrc1", "low"), ("deep_nrc2", "high")):
        (image,) = plot.heatmap(sweep, metric=metric, run="wd0.001_seed0").axes[0].get_images()
        ends = [sum(image.cmap(place)[:3]) for place in (0.0, 1.0)]
        assert (ends[0] > ends[1]) == (light == "low")


def test_collapsed_ends_are_those_of_the_program(sweep, tmp_path):
    """As the report has them, of every metric of both tasks."""
    dumps = []
    for name, make in (("planted", ["--noise", "0.3,0.01"]), ("classes", ["-K", "4", "-n", "20"])):
        subprocess.run([PROGRAM, "synth", name, *make, "-o", tmp_path / f"{name}.h5"], check=True)
        dumps.append(tmp_path / f"{name}.h5")
    subprocess.run([PROGRAM, "analyze", *dumps, "--device", "cpu", "-q", "-o", tmp_path / "r.json"], check=True)
    report = json.loads(subprocess.run([PROGRAM, "report", tmp_path / "r.json", "-o", "-"], check=True, capture_output=True, text=True).stdout)
    layer = {metric["name"]: metric["better"] for metric in report["metrics"] if metric["scope"] == "layer"}
    assert len(layer) > 60 and {name: collapsed_end(name) for name in layer} == layer


def test_the_last_step_is_always_named(sweep):
    for width in (3.25, 5.5):
        for ax in plot.last_layer(sweep, metrics=["nrc1", "model_mse"], width=width).axes:
            ax.figure.draw_without_rendering()
            assert [label.get_text() for label in ax.get_xticklabels()][-1] == "200"
    for checkpoint in sweep["checkpoints"]:
        checkpoint["step"] = 100 + 10 * STEPS.index(checkpoint["step"])
    (ax,) = plot.last_layer(sweep, metrics=["nrc1"], run="wd0.001*").axes
    assert ax.get_xscale() == "linear" and [label.get_text() for label in ax.get_xticklabels()][-1] == "150"


def test_floors_are_drawn_for_each_run(sweep):
    for checkpoint in sweep["checkpoints"]:
        for layer in checkpoint["layers"]:
            layer["metrics"]["nrc1"] = 2e-9 * 100 ** checkpoint["attributes"]["seed"]
    (ax,) = plot.last_layer(sweep, metrics=["nrc1"], run=["wd0_seed0", "wd0_seed1"]).axes
    (zone,) = [band for band in ax.collections if band.get_label() == "_floor"]
    assert zone.get_paths()[0].get_extents().ymax == pytest.approx(1e-9)  # below it all of them are rounding
    (line,) = [line for line in ax.get_lines() if line.get_label().startswith("_floor")]
    assert list(line.get_ydata()) == pytest.approx([1e-7] * 6) and line.get_color() == lines(ax)["wd0_seed1"].get_color()


BERT = ["bert.embeddings", *(f"bert.encoder.layer.{i}.{part}" for i in range(12) for part in ("attention.output.dense", "output.dense")),
        "regressor.out_proj"]


@pytest.mark.parametrize("names, most, expected", [
    (["fc1", "fc2"], 20, {"fc1": "fc1"}),
    ([f"model.encoder.layers.{i}.mlp.fc2" for i in range(12)], 20, {"model.encoder.layers.11.mlp.fc2": "11.mlp.fc2"}),
    (BERT, 24, {"bert.encoder.layer.11.attention.output.dense": "b.e.l.11.a.output.dense", "regressor.out_proj": "r.out_proj"}),
    (["x" * 300 + "a", "x" * 300 + "b"], 20, {"x" * 300 + "a": "xxxxxxxxxx…xxxxxxxxa"}),
    (["x" * 40 + c + "y" * 40 for c in "ab"], 20, {"x" * 40 + "a" + "y" * 40: "1 …yyyyyyyyyyyyyyyyy"}),
])
def test_labels_are_short_and_never_alike(names, most, expected):
    labels = Labels(names, most)
    shown = [labels.of(name) for name in names]
    assert len(set(shown)) == len(names) and max(map(len, shown)) <= most
    assert {name: labels.of(name) for name in expected} == expected


def test_layers_of_a_transformer_are_told_apart_in_every_figure(tree):
    for checkpoint in tree["checkpoints"]:
        checkpoint["layers"] = [{**copy.deepcopy(checkpoint["layers"][5]), "name": name, "index": i} for i, name in enumerate(BERT)]
    for figure in (plot.deep(tree, metrics=["deep_nrc1", "deep_nrc2"]), plot.heatmap(tree)):
        figure.draw_without_rendering()
        for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
            shown = [label.get_text() for label in axis.get_ticklabels() if label.get_text()]
            assert len(set(shown)) == len(shown)
        assert any("b.e.l.11.a.o.dense" in text for text in texts(figure))


def test_runs_without_attributes_die_too(sweep):
    for checkpoint in sweep["checkpoints"]:
        checkpoint["attributes"] = {}
    assert len(lines(plot.deep(sweep, metrics=["deep_nrc1"]).axes[0])) == 10
    assert np.isfinite(collapscope.load(sweep).value).any()


def test_a_run_without_the_attribute_is_said_to_have_none(sweep):
    for checkpoint in sweep["checkpoints"]:
        if checkpoint["run"].startswith("wd0.01"):
            del checkpoint["attributes"]["weight_decay"]
    shown = texts(plot.last_layer(sweep, metrics=["model_mse"], group_by="weight_decay"))
    assert any(text.startswith("no weight decay (n ") for text in shown) and not any("None" in text for text in shown)


def test_the_common_name_of_long_layers_stays_below_its_panel(tree):
    name = "model.backbone.encoder.transformer.layers.{}.attention.output.dense.projection_weight_block_inner"
    for checkpoint in tree["checkpoints"]:
        checkpoint["layers"] = [{**copy.deepcopy(checkpoint["layers"][5]), "name": name.format(i), "index": i} for i in range(200)]
    figure = plot.deep(tree)
    figure.draw_without_rendering()
    boxes = [ax.xaxis.label.get_window_extent() for ax in figure.axes]
    assert all("*" in ax.get_xlabel() for ax in figure.axes)
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert not any(box.overlaps(other) for number, box in enumerate(boxes) for other in boxes[:number])


def test_results_of_a_meter_on_two_loaders_are_both_drawn(tree):
    """An empty path is no dump: two of them are not the same checkpoint."""
    sample = tree["checkpoints"][0]
    measured = []
    for value in (0.1, 0.9):
        checkpoints = [{**copy.deepcopy(sample), "path": "", "run": "a", "step": step} for step in (1, 2)]
        for checkpoint in checkpoints:
            checkpoint["layers"][5]["metrics"]["nrc1"] = value
        measured.append({**tree, "checkpoints": checkpoints})
    with pytest.warns(UserWarning, match="4 checkpoints have the run and the step of another one, such as step 1 of run a"):
        drawn = lines(plot.last_layer(collapscope.load(measured), metrics=["nrc1"]).axes[0])
    assert list(drawn["a"].get_ydata()) == [0.1, 0.9, 0.1, 0.9]


def test_dumps_that_were_measured_twice_are_drawn_once(sweep):
    with pytest.warns(UserWarning, match="is there 2 times"):
        both = collapscope.load([sweep, copy.deepcopy(sweep)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = lines(plot.last_layer(both, metrics=["nrc1"]).axes[0])
    assert list(drawn["wd0_seed0"].get_xdata()) == list(STEPS)


def split_in_two(tree):
    """A run of three steps, measured on two splits: NaN in the test samples at the last."""
    sample = tree["checkpoints"][0]
    tree["checkpoints"] = [{**copy.deepcopy(sample), "path": f"{split}{step}.h5", "run": "w", "step": step,
                            "attributes": {"split": split}} for split in ("train", "test") for step in (1, 2, 3)]
    tree["failures"] = [{"path": "test3.h5", "object": "/layers/fc6/activations", "run": "w", "step": 3, "split": "test",
                         "message": "found NaN or Inf, first in row 5; expected finite numbers"}]
    del tree["checkpoints"][-1]
    return tree


def test_nan_in_test_samples_is_no_death_on_those_of_training(tree):
    ax = plot.last_layer(split_in_two(tree), metrics=["nrc1"]).axes[0]
    drawn = lines(ax)
    assert list(drawn["w (train)"].get_xdata()) == [1, 2, 3] and list(drawn["w (test)"].get_xdata()) == [1, 2]
    (cross,) = [line for line in ax.get_lines() if line.get_label() == "_death"]
    assert cross.get_color() == drawn["w (test)"].get_color()

    del tree["failures"][0]["split"]  # of an early version, which does not say it
    assert len(lines(plot.last_layer(tree, metrics=["nrc1"]).axes[0])["w (train)"].get_xdata()) == 2


def test_a_report_tells_the_splits_of_failures_apart_too(tree, tmp_path):
    (tmp_path / "split.json").write_text(json.dumps(split_in_two(tree)))
    subprocess.run([PROGRAM, "report", tmp_path / "split.json", "-o", tmp_path / "report.json"], check=True, capture_output=True)
    drawn = lines(plot.last_layer(tmp_path / "report.json", metrics=["nrc1"]).axes[0])
    assert {run: len(line.get_xdata()) for run, line in drawn.items()} == {"w (train)": 3, "w (test)": 2}
    assert len([line for line in plot.last_layer(tmp_path / "report.json", metrics=["nrc1"]).axes[0].get_lines() if line.get_label() == "_death"]) == 1


def test_each_run_has_its_own_signal_dimension(sweep):
    runs = {"wd0_seed0": 1, "wd0.001_seed0": 3}
    sweep["checkpoints"] = [checkpoint for checkpoint in sweep["checkpoints"] if checkpoint["run"] in runs]
    for checkpoint in sweep["checkpoints"]:
        checkpoint["layers"][-1]["metrics"].update(evr=[0.5, 0.3, 0.15, 0.05], signal_dim=runs[checkpoint["run"]])

    for title, ax in panels(plot.explained_variance(sweep, components=4)).items():
        assert [line.get_linestyle() for line in ax.get_lines()].count("-") == runs[title]
    (ax,) = plot.spectrum(sweep).axes
    ends = {line.get_xdata()[0]: to_hex(line.get_color()) for line in ax.get_lines() if line.get_label() == "_signal_dim"}
    assert ends == {runs[run] + 0.5: to_hex(line.get_color()) for run, line in lines(ax).items()}

    for checkpoint in sweep["checkpoints"]:
        checkpoint["layers"][-1]["metrics"]["signal_dim"] = 2
    (end,) = [line for line in plot.spectrum(sweep).axes[0].get_lines() if line.get_label() == "_signal_dim"]
    assert end.get_color() == GREY
    for checkpoint in sweep["checkpoints"]:  # known, but not of this layer
        checkpoint["layers"][-1]["metrics"]["signal_dim"] = None
        checkpoint["layers"][0]["metrics"]["signal_dim"] = 2
    for ax in plot.explained_variance(sweep, components=4).axes:
        assert {line.get_linestyle() for line in ax.get_lines()} == {"-"}
    assert lines(plot.spectrum(sweep).axes[0])


@pytest.fixture
def both_splits(sweep):
    """The sweep on training samples and, of all but one run, on test samples, where the error is ten times as high."""
    for checkpoint in list(sweep["checkpoints"]):
        checkpoint["attributes"]["split"] = "train"
        if checkpoint["run"] != "wd0.001_seed2":
            sweep["checkpoints"].append(copy.deepcopy(checkpoint))
            sweep["checkpoints"][-1]["path"] = "test_" + checkpoint["path"]
            sweep["checkpoints"][-1]["attributes"]["split"] = "test"
            sweep["checkpoints"][-1]["targets"]["model_mse"] *= 10
    return sweep


def test_weight_decay_has_a_line_for_each_split(both_splits):
    (ax,) = plot.weight_decay(both_splits, metrics=["model_mse"]).axes
    drawn = lines(ax)
    assert list(drawn) == ["test", "train"] and len({line.get_color() for line in drawn.values()}) == 2
    assert list(drawn["train"].get_ydata()) == pytest.approx([0.2, 0.2, 0.2])
    assert list(drawn["test"].get_ydata()) == pytest.approx([2.0, 1.5, 2.0])
    assert [label.get_text().split("\n")[-1] for label in ax.get_xticklabels()] == ["n 2", "n 3", "n 2–3", "n 2"]
    assert {"train", "test"} <= set(texts(ax.figure))
    names = sorted({checkpoint["layers"][-1]["name"] for checkpoint in both_splits["checkpoints"]})
    assert list(lines(plot.weight_decay(both_splits, metrics=["nrc1"], layer=[names[0], "model.encoder.layers.0.mlp.fc2"]).axes[0]))[1] == \
        f"{names[0]}, train"
    (ax,) = plot.weight_decay(both_splits, run="*(train)", metrics=["model_mse"]).axes
    assert list(lines(ax)) == ["last layer"]


def test_means_are_never_of_training_and_test_samples(both_splits):
    for by in ("weight_decay", ["split", "weight_decay"]):
        drawn = lines(plot.last_layer(both_splits, metrics=["model_mse"], group_by=by).axes[0])
        assert len(drawn) == 8
        ends = {tuple(sorted(label.split(" (n ")[0].split(", "))): line.get_ydata()[-1] for label, line in drawn.items()}
        assert ends["split train", "weight decay 0.0001"] == pytest.approx(0.2) and ends["split test", "weight decay 0.0001"] == pytest.approx(2)


def test_negative_values_of_an_attribute_are_drawn(sweep):
    for checkpoint in sweep["checkpoints"]:
        checkpoint["attributes"]["margin"] = checkpoint["attributes"]["seed"] - 1.0
    (ax,) = plot.weight_decay(sweep, by="margin", metrics=["model_mse"]).axes
    assert ax.get_xscale() == "linear" and list(lines(ax)["last layer"].get_xdata()) == [-1, 0, 1]
    assert list(lines(ax)["last layer"].get_ydata()) == pytest.approx([0.1, 0.2, 0.3])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["-1\nn 4", "0\nn 3", "1\nn 3"]
    for number, checkpoint in enumerate(sweep["checkpoints"]):
        checkpoint["attributes"]["margin"] = -0.5 * list(dict.fromkeys(c["run"] for c in sweep["checkpoints"])).index(checkpoint["run"])
    (ax,) = plot.weight_decay(sweep, by="margin", metrics=["model_mse"]).axes
    assert len(lines(ax)["last layer"].get_xdata()) == 10 and len(ax.get_xticks()) < 10


def test_zeros_are_at_the_lower_edge_also_where_a_floor_lowers_it(sweep):
    sweep["checkpoints"] = [checkpoint for checkpoint in sweep["checkpoints"] if checkpoint["run"] == "wd0_seed0"][:4]
    for checkpoint, value in zip(sweep["checkpoints"], (0.5, 1e-3, 0.0, 5e-14)):
        checkpoint["layers"][-1]["metrics"]["nrc1"] = value
        checkpoint["layers"][-1]["floors"]["nrc1"] = 1e-14
    (ax,) = plot.last_layer(sweep, metrics=["nrc1"]).axes
    (zeros,) = [line for line in ax.get_lines() if line.get_label() == "_zeros"]
    assert list(zeros.get_ydata()) == [ax.get_ylim()[0]] and ax.get_ylim()[0] < 1e-14
    assert list(lines(ax)["wd0_seed0"].get_ydata()) == [0.5, 1e-3, ax.get_ylim()[0], 5e-14]


@pytest.fixture
def headless(tree):
    """A run of three steps and three layers, and how to take its last layer from one of them: by a failure, or by another name."""
    sample = tree["checkpoints"][0]
    tree["checkpoints"] = [{**copy.deepcopy(sample), "path": f"r{step}.h5", "run": "r", "step": step} for step in (1, 2, 3)]
    for checkpoint in tree["checkpoints"]:
        checkpoint["layers"] = [{**copy.deepcopy(sample["layers"][5]), "name": name, "index": i} for i, name in enumerate(("fc1", "fc2", "head"))]
        for layer, value in zip(checkpoint["layers"], (0.3, 0.2, 0.1)):
            layer["metrics"].update(nrc1=value, evr=[value, 0.1])

    def lose(at, **known):
        del tree["checkpoints"][at - 1]["layers"][-1]
        if known:
            tree["failures"].append({"path": f"r{at}.h5", "object": "/layers/head/activations", "message": "found 79 samples", **known})
        return tree
    return lose


@pytest.mark.parametrize("known", [{"path": "r2.h5"}, {"run": "r", "step": 2, "path": "elsewhere.h5"}, {"run": "r", "step": 2, "object": "head"}])
def test_the_layer_before_a_last_one_that_failed_does_not_stand_in(headless, known):
    tree = headless(2, **known)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (line,) = lines(plot.last_layer(tree, metrics=["nrc1"]).axes[0]).values()
        assert list(line.get_xdata()) == [1, 3] and list(line.get_ydata()) == [0.1, 0.1]
        tree["failures"][0]["object"] = "/layers/fc1/activations"  # of one that was not the last
        del tree["checkpoints"][1]["layers"][0]
    tree["checkpoints"][1]["layers"][-1]["name"] = "head"
    assert len(lines(plot.last_layer(tree, metrics=["nrc1"]).axes[0])["r"].get_xdata()) == 3


def test_failed_layers_tell_that_the_last_one_failed(headless):
    tree = headless(1)
    tree["checkpoints"][0]["failed_layers"] = [{"name": "head", "position": 2}]
    tree["failures"] = [{"path": "r3.h5", "object": "/layers/head/activations", "run": "r", "step": 3, "message": "found NaN or Inf in row 1"}]
    headless(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = plot.data.Results(tree)
    assert found.dead == {"r": 3}  # head is the last layer, although the first checkpoint has none of it
    tree["checkpoints"] = tree["checkpoints"][:2]
    (line,) = lines(plot.last_layer(tree, metrics=["nrc1"]).axes[0]).values()
    assert list(line.get_xdata()) == [2]


def test_a_last_layer_of_another_name_is_said(headless):
    with pytest.warns(UserWarning, match=r"last layer of run r is head at some checkpoints and fc2 at others; .* \(--layer\)") as said:
        (line,) = lines(plot.last_layer(headless(2)).axes[0]).values()
    assert list(line.get_ydata()) == [0.1, 0.2, 0.1] and len(said) == 1 and said[0].filename == __file__


def test_a_last_step_without_a_value_is_said(headless):
    tree = headless(3, path="r3.h5")
    for figure in (plot.spectrum, lambda tree: plot.spectrum(tree, layer="head")):
        with pytest.warns(UserWarning, match="run r has no evr to draw at its last step 3; its step 2 is the last that has it") as said:
            figure(tree)
        assert len(said) == 1
    for step in (1, 2):
        headless(step, path=f"r{step}.h5")
        tree["checkpoints"].append({**copy.deepcopy(tree["checkpoints"][0]), "path": "other.h5", "run": "other", "layers": [
            {**copy.deepcopy(tree["checkpoints"][0]["layers"][0]), "name": name} for name in ("fc1", "fc2", "head")]})
    with pytest.raises(FigureError, match="no value of nrc1 at the last layer, which failed at all checkpoints"):
        plot.last_layer(tree, run="r", metrics=["nrc1"])


def test_tables_that_pandas_joined_are_refused(tree):
    other = copy.deepcopy(tree)
    for checkpoint in other["checkpoints"]:
        checkpoint["run"] = f"other {checkpoint['run']}"
    tables = [collapscope.load(part) for part in (tree, other)]
    for pair in (tables, [tables[0], tables[0]]):
        with pytest.raises(FigureError, match=r"several checkpoints have the number 0, as in tables joined by pandas; load\(\[a, b\]\) joins results"):
            plot.last_layer(pandas.concat(pair))
    tables[1]["checkpoint"] += len(tree["checkpoints"])
    assert len(lines(plot.last_layer(pandas.concat(tables), metrics=["nrc1"]).axes[0])) == 6
    assert len(lines(plot.last_layer(collapscope.load([tree, other]), metrics=["nrc1"]).axes[0])) == 6
    bare = collapscope.load(tree)
    assert plot.last_layer(bare[bare.metric == "nrc1"], metrics=["nrc1"]).axes


def test_the_legend_has_no_run_that_is_not_drawn(sweep):
    sweep["checkpoints"] = [checkpoint for checkpoint in sweep["checkpoints"] if checkpoint["step"] != 5 or checkpoint["run"] != "wd0_seed0"]
    for step, gone in ((5, {"wd0_seed0"}), (50, {NAN["run"], ZERO["run"]}), (np.int64(50), {NAN["run"], ZERO["run"]})):
        figure = plot.deep(sweep, metrics=["deep_nrc1"], step=step)
        names = {label.get_text() for legend in figure.legends for label in legend.get_texts()}
        assert not gone & names and set(lines(figure.axes[0])) <= names and len(lines(figure.axes[0])) == 12 - len(gone)


def test_the_number_of_runs_is_that_of_the_points(sweep):
    sweep["checkpoints"] = [checkpoint for checkpoint in sweep["checkpoints"] if checkpoint["step"] < 200 or checkpoint["run"] == "wd0.001_seed0"]
    drawn = lines(plot.last_layer(sweep, metrics=["nrc1"], group_by="weight_decay").axes[0])
    assert list(drawn)[1:3] == ["weight decay 0.0001 (n 3)", "weight decay 0.001 (n 1–3)"]


@pytest.mark.parametrize("draw, message", [
    (lambda results: plot.deep(results, step="lst"), "step: found lst, expected a number or last"),
    (lambda results: plot.explained_variance(results, components=0), "components: found 0; expected a whole number from 1 on"),
    (lambda results: plot.last_layer(results, width=0.3), "width: found 0.3; expected inches from 1 to 100"),
    (lambda results: plot.last_layer(results, width=float("nan")), "width: found nan; expected inches from 1 to 100"),
])
def test_an_option_that_gives_no_figure_is_refused(arm, draw, message):
    with pytest.raises(FigureError, match=message):
        draw(arm / "arm.json")


def test_a_logarithm_of_nothing_above_zero_is_said(sweep):
    for checkpoint in sweep["checkpoints"]:
        checkpoint["layers"][-1]["metrics"]["nrc1"] = -1.0
    with pytest.warns(UserWarning, match="nrc1: no value is above 0, as a logarithmic axis needs; its axis is linear"):
        assert plot.last_layer(sweep, metrics=["nrc1"], log=True).axes[0].get_yscale() == "linear"


def test_groups_whose_values_are_nearly_alike_are_groups_of_their_own(sweep):
    for checkpoint in sweep["checkpoints"]:
        checkpoint["attributes"]["seed"] += 20240101
    drawn = lines(plot.last_layer(sweep, metrics=["model_mse"], group_by="seed").axes[0])

    assert [label.split(" (n")[0] for label in drawn] == ["seed 20240101", "seed 20240102", "seed 20240103"]


def test_a_last_layer_that_failed_without_a_step_leaves_a_gap(sweep):
    odd = copy.deepcopy(sweep["checkpoints"][0])
    odd.update(path="odd.h5", run="odd", step=None)
    whole = copy.deepcopy(odd)
    whole.update(path="whole.h5", run="whole")
    before = copy.deepcopy(odd["layers"][0])
    before.update(name="before", index=-1)
    whole["layers"] = [before, *whole["layers"]]
    odd["layers"] = [before]
    results = {**sweep, "checkpoints": [odd, whole], "failures": [{"path": "odd.h5", "object": whole["layers"][-1]["name"], "message": "found NaN or Inf",
                                                                   "run": "odd"}]}
    drawn = plot.last_layer(results, metrics=["nrc1"]).axes[0].get_lines()

    values = [value for line in drawn if not line.get_label().startswith("_") for value in line.get_ydata()]
    assert values == [whole["layers"][-1]["metrics"]["nrc1"]]
