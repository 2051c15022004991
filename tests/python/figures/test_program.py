"""collapscope.analyze: the program is found, told everything, and its errors come through."""
import os
import shutil
import subprocess
import sys

import h5py
import numpy
import pandas
import pytest

import collapscope
from collapscope.errors import ProgramError, ResultsError
from collapscope.program import arguments, find_program
from conftest import DUMPS, PROGRAM, ROOT

ONE = DUMPS / "arm_wd0_epoch12000.h5"


def test_same_as_the_file_the_program_writes(arm):
    frame = collapscope.analyze(DUMPS)

    written = collapscope.load(arm / "arm.json")
    assert frame.drop(columns="path").equals(written.drop(columns="path"))
    assert frame.attrs["failures"] == []


def test_options_reach_the_program(tmp_path):
    frame = collapscope.analyze([ONE], metrics=["deep_nrc1", "model_*"], layers=["fc5", "fc6"], signal_dim=3, memory="64MiB",
                                threads=1, device="cpu", looks=1, output=tmp_path / "also.json")

    assert set(frame.layer.dropna()) == {"fc5", "fc6"}
    assert set(frame.metric) == {"deep_nrc1", "model_mse", "model_mae", "model_r2"}
    assert frame.value.notna().all()
    for option in ("--signal-dim=3", "--memory=64MiB", "--threads=1", "--looks=1"):
        assert option in frame.attrs["provenance"][0]["command"]
    assert collapscope.load(tmp_path / "also.json").value.equals(frame.value)


