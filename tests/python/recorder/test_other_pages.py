"""The python blocks of the README and of the page on formats run as they stand, and the program reads what they write."""
import re

import pytest
from conftest import ROOT


def run_block(page):
    (block,) = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    exec(compile(block, str(page), "exec"), {})


def test_the_readme(tmp_path, monkeypatch, analyze):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    run_block(ROOT / "README.md")
    assert list(analyze(tmp_path / "dumps")) == ["", "0", "2"]


def test_formats(tmp_path, monkeypatch, analyze):
    monkeypatch.chdir(tmp_path)
    run_block(ROOT / "docs" / "format.md")
    results = analyze(tmp_path / "epoch_0010.h5")
    assert list(results) == ["", "fc1", "fc2"] and results[""]["model_mse"] > 0
    assert all(results[name]["deep_nrc3"] > 0 for name in ("fc1", "fc2"))
