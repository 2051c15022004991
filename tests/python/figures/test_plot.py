"""Every figure from the example: written in all formats, and its lines hold the numbers of the results."""
import collections
import re
import struct
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest

import collapscope
from collapscope import plot
from collapscope.errors import FigureError
from conftest import DUMPS, whole_pdf, whole_svg

RUNS = ("arm_wd0", "arm_wd0.01", "arm_wd0.02")
LAST = [DUMPS / f"{run}_epoch12000.h5" for run in RUNS]


def lines(ax):
    """{label: (x, y)} of the lines of data."""
    return {line.get_label(): line.get_data() for line in ax.get_lines() if not line.get_label().startswith("_")}


def panels(figure):
    """{title: axes}."""
    return {ax.get_title(): ax for ax in figure.axes}


def values(frame, metric, **where):
    rows = frame[frame.metric == metric]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.value.to_numpy()


def texts(figure):
    """All that is written in a figure."""
    import matplotlib.text
    figure.draw_without_rendering()
    return [item.get_text() for item in figure.findobj(matplotlib.text.Text) if item.get_visible() and item.get_text()]


@pytest.fixture
def frame(arm):
    return collapscope.load(arm / "arm.json")


def test_files_are_whole_and_equal_data_give_equal_bytes(arm, tmp_path):
    """Of one figure; test_page.py and test_command.py write all."""
    for number in range(2):
        figure = plot.spectrum(arm / "arm.json")
        for kind in ("pdf", "svg", "png"):
            plot.save(figure, tmp_path / f"{number}.{kind}")
            figure.set_layout_engine("none")  # laid out once is enough here

    pdf, svg, png = ((tmp_path / f"0.{kind}").read_bytes() for kind in ("pdf", "svg", "png"))
    whole_pdf(pdf)
    whole_svg(svg)
    assert png.startswith(b"\x89PNG") and struct.unpack(">I", png[16:20])[0] == round(300 * figure.get_figwidth())
    assert [(tmp_path / f"1.{kind}").read_bytes() for kind in ("pdf", "svg", "png")] == [pdf, svg, png]
    assert len(list(tmp_path.iterdir())) == 6


def test_last_layer_has_the_numbers(arm, frame):
    axes = panels(plot.last_layer(arm / "arm.json"))

    assert list(axes) == ["NRC1", "NRC2", "NRC3", "MSE"]
    for title, metric, layer in (("NRC1", "nrc1", "fc6"), ("NRC2", "nrc2", "fc6"), ("NRC3", "nrc3", "fc6")):
        drawn = lines(axes[title])
        assert tuple(drawn) == RUNS
        for run, (x, y) in drawn.items():
            assert list(x) == [100, 1000, 4000, 12000]
            assert y.tobytes() == values(frame, metric, layer=layer, run=run).tobytes()
    for run, (x, y) in lines(axes["MSE"]).items():
        assert y.tobytes() == values(frame, "model_mse", run=run).tobytes()
    assert axes["NRC1"].get_yscale() == "log" and axes["NRC3"].get_yscale() == "linear"
    assert all(ax.get_xlabel() == "Epoch" for ax in axes.values())


def test_last_layer_options(arm, frame):
    figure = plot.last_layer(frame, run="*0.02", layer="fc5", metrics=["deep_nrc1"], log=False, width=3.25)

    (ax,) = figure.axes
    assert list(lines(ax)) == ["arm_wd0.02"] and ax.get_yscale() == "linear" and figure.get_figwidth() == 3.25
    assert lines(ax)["arm_wd0.02"][1].tobytes() == values(frame, "deep_nrc1", layer="fc5", run="arm_wd0.02").tobytes()


def test_figures_leave_the_frame_as_it_was(frame):
    before = frame.copy(deep=True)
    plot.deep(frame)
    plot.weight_decay(frame)
    assert frame.equals(before) and frame.attrs["attributes"]


def test_explained_variance_has_the_numbers(arm, frame):
    axes = panels(plot.explained_variance(arm / "arm.json", components=3))

    assert tuple(axes) == RUNS
    for run, ax in axes.items():
        for component in (1, 2, 3):
            x, y = lines(ax)[str(component)]
            assert y.tobytes() == values(frame, "evr", layer="fc6", run=run, component=component).tobytes()
        dashes = [line.get_linestyle() for line in ax.get_lines()]
        assert dashes[:2] == ["-", "-"] and dashes[2] != "-"  # k = 2
    assert len({ax.get_ylim() for ax in axes.values()}) == 1


