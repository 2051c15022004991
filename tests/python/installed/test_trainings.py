"""The trainings of examples/ run, and their logs hold what is promised. Lightning and transformers run where they are installed."""
import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
METRICS = ["nc1", "nc2_equiangular", "nc3_self_duality", "nc4_disagreement"]

pytest.importorskip("sklearn")


def run(script, *arguments):
    done = subprocess.run([sys.executable, "-B", EXAMPLES / "training" / script, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_loop(tmp_path):
    printed = run("loop.py", "--out", tmp_path, "--epochs", 3)
    rows = rows_of(tmp_path / "collapse.csv")
    assert [(row["epoch"], row["name"]) for row in rows] == [(str(epoch), f"collapse/4/{name}") for epoch in (1, 2, 3) for name in METRICS]
    assert 0 < float(rows[-4]["value"]) < float(rows[0]["value"])  # nc1 falls
    assert "nc4_disagreement" in printed


def test_lightning_logs(tmp_path):
    pytest.importorskip("lightning")
    path = run("with_lightning.py", "--out", tmp_path, "--epochs", 4).split()[-1]
    rows = [row for row in rows_of(path) if row["collapse/net.4/nc1"]]
    assert [row["epoch"] for row in rows] == ["1", "3"]
    for row in rows:
        assert all(float(row[f"collapse/net.4/{name}"]) >= 0 for name in METRICS)
        assert row["collapse/net.0/nc1"] and "collapse/net.0/nc3_self_duality" not in row


def test_the_trainer_of_transformers_logs(tmp_path):
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    path = run("with_trainer.py", "--out", tmp_path, "--steps", 100).split()[-1]
    entries = json.loads(Path(path).read_text())
    assert [entry["step"] for entry in entries] == [50, 100]
    assert all({f"collapse/net.4/{name}" for name in METRICS} <= set(entry) for entry in entries)


def test_the_notebook(tmp_path, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    book = json.loads((EXAMPLES / "neural_collapse.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == 6 and all(cell["outputs"] == [] for cell in book["cells"] if cell["cell_type"] == "code")
    session = {}
    for cell in cells:
        exec(compile(cell, "neural_collapse.ipynb", "exec"), session)
    first, last = session["tables"][0].iloc[-1], session["tables"][-1].iloc[-1]
    assert last["nc1"] < first["nc1"] / 4 and last["model_accuracy"] == 1
