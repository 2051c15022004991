"""Runs the program `collapscope` from Python."""
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

from .errors import ProgramError
from .results import load, load_classes


def _own_program():
    """The program that pip has put into this package; None in a checkout."""
    path = Path(__file__).resolve().parent / "bin" / "collapscope"
    return str(path) if os.access(path, os.X_OK) else None


def main():
    """The command `collapscope` that pip installs: the program of this package in the place of Python."""
    if sys.argv[1:2] and sys.argv[1] in ("plot", "convert"):
        print(f"collapscope: {sys.argv[1]} is a command of the Python package; expected python -m collapscope {sys.argv[1]} ...", file=sys.stderr)
        sys.exit(2)
    program = _own_program()
    if program is None:
        sys.exit("collapscope: this package has no program; expected `pip install ./` in a checkout of collapscope")
    os.execv(program, ["collapscope", *sys.argv[1:]])


def find_program():
    """Path of the program: the environment variable COLLAPSCOPE, else this package's, else PATH, else the newest build of this
    checkout.

    Raises ProgramError when there is none, or when COLLAPSCOPE names something else.
    """
    named = os.environ.get("COLLAPSCOPE")
    if named:
        found = shutil.which(named)
        if not found:
            raise ProgramError(f"the environment variable COLLAPSCOPE is {named!r}, expected a program")
        return found
    found = _own_program() or shutil.which("collapscope")
    if found:
        return found
    builds = Path(__file__).resolve().parents[3].glob("build/*/bin/collapscope")
    builds = [path for path in builds if os.access(path, os.X_OK)]
    if not builds:
        raise ProgramError("no program collapscope: build it (README.md, Start), put it on PATH, or name it in the "
                           "environment variable COLLAPSCOPE")
    return str(max(builds, key=lambda path: path.stat().st_mtime))


def analyze(paths, *, wide=False, attributes=False, layers=None, signal_dim=None, top=None, pool=None, metrics=None, looks=None,
            precision=None, spectrum=None, device=None, threads=None, memory=None, shards=False, weights=None, trust=False,
            output=None, activations=None, targets=None, predictions=None, weight=None, bias=None, transpose_activations=False,
            transpose_weight=False, weight_layout=None, dtype=None, task=None, layout=None, ignore_label=None, work=None, save_every=None,
            max_time=None, per_class=False):
    """Measures dumps with the program and returns what `load` returns.

    paths: dump, folder, glob or `@FILE`, or a list of them.
    wide, attributes: as for `load`.
    All else are the program's options but --part, which gives no results, and --quiet, which is always set, with `_` for `-`: memory="1GiB", metrics=["nrc*", "deep_nrc*"], layers=["fc*"], shards=True,
        device="cpu", signal_dim=3, … (`collapscope analyze --help`); output="FILE.json" also writes a file.

    per_class=True: `.attrs["classes"]` is what `load_classes` returns.

    A call is this process's own analysis, also where `srun` or `mpirun` started several. The command shares one out among them.

    Where some files or layers fail, warns (RuntimeWarning) and returns the others; `.attrs["failures"]` names them.
    Raises ProgramError with the program's own message when there are no results.
    """
    options = {name: value for name, value in locals().items() if name not in ("paths", "wide", "attributes")}
    paths = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    command = [find_program(), "analyze", *arguments(options), "--quiet", "--output=-", "--",
               *map(os.fspath, paths)]
    alone = dict(os.environ, COLLAPSCOPE_ALONE="1")  # in a job of several processes, too, each of which may call this
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=alone)
    message = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode not in (0, 1) or not done.stdout:
        raise ProgramError(message or _ending(done.returncode), done.returncode)
    if message:
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    tree = json.loads(done.stdout)
    frame = load(tree, wide=wide, attributes=attributes)
    if per_class:
        frame.attrs["classes"] = load_classes(tree)
    return frame


def arguments(options):
    """Keyword options as the program's arguments: {"signal_dim": 3, "shards": True} gives --signal-dim=3 --shards.

    False and None leave an option out; a list repeats it, except that metrics are joined by commas.
    """
    out = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if name == "metrics" and not isinstance(value, str) and value is not None:
            value = ",".join(value)
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if item is True:
                out.append(option)
            elif item is not None and item is not False:
                out.append(f"{option}={item}")
    return out


def _ending(status):
    if status < 0:
        return f"collapscope was ended by {signal.Signals(-status).name}"
    return f"collapscope ended with status {status} and wrote no results"
