"""collapscope.load: every number of the results, bit for bit, and nothing that is no results file."""
import json
import math
import struct
import subprocess
import sys
import warnings

import numpy as np
import pandas
import pytest

import collapscope
from collapscope.errors import ResultsError
from collapscope.results import COLUMNS
from conftest import PROGRAM


def bits(value):
    return struct.pack("<d", float(value))


def numbers(tree):
    """(path, layer, metric, component, value) of all that is in the JSON."""
    for checkpoint in tree["checkpoints"]:
        depth = {f"{metric}_depth_{part}": value for metric, law in checkpoint["depth"].items()
                 for part, value in law.items() if part != "notes"}
        parts = [(None, checkpoint["targets"]), (None, depth)] + [(layer["name"], layer["metrics"]) for layer in checkpoint["layers"]]
        for layer, metrics in parts:
            for metric, value in metrics.items():
                for component, item in enumerate(value, 1) if isinstance(value, list) else [(None, value)]:
                    yield checkpoint["path"], layer, metric, component, item


def test_every_number_of_the_json_bit_for_bit(arm, tree):
    frame = collapscope.load(arm / "arm.json")

    expected = list(numbers(tree))
    assert list(frame.columns) == COLUMNS
    assert len(frame) == len(expected) > 3000
    for row, (path, layer, metric, component, value) in zip(frame.itertuples(), expected):
        assert (row.path, row.layer, row.metric) == (path, layer, metric)
        assert row.component is pandas.NA if component is None else row.component == component
        assert math.isnan(row.value) if value is None else bits(row.value) == bits(value)


def test_floors_notes_kinds_and_places(arm, tree):
    frame = collapscope.load(str(arm / "arm.json"))

    layer = tree["checkpoints"][3]["layers"][4]
    rows = frame[(frame.checkpoint == 3) & (frame.layer == layer["name"])]
    assert set(rows.position) == {4} and set(rows["index"]) == {layer["index"]} and set(rows.kind) == {layer["kind"]}
    assert dict(zip(rows.metric, rows.floor))["deep_nrc1"] == layer["floors"]["deep_nrc1"]
    assert dict(zip(rows.metric, rows.note))["nrc3"] == layer["notes"]["nrc3"]
    targets = frame[(frame.checkpoint == 3) & (frame.scope == "targets")]
    assert dict(zip(targets.metric, targets.note))["ufm_c"] == tree["checkpoints"][3]["target_notes"]["ufm_c"]
    assert targets.layer.isna().all() and targets.position.isna().all()
    assert frame.step.dtype == "float64" and set(frame.step) == {100, 1000, 4000, 12000}
    assert frame.attrs["provenance"][0]["version"] == tree["provenance"]["version"]


def test_what_goes_over_depth():
    law = {"slope": -0.5, "pearson": None, "layers": 4, "notes": {"pearson": "the same at all layers"}}
    tree = {"format": "collapscope-results", "format_version": 1, "checkpoints": [
        {"path": "a.h5", "targets": {}, "depth": {"deep_nrc1": law},
         "layers": [{"name": name, "metrics": {"nrc1": 0.5}} for name in ("a", "b")]}]}
    frame = collapscope.load(tree)
    depth = frame[frame.scope == "depth"].set_index("metric")
    assert list(depth.index) == ["deep_nrc1_depth_slope", "deep_nrc1_depth_pearson", "deep_nrc1_depth_layers"]
    assert depth.value["deep_nrc1_depth_slope"] == -0.5 and depth.value["deep_nrc1_depth_layers"] == 4
    assert math.isnan(depth.value["deep_nrc1_depth_pearson"])
    assert depth.note["deep_nrc1_depth_pearson"] == "the same at all layers"
    assert list(collapscope.load(tree, wide=True).deep_nrc1_depth_slope) == [-0.5, -0.5]


def test_csv_gives_the_same_values(arm):
    lost = ["floor", "note", "kind"]
    left, right = (collapscope.load(arm / name).drop(columns=lost) for name in ("arm.json", "arm.csv"))

    assert left.equals(right)
    assert left.value.to_numpy().tobytes() == right.value.to_numpy().tobytes()


@pytest.mark.parametrize("value", [5e-324, -0.0, 1.7976931348623157e308, 0.1 + 0.2, 2.0 ** 53, -1e-300])
def test_extreme_values(tree, value, tmp_path):
    tree["checkpoints"][0]["layers"][0]["metrics"]["nrc1"] = value
    path = tmp_path / "x.json"
    path.write_text(json.dumps(tree))

    frame = collapscope.load(path)

    assert bits(frame[(frame.metric == "nrc1")].value.iloc[0]) == bits(value)


