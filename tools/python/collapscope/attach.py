"""record and attach: a whole loader as one dump, now or at chosen steps of a training loop.

Needs PyTorch and h5py. Nothing here knows a framework: a callback of Lightning or of the Hugging Face Trainer calls
`step` (docs/record.md).
"""
from __future__ import annotations

import numbers
import string
import warnings
import weakref
import zlib
from collections.abc import Mapping
from pathlib import Path

from .recorder import Recorder  # first: it says what is missing
import numpy as np

from ._dump import with_ending
from ._model import same_random
from ._shards import check_shards, generators_of, running, samplers, shard_of, with_rank, world
from ._tensors import to_numpy
from .errors import without_frames


def split_pair(item):
    """A batch of a loader as (x, y)."""
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return item[0], item[1]
    length = f" of length {len(item)}" if isinstance(item, (tuple, list)) else ""
    raise ValueError(f"found a batch of type {type(item).__name__}{length}; expected a pair (x, y), or batch=, a function that "
                     "makes one of it")


def arguments_of(item, batch) -> dict:
    """The arguments of Recorder.add for what a loader yields."""
    arguments = (batch or split_pair)(item)
    if not isinstance(arguments, Mapping):
        if not isinstance(arguments, (tuple, list)) or len(arguments) != 2:
            raise ValueError(f"batch: found a function that gives {type(arguments).__name__}; expected (x, y), or a dict of x, y, "
                             "mask and predictions")
        arguments = dict(zip(("x", "y"), arguments))
    unknown = sorted(set(arguments) - {"x", "y", "mask", "predictions"})
    if unknown:
        raise ValueError(f"batch: found {unknown[0]!r}; expected x, y, mask and predictions")
    return {"x": None, "y": None, **arguments}


def add_all(recorder: Recorder, data, batch, samples: int | None, keep: int | None, batches: int | None = None) -> int:
    """Adds a loader's batches, at most `samples` samples (in whole batches) and the first `keep`. Returns a checksum of the
    targets."""
    checksum = seen = 0
    with same_random(*generators_of(data)), running(data):
        for number, item in enumerate(data, 1):
            if keep is not None and seen >= keep:
                break
            arguments = arguments_of(item, batch)
            seen += recorder._add(**arguments, keep=None if keep is None else keep - seen)
            checksum = zlib.crc32(to_numpy(arguments["y"]).tobytes(), checksum)
            if samples is not None and recorder.samples >= samples or number == batches:
                break
    return checksum


def record(model, path, data, *, batch=None, samples=None, shards=None, layers=None, task="regression", attributes=None,
           exclude=None, pool="mean", dtype=None, compression=None, output=None, batch_first=None, autocast=None,
           allow_nonfinite=False, class_names=None, ignore_label=None) -> int | None:
    """Records a whole loader into one dump.

        collapscope.record(model, "epoch_0010.h5", loader, attributes={"run": "wd1e-3", "step": 10})

    data: yields batches (x, y). batch: a function of what it yields that gives (x, y) or a dict of the arguments of
    Recorder.add. samples: stop after the batch that reaches this number. All else is as of Recorder.
    shards: in distributed training, whether each rank has samples of its own; None: as the loader's sampler says. Each rank
    then records its own into epoch_0010.rank3.h5; otherwise rank 0 records, and the others return None.
    The random number generators, which iterating a loader moves, are put back.
    Returns a checksum of the targets in their order. Raises ValueError as Recorder does, and when data yields nothing.
    """
    if samples is not None and (not is_whole(samples) or samples < 1):
        raise ValueError(f"{path}: samples: found {samples!r}; expected a whole number from 1 on, or None")
    options = dict(layers=layers, task=task, exclude=exclude, pool=pool, dtype=dtype, compression=compression, output=output,
                   batch_first=batch_first, autocast=autocast, allow_nonfinite=allow_nonfinite, class_names=class_names,
                   ignore_label=ignore_label)
    return record_now(model, path, data, batch, samples, shards, attributes, options)


