"""What NRC3 needs of dumps: the targets and the last layer's weight of each checkpoint."""
import os
from typing import NamedTuple

import numpy as np

from ..errors import FigureError
from ..text import printable
from .groups import natural


class Measured(NamedTuple):
    """A checkpoint, or one shard of it. where: for messages. named: its attribute `run`; "": it has none. shard: (number, of how many). targets [N, n], weight [n, d]: float64."""
    where: str
    run: str
    named: str
    step: str
    shard: tuple
    targets: np.ndarray
    weight: np.ndarray


def read(dumps, layer=None):
    """A Measured for each checkpoint of the dumps, paths or (path, id); shards joined. Raises FigureError, also where some are missing."""
    found = {}
    for one in dumps:
        for measured in _read(*(one if isinstance(one, tuple) else (one, None)), layer):
            shards = measured.shard[1]
            # Shards of a checkpoint have one weight; their names may be of their own.
            key = (measured.named, measured.step, shards, measured.weight.tobytes()) if shards > 1 else len(found)
            found.setdefault(key, []).append(measured)
    return [_joined(parts) for parts in found.values()]


def _joined(parts):
    number, shards = parts[0].shard
    if shards == 1:
        return parts[0]
    if sorted(part.shard[0] for part in parts) != list(range(shards)):
        raise FigureError(f"{parts[0].where}: shard {number} of {shards}, and NRC3 is of the targets of all: found {len(parts)}, expected each once; "
                          "give the dumps of all shards")
    return parts[0]._replace(targets=np.concatenate([part.targets for part in parts]))


def _read(path, key, layer):
    import h5py

    where = printable(os.fspath(path))
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise FigureError(f"{where}: cannot be read as HDF5: {printable(error)}")
    with file:
        groups = list(file["checkpoints"].values()) if "checkpoints" in file and "layers" not in file else [file]
        if key:
            groups = [group for group in groups if group.name == f"/checkpoints/{key}"]
            if not groups:
                raise FigureError(f"{where}: no checkpoint {printable(key)}, which the results have; was the file changed?")
        for group in groups:
            if _text(group.attrs.get("task", file.attrs.get("task", ""))) == "classification":
                raise FigureError(f"{where}: a classifier, which has no NRC3; neural_collapse shows its NC1-4")
        return [_checkpoint(group, layer, where) for group in groups]


def _checkpoint(group, layer, path):
    import h5py

    where = path if group.name == "/" else f"{path}: {group.name}"
    if not isinstance(group.get("targets"), h5py.Dataset):
        raise FigureError(f"{where}: no dataset targets")
    targets = _float64(group["targets"])
    targets = targets.reshape(len(targets), -1)
    file = os.path.basename(path)
    named = _text(group.attrs.get("run", ""))
    run = named or (file if group.name == "/" else f"{file}:{group.name.rsplit('/', 1)[1]}")
    step = f", {_text(group.attrs.get('step_unit', 'step'))} {_number(group.attrs['step'])}" if "step" in group.attrs else ""
    shard = tuple(int(group.attrs.get(name, default)) for name, default in (("shard", 0), ("shards", 1)))
    return Measured(where, run, named, step, shard, targets, _weight(group, layer, targets.shape[1], where))


def _weight(group, layer, n, where):
    """Weight [n, d] of the layer asked for, or of the last layer that has such a weight."""
    import h5py

    found = []
    if isinstance(group.get("layers"), h5py.Group):
        group["layers"].visititems(lambda name, item: found.append((name[:-7], item)) if name.endswith("/weight")
                                   and isinstance(item, h5py.Dataset) else None)
    if layer is not None:
        found = [(name, item) for name, item in found if name == layer]
        if not found:
            raise FigureError(f"{where}: no weight at layer {printable(layer)}")
    found = [(name, item) for name, item in found if item.ndim == 2 and item.shape[0] == n]
    if not found:
        raise FigureError(f"{where}: no weight [{n}, d], as NRC3 of targets with {n} components needs")
    last = max(range(len(found)), key=lambda i: (found[i][1].parent.attrs.get("index", -1), natural(found[i][0])))
    return _float64(found[last][1])


def _float64(dataset):
    values = dataset[()]
    if values.dtype == np.uint16 and _text(dataset.attrs.get("dtype", "")) == "bfloat16":
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float64)


def _number(value):
    return f"{value:g}" if np.ndim(value) == 0 and np.issubdtype(type(value), np.number) else _text(value)


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
