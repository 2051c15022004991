"""Writes a dump (docs/format.md): datasets that grow by rows, and a file that is complete or not there."""
from __future__ import annotations

import contextlib
import math
import os
import secrets
import warnings
from collections.abc import Mapping
from pathlib import Path

from .errors import optional

optional("h5py", "writing dumps", "record")
import h5py
import numpy as np

from ._output import Output, cannot_be_written

CHUNK_BYTES = 1 << 20  # also HDF5's chunk cache: larger chunks would pass it by
TASKS = ("regression", "classification")
ENDINGS = (".h5", ".hdf5", ".hdf", ".he5")  # of HDF5 files
LONGEST_TEXT = 1 << 16  # bytes of an attribute, as the program reads them
LONGEST_NAME = 4096  # bytes of the name of a class, as the program reads them


def with_ending(path) -> Path:
    """The path with .h5, unless its name ends as HDF5 files do: `wd0.001` and `run.v2` have no ending."""
    path = Path(path)
    return path if path.suffix.lower() in ENDINGS else path.with_name(f"{path.name}.h5")


def is_bfloat16(values: np.ndarray) -> bool:
    return values.dtype.kind == "V" and values.dtype.itemsize == 2


def as_bfloat16(bits: np.ndarray) -> np.ndarray:
    """uint16 bit patterns, marked as bfloat16: numpy's 2-byte void, as ml_dtypes saves it, too."""
    return np.ascontiguousarray(bits).view("V2")


def type_name(values: np.ndarray) -> str:
    return "bfloat16" if is_bfloat16(values) else str(values.dtype)


def stored(values: np.ndarray, dtype: str | None) -> np.ndarray:
    """Numbers in the type they are stored in."""
    if values.dtype == bool:
        return values.astype(np.uint8)
    if dtype is None or values.dtype.kind in "iu":
        return values
    if is_bfloat16(values):
        if dtype == "bfloat16":
            return values
        values = (np.ascontiguousarray(values).view("<u2").astype(np.uint32) << 16).view(np.float32)
    if dtype == "bfloat16":
        return to_bfloat16(values)
    with np.errstate(over="ignore"):  # the writer names the sample
        return values.astype(dtype)


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Rounded to nearest, ties to even; NaN stays NaN."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
    return as_bfloat16(np.where(np.isnan(values), np.uint16(0x7FC0), rounded))


def shape_text(row: tuple) -> str:
    """The shape of N rows of the given shape."""
    return f"[{', '.join(map(str, ('N', *row)))}]"


def first_bad_row(values: np.ndarray) -> int | None:
    """The first row [0, N) with a NaN or Inf, if any."""
    if is_bfloat16(values):
        good = (np.ascontiguousarray(values).view("<u2") & 0x7F80) != 0x7F80
    elif values.dtype.kind == "f":
        good = np.isfinite(values)
    else:
        return None
    if good.all():
        return None
    return int(np.argmin(good.reshape(len(good), -1).all(axis=1)))


def require_numbers(place: str, values: np.ndarray) -> None:
    if values.dtype.kind not in "fiu" and not is_bfloat16(values) or values.dtype.itemsize > 8:
        raise ValueError(f"{place}: found numbers of type {values.dtype}; expected float16, bfloat16, float32, float64 or integers")


