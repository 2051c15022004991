"""python -m collapscope plot: the same figures from the shell, and its messages."""
import json
import os
import subprocess
import sys

import h5py
import pytest

from collapscope import program as collapscope_program
from collapscope.__main__ import main
from collapscope.errors import FigureError
from conftest import DUMPS, PROGRAM, ROOT, whole_svg


def shell(*arguments):
    """Runs `python -m collapscope` in the current folder: exit status, standard error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools" / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-m", "collapscope", *arguments], stdin=subprocess.DEVNULL, env=environment, capture_output=True)
    return done.returncode, done.stderr.decode()


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The same without a process of its own, in a folder of the test."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        return status, capsys.readouterr().err
    return call


def test_a_figure_is_the_functions(arm, tmp_path, run):
    from collapscope import plot

    status = run("plot", "spectrum", arm / "arm.json", "-o", "x.svg", "--run", "arm_wd0.0*", "--layer", "fc5", "--step", "4000",
                   "--no-log", "--width", "3")

    plot.save(plot.spectrum(arm / "arm.json", run="arm_wd0.0*", layer="fc5", step=4000, log=False, width=3), tmp_path / "y.svg")
    assert status == (0, "")
    assert (tmp_path / "x.svg").read_bytes() == (tmp_path / "y.svg").read_bytes()


def test_metrics_are_named_as_the_program_has_them(arm, tmp_path, run):
    assert run("plot", "last_layer", arm / "arm.json", "-o", "x.svg", "--metrics", "nrc1,nrc2") == (0, "")
    assert run("plot", "last_layer", arm / "arm.json", "-o", "y.svg", "--metric", "nrc1", "--metric", "nrc2") == (0, "")
    assert (tmp_path / "x.svg").read_bytes() == (tmp_path / "y.svg").read_bytes()


def test_results_from_standard_input(arm, tmp_path, monkeypatch, run):
    with open(arm / "arm.json", encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        status = run("plot", "heatmap", "-", "-o", "x.svg", "--metric", "deep_nrc2")

    assert status == (0, "") and "Deep NRC2" in (tmp_path / "x.svg").read_text()


def test_gamma_from_results_is_that_of_their_last_dumps(arm, tmp_path, run):
    last = sorted(DUMPS.glob("arm_wd0*_epoch12000.h5"), key=lambda path: path.name.split("_")[1])
    assert run("plot", "nrc3-over-gamma", arm / "arm.json", "-o", "x.svg") == (0, "")
    order = [path for name in ("wd0_", "wd0.01_", "wd0.02_") for path in last if name in path.name]
    assert run("plot", "nrc3_over_gamma", *order, "-o", "y.svg") == (0, "")

    assert (tmp_path / "x.svg").read_bytes() == (tmp_path / "y.svg").read_bytes()


def test_all_writes_what_it_can_and_names_the_rest(arm, tmp_path, run):
    status, message = run("plot", "all", arm / "arm.csv", "-o", "figures", "--format", "svg", "--run", "arm_wd0",
                          "--metric", "deep_nrc1")

    assert status == 0
    assert sorted(path.stem for path in (tmp_path / "figures").iterdir()) == [
        "deep", "explained_variance", "heatmap", "last_layer", "nrc3_over_gamma", "spectrum"]
    for path in (tmp_path / "figures").iterdir():
        whole_svg(path.read_bytes())
    assert message.startswith("collapscope plot: no weight_decay: no run has a number weight_decay") and message.count("\n") == 1


@pytest.mark.parametrize("arguments, message", [
    (("deep", "RESULTS", "-o", "x.gif"), "x.gif: a figure ends in .pdf, .svg or .png"),
    (("deep", "none\x1b.json", "-o", "x.pdf"), "none\\x1b.json: No such file or directory"),
    (("deep", "RESULTS", "-o", "x.pdf", "--layer", "fc1"), "deep has no option --layer"),
    (("nrc3_over_gamma", "RESULTS", "-o", "x.pdf", "--step", "1"), "nrc3_over_gamma has no option --step"),
    (("heatmap", "RESULTS", "-o", "x.pdf", "--metric", "a", "--metric", "b"), "heatmap takes one --metric"),
    (("deep", "RESULTS", "-o", "x.pdf", "--run", "none"), "no run none; there are arm_wd0"),
    (("nosuch", "RESULTS", "-o", "x.pdf"), "invalid choice: 'nosuch'"),
    (("last-layr", "RESULTS", "-o", "x.pdf"), "invalid choice: 'last_layr' (did you mean last_layer?)"),
    (("last_layer", "RESULTS", "-o", "x.pdf", "--metric", "ncr1"), "no metric is called ncr1 in these results (did you mean nrc1?)"),
    (("last_layer", "RESULTS", "-o", "x.pdf", "--layer", "fc"), "no layer fc (did you mean fc"),
    (("last_layer", "RESULTS", "-o", "x.pdf", "--group-by", "weight_deacy"), "no run has an attribute weight_deacy (did you mean weight_decay?)"),
    (("weight_decay", "RESULTS", "-o", "x.pdf", "--by", "weight_deacy"), "no run has a number weight_deacy (did you mean weight_decay?)"),
])
def test_errors_are_a_line_and_status_2(arm, tmp_path, run, arguments, message):
    status, text = run("plot", *(arm / "arm.json" if item == "RESULTS" else item for item in arguments))

    assert status == 2 and message in text and "Traceback" not in text
    assert not list(tmp_path.iterdir())


def test_convert_is_handed_on(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, types\nmodule = types.ModuleType('collapscope.convert')\n"
        "module.main = lambda argv: print(argv, file=sys.stderr) or 3\nsys.modules['collapscope.convert'] = module\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT / 'tools' / 'python'}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-m", "collapscope", "convert", "a.npz", "-o", "b.h5"], env=environment, capture_output=True)
    assert (done.returncode, done.stderr) == (3, b"['a.npz', '-o', 'b.h5']\n")


def test_usage():
    assert shell("--help") == (0, "")
    status, message = shell("nosuch")
    assert status == 2 and "python -m collapscope plot" in message


@pytest.mark.parametrize("command", ["plot", "convert"])
def test_the_installed_command_names_those_of_python(monkeypatch, capsys, command):
    monkeypatch.setattr(sys, "argv", ["collapscope", command, "a.json"])
    with pytest.raises(SystemExit) as ending:
        collapscope_program.main()
    assert ending.value.code == 2 and f"expected python -m collapscope {command}" in capsys.readouterr().err


def test_what_is_missing_is_a_line():
    code = "import sys; sys.modules['matplotlib'] = None; from collapscope.__main__ import main; sys.exit(main(['plot', 'deep', 'a.json', '-o', 'x.pdf']))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools" / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.startswith("collapscope plot: drawing figures needs matplotlib") and done.stderr.count("\n") == 1


@pytest.fixture
def several(tmp_path):
    """several.h5 with three checkpoints of a run and one of another, and several.json, their results."""
    with h5py.File(tmp_path / "several.h5", "w") as file:
        for number, (name, step) in enumerate((("a", 1), ("a", 2), ("a", 3), ("b", 1))):
            with h5py.File(sorted(DUMPS.glob("arm_wd0.01_*.h5"))[number]) as dump:
                dump.copy(dump["/"], file, f"checkpoints/c{number}")
            file[f"checkpoints/c{number}"].attrs.update(run=name, step=step)
    subprocess.run([PROGRAM, "analyze", tmp_path / "several.h5", "-q", "-o", tmp_path / "several.json"], check=True)
    return tmp_path / "several.json"


def test_gamma_of_checkpoints_in_one_file(several, tmp_path, run):
    from collapscope import plot

    assert run("plot", "nrc3_over_gamma", several, "-o", "x.svg") == (0, "")
    plot.save(plot.nrc3_over_gamma([(tmp_path / "several.h5", "c2"), (tmp_path / "several.h5", "c3")]), tmp_path / "y.svg")
    assert (tmp_path / "x.svg").read_bytes() == (tmp_path / "y.svg").read_bytes()
    assert len(plot.nrc3_over_gamma(tmp_path / "several.h5").axes[0].get_lines()) == 8
    with h5py.File(tmp_path / "several.h5", "a") as file:
        for checkpoint in file["checkpoints"].values():
            del checkpoint.attrs["run"], checkpoint.attrs["step"]
    labels = [line.get_label() for line in plot.nrc3_over_gamma(tmp_path / "several.h5").axes[0].get_lines()]
    assert labels[::2] == [f"several.h5:c{number}" for number in range(4)]
    with pytest.raises(FigureError, match="several.h5: no checkpoint c9"):
        plot.nrc3_over_gamma([(tmp_path / "several.h5", "c9")])
    with pytest.raises(FigureError, match="no checkpoint in the dumps"):
        plot.nrc3_over_gamma([])


def test_all_goes_on_where_the_results_have_no_dumps(tree, tmp_path, run):
    for checkpoint in tree["checkpoints"]:
        checkpoint["path"] = ""
    (tmp_path / "meter.json").write_text(json.dumps(tree))

    status, message = run("plot", "all", "meter.json", "-o", "figures")
    assert status == 0 and len(list((tmp_path / "figures").iterdir())) == 6
    assert message.startswith("collapscope plot: no nrc3_over_gamma: the results name no dumps") and message.count("\n") == 1
    status, message = run("plot", "nrc3_over_gamma", "meter.json", "-o", "x.pdf")
    assert status == 2 and "the results name no dumps" in message


def test_warnings_are_lines(tree, tmp_path):
    for checkpoint in tree["checkpoints"]:
        checkpoint["step"] = 1
    (tmp_path / "same.json").write_text(json.dumps(tree))
    status, message = shell("plot", "last_layer", tmp_path / "same.json", "-o", tmp_path / "x.svg")
    assert status == 0 and message == ("collapscope plot: 12 checkpoints have the run and the step of another one, such as step 1 of run arm_wd0.01; "
                                       "a line goes through all of them\n")