def test_wide(arm, tree):
    frame = collapscope.load(arm / "arm.json", wide=True, attributes=["weight_decay"])

    assert len(frame) == sum(len(checkpoint["layers"]) for checkpoint in tree["checkpoints"]) == 72
    row = frame[(frame.run == "arm_wd0.02") & (frame.step == 12000) & (frame.layer == "fc5")].iloc[0]
    source = next(c for c in tree["checkpoints"] if c["run"] == "arm_wd0.02" and c["step"] == 12000)
    metrics = source["layers"][4]["metrics"]
    assert row["deep_nrc1"] == metrics["deep_nrc1"] and row["evr[3]"] == metrics["evr"][2]
    assert row["model_mse"] == source["targets"]["model_mse"] and row["weight_decay"] == 0.02
    assert math.isnan(row["nrc3"])


def test_wide_keeps_a_checkpoint_without_layers(tree):
    tree["checkpoints"][1]["layers"] = []

    frame = collapscope.load(tree, wide=True)

    assert len(frame) == 67
    bare = frame[frame.checkpoint == 1]
    assert len(bare) == 1 and bare.model_mse.iloc[0] == tree["checkpoints"][1]["targets"]["model_mse"]
    assert list(frame.checkpoint) == sorted(frame.checkpoint)


def test_attributes_as_columns(arm, tree):
    for checkpoint in tree["checkpoints"]:
        checkpoint["attributes"]["value"] = "an attribute named like a column"
    del tree["checkpoints"][0]["attributes"]["seed"]

    frame = collapscope.load(tree, attributes=True)

    assert set(frame[frame.run == "arm_wd0.01"].weight_decay) == {0.01}
    assert set(frame.attribute_value) == {"an attribute named like a column"} and frame.value.dtype == "float64"
    assert frame[frame.checkpoint == 0].seed.isna().all() and (frame[frame.checkpoint == 1].seed == 0).all()
    assert "seed" not in collapscope.load(tree)


def test_several_results_are_joined(arm, tree):
    with pytest.warns(UserWarning, match=r"\.h5 is there 2 times \(from .*arm\.json, results\), and 11 more checkpoints: the table has "
                      "each of them, and a mean over it counts them all; figures draw the last"):
        frame = collapscope.load([arm / "arm.json", tree])

    half = len(frame) // 2
    assert frame.value[:half].to_numpy().tobytes() == frame.value[half:].to_numpy().tobytes()
    assert list(frame.checkpoint.unique()) == list(range(24))


