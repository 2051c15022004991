"""Cases by name: a case is a function that writes its files and adds what is expected of them."""
from __future__ import annotations

import hashlib
import os
from typing import Callable

import h5py
import numpy as np

import cover
import expect
from dumps import Checkpoint, mark

REGISTRY: dict[str, Callable[["Case"], None]] = {}
FUNCTIONS: dict[str, str] = {}  # family/function that makes the case


def cases(folder: str, **variants: tuple):
    """Registers a function as one case `folder/variant` for each variant; it is called with a Case and the variant's
    values."""
    def register(function):
        for variant, values in variants.items():
            name = f"{folder}/{variant}"
            if name in REGISTRY:
                raise ValueError(f"two cases are called {name}")
            REGISTRY[name] = lambda case, values=values: function(case, *values)
            FUNCTIONS[name] = f"{folder.split('/')[0]}/{function.__name__}"
        return function
    return register


def case(name: str):
    """Registers a function as one case."""
    folder, variant = name.rsplit("/", 1)
    return cases(folder, **{variant: ()})


class Case:
    """One entry of cases.json in the making. `rng` depends on the name alone."""

    def __init__(self, name: str, root: str):
        self.name, self.root = name, root
        self.rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))
        self.files: list[str] = []
        self.options = {"signal_dim": None, "top": 10, "pool": None, "layout": None, "shards": False,
                        "activations": None, "targets": None, "predictions": None, "weight": None,
                        "transpose_weight": False, "ignore_label": None}
        self.extra: dict = {}
        self.checkpoints: list[dict] = []
        self.formats: set[str] = set()
        self.dumps: list[Checkpoint] = []

    def set(self, **options) -> None:
        """Sets options of the analysis."""
        unknown = set(options) - set(self.options)
        if unknown:
            raise ValueError(f"no such option: {unknown}")
        self.options.update(options)

    def needs_filter(self, name: str) -> None:
        """The reader may lack this filter."""
        self.extra["needs_filter"] = name

    def create(self, file: str = "dump.h5", **options) -> h5py.File:
        """A new HDF5 file of this case, the next one on the command line."""
        self.files.append(f"{self.name}/{file}")
        self.formats.add(" ".join(options) or "plain")
        path = os.path.join(self.root, self.files[-1])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return h5py.File(path, "w", **options)

    def dump(self, checkpoint: Checkpoint, file: str = "dump.h5", **options) -> None:
        """Writes a file of one checkpoint."""
        with self.create(file, **options) as f:
            mark(f)
            checkpoint.write(f)

    def expects(self, checkpoint: Checkpoint, file: str | None = None, id: str = "", **more) -> dict:
        """Adds the oracle's answers for a checkpoint; `file` is its path (default: the last file written)."""
        entry = {"path": f"{self.name}/{file}" if file else self.files[-1], "id": id}
        entry.update(expect.checkpoint(checkpoint, self.options, self.name))
        entry.update(more)
        self.checkpoints.append(entry)
        self.dumps.append(checkpoint)
        return entry

    def dump_and_expect(self, checkpoint: Checkpoint, file: str = "dump.h5", **options) -> dict:
        self.dump(checkpoint, file, **options)
        return self.expects(checkpoint)

    def facts(self) -> cover.Facts:
        """What decides in which suites it is tested by default."""
        return cover.facts(self.name, FUNCTIONS[self.name], self.dumps, self.formats, self.options)

    def as_json(self) -> dict:
        return {"name": self.name, "files": self.files, "options": self.options, **self.extra,
                "checkpoints": self.checkpoints}
