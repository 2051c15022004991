"""What the tests of recording share: the program, the oracle, and how their numbers are compared."""
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "reference"))

METRICS = """samples features nrc1 nrc1_centered nrc2 nrc3 deep_nrc1 deep_nrc2 deep_nrc2_debiased deep_nrc3 deep_nrc4 linear_mse
feature_stable_rank feature_rankme weight_rank""".split()


@pytest.fixture(autouse=True)
def warnings_are_errors():
    """A warning that a test does not expect is an error in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


@pytest.fixture
def analyze():
    """analyze(path, *options): the layers of a dump's results by name, in order, and its model metrics under ""."""
    program = os.environ.get("COLLAPSCOPE_PROGRAM")
    if not program:
        pytest.skip("COLLAPSCOPE_PROGRAM does not name the program")

    def run(path, *options):
        done = subprocess.run([program, "analyze", str(path), "-q", "-o", "-", *options], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        checkpoint = json.loads(done.stdout)["checkpoints"][0]
        return {"": checkpoint["targets"], **{layer["name"]: layer["metrics"] for layer in checkpoint["layers"]}}

    return run


@pytest.fixture
def same_as_oracle():
    """Compares a layer's metrics with what the oracle computes from arrays in memory."""
    import collapse_oracle

    def compare(metrics, H, Y, W, P, relative=1e-8):
        expected = collapse_oracle.layer_metrics(*(np.asarray(x, float) for x in (H, Y)), W=np.asarray(W, float),
                                                 P=np.asarray(P, float))
        compared = 0
        for name in METRICS:
            value = expected.get(name)
            if value is None or not np.isfinite(value):
                continue
            tolerance = 1e-6 if name == "feature_rankme" else relative
            assert metrics[name] == pytest.approx(value, rel=max(tolerance, relative), abs=1e-12), name
            compared += 1
        assert compared >= 10

    return compare
