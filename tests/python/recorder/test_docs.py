"""Every python block of docs/record.md runs, in one session, and so does its command."""
import importlib.util
import re
import shlex
import subprocess
import sys
import types

import h5py
import pytest

pytest.importorskip("torch")

from conftest import ROOT  # noqa: E402

PAGE = (ROOT / "docs" / "record.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def frameworks(monkeypatch):
    """Stand-ins for what the recipes for callbacks derive from."""
    for name, base in (("lightning", "Callback"), ("transformers", "TrainerCallback")):
        module = types.ModuleType(name)
        setattr(module, base, type(base, (), {}))
        monkeypatch.setitem(sys.modules, name, module)


def test_the_page(tmp_path, monkeypatch, frameworks, analyze):
    monkeypatch.chdir(tmp_path)
    session = {}
    python = blocks("python")
    assert len(python) == PAGE.count("```python") == 9
    for block in python:
        exec(compile(block, "docs/record.md", "exec"), session)
    assert sorted(path.name for path in (tmp_path / "dumps").iterdir()) == [
        "classifier.h5", "converted.h5", "epoch_0010.h5", "every_token.h5", "mine.h5", "tokens.h5", "wd1e-3_00002.h5", "wd1e-3_00004.h5"]
    for path in (tmp_path / "dumps").iterdir():
        assert len(analyze(path)) > 1
    use_callbacks(session)
    use_command(tmp_path)


def use_callbacks(session):
    model, loader = session["model"], session["loader"]
    trainer = types.SimpleNamespace(current_epoch=0)
    callback = session["Record"]("lightning_{step}.h5", loader, every=2)
    callback.on_fit_start(trainer, model)
    for trainer.current_epoch in range(4):
        callback.on_train_epoch_end(trainer, model)
    assert [path.name for path in callback.rec.files] == ["lightning_2.h5", "lightning_4.h5"]
    rec = session["collapscope"].attach(model, "trainer_{step}.h5", loader, every=500, unit="step")
    for step in (499, 500):
        session["RecordSteps"](rec).on_step_end(None, types.SimpleNamespace(global_step=step), None, model=model)
    assert [path.name for path in rec.files] == ["trainer_500.h5"]


def use_command(folder):
    """`python -m collapscope convert`, or the module that it hands over to."""
    (command,) = blocks("sh")
    start = ["python", "-m", "collapscope", "convert"]
    words = shlex.split(command)
    assert words[:4] == start
    (folder / "dumps" / "converted.h5").unlink()
    module = words[2:4] if importlib.util.find_spec("collapscope.__main__") else ["collapscope.convert"]
    done = subprocess.run([sys.executable, "-m", *module, *words[4:]], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with h5py.File(folder / "dumps" / "converted.h5") as f:
        assert f.attrs["run"] == "old" and f["layers/2/weight"].shape == (32, 64) and f["layers/0/bias"].shape == (64,)
