"""The Python of docs/meter.md runs."""
import re
import runpy
from pathlib import Path

import pytest

BLOCKS = re.findall(r"^```python\n(.*?)^```", (Path(__file__).resolve().parents[3] / "docs" / "meter.md").read_text(), re.M | re.S)


def test_there_are_some():
    assert len(BLOCKS) == 2


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "block.py").write_text(BLOCKS[number])
    runpy.run_path("block.py")
