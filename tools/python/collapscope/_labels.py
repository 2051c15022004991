"""Labels of classes as the compiled part of the package takes them: from integers, whole floats or one-hot rows."""
from __future__ import annotations

import numpy as np

from ._arrays import float64, is_bits, is_torch, on_cpu
from .errors import AccumulatorError

LEFT_OUT = -1.0  # of a row with the ignored label


def labels_of(array, classes: int, ignored: int | None) -> np.ndarray:
    """[rows, 1] in float64, LEFT_OUT where they are ignored. Raises AccumulatorError for what is no label."""
    found = on_cpu(array, "labels")
    if found.ndim == 2 and found.shape[1] == classes > 1:
        labels = _of_one_hot(float64(found, "labels", classes))
    elif found.ndim == 1 or found.ndim == 2 and found.shape[1] == 1:
        labels = _whole_numbers(found)
    else:
        raise AccumulatorError(f"labels: found shape {list(found.shape)}; expected [rows], one label for each row of the features, or "
                               f"one-hot rows [rows, {classes}]")
    left_out = np.zeros(len(labels), bool) if ignored is None else labels == ignored
    bad = np.flatnonzero(((labels < 0) | (labels >= classes)) & ~left_out)
    if bad.size:
        raise AccumulatorError(f"labels: found {int(labels[bad[0]])} in row {bad[0]} of the batch; expected 0 to {classes - 1}, as there are "
                               f"{classes} classes (classes=)" + (f", or the ignored label {ignored}" if ignored is not None else
                                                                  "; ignore_label= leaves rows with one label out"))
    return np.where(left_out, LEFT_OUT, labels).reshape(-1, 1)


def _whole_numbers(array) -> np.ndarray:
    """As integers of 64 bits. Raises AccumulatorError for what does not fit these."""
    if is_torch(array) and not array.dtype.is_floating_point and not array.dtype.is_complex:
        values = array.numpy()
    elif is_torch(array) or is_bits(array):
        values = float64(array, "labels", 1)
    else:
        values = array if isinstance(array, np.ndarray) else np.asarray(array)
    values = values.reshape(-1)
    if values.dtype.kind in "bi":
        return values.astype(np.int64)
    if values.dtype.kind == "u":
        beyond = np.flatnonzero(values > np.uint64(np.iinfo(np.int64).max))
        if beyond.size:
            raise AccumulatorError(f"labels: found {int(values[beyond[0]])} in row {beyond[0]} of the batch; expected labels below 2^63")
        return values.astype(np.int64)
    if values.dtype.kind != "f":
        raise AccumulatorError(f"labels: found numbers of type {values.dtype}; expected integers")
    values = values.astype(np.float64)  # 2^63 is no float16
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(~(np.abs(values) < 2.0**63) | (values != np.floor(values)))
    if bad.size:
        raise AccumulatorError(f"labels: found {float(values[bad[0]])!r} in row {bad[0]} of the batch; expected whole numbers as class labels")
    return values.astype(np.int64)


def _of_one_hot(rows: np.ndarray) -> np.ndarray:
    bad = np.flatnonzero(((rows != 0) & (rows != 1)).any(1) | (np.count_nonzero(rows, axis=1) != 1))
    if bad.size:
        row = rows[bad[0]]
        wrong = row[(row != 0) & (row != 1)]
        what = f"{float(wrong[0])!r}" if wrong.size else f"{int(row.sum())} ones"
        raise AccumulatorError(f"labels: found {what} in row {bad[0]} of the batch; expected one-hot rows, a single 1 among zeros, or labels of "
                               "shape [rows]")
    return rows.argmax(1)
