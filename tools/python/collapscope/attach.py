"""record and attach: a whole loader as one dump, now or at chosen steps of a training loop.

Needs PyTorch and h5py. Nothing here knows a framework: a callback of Lightning or of the Hugging Face Trainer calls
`step` (docs/record.md).
"""
from __future__ import annotations

import string
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch

from ._model import same_random
from ._tensors import to_numpy
from .recorder import Recorder


def split_pair(item):
    """A batch of a loader as (x, y)."""
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return item[0], item[1]
    length = f" of length {len(item)}" if isinstance(item, (tuple, list)) else ""
    raise ValueError(f"found a batch of type {type(item).__name__}{length}; expected a pair (x, y), or batch=, a function that "
                     "makes one of it")


def record(model, path, data, *, batch=None, samples=None, **options) -> int:
    """Records a whole loader into one dump.

        collapscope.record(model, "epoch_0010.h5", loader, attributes={"run": "wd1e-3", "step": 10})

    data: yields batches (x, y). batch: a function of what it yields that gives (x, y) or a dict of the arguments of
    Recorder.add. samples: stop after the batch that reaches this number. options: as of Recorder.
    The random number generators, which iterating a loader moves, are put back.
    Returns a checksum of the targets in their order. Raises ValueError as Recorder does, and when data yields nothing.
    """
    split = batch or split_pair
    checksum = 0
    with same_random(), Recorder(model, path, **options) as recorder:
        for item in data:
            arguments = split(item)
            if not isinstance(arguments, Mapping):
                arguments = dict(zip(("x", "y"), arguments))
            recorder.add(**arguments)
            checksum = zlib.crc32(to_numpy(arguments["y"]).tobytes(), checksum)
            if samples is not None and recorder.samples >= samples:
                break
    return checksum


def random_sampler(data) -> str | None:
    """The name of a loader's sampler if it shuffles, so that its order differs from call to call."""
    for owner in (data, getattr(data, "batch_sampler", None)):
        sampler = getattr(owner, "sampler", None)
        if sampler is not None and ("Random" in type(sampler).__name__ or getattr(sampler, "shuffle", False) is True):
            return type(sampler).__name__
    return None


class Attached:
    """What `attach` returns. `files` are the dumps written so far, in order."""

    def __init__(self, model, path, data, at, every, unit, attributes, last, allow_random, options):
        self._model, self._pattern, self._data = model, str(path), data
        self._at, self._every, self._unit, self._last = None if at is None else set(at), every, unit, last
        self._attributes, self._options, self._allow_random = attributes, options, allow_random
        self._step: int | None = None  # the last one seen
        self._checksum: int | None = None
        self.files: list[Path] = []
        self._check()

    def _check(self) -> None:
        if self._every is not None and (not isinstance(self._every, int) or self._every < 1):
            raise ValueError(f"{self._pattern}: every: found {self._every!r}; expected a whole number from 1 on, or None")
        self._name(0, {} if callable(self._attributes) else self._attributes or {}, trial=callable(self._attributes))
        if "step" not in fields(self._pattern) and (self._at is None or len(self._at) > 1):
            raise ValueError(f"{self._pattern}: found no {{step}} in the name; expected one, as every dump needs its own")
        if not callable(self._data) and iter_once(self._data):
            raise ValueError(f"{self._pattern}: data: found {type(self._data).__name__}, which can be read once; expected "
                             "a loader, a list or a function that returns one")
        sampler = None if self._allow_random else random_sampler(self._data)
        if sampler:
            raise ValueError(f"{self._pattern}: data: found a loader with {sampler}, whose order differs from dump to "
                             "dump; expected "
                             "a fixed order, as of DataLoader(dataset, batch_size=...) without shuffle, or allow_random=True")

    def _name(self, step: int, attributes: dict, trial: bool = False) -> Path:
        values = {**attributes, "step": step}
        missing = [field for field in fields(self._pattern) if field not in values]
        if missing and not trial:
            raise ValueError(f"{self._pattern}: found {{{missing[0]}}} in the name; expected step or one of the attributes "
                             f"{', '.join(attributes) or '(none)'}")
        return Path("") if missing else Path(self._pattern.format(**values))

    def due(self, step: int) -> bool:
        """Whether `step` is one of those to be recorded: in `at`, or a multiple of `every`; all, where neither is given."""
        if self._at is None and self._every is None:
            return True
        return (self._at is not None and step in self._at) or (self._every is not None and step % self._every == 0)

    def step(self, step: int | None = None, **attributes) -> Path | None:
        """Call it after each step: records if this one is due. Returns the file, or None.

        step: the epoch or step just finished; without it, calls are counted: 1, 2, ...
        attributes: of this file, beside those given to attach, such as train_loss=0.1.
        In distributed training only rank 0 records. Raises ValueError as Recorder does."""
        self._step = (0 if self._step is None else self._step) + 1 if step is None else int(step)
        return self._record(self._step, attributes) if self.due(self._step) else None

    def _record(self, step: int, extra: dict) -> Path | None:
        if torch.distributed.is_available() and torch.distributed.is_initialized() and torch.distributed.get_rank() != 0:
            return None
        given = self._attributes(step) if callable(self._attributes) else self._attributes
        attributes = {"step": step, "step_unit": self._unit, **(given or {}), **extra}
        path = self._name(step, attributes)
        data = self._data() if callable(self._data) else self._data
        checksum = record(self._model, path, data, attributes=attributes, **self._options)
        if self._checksum not in (None, checksum) and not self._allow_random:
            warnings.warn(f"{path}: targets: found other values, or another order, than in {self.files[0]}; expected the "
                          "same samples in every dump of a run", stacklevel=3)
        self._checksum = checksum
        self.files.append(path)
        return path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None and self._last and self._step is not None and not self.due(self._step):
            self._record(self._step, {})


def fields(pattern: str) -> list[str]:
    """The names in a format string."""
    return [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]


def iter_once(data) -> bool:
    return hasattr(data, "__next__")


def attach(model, path, data, *, at=None, every=None, unit="epoch", attributes=None, last=False, allow_random=False, **options
           ) -> Attached:
    """Records at chosen steps of a training loop.

        rec = collapscope.attach(model, "dumps/wd1e-3_{step:05d}.h5", data=loader, every=10, attributes={"run": "wd1e-3"})
        for epoch in range(1, 101):
            train_one_epoch()
            rec.step(epoch)

    path: format string with {step}, and any attribute: "{run}_{step:05d}.h5".
    data: the evaluation loader, in a fixed order; or a function that returns it.
    at, every: the steps, and multiples of a number; both together, or neither for every step.
    unit: what steps are, "epoch" or "step". attributes: a dict, or a function of the step that returns one.
    last: as a context manager (`with attach(...) as rec:`), record the last step at the end, if it was not due.
    allow_random: accept a loader that shuffles.
    options: `batch` and `samples` of record, and all of Recorder.
    Raises ValueError for a name without {step}, a loader that shuffles, or one that can be read only once.
    """
    return Attached(model, path, data, at, every, unit, attributes, last, allow_random, options)