def test_deep_has_the_numbers(arm, frame):
    for step in ("last", 1000):
        axes = panels(plot.deep(arm / "arm.json", step=step))
        assert list(axes) == ["Deep NRC1", "Deep NRC2", "Deep NRC3", "Deep NRC4"]
        for number, ax in enumerate(axes.values(), 1):
            for run, (x, y) in lines(ax).items():
                assert list(x) == list(range(6))
                assert y.tobytes() == values(frame, f"deep_nrc{number}", run=run,
                                             step=12000 if step == "last" else 1000).tobytes()
            assert [label.get_text() for label in ax.get_xticklabels()] == [f"fc{i}" for i in range(1, 7)]
        assert axes["Deep NRC2"].get_ylim()[0] <= 0 and axes["Deep NRC2"].get_ylim()[1] >= 1


def floor_zones(ax):
    return [patch for patch in ax.collections if patch.get_hatch()]


def test_values_below_their_floor_lie_in_the_hatched_zone(tree):
    for checkpoint in tree["checkpoints"]:
        checkpoint["layers"][5]["floors"]["nrc1"] = 1e-7  # arm_wd0.02 ends at 1.6e-8
        checkpoint["layers"][5]["floors"]["nrc2"] = 1e-30

    figure = plot.last_layer(tree)

    axes = panels(figure)
    (zone,) = floor_zones(axes["NRC1"])
    assert zone.get_paths()[0].get_extents().ymax == pytest.approx(1e-7)
    assert not floor_zones(axes["NRC2"])  # far below all values
    assert "below the floor: rounding" in texts(figure)
    assert "below the floor: rounding" not in texts(plot.last_layer(tree, metrics=["nrc2"]))


def test_zeros_are_marked_at_the_edge_of_a_log_axis(tree):
    for checkpoint in tree["checkpoints"]:
        if checkpoint["run"] == "arm_wd0.02" and checkpoint["step"] >= 4000:
            checkpoint["layers"][5]["metrics"]["nrc1"] = 0

    ax = panels(plot.last_layer(tree))["NRC1"]

    (marks,) = [line for line in ax.get_lines() if line.get_label() == "_zeros"]
    bottom = ax.get_ylim()[0]
    assert marks.get_marker() == "v" and list(marks.get_xdata()) == [4000, 12000] and set(marks.get_ydata()) == {bottom}
    assert bottom > 0 and list(lines(ax)["arm_wd0.02"][1][2:]) == [bottom, bottom]


def test_weight_decay_has_the_numbers_and_0_apart(arm, frame):
    axes = panels(plot.weight_decay(arm / "arm.json"))

    for title, metric in (("NRC1", "nrc1"), ("NRC2", "nrc2"), ("NRC3", "nrc3")):
        ax = axes[title]
        x, y = lines(ax)["last layer"]
        assert list(x) == [0.01, 0.02] and ax.get_xscale() == "log"
        assert list(y) == [values(frame, metric, layer="fc6", run=run, step=12000)[0] for run in RUNS[1:]]
        (zero,) = [line for line in ax.get_lines() if line.get_label().startswith("_zero")]
        place = zero.get_xdata()[0]
        assert 0 < place < 0.01 and zero.get_ydata()[0] == values(frame, metric, layer="fc6", run="arm_wd0", step=12000)[0]
        ticks = dict(zip(ax.get_xticks(), [label.get_text() for label in ax.get_xticklabels()]))
        assert ticks[place] == "0" and len([line for line in ax.get_lines() if line.get_label() == "_break"]) == 2


def test_weight_decay_joins_the_means_of_equal_runs(many):
    ax = panels(plot.weight_decay(many, layer=["model.layers.0.mlp.down_proj", "model.layers.11.mlp.down_proj"]))["NRC1"]

    x, y = lines(ax)["model.layers.0.mlp.down_proj"]
    assert list(x) == [1e-4, 1e-3, 0.01, 0.1]
    assert list(y) == [1.5 * 0.5 ** (4 * number) for number in (1, 2, 3, 4)]
    (marks,) = [line for line in ax.get_lines() if line.get_label() == "_runs model.layers.0.mlp.down_proj"]
    assert len(marks.get_xdata()) == 10


def test_weight_decay_draws_the_error_once(many):
    ax = panels(plot.weight_decay(many, layer=["model.layers.0.mlp.down_proj", "model.layers.11.mlp.down_proj"]))["MSE"]
    assert len(lines(ax)) == 1


