"""Reads safetensors files without the library: 8 bytes of header length, a JSON header, then the numbers.

Source: the format's description, https://huggingface.co/docs/safetensors. The header is checked in full before any number
is read: every tensor lies inside the file, is as long as its shape says, and none overlap.
"""
from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np

from ._dump import as_bfloat16

MAX_HEADER = 100_000_000  # bytes; the library's own limit
MAX_AXES = 32
# Little endian. BF16 is read as bits; types that are not here (the 8-bit floats) are refused when asked for.
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
         "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "u1"}


def unique(pairs: list) -> dict:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name stands twice in the header")
    return result


def whole(value, low: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


class SafeTensors:
    """The tensors of a file by name; each is mapped, not read, when asked for.

    Raises ValueError for a file that is no sound safetensors file, with what was found and expected."""

    def __init__(self, path):
        self.path = Path(path)
        size = os.stat(self.path).st_size
        with open(self.path, "rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if len(start) < 8 or length < 2 or length > min(MAX_HEADER, size - 8):
                raise self._refuse(f"found a header of {length} bytes in a file of {size}; expected 2 to "
                                   f"{max(2, min(MAX_HEADER, size - 8))}")
            text = file.read(length)
        if text[:1] != b"{":
            raise self._refuse(f"found a header that begins with {text[:1]!r}; expected b'{{'")
        try:
            header = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
        except (ValueError, RecursionError) as error:
            raise self._refuse(f"found a header that is not JSON: {error}") from None
        header.pop("__metadata__", None)
        self.begin, self.bytes = 8 + length, size - 8 - length
        self.tensors = {name: self._entry(name, entry) for name, entry in header.items()}
        self._require_order()

    def _refuse(self, why: str) -> ValueError:
        return ValueError(f"{self.path}: {why}")

    def _entry(self, name: str, entry) -> tuple[str, tuple, int, int]:
        """(type, shape, first byte, end) of a tensor."""
        if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
            raise self._refuse(f"{name!r}: found {str(entry)[:80]}; expected dtype, shape and data_offsets")
        kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(kind, str) or not isinstance(shape, list) or len(shape) > MAX_AXES or not all(map(whole, shape)):
            raise self._refuse(f"{name!r}: found type {str(kind)[:40]!r} and shape {str(shape)[:80]}; expected a type and "
                               f"at most {MAX_AXES} lengths")
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(whole, offsets)) or offsets[0] > offsets[1] \
                or offsets[1] > self.bytes:
            raise self._refuse(f"{name!r}: found bytes {str(offsets)[:80]}; expected a range in 0 to {self.bytes}")
        if kind in TYPES and offsets[1] - offsets[0] != math.prod(shape) * np.dtype(TYPES[kind]).itemsize:
            raise self._refuse(f"{name!r}: found {offsets[1] - offsets[0]} bytes; expected "
                               f"{math.prod(shape) * np.dtype(TYPES[kind]).itemsize} for {kind} {shape}")
        return kind, tuple(shape), *offsets

    def _require_order(self) -> None:
        end = 0
        for name, (_, _, first, last) in sorted(self.tensors.items(), key=lambda item: item[1][2:]):
            if first != end:
                raise self._refuse(f"{name!r}: found its first byte at {first}; expected {end}, where the tensor before "
                                   "it ends")
            end = last
        if end != self.bytes:
            raise self._refuse(f"found {self.bytes} bytes of numbers; expected {end}, where the last tensor ends")

    def __iter__(self):
        return iter(self.tensors)

    def __getitem__(self, name: str) -> np.ndarray:
        kind, shape, first, last = self.tensors[name]
        if kind not in TYPES:
            raise self._refuse(f"{name!r}: found numbers of type {kind!r}; expected one of {', '.join(TYPES)}")
        if first == last:
            values = np.empty(shape, TYPES[kind])
        else:
            values = np.memmap(self.path, TYPES[kind], "r", self.begin + first, shape or (1,)).reshape(shape)
        return as_bfloat16(values) if kind == "BF16" and shape else values