@pytest.mark.parametrize("job", [{"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"},
                                 {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"}])
def test_in_a_job_of_several_processes_a_call_is_that_of_one(job, monkeypatch):
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    assert not collapscope.analyze([ONE], metrics="deep_nrc1").empty


def test_shards_wide_and_attributes(tmp_path):
    other = shutil.copy(ONE, tmp_path)  # the same file twice is refused
    frame = collapscope.analyze([str(ONE), other], shards=True, wide=True, attributes=["weight_decay"])

    assert len(frame) == 6 and set(frame.samples) == {2048} and set(frame.weight_decay) == {0.0}


def test_arguments():
    assert arguments({"signal_dim": 3, "shards": True, "quiet": False, "device": None, "layers": ["a*", "b"],
                      "metrics": ["x", "y"], "pool": "mean"}) == [
        "--signal-dim=3", "--shards", "--layers=a*", "--layers=b", "--metrics=x,y", "--pool=mean"]
    assert arguments({"metrics": "nrc*"}) == ["--metrics=nrc*"]


def test_the_programs_message_is_the_exceptions():
    with pytest.raises(ProgramError) as error:
        collapscope.analyze("nosuch.h5")
    assert "nosuch.h5" in str(error.value) and error.value.status == 2
    with pytest.raises(ProgramError, match="--signal-dim"):
        collapscope.analyze(ONE, signal_dim="nosuch")
    with pytest.raises(TypeError, match="nosuch"):  # as an editor knows, too
        collapscope.analyze(ONE, nosuch=1)


def test_a_path_is_never_an_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.symlink(ONE, "--help")
    assert set(collapscope.analyze("--help").run) == {"arm_wd0"}


def test_some_failed_warns_and_returns_the_others(tmp_path):
    (tmp_path / "bad.h5").write_text("no HDF5")

    with pytest.warns(RuntimeWarning, match="bad.h5: not an HDF5 file"):
        frame = collapscope.analyze([tmp_path / "bad.h5", ONE])

    assert set(frame.run) == {"arm_wd0"}
    (failure,) = frame.attrs["failures"]
    assert failure["path"].endswith("bad.h5") and "not an HDF5 file" in failure["message"]


def test_a_program_that_dies_is_an_error(tmp_path, monkeypatch):
    dying = tmp_path / "dying"
    dying.write_text("#!/bin/sh\nkill -9 $$\n")
    dying.chmod(0o755)
    monkeypatch.setenv("COLLAPSCOPE", str(dying))
    with pytest.raises(ProgramError, match="was ended by SIGKILL"):
        collapscope.analyze(ONE)


def test_which_program(tmp_path, monkeypatch):
    other = tmp_path / "collapscope"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find_program() == PROGRAM
    monkeypatch.delenv("COLLAPSCOPE")
    assert find_program() == str(other)
    monkeypatch.setenv("COLLAPSCOPE", str(tmp_path / "none"))
    with pytest.raises(ProgramError, match="COLLAPSCOPE is .*none"):
        find_program()


def test_the_newest_build_beside_the_checkout(tmp_path):
    """A copy of the package in a checkout of its own, with two builds, and with none."""
    package = tmp_path / "copy" / "tools" / "python" / "collapscope"
    package.parent.mkdir(parents=True)
    subprocess.run(["cp", "-r", ROOT / "tools" / "python" / "collapscope", package], check=True)
    code = "from collapscope.program import find_program; print(find_program())"
    environment = {"PATH": "/nonexistent", "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}

    without = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    for time, build in enumerate(("release", "cpu-only")):
        path = tmp_path / "copy" / "build" / build / "bin" / "collapscope"
        path.parent.mkdir(parents=True)
        path.write_text("")
        path.chmod(0o755)
        os.utime(path, (time, time))
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)

    assert "no program collapscope: build it" in without.stderr
    assert found.stdout == f"{path}\n"


def test_results_of_each_class(tmp_path):
    random = numpy.random.default_rng(4)
    labels = numpy.repeat([-3, 0, 7], 20)
    features = random.normal(size=(60, 4)) + labels[:, None]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs.update(format="collapscope-dump", format_version=1, task="classification")
        file["targets"], file["layers/fc/activations"] = labels, features
        file["class_names"] = ["zero"]
    frame = collapscope.analyze(tmp_path / "x.h5", per_class=True, device="cpu")
    classes = frame.attrs["classes"]

    assert list(classes.label) == [-3, 0, 7] and list(classes.name) == ["", "zero", ""] and set(classes.layer) == {"fc"}
    means = numpy.array([features[labels == label].mean(axis=0) for label in (-3, 0, 7)])
    means -= means.mean(axis=0)
    numpy.testing.assert_allclose(classes.mean_norm, numpy.linalg.norm(means, axis=1), rtol=1e-12)
    unit = means / numpy.linalg.norm(means, axis=1, keepdims=True)
    numpy.testing.assert_allclose(classes.attrs["cosines"][0, "fc"], unit @ unit.T, atol=1e-12)
    assert classes.nearest_name[0] == "zero" and classes.nearest[2] in (-3, 0)
    assert classes.weight_cosine.isna().all() and classes.model_accuracy.isna().all()
    assert (classes.rows == 20).all() and classes.ncc_accuracy.between(0, 1).all()
    within = [((features[labels == label] - features[labels == label].mean(axis=0)) ** 2).sum(axis=1).mean() for label in (-3, 0, 7)]
    numpy.testing.assert_allclose(classes.within_variance, within, rtol=1e-12)


def test_results_of_each_class_come_from_csv_too(tmp_path):
    random = numpy.random.default_rng(4)
    for step in (1, 2):
        labels = numpy.repeat([-3, 0, 7], 20)
        with h5py.File(tmp_path / f"{step}.h5", "w") as file:
            file.attrs.update(format="collapscope-dump", format_version=1, task="classification", run="=night", step=step)
            file["targets"], file["class_names"] = labels, ["zero, or none"]
            for layer in ("fc1", "fc2"):
                file[f"layers/{layer}/activations"] = random.normal(size=(60, 4)) + labels[:, None]
    command = [os.environ["COLLAPSCOPE"], "analyze", tmp_path, "--per-class", "-q", "-o", tmp_path / "t.json", "-o", tmp_path / "t.csv"]
    subprocess.run(command, check=True)
    expected = collapscope.load_classes(tmp_path / "t.json")
    assert len(expected) == 12
    for name in ("t.csv", "t.classes.csv"):
        found = collapscope.load_classes(tmp_path / name)
        pandas.testing.assert_frame_equal(found, expected)
        assert found.attrs["cosines"] == {}
    good = (tmp_path / "t.classes.csv").read_text()
    for text, message in (("a,b\n", "begins with 'a,b', expected CSV with the columns path,run"),
                          (good.replace(",7,,", ",7,", 1), "record 4 has 16 cells, expected 17"),
                          (good.replace(",7,,", ",8,,", 2).replace(",8,,", ",7,,", 1), "record 7: found label 8"),
                          (good.replace(",20,20,", ",20,many,", 1), "record 2: invalid literal")):
        (tmp_path / "bad.classes.csv").write_text(text)
        with pytest.raises(ResultsError, match=message):
            collapscope.load_classes(tmp_path / "bad.classes.csv")


def test_results_without_classes_have_no_rows_of_them(arm):
    assert len(collapscope.load_classes(arm / "arm.csv")) == 0
    assert len(collapscope.load_classes(arm / "arm.json")) == 0
