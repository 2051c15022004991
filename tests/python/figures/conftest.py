"""The example's results, and results made up for a test."""
import copy
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = os.environ["COLLAPSCOPE_PROGRAM"]
DUMPS = ROOT / "examples" / "arm" / "dumps"


def whole_pdf(data):
    """A PDF of a usual width whose text is embedded, and that says nothing of when it was made."""
    assert data.startswith(b"%PDF-1.") and data.rstrip().endswith(b"%%EOF")
    assert b"/FontFile2" in data and b"/Type3" not in data and b"CreationDate" not in data
    assert float(re.search(rb"/MediaBox \[ 0 0 (\S+) ", data)[1]) / 72 in (5.5, 3.25)


def whole_svg(data):
    assert b"<text" in data and data.rstrip().endswith(b"</svg>") and b"dc:date" not in data


@pytest.fixture(autouse=True)
def program(monkeypatch):
    monkeypatch.setenv("COLLAPSCOPE", PROGRAM)


@pytest.fixture(scope="session")
def arm(tmp_path_factory):
    """Folder with arm.json and arm.csv, the results of the example."""
    folder = tmp_path_factory.mktemp("arm")
    subprocess.run([PROGRAM, "analyze", DUMPS, "-q", "-o", folder / "arm.json", "-o", folder / "arm.csv"], check=True)
    return folder


@pytest.fixture
def tree(arm):
    """arm.json, parsed; a copy to change."""
    return json.loads((arm / "arm.json").read_text())


@pytest.fixture
def many(tree):
    """Results of many runs and layers: weight decays 0 … 0.1, two seeds, 5 steps, 12 layers of long names."""
    sample = tree["checkpoints"][0]
    tree["checkpoints"] = []
    for number, decay in enumerate((0.0, 1e-4, 1e-3, 0.01, 0.1)):
        for seed in range(2):
            for step in range(5):
                checkpoint = copy.deepcopy(sample)
                checkpoint.update(run=f"wd{decay:g}_seed{seed}", step=step, path=f"{decay}_{seed}_{step}.h5")
                checkpoint["attributes"].update(weight_decay=decay, seed=seed)
                layers = []
                for position in range(12):
                    layer = copy.deepcopy(sample["layers"][5])
                    layer.update(name=f"model.layers.{position}.mlp.down_proj", index=position)
                    layer["metrics"].update(nrc1=0.5 ** (number * step + position) * (1 + seed))
                    layers.append(layer)
                checkpoint["layers"] = layers
                tree["checkpoints"].append(checkpoint)
    return tree