def test_heatmap_has_the_numbers(arm, frame):
    figure = plot.heatmap(arm / "arm.json", metric="deep_nrc2")

    for run in RUNS:
        (image,) = panels(figure)[run].get_images()
        expected = frame[(frame.metric == "deep_nrc2") & (frame.run == run)].pivot(index="position", columns="step", values="value")
        assert np.array_equal(np.asarray(image.get_array()), expected.to_numpy())
        assert image.norm.vmin == 0 and image.norm.vmax == 1


def test_heatmap_undefined_zero_and_below_the_floor(tree):
    metrics = [checkpoint["layers"][2]["metrics"] for checkpoint in tree["checkpoints"][:3]]
    metrics[0]["deep_nrc1"], metrics[1]["deep_nrc1"], metrics[2]["deep_nrc1"] = None, 0, 1e-20

    ax = panels(plot.heatmap(tree))["arm_wd0.01"]

    (image,) = ax.get_images()
    cells = image.get_array()[2]
    assert cells.mask[0] and cells[1] == cells[2] == image.norm.vmin
    marked = {(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.get_lines() if line.get_label() == "_below_floor"}
    assert {(1, 2), (2, 2)} <= marked and (0, 2) not in marked
    assert any(patch.get_hatch() for patch in ax.patches)


def test_spectrum_has_the_numbers(arm, frame):
    axes = panels(plot.spectrum(arm / "arm.json", layer="all", log=False))

    assert list(axes) == [f"fc{i}" for i in range(1, 7)]
    for layer, ax in axes.items():
        for run, (x, y) in lines(ax).items():
            assert list(x) == list(range(1, 11))
            assert y.tobytes() == values(frame, "evr", layer=layer, run=run, step=12000).tobytes()
        assert [line.get_xdata()[0] for line in ax.get_lines() if line.get_label() == "_signal_dim"] == [2.5]


def test_the_gamma_curve_has_its_minimum_where_the_program_says(frame):
    (ax,) = plot.nrc3_over_gamma(LAST).axes

    for run in RUNS:
        nrc3, gamma, lambda_min = (values(frame, metric, run=run, step=12000)[-1] for metric in
                                   ("nrc3", "nrc3_gamma", "target_lambda_min"))
        x, y = lines(ax)[run]
        (mark,) = [line for line in ax.get_lines() if line.get_label() == f"_minimum {run}"]
        assert mark.get_ydata()[0] == pytest.approx(nrc3, rel=1e-8) and mark.get_xdata()[0] == pytest.approx(gamma, rel=1e-6)
        assert y.min() == mark.get_ydata()[0] and x[0] == 0 and x[-1] == pytest.approx(lambda_min, rel=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_a_minimum_inside_agrees_with_the_program(tmp_path, seed):
    """W W^T = S_YY^(1/2) - sqrt(c) I + noise has its best gamma near c."""
    generator = np.random.default_rng(seed)
    targets = generator.normal(size=(300, 3)) * (1, 1.5, 2)
    centred = targets - targets.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(centred.T @ centred / 300)
    weight = (vectors * np.sqrt(np.sqrt(eigenvalues) - 0.5)) @ vectors.T @ np.linalg.qr(generator.normal(size=(8, 3)))[0].T
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["targets"] = targets
        file["layers/a/activations"] = generator.normal(size=(300, 8))
        file["layers/a/weight"] = weight + 0.02 * generator.normal(size=(3, 8))

    frame = collapscope.analyze(tmp_path / "x.h5")
    (ax,) = plot.nrc3_over_gamma(tmp_path / "x.h5").axes

    (mark,) = [line for line in ax.get_lines() if line.get_label().startswith("_minimum")]
    assert mark.get_ydata()[0] == pytest.approx(values(frame, "nrc3")[0], rel=1e-8)
    assert mark.get_xdata()[0] == pytest.approx(values(frame, "nrc3_gamma")[0], rel=1e-6)
    assert 0.05 < mark.get_xdata()[0] < eigenvalues[0]
    assert lines(ax)["x.h5"][1].min() == mark.get_ydata()[0]


def dump(path, targets, **weights):
    with h5py.File(path, "w") as file:
        file["targets"] = targets
        for name, weight in weights.items():
            file[f"layers/{name}/activations"] = np.ones((len(targets), weight.shape[1]))
            file[f"layers/{name}/weight"] = weight
    return path


def test_gamma_needs_targets_and_a_weight_that_have_one(tmp_path):
    generator = np.random.default_rng(0)
    targets, weight = generator.normal(size=(20, 2)), generator.normal(size=(2, 5))
    path = tmp_path / "x.h5"

    with pytest.raises(FigureError, match=r"x\.h5: n = 1 target component"):
        plot.nrc3_over_gamma(dump(path, targets[:, 0], a=weight[:1]))
    with pytest.raises(FigureError, match=r"x\.h5: the targets have deficient rank"):
        plot.nrc3_over_gamma(dump(path, targets[:, [0, 0]], a=weight))
    with pytest.raises(FigureError, match=r"x\.h5: no weight \[2, d\]"):
        plot.nrc3_over_gamma(dump(path, targets, a=weight[:1]))
    with pytest.raises(FigureError, match=r"x\.h5: no weight at layer b"):
        plot.nrc3_over_gamma(dump(path, targets, a=weight), layer="b")
    with pytest.raises(FigureError, match="cannot be read as HDF5"):
        plot.nrc3_over_gamma(tmp_path / "none.h5")


def test_gamma_takes_the_last_layer_with_such_a_weight(tmp_path):
    generator = np.random.default_rng(0)
    targets, first, last = generator.normal(size=(20, 2)), generator.normal(size=(2, 5)), generator.normal(size=(2, 5))
    path = dump(tmp_path / "x.h5", targets, fc2=first, fc10=last, fc11=np.ones((4, 5)))

    default, named = (plot.nrc3_over_gamma(path, layer=layer).axes[0].get_lines()[0].get_ydata() for layer in (None, "fc10"))

    assert list(default) == list(named) != list(plot.nrc3_over_gamma(path, layer="fc2").axes[0].get_lines()[0].get_ydata())


HOSTILE = ["$\\frac{1}{0}$", "_hidden", "a\x1b[31mred\x07", "<script>alert(1)</script>", "\u202egnp.exe", "\ud800",
           "$\\input{/etc/passwd}$ and $x$", "line\nbreak", "]]>&amp;", "x" * 500, "%s{0}\\", "$"]


def test_hostile_names_are_drawn_as_they_are(tree, tmp_path):
    sample = tree["checkpoints"]
    tree["checkpoints"] = [
        {**checkpoint, "run": name, "step": step, "path": f"{number}{step}",
         "attributes": {"step_unit": "$\\alpha$", "weight_decay": float(number)},
         "layers": [{**layer, "name": HOSTILE[6 + i]} for i, layer in enumerate(checkpoint["layers"])]}
        for number, name in enumerate(HOSTILE[:6]) for step, checkpoint in enumerate(sample[:2])]

    for make in (lambda: plot.last_layer(tree, metrics=["nrc1"]), lambda: plot.explained_variance(tree, run=HOSTILE[1:3]),
                 lambda: plot.weight_decay(tree, metrics=["nrc1"]), lambda: plot.heatmap(tree), lambda: plot.spectrum(tree),
                 lambda: plot.deep(tree, metrics=["deep_nrc2"])):
        figure = make()
        for text in texts(figure):
            assert not re.search(r"[\x00-\x1f\x7f\u202e\ud800]", text), text
        figure.set_layout_engine("none")  # done for the texts
        plot.save(figure, tmp_path / "x.svg")
        svg = (tmp_path / "x.svg").read_text()
        ElementTree.fromstring(svg.encode())
        assert "<script" not in svg and "α" not in svg
    for shown in ("$\\frac{1}{0}$", "_hidden", "a\\x1b[31mred\\x07", "&lt;script&gt;alert(1)&lt;/script&gt;",
                  "\\u202egnp.exe", "\\ud800", "line\\x0abreak", "]]&gt;&amp;amp;", "%s{0}\\", "$"):
        assert f">{shown}</text>" in svg
    plot.save(figure, tmp_path / "x.pdf")


def test_no_label_is_cut_off_or_covers_another(many, arm):
    """Texts lie within the figure and apart from each other, in the crowded figures, too."""
    import matplotlib.text
    for figure in (plot.last_layer(arm / "arm.json"), plot.deep(arm / "arm.json"),
                   plot.deep(many, metrics=["deep_nrc1", "deep_nrc2"]), plot.heatmap(many, run="*seed1"),
                   plot.weight_decay(many, width=3.25, columns=2)):
        figure.draw_without_rendering()
        renderer = figure.canvas.get_renderer()
        hidden = set(beyond_limits(figure))
        boxes = [(item.get_text(), item.get_window_extent(renderer)) for item in figure.findobj(matplotlib.text.Text)
                 if item.get_visible() and item.get_text().strip() and item not in hidden]
        assert len(boxes) > 5
        for number, (text, box) in enumerate(boxes):
            assert box.x0 >= -1 and box.y0 >= -1, text
            assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, text
            for other, there in boxes[:number]:
                across = min(box.x1, there.x1) - max(box.x0, there.x0)
                along = min(box.y1, there.y1) - max(box.y0, there.y0)
                assert across <= 1 or along <= 1, (text, other)


def beyond_limits(figure):
    """Tick labels outside the limits of their axis, which matplotlib does not draw."""
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks() + axis.get_minor_ticks():
            if not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


def test_what_results_cannot_give_is_said(tree, arm):
    with pytest.raises(FigureError, match="no run nosuch; there are arm_wd0.01, "):
        plot.deep(tree, run="nosuch")
    with pytest.raises(FigureError, match="no layer nosuch; there are fc1, fc2"):
        plot.last_layer(tree, layer="nosuch")
    with pytest.raises(FigureError, match="no checkpoint at step 7; there are 100, 1000, 4000, 12000"):
        plot.deep(tree, step=7)
    with pytest.raises(FigureError, match=r"no value of ufm_loss in these results \(no lambda_w, lambda_h; expected both as attributes"):
        plot.last_layer(tree, metrics=["ufm_loss"])
    with pytest.raises(FigureError, match="evr is not one number per layer"):
        plot.heatmap(tree, metric="evr")
    with pytest.raises(FigureError, match="no run has a number weight_decay"):
        plot.weight_decay(arm / "arm.csv")
    with pytest.raises(FigureError, match="without wide=True"):
        plot.deep(collapscope.load(tree, wide=True))
    with pytest.raises(FigureError, match="holds? no checkpoint"):
        plot.deep({**tree, "checkpoints": []})


@pytest.mark.parametrize("name", ["last_layer", "explained_variance", "deep", "weight_decay", "heatmap", "spectrum"])
def test_columns_are_a_number_of_columns(frame, name):
    for columns in (0, -1, 2.5):
        with pytest.raises(FigureError, match=f"columns: found {columns}; expected a whole number from 1 on"):
            getattr(plot, name)(frame, columns=columns)


def test_spectra_of_all_layers_that_have_some(tree):
    for checkpoint in tree["checkpoints"]:
        for layer in checkpoint["layers"][:2]:
            del layer["metrics"]["evr"]
    assert [ax.get_title() for ax in plot.spectrum(tree, layer="all").axes] == ["fc3", "fc4", "fc5", "fc6"]
    with pytest.raises(FigureError, match="no value of evr at layer fc1"):
        plot.spectrum(tree, layer="fc1")
    for checkpoint in tree["checkpoints"]:
        checkpoint["layers"] = []
    with pytest.raises(FigureError, match="no value of evr in these results"):
        plot.spectrum(tree, layer="all")


def test_results_without_names_and_steps(tree):
    for checkpoint in tree["checkpoints"]:
        checkpoint["run"] = checkpoint["step"] = None
        checkpoint["attributes"] = {}

    (ax,) = plot.last_layer(tree, metrics=["nrc1"]).axes

    (x, _), = lines(ax).values()
    assert list(x) == list(range(12)) and ax.get_xlabel() == "Checkpoint"


def runs_of(tree, **changes):
    """The names of runs after a change of every checkpoint: {attribute: function of its number}."""
    for number, checkpoint in enumerate(tree["checkpoints"]):
        for name, value in changes.items():
            place = checkpoint if name in ("run", "step", "path", "id") else checkpoint["attributes"]
            place[name] = value(number)
    return collections.Counter(name for name in plot.data.Results(tree).frame.drop_duplicates("checkpoint")["run"])


def test_a_run_whose_name_has_brackets(tree):
    for number, checkpoint in enumerate(tree["checkpoints"]):
        checkpoint["run"] = ("r0", "r[0]", "r1")[number % 3]
    assert [plot.data.Results(tree, run).runs for run in ("r[0]", "r[1]", "r?")] == [["r[0]"], ["r1"], ["r0", "r1"]]


def test_numbers_are_the_same_however_they_are_written(tree):
    """As in a report: tests/runs/compare_test.cpp."""
    for number, (checkpoint, decay) in enumerate(zip(tree["checkpoints"], (0.001, "0.001", "1e-3", " 1e-3", "+1e-3", "1_0", "10"))):
        checkpoint.update(run=str(number), attributes={"weight_decay": decay})
    for checkpoint, decay in zip(tree["checkpoints"][7:], ("1e-3", float(np.float32(0.001)))):
        checkpoint.update(run="r", attributes={"weight_decay": decay})
    tree["checkpoints"] = tree["checkpoints"][:9]
    found = plot.data.Results(tree)
    assert found.by == ["weight_decay"]
    assert sorted(map(sorted, plot.groups.groups(found.run_attributes, found.by).values())) == [["0", "1", "2", "r"], ["3"], ["4"], ["5"], ["6"]]


def test_train_and_test_of_a_run_are_two_lines(tree):
    found = runs_of(tree, run=lambda i: "r", step=lambda i: i // 2, split=lambda i: ("train", "test")[i % 2])
    assert found == {"r (train)": 6, "r (test)": 6}
    assert set(lines(plot.last_layer(tree, metrics=["nrc1"]).axes[0])) == {"r (train)", "r (test)"}


def test_checkpoints_without_a_run_stand_alone_where_more_than_steps_tells_them_apart(tree):
    found = runs_of(tree, run=lambda i: None, step=lambda i: i, path=lambda i: f"{i}.h5", weight_decay=lambda i: 0.1 * (i % 2))
    assert found == {f"{i}.h5": 1 for i in range(12)}
    assert runs_of(tree, weight_decay=lambda i: 0.1) == {"": 12}
    assert runs_of(tree, id=str, path=lambda i: f"{i // 6}.h5", weight_decay=lambda i: 0.1 * (i % 2)) == {"0.h5": 6, "1.h5": 6}


def test_several_checkpoints_of_one_step_are_told(tree):
    with pytest.warns(UserWarning, match="12 checkpoints have the run and the step of another one, such as step 0 of run r"):
        runs_of(tree, run=lambda i: "r", step=lambda i: i // 2, path=lambda i: f"{i}.h5")


def test_one_metric_needs_no_list(arm):
    frame = collapscope.load(arm / "arm.json")
    for draw in (plot.last_layer, plot.deep, plot.weight_decay):
        assert len(panels(draw(frame, metrics="deep_nrc1"))) == 1


def test_save_refuses_other_formats_and_leaves_nothing(arm, tmp_path):
    figure = plot.deep(arm / "arm.json")
    with pytest.raises(FigureError, match=r"x\.gif: a figure ends in \.pdf, \.svg or \.png, not in '\.gif'"):
        plot.save(figure, tmp_path / "x.gif")
    with pytest.raises(OSError):
        plot.save(figure, tmp_path / "nosuch" / "x.pdf")
    figure.axes[0].set_title("$\\nosuch$")
    (tmp_path / "x.pdf").write_text("before")
    with pytest.raises(ValueError):
        plot.save(figure, tmp_path / "x.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pdf"] and (tmp_path / "x.pdf").read_text() == "before"


def test_the_users_settings_do_not_matter_and_stay(arm, tmp_path):
    import matplotlib
    plot.save(plot.spectrum(arm / "arm.json"), tmp_path / "a.svg")
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        plot.save(plot.spectrum(arm / "arm.json"), tmp_path / "b.svg")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_gamma_of_shards_is_that_of_all_their_targets(tmp_path):
    """As those of a distributed training, which do not name a run."""
    with h5py.File(LAST[1]) as whole:
        rows = len(whole["targets"])
        for shard, part in enumerate((slice(0, 70), slice(70, rows))):
            with h5py.File(tmp_path / f"rank{shard}.h5", "w") as file:
                whole.copy("layers", file)
                file["targets"] = whole["targets"][part]
                file.attrs.update(shard=shard, shards=2)

    def curve(dumps):
        return [line.get_xydata() for line in plot.nrc3_over_gamma(dumps).axes[0].get_lines()]

    shards = [tmp_path / "rank1.h5", tmp_path / "rank0.h5"]
    for drawn, expected in zip(curve(shards), curve(LAST[1])):
        np.testing.assert_allclose(drawn, expected, rtol=1e-10, atol=1e-14)
    assert len(curve([*shards, LAST[0]])) == 4
    for dumps in (shards[0], [*shards, shards[0]]):
        with pytest.raises(FigureError, match="rank1.h5: shard 1 of 2, and NRC3 is of the targets of all: found [13], expected each once"):
            plot.nrc3_over_gamma(dumps)