def record_now(model, path, data, batch, samples, shards, attributes, options, quiet=False, told=None) -> int | None:
    """What `record` does. quiet: without warnings about layers, as they were given before. told: what else was warned of, and will be."""
    check_shards(path, shards)
    shard = shard_of(data, shards, str(path))
    if shard is None and world()[0]:
        return None
    if shard is not None and shard.keep == 0:
        with same_random(*generators_of(data)), running(data):
            next(iter(data), None)  # loaders of accelerate wait for those of all ranks when they begin
        return None
    if shard is not None:
        path = with_rank(with_ending(path), shard)
        attributes = {**(attributes or {}), "shard": shard.rank, "shards": shard.ranks}
    with Recorder(model, path, attributes=attributes, **options) as recorder:
        recorder._quiet, recorder._told = quiet, set() if told is None else told
        return add_all(recorder, data, batch, samples, None if shard is None else shard.keep)


def random_sampler(data) -> str | None:
    """The name of a loader's sampler if it shuffles, so that its order differs from call to call."""
    for sampler in samplers(data):
        if "Random" in type(sampler).__name__ or getattr(sampler, "shuffle", False) is True:
            return type(sampler).__name__
    return None


_writers: weakref.WeakValueDictionary = weakref.WeakValueDictionary()  # what attach returned, by the files that it wrote in this process


