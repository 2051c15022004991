"""Every command and every piece of Python in docs/figures.md runs as it stands there."""
import contextlib
import glob
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from collapscope import plot
from collapscope.__main__ import main
from conftest import PROGRAM, ROOT, whole_pdf


def run(command, first):
    """Exit status and standard error of a command of the page: the first ones in a shell, the others, which only begin with
    another name of a figure, quicker in this process."""
    words = shlex.split(command)
    if first or words[:3] != ["python3", "-m", "collapscope"]:
        done = subprocess.run(["bash", "-euc", command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, done.stderr
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        status = main([name for word in words[3:] for name in (sorted(glob.glob(word)) if "*" in word else [word])])
    return status, errors.getvalue()


def save(figure, path):
    """As it is, not laid out anew: `plot all` does that for every figure."""
    figure.set_layout_engine("none")
    plot.save(figure, path)


def test_every_block_runs(tmp_path, monkeypatch):
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "docs" / "figures.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "bin" / "python3").chmod(0o755)
    (tmp_path / "bin" / "collapscope").symlink_to(shutil.which(PROGRAM))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tools" / "python"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("collapscope.plot.command.save", save)

    namespace, commands = {}, 0
    for language, block in blocks:
        if language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(block, "docs/figures.md", "exec"), namespace)
            assert output.getvalue().strip() or "print(" not in block
        else:
            assert language == "sh", f"a block of {language or 'nothing'} is not tested"
            for command in block.strip().splitlines():
                written = re.search(r" -o (\S+)", command)[1]
                assert run(command, first=commands < 2) == (0, ""), command
                assert os.path.getsize(written) > 1000 if Path(written).is_file() else os.listdir(written), command
                commands += 1

    assert commands >= 12 and {"deep.pdf", "wide.svg", "figures", "arm.json"} <= set(os.listdir())
    assert len(os.listdir("figures")) == 7
    for path in Path("figures").iterdir():
        whole_pdf(path.read_bytes())