def test_checkpoints_that_differ_are_loaded_without_a_warning(arm, tree):
    """Those of a Meter name no dump."""
    for checkpoint in tree["checkpoints"]:
        checkpoint["step"] += 1
    meter = {**tree, "checkpoints": [{**tree["checkpoints"][0], "path": ""}]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        collapscope.load([arm / "arm.json", tree, meter, meter])


def test_failures_are_kept(tree):
    tree["failures"] = [{"path": "x.h5", "object": "/layers/fc1", "message": "no"}]
    assert collapscope.load(tree).attrs["failures"] == tree["failures"]


def test_a_report_is_read_like_results(tree):
    sample = tree["checkpoints"][0]
    report = {"format": "collapscope-report", "format_version": 1, "runs": [
        {"name": "a", "step_unit": "epoch", "attributes": {"weight_decay": 0.5}, "checkpoints": [
            {key: sample[key] for key in ("path", "id", "step", "samples", "targets", "target_notes", "depth", "layers")}]}]}

    frame = collapscope.load(report, attributes=True)

    alone = collapscope.load({**tree, "checkpoints": [sample]})
    assert frame.value.equals(alone.value) and set(frame.run) == {"a"} and set(frame.weight_decay) == {0.5}


def test_hostile_names_come_back_as_they_are(tmp_path):
    import h5py
    names = {"run": "=cmd|'/c calc'!A1", "layers": ["$x_{1}$", "a,b\"c", "@sum", "<b>&amp;", "'=x", "''+y", "'z", "'"]}
    with h5py.File(tmp_path / "hostile.h5", "w") as file:
        file.attrs.update(format="collapscope-dump", format_version=1, run=names["run"])
        generator = np.random.default_rng(1)
        file["targets"] = generator.normal(size=(50, 2))
        for name in names["layers"]:
            file[f"layers/{name}/activations"] = generator.normal(size=(50, 4))
    subprocess.run([PROGRAM, "analyze", tmp_path / "hostile.h5", "-q", "-o", tmp_path / "x.json", "-o", tmp_path / "x.csv"],
                   check=True)

    for name in ("x.json", "x.csv"):
        frame = collapscope.load(tmp_path / name)
        assert set(frame.run) == {names["run"]}
        assert set(frame.layer.dropna()) == set(names["layers"])


def test_checkpoints_inside_a_file(tmp_path):
    import h5py
    with h5py.File(tmp_path / "two.h5", "w") as file:
        generator = np.random.default_rng(1)
        for id_ in ("0001", "0002"):
            group = file.create_group(f"checkpoints/{id_}")
            group["targets"] = generator.normal(size=(50, 2))
            group["layers/fc/activations"] = generator.normal(size=(50, 4))
    subprocess.run([PROGRAM, "analyze", tmp_path / "two.h5", "-q", "-o", tmp_path / "x.json", "-o", tmp_path / "x.csv"],
                   check=True)

    for name in ("x.json", "x.csv"):
        frame = collapscope.load(tmp_path / name)
        assert list(frame.id.unique()) == ["0001", "0002"] and set(frame.path) == {str(tmp_path / "two.h5")}


@pytest.mark.parametrize("path, file, key", [
    ("a.h5:/checkpoints/1", "a.h5", "1"), ("x:/checkpoints/a.h5:/checkpoints/1", "x:/checkpoints/a.h5", "1"),
    ("x:/checkpoints/b/a.h5", "x:/checkpoints/b/a.h5", ""), ("'=a.h5", "=a.h5", ""), ("'a.h5", "'a.h5", "")])
def test_paths_of_csv(tmp_path, path, file, key):
    (tmp_path / "x.csv").write_text(f"path,run,step,layer,index,metric,value\n{path},r,1,fc,0,nrc1,0.5\n")
    frame = collapscope.load(tmp_path / "x.csv")
    assert (frame.path[0], frame.id[0]) == (file, key)


@pytest.mark.parametrize("content, message", [
    (b"", "expected collapscope's JSON, or CSV"),
    (b"a,b\n1,2\n", "begins with 'a,b'"),
    (b"{", "not valid JSON"),
    (b"[1]", '"format" is null, expected "collapscope-results"'),
    (b'{"format": "other"}', '"format" is "other", expected "collapscope-results"'),
    (b'{"format": "collapscope-results", "format_version": 2}', '"format_version" is 2, expected 1'),
    (b'{"format": "collapscope-results", "format_version": 1}', '"checkpoints" is null, expected a list'),
    (b'{"format": "collapscope-results", "format_version": 1, "checkpoints": [{"layers": 3}]}', 'checkpoints[0]: "layers" is 3'),
    (b'{"format": "collapscope-results", "format_version": 1, "checkpoints": [{"layers": [], "targets": {"a": "x"}}]}',
     'checkpoints[0]: targets: a: found "x", expected a finite number'),
    (b'{"format": "collapscope-results", "format_version": 1, "checkpoints": [{"layers": [], "targets": {"a": 1e999}}]}',
     "expected a finite number"),
    (b'{"format": "collapscope-results", "format_version": 1, "checkpoints": [{"layers": [], "targets": {"a": NaN}}]}',
     "NaN is not a JSON number"),
    (b"path,run,step,layer,index,metric,value\na,b,1\n", "record 2 has 3 cells, expected 7"),
    (b"path,run,step,layer,index,metric,value\na,b,1,fc,0,nrc1,x\n", "record 2: could not convert"),
    (b"path,run,step,layer,index,metric,value\na,b,1,fc,0,evr[2],1\n", "record 2: found evr[2], expected evr[1]"),
    (b"\xff\xfe", "not UTF-8 at byte 0"),
])
def test_what_is_no_results_file_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "bad\x1b.json"
    path.write_bytes(content)

    with pytest.raises(ResultsError) as error:
        collapscope.load(path)

    assert message in str(error.value)
    assert "bad\\x1b.json" in str(error.value) and "\x1b" not in str(error.value)


def test_the_package_needs_no_pandas_until_load():
    code = ("import sys; sys.modules['pandas'] = None; sys.modules['matplotlib'] = None; import collapscope\n"
            "from collapscope.program import arguments\n"
            "try: collapscope.load('x.json')\n"
            "except ImportError as error: print('ImportError')")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "ImportError\n", done.stderr
