"""Numbers as they are stored, and the HDF5 files that hold them.

`Numbers` rounds an array to a stored type and knows both sides: the bits that go into the file and the float64
values that a reader must see. `Checkpoint` and `Layer` are the dump layout in memory.
"""
from __future__ import annotations

from dataclasses import dataclass, field

import h5py
import numpy as np

from storages import STORAGES

BFLOATS = ("bfloat16", "bfloat16_bits")  # an HDF5 float type; uint16 with the attribute dtype = "bfloat16"


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper 16 bits of float32, rounded to nearest, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << 16).view(np.float32).astype(float)


def bfloat16_type(big: bool) -> h5py.h5t.TypeID:
    """A float type with 8 exponent bits (bias 127) and 7 fraction bits."""
    kind = (h5py.h5t.IEEE_F32BE if big else h5py.h5t.IEEE_F32LE).copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


class Numbers:
    """An array in one stored type, byte order and storage.

    values: what a reader sees (float64). `kind` is a numpy type name or one of BFLOATS; `storage` a key of STORAGES.
    """

    def __init__(self, values, kind: str = "float32", big: bool = False, storage: str = "contiguous"):
        values = np.asarray(values)
        self.kind, self.storage = kind, storage
        if kind in BFLOATS:
            bits = to_bfloat16(values)
            self.values = from_bfloat16(bits)
            self.raw = bits.astype(">u2" if big else "<u2")
            self.type = bfloat16_type(big) if kind == "bfloat16" else h5py.h5t.py_create(self.raw.dtype)
        else:
            if np.dtype(kind).kind in "iu":
                values = np.rint(values)
                if values.min() < np.iinfo(kind).min or values.max() > np.iinfo(kind).max:
                    raise ValueError(f"{kind} cannot hold these numbers")
            self.raw = np.ascontiguousarray(values.astype(np.dtype(kind).newbyteorder(">" if big else "<")))
            self.values = self.raw.astype(float)
            self.type = h5py.h5t.py_create(self.raw.dtype)
        if not np.isfinite(self.values).all():
            raise ValueError(f"{kind} cannot hold these numbers")

    @property
    def stored_type(self) -> str:
        """Kind and byte order."""
        return self.kind if self.raw.itemsize == 1 else f"{self.kind} {'>' if self.raw.dtype.str[0] == '>' else '<'}"

    def stored(self, storage: str) -> "Numbers":
        """The same numbers in another storage."""
        other = object.__new__(Numbers)
        other.__dict__.update(self.__dict__, storage=storage)
        return other

    def rows(self, begin: int, end: int) -> "Numbers":
        """Samples [begin, end)."""
        other = self.stored(self.storage)
        other.raw, other.values = np.ascontiguousarray(self.raw[begin:end]), self.values[begin:end]
        return other

    def write(self, group: h5py.Group, name: str) -> None:
        STORAGES[self.storage](group, name, self.raw, self.type)
        if self.kind == "bfloat16_bits":
            group[name].attrs["dtype"] = "bfloat16"


@dataclass
class Layer:
    """One layer: `attrs` are those of its group (index, kind, layout, pool)."""

    name: str
    activations: Numbers
    weight: Numbers | None = None
    bias: Numbers | None = None
    attrs: dict = field(default_factory=dict)

    def write(self, group: h5py.Group) -> None:
        for part in ("activations", "weight", "bias"):
            numbers = getattr(self, part)
            if numbers is not None:
                numbers.write(group, part)
        group.attrs.update(self.attrs)


@dataclass
class Checkpoint:
    """What one root (or /checkpoints/<id>) group holds."""

    targets: Numbers
    layers: list[Layer]
    predictions: Numbers | None = None
    attrs: dict = field(default_factory=dict)

    def write(self, group: h5py.Group) -> None:
        self.targets.write(group, "targets")
        if self.predictions is not None:
            self.predictions.write(group, "predictions")
        for layer in self.layers:
            layer.write(group.require_group(f"layers/{layer.name}"))
        group.attrs.update(self.attrs)

    def rows(self, begin: int, end: int) -> "Checkpoint":
        """Samples [begin, end) of everything: a shard."""
        def part(numbers):
            return None if numbers is None else numbers.rows(begin, end)
        layers = [Layer(x.name, part(x.activations), x.weight, x.bias, x.attrs) for x in self.layers]
        return Checkpoint(part(self.targets), layers, part(self.predictions), self.attrs)


def mark(file: h5py.File) -> None:
    """The attributes that say what the file is."""
    file.attrs["format"] = "collapscope-dump"
    file.attrs["format_version"] = 1
