"""The Python of docs/meter.md runs, in one session."""
import re
from pathlib import Path

BLOCKS = re.findall(r"^```python\n(.*?)^```", (Path(__file__).resolve().parents[3] / "docs" / "meter.md").read_text(), re.M | re.S)


def test_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(BLOCKS) == 5
    session = {}
    for block in BLOCKS:
        exec(compile(block, "docs/meter.md", "exec"), session)
    assert session["classifier"][2].out_features == 4 and session["meter"].compute(wide=True)["nc1"].notna().all()
    assert session["log"]["collapse/2/nrc1"] > 0 and (tmp_path / "sums.h5").exists()