class Attached:
    """What `attach` returns. `files` are the dumps written so far, in order; `failures` the steps that gave none, and why,
    with on_error="warn"."""

    def __init__(self, model, path, data, at, every, unit, attributes, last, allow_random, on_error, check, shards, batch,
                 samples, options):
        self._model, self._pattern, self._data = model, str(with_ending(path)), data
        self._at, self._every, self._unit, self._last, self._check = at, every, unit, last, check
        self._attributes, self._options, self._allow_random = attributes, options, allow_random
        self._on_error, self._shards, self._batch, self._samples = on_error, shards, batch, samples
        self._step: int | None = None  # the last one seen
        self._checksum: int | None = None
        self._told: set[str] = set()  # what was warned of already
        self.files: list[Path] = []
        self.failures: list[tuple[int, Exception]] = []
        if at is not None:
            if isinstance(at, (str, bytes)) or not hasattr(at, "__iter__"):
                raise self._refuse(f"at: found {at!r:.80}; expected a list of whole numbers")
            self._at = set(at) if all(map(is_whole, at := list(at))) else at
        self._check_options()
        data = self._check_data()
        self._checked = check and self._records(data)
        if self._records(data):
            self._try(data, check)

    def _refuse(self, why: str) -> ValueError:
        return ValueError(f"{self._pattern}: {why}")

    def _check_options(self) -> None:
        for name, value in (("every", self._every), ("samples", self._samples)):
            if value is not None and (not is_whole(value) or value < 1):
                raise self._refuse(f"{name}: found {value!r}; expected a whole number from 1 on, or None")
        if self._at is not None and not all(map(is_whole, self._at)):
            raise self._refuse(f"at: found {sorted(self._at, key=str)}; expected whole numbers")
        if self._at is not None and not self._at and self._every is None and not self._last:
            raise self._refuse("at: found no step, and neither every nor last; expected at least one, as nothing would be recorded")
        if self._on_error not in ("raise", "warn"):
            raise self._refuse(f"on_error: found {self._on_error!r}; expected 'raise' or 'warn'")
        if not isinstance(self._unit, str) or not self._unit:
            raise self._refuse(f"unit: found {self._unit!r}; expected a text, such as 'epoch' or 'step'")
        for name, value in (("last", self._last), ("check", self._check), ("allow_random", self._allow_random)):
            if not isinstance(value, (bool, np.bool_)):
                raise self._refuse(f"{name}: found {value!r}; expected True or False")
        check_shards(self._pattern, self._shards)
        if self._batch is not None and not callable(self._batch):
            raise self._refuse(f"batch: found {self._batch!r}; expected a function of what the loader yields")
        self._name(0, {} if callable(self._attributes) else self._given(0), trial=callable(self._attributes))
        if "step" not in fields(self._pattern) and (self._at is None or len(self._at) > 1):
            raise self._refuse("found no {step} in the name; expected one, as every dump needs its own")

    def _given(self, step: int) -> dict:
        """The caller's attributes of a step."""
        given = self._attributes(step) if callable(self._attributes) else self._attributes
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            raise self._refuse(f"attributes: found {given!r:.80}; expected a dict, or a function of the step that returns one")
        if "step" in given:
            raise self._refuse("attributes: found 'step'; expected it in step(), as every dump has its own")
        return dict(given)

    def _check_data(self):
        """Refuses loaders that cannot give the same samples each time. Returns the loader."""
        if not callable(self._data) and iter_once(self._data):
            raise self._refuse(f"data: found {type(self._data).__name__}, which can be read once; expected a loader, a list or a "
                               "function that returns one")
        data = self._data() if callable(self._data) else self._data
        if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
            raise self._refuse(f"data: found {type(data).__name__}; expected a loader, a list or a function that returns one")
        sampler = None if self._allow_random else random_sampler(data)
        if sampler:
            raise self._refuse(f"data: found a loader with {sampler}, whose order differs from dump to dump; expected a fixed "
                               "order, as of DataLoader(dataset, batch_size=...) or a DistributedSampler without shuffle, or "
                               "allow_random=True")
        return data

    def _records(self, data) -> bool:
        """Whether this rank records at all."""
        return shard_of(data, self._shards, self._pattern) is not None or not world()[0]

    def _try(self, data, check: bool) -> None:
        """Makes a recorder, and with `check` records the first batch and throws it away: what does not fit is said now, not at
        the first step that is due."""
        first = min(self._at, default=1) if self._at else self._every or 1
        attributes = {"step": first, "step_unit": self._unit, **self._given(first)}
        shard = shard_of(data, self._shards, self._pattern)
        path = self._name(first, attributes, trial=True)
        if shard is not None:
            path = with_rank(path, shard)
        recorder = Recorder(self._model, path, attributes=attributes, **self._options)
        recorder._told = self._told
        if not check:
            return
        try:
            add_all(recorder, data, self._batch, self._samples, None, batches=1)
            if not recorder.samples:
                raise self._refuse("data: found no batch; expected at least one")
        finally:
            recorder.abort()

    def _name(self, step: int, attributes: dict, trial: bool = False) -> Path:
        rank, ranks = world()
        values = {"rank": rank, "ranks": ranks, **attributes, "step": step}
        missing = [field for field in fields(self._pattern) if field not in values]
        if missing and not trial:
            raise self._refuse(f"found {{{missing[0]}}} in the name; expected step or one of the attributes "
                               f"{', '.join(attributes) or '(none)'}; for one that comes with step(), attributes= as a function of the step")
        if missing:  # may come with step(): stands in for it here
            values.update((field, 0) for field in missing)
        try:
            return with_ending(self._pattern.format(**values))
        except (ValueError, TypeError) as error:
            if missing:
                return Path(self._pattern).with_name("trial.h5")
            raise self._refuse(f"found a name that cannot be made: {error}; expected a format string, such as "
                               "'dumps/{run}_{step:05d}.h5'") from None

    def due(self, step: int) -> bool:
        """Whether `step` is one of those to be recorded: in `at`, or a multiple of `every`; all, where neither is given."""
        if self._at is None and self._every is None:
            return True
        return (self._at is not None and step in self._at) or (self._every is not None and step % self._every == 0)

    def step(self, step: int | None = None, **attributes) -> Path | None:
        """Call it after each step: records if this one is due. Returns the file, or None.

        step: the epoch or step just finished; without it, calls are counted: 1, 2, ...
        attributes: of this file, beside those given to attach, such as train_loss=0.1.
        In distributed training each rank that has samples of its own records them; call it on all ranks.
        Raises ValueError as Recorder does; with on_error="warn" it warns instead, and training goes on."""
        if step is not None and not is_whole(step, written=float):
            raise self._refuse(f"step: found {step!r:.80}; expected a whole number")
        self._step = (0 if self._step is None else self._step) + 1 if step is None else int(step)
        return self._guarded(self._step, attributes) if self.due(self._step) else None

    def _guarded(self, step: int, extra: dict) -> Path | None:
        if self._on_error == "raise":
            return self._record(step, extra)
        try:
            return self._record(step, extra)
        except Exception as error:  # whatever it is, the training is worth more
            self.failures.append((step, without_frames(error)))
            warnings.warn(f"step {step} is not recorded: {error}", RuntimeWarning, stacklevel=3)
            return None

    def _record(self, step: int, extra: dict) -> Path | None:
        data = self._data() if callable(self._data) else self._data
        if not self._records(data):
            return None
        attributes = {"step": step, "step_unit": self._unit, **self._given(step), **extra}
        path = self._name(step, attributes)
        shard = shard_of(data, self._shards, self._pattern)
        path = path if shard is None else with_rank(path, shard)
        self._tell_of_others(path)
        checksum = record_now(self._model, path, data, self._batch, self._samples, self._shards, attributes, self._options,
                              quiet=self._checked, told=self._told)
        if checksum is None:  # no sample is this rank's own
            return None
        if self._checksum not in (None, checksum) and not self._allow_random:
            warnings.warn(f"{path}: targets: found other values, or another order, than in {self.files[0]}; expected the "
                          "same samples in every dump of a run", stacklevel=4)
        self._checksum = checksum
        self.files.append(path)
        _writers[path.resolve()] = self
        return path

    def _tell_of_others(self, path: Path) -> None:
        """Two recorders with one name, as for two loaders."""
        if _writers.get(path.resolve(), self) is not self and path.exists() and "names" not in self._told:
            self._told.add("names")
            warnings.warn(f"{path}: another recorder of this process wrote this file, and it is replaced; expected a name of its own for each, such "
                          f"as {Path(self._pattern).with_name(f'test_{Path(self._pattern).name}')}", stacklevel=5)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None and self._last and self._step is not None and not self.due(self._step):
            self._guarded(self._step, {})


