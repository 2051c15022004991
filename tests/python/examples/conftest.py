"""The examples' stories, each run once with --quick."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def program():
    from collapscope.program import find_program

    return os.environ.get("COLLAPSCOPE_PROGRAM") or find_program()


def call_story(*arguments, cwd, **environment):
    """Runs examples/story.sh in the folder cwd; what subprocess.run returns."""
    environment = {**os.environ, "COLLAPSCOPE": program(), "PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run([ROOT / "examples" / "story.sh", *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


class Story:
    """What `story.sh NAME --quick` made in `folder`, printed (`text`) and measured (`results`)."""

    def __init__(self, name, where):
        done = call_story(name, "--quick", "out folder", cwd=where)
        assert done.returncode == 0, done.stdout + done.stderr
        self.folder, self.text = where / "out folder", done.stdout
        self.results = json.loads((self.folder / "results.json").read_text())

    def last(self, layer, metric):
        """The metric of a layer at the last step of each run, by weight decay."""
        values = {}
        for checkpoint in sorted(self.results["checkpoints"], key=lambda checkpoint: checkpoint["step"]):
            for found in checkpoint["layers"]:
                if found["name"] == layer:
                    values[checkpoint["attributes"]["weight_decay"]] = found["metrics"][metric]
        return values


@pytest.fixture(scope="session")
def arm(tmp_path_factory):
    pytest.importorskip("torch")
    return Story("arm", tmp_path_factory.mktemp("arm"))


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    for module in ("torch", "scipy", "sklearn"):
        pytest.importorskip(module)
    return Story("digits", tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="session")
def classify(tmp_path_factory):
    for module in ("torch", "scipy", "sklearn"):
        pytest.importorskip(module)
    return Story("classify", tmp_path_factory.mktemp("classify"))


@pytest.fixture(params=["arm", "digits"])
def story(request):
    """Either."""
    return request.getfixturevalue(request.param)