class Rows:
    """A dataset that grows along its first axis, written in whole chunks of rows of about 1 MiB."""

    def __init__(self, group: h5py.Group, name: str, like: np.ndarray, compression: str | None):
        self.group, self.name, self.dtype, self.shape = group, name, like.dtype, like.shape[1:]
        self.bfloat16, self.type_name = is_bfloat16(like), type_name(like)
        self.stored = np.dtype("<u2") if self.bfloat16 else like.dtype
        self.filters = {"compression": compression, "shuffle": True} if compression else {}
        self.chunk_rows = max(1, CHUNK_BYTES // max(1, self.stored.itemsize * int(np.prod(self.shape, dtype=np.int64))))
        self.dataset: h5py.Dataset | None = None
        self.pending: list[np.ndarray] = []
        self.pending_rows = 0
        self.count = 0

    def append(self, rows: np.ndarray) -> None:
        rows = np.ascontiguousarray(rows)
        self.pending.append(rows.view("<u2") if self.bfloat16 else rows)
        self.pending_rows += len(rows)
        self.count += len(rows)
        if self.pending_rows >= self.chunk_rows:
            self._write(self.pending_rows // self.chunk_rows * self.chunk_rows)

    def _write(self, rows: int) -> None:
        """Moves the first `rows` pending rows to the file."""
        block = self.pending[0] if len(self.pending) == 1 else np.concatenate(self.pending)
        if self.dataset is None:
            self.dataset = self.group.create_dataset(
                self.name, (0, *self.shape), self.stored, maxshape=(None, *self.shape),
                chunks=(self.chunk_rows, *self.shape), **self.filters)
        begin = self.dataset.shape[0]
        self.dataset.resize(begin + rows, axis=0)
        self.dataset[begin:] = block[:rows]
        rest = block[rows:].copy()  # a copy, so that the block can go
        self.pending, self.pending_rows = ([rest] if len(rest) else []), len(rest)

    def finish(self) -> None:
        if self.dataset is not None and self.pending_rows:
            self._write(self.pending_rows)
        elif self.dataset is None:  # less than a chunk: no chunk's worth of disk for it
            rows = np.concatenate(self.pending) if self.pending else np.empty((0, *self.shape), self.stored)
            self.dataset = self.group.create_dataset(self.name, data=rows, **(self.filters if rows.size else {}))
        if self.bfloat16:
            self.dataset.attrs["dtype"] = "bfloat16"


class CheckedRows:
    """What is known of the datasets so far, and whether more rows fit. `rows`: by name, with shape (of a row), dtype, type_name and
    count."""

    def __init__(self, path, allow_nonfinite: bool):
        self.path, self.allow_nonfinite = path, allow_nonfinite
        self.rows: dict = {}

    def _place(self, name: str) -> str:
        return f"{self.path}: {name}"

    def check(self, name: str, values: np.ndarray) -> None:
        """Raises ValueError unless `values` can be appended to the dataset `name`."""
        require_numbers(self._place(name), values)
        if values.ndim == 0 or 0 in values.shape[1:]:
            raise ValueError(f"{self._place(name)}: found shape {list(values.shape)}; expected [N, ...] with no empty axis")
        known = self.rows.get(name)
        if known and (values.shape[1:], values.dtype) != (known.shape, known.dtype):
            raise ValueError(f"{self._place(name)}: found {type_name(values)} {shape_text(values.shape[1:])} from sample "
                             f"{known.count} on; expected {known.type_name} {shape_text(known.shape)}, as before")
        if not self.allow_nonfinite:
            self.refuse_bad_row(name, first_bad_row(values), type_name(values))

    def refuse_bad_row(self, name: str, bad: int | None, type_name: str) -> None:
        """bad: the first row of a batch that has a NaN or Inf, if any."""
        if bad is not None:
            first = self.rows[name].count if name in self.rows else 0
            raise ValueError(f"{self._place(name)}: sample {first + bad} has a NaN or Inf (as {type_name}); expected finite numbers, or "
                             "allow_nonfinite=True")


class DumpWriter(CheckedRows):
    """One dump, under a temporary name in its own folder until `close`.

    path: the final name; an existing file is replaced by `close`, its folder is made if missing.
    attributes: of the root, scalars; None values are left out. compression: None or "gzip".
    allow_nonfinite: keep NaN and Inf, which the program refuses later.
    Raises ValueError for what the format cannot hold, OSError from the file system.
    """

    def __init__(self, path, task: str = "regression", attributes: dict | None = None, compression: str | None = None,
                 allow_nonfinite: bool = False):
        super().__init__(Path(path), allow_nonfinite)
        attributes = check_options(self.path, task, attributes, compression)
        for name, value in attributes.items():
            length = len(value.encode("utf-8", "replace")) if isinstance(value, str) else 0
            if length > LONGEST_TEXT:
                raise ValueError(f"{self.path}: attribute {name!r}: found a text of {length} bytes; expected at most {LONGEST_TEXT}, which the "
                                 "program reads")
        self.compression = compression
        # No .h5 at its end and hidden: neither globs nor folders given to the program find it.
        self.temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
        self.process = os.getpid()
        self.file: h5py.File | None = None
        self.named, self.largest = 0, -1  # how many classes have names; of the integer targets
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.output = Output(self.temporary, self.path)
        except OSError as error:
            raise cannot_be_written(self.path, error) from None
        try:
            self.file = h5py.File(self.output, "w")
            self.file.attrs.update(attributes)
        except BaseException:
            self.abort()
            raise

    def append(self, name: str, values: np.ndarray) -> None:
        """Adds rows [N, ...], already checked, to the dataset `name`, which the first rows make."""
        if name not in self.rows:
            self.rows[name] = Rows(self.file, name, values, self.compression)
        if name == "targets" and values.dtype.kind in "iu" and values.size:
            self.largest = max(self.largest, int(values.max()))
        self.rows[name].append(values)
        self.output.check()

    def append_all(self, arrays: dict[str, np.ndarray]) -> None:
        """The rows of one batch."""
        for name, values in arrays.items():
            self.append(name, values)

    def array(self, name: str, values: np.ndarray) -> None:
        """Writes a whole dataset, a weight or a bias. Raises ValueError as `check` does."""
        bad = None if self.allow_nonfinite else first_bad_row(values)
        if bad is not None:
            raise ValueError(f"{self._place(name)}: row {bad} has a NaN or Inf; expected finite numbers, "
                             "or allow_nonfinite=True")
        bits = is_bfloat16(values)
        self.file[name] = np.ascontiguousarray(values).view("<u2") if bits else values
        if bits:
            self.file[name].attrs["dtype"] = "bfloat16"

    def names(self, values: list[str]) -> None:
        """Writes the names of the classes."""
        self.file["class_names"] = values
        self.named = len(values)

    def group(self, name: str, **attributes) -> None:
        """Sets attributes of a group, which is made if missing; None values are left out."""
        group = self.file.require_group(name)
        group.attrs.update({key: value for key, value in attributes.items() if value is not None})

    def close(self) -> None:
        """Completes the file and gives it its name. After an error nothing is left."""
        try:
            self._require_same_samples()
            for rows in self.rows.values():
                rows.finish()
            self.file.attrs["complete"] = True
            self.file.close()
            self.file = None
            self.output.sync()
            self.output.check()
            self.output.close()
            os.replace(self.temporary, self.path)
            sync_folder(self.path.parent)
        except BaseException:
            self.abort()
            raise
        if 0 < self.named <= self.largest:
            warnings.warn(f"{self.path}: class_names: found {self.named} for labels up to {self.largest}: the others have none", stacklevel=3)

    def _require_same_samples(self) -> None:
        if "targets" not in self.rows or not self.rows["targets"].count:
            raise ValueError(f"{self.path}: found no samples; expected at least one")
        expected = self.rows["targets"].count
        for name, rows in self.rows.items():
            if rows.count != expected:
                raise ValueError(f"{self._place(name)}: found {rows.count} samples; expected {expected}, as the targets have")

    def is_open(self) -> bool:
        """Whether it still waits for `close` or `abort`, in the process that made it."""
        return self.file is not None and os.getpid() == self.process

    def abort(self) -> None:
        """Removes what was written; the final name is not touched. Nothing to do after `close`."""
        if os.getpid() != self.process:  # a fork of it ends
            return
        if self.file is not None:
            with contextlib.suppress(Exception):
                self.file.close()
            self.file = None
        self.output.close()
        with contextlib.suppress(OSError):
            self.temporary.unlink()


def check_options(path, task: str, attributes: dict | None, compression: str | None) -> dict:
    """The attributes of a dump's root. Raises ValueError for what cannot be stored."""
    if compression not in (None, "gzip"):
        raise ValueError(f"{path}: compression: found {compression!r}; expected None or 'gzip'")
    if task not in TASKS:
        raise ValueError(f"{path}: task: found {task!r}; expected one of {', '.join(map(repr, TASKS))}")
    result = {"format": "collapscope-dump", "format_version": 1, "complete": False, "task": task}
    if not isinstance(attributes or {}, Mapping):
        raise ValueError(f"{path}: attributes: found {attributes!r:.80}; expected a dict of names, with strings and numbers")
    for name, value in (attributes or {}).items():
        if not isinstance(name, str) or not name or "\0" in name:
            raise ValueError(f"{path}: attributes: found the name {name!r:.80}; expected a text")
        if name in result:
            raise ValueError(f"{path}: attribute {name!r} is set by the format; expected another name")
        if isinstance(value, np.generic) or getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # a loss is a tensor
            value = value.item()
        if value is None:
            continue
        if not isinstance(value, (str, bool, int, float)):
            raise ValueError(f"{path}: attribute {name!r}: found {type(value).__name__}; expected a string or a number")
        if isinstance(value, int) and not -2**63 <= value < 2**64:
            raise ValueError(f"{path}: attribute {name!r}: found {value}; expected an integer of 64 bits, or a float")
        if name == "step" and (isinstance(value, (str, bool)) or not math.isfinite(value)):
            raise ValueError(f"{path}: attribute 'step': found {value!r:.80}; expected a finite number")
        result[name] = value
    return result


def check_class_names(path, task: str, names) -> list[str] | None:
    """The names of the classes, row = label, as a list. Raises ValueError for what cannot be stored."""
    if names is None:
        return None
    if task != "classification":
        raise ValueError(f"{path}: class_names: found some for task {task!r}; expected task='classification'")
    if isinstance(names, (str, bytes)):
        raise ValueError(f"{path}: class_names: found the text {names!r:.80}; expected a list of texts, one for each label from 0 on")
    names = [str(name) if isinstance(name, str) else name for name in names]  # also of NumPy's
    for label, name in enumerate(names):
        if not isinstance(name, str) or "\0" in name or len(name.encode("utf-8", "replace")) > LONGEST_NAME:
            raise ValueError(f"{path}: class_names: found {name!r:.80} for label {label}; expected texts of at most {LONGEST_NAME} bytes")
    if not names:
        raise ValueError(f"{path}: class_names: found none; expected one for each label from 0 on")
    return names


def is_one_hot(rows: np.ndarray) -> bool:
    """Whether rows [N, K] have a single 1 among zeros."""
    numbers = np.ascontiguousarray(rows).view("<u2") / 0x3F80 if is_bfloat16(rows) else rows
    return rows.shape[1] > 1 and bool(((numbers == 0) | (numbers == 1)).all() and (np.count_nonzero(numbers, axis=1) == 1).all())


def check_targets(path, task: str, targets: np.ndarray) -> None:
    """Raises ValueError unless the shape, [N] or [N, n], and the type fit the task."""
    regression = task == "regression"
    axes = (1, 2) if regression else (1,)
    if targets.ndim not in axes or not (regression or targets.dtype.kind in "iub"):
        matrix = not regression and targets.ndim == 2
        hint = (" (of labels [N, 1]: y[:, 0])" if matrix and targets.shape[1] == 1
                else " (of one-hot rows: y.argmax(1))" if matrix and is_one_hot(targets) else "")
        raise ValueError(f"{path}: targets: found {type_name(targets)} of shape {list(targets.shape)}; expected "
                         f"{'[N] or [N, n]' if regression else 'integers [N]'}{hint}")


def look_like_labels(targets: np.ndarray) -> bool:
    return targets.ndim == 1 and targets.dtype.kind in "iub"


def check_predictions(path, task: str, found: tuple, targets: tuple, labels: bool, without: str) -> None:
    """Raises ValueError unless predictions of shape `found` are beside targets of shape `targets`. labels: these look like some.
    without: how one does without predictions."""
    if task == "regression":
        fits = 1 <= len(found) <= 2 and found[0] == targets[0] and (found[1:] or (1,)) == (targets[1:] or (1,))
        expected = f"{list(targets)} beside targets of shape {list(targets)}"
        hint = "; task='classification' takes integers as labels of classes" if labels else ""
        if len(found) == 3 and found[:2] == targets and found[2] > 1:
            hint += "; a label for each position takes task='classification', pool='none'"
    else:
        fits = len(found) == 2 and found[0] == targets[0]
        expected, hint = f"logits of shape [{targets[0]}, K], one column for each class", f"; {without} records none"
    if not fits:
        raise ValueError(f"{path}: predictions: found shape {list(found)}; expected {expected}{hint}")


def sync_folder(path: Path) -> None:
    """Puts the names in a folder on the disk, where that can be done."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