def is_whole(value, written=numbers.Integral) -> bool:
    """Whether a value is a whole number. written: of which other type it may be."""
    if isinstance(value, (bool, np.bool_, str, bytes)):
        return False
    if isinstance(value, numbers.Integral):
        return True
    return written is float and hasattr(value, "__float__") and float(value).is_integer()


def fields(pattern: str) -> list[str]:
    """The names in a format string."""
    return [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]


def iter_once(data) -> bool:
    return hasattr(data, "__next__")


def attach(model, path, data, *, at=None, every=None, unit="epoch", attributes=None, last=False, allow_random=False,
           on_error="raise", check=True, shards=None, batch=None, samples=None, layers=None, task="regression", exclude=None,
           pool="mean", dtype=None, compression=None, output=None, batch_first=None, autocast=None, allow_nonfinite=False,
           class_names=None, ignore_label=None) -> Attached:
    """Records at chosen steps of a training loop.

        rec = collapscope.attach(model, "dumps/wd1e-3_{step:05d}.h5", data=loader, every=10, attributes={"run": "wd1e-3"})
        for epoch in range(1, 101):
            train_one_epoch()
            rec.step(epoch)

    path: format string with {step}, and any attribute: "{run}_{step:05d}.h5". One that comes with step(), such as {train_loss}, takes
        attributes= as a function, as else nobody knows of it beforehand.
    data: the evaluation loader, in a fixed order; or a function that returns it.
    at, every: the steps, and multiples of a number; both together, or neither for every step.
    unit: what steps are, "epoch" or "step". attributes: a dict, or a function of the step that returns one.
    last: as a context manager (`with attach(...) as rec:`), record the last step at the end, if it was not due.
    allow_random: accept a loader that shuffles.
    on_error: "raise", or "warn": a step that cannot be recorded, as after a NaN, gives a warning, and training goes on.
    check: record the first batch at once and throw it away, so that whatever does not fit is said now.
    shards, batch, samples: as of record. All else is as of Recorder.
    Raises ValueError for a name without {step}, a loader that shuffles, or one that can be read only once, and for what
    Recorder would refuse later.
    """
    options = dict(layers=layers, task=task, exclude=exclude, pool=pool, dtype=dtype, compression=compression, output=output,
                   batch_first=batch_first, autocast=autocast, allow_nonfinite=allow_nonfinite, class_names=class_names,
                   ignore_label=ignore_label)
    return Attached(model, path, data, at, every, unit, attributes, last, allow_random, on_error, check, shards, batch, samples,
                    options)
