"""Whether a second look has the rows of the first one: sums that depend on their order.

Every row is reduced to the scalar product of its numbers with fixed signs, and these go into eight sums, each with signs of its own for
the rows. Sums of other rows, or of the same in another order, differ by about as much as the rows are long together. The same rows once
more differ by rounding only.
"""
from __future__ import annotations

import math
import sys

import numpy as np

from ._arrays import gpu_of, is_bits, is_torch
from .errors import AccumulatorError

SUMS = 8
# Of the length of all rows together. Between two passes a model's kernels may round differently, in a type as short as TF32, or bfloat16.
TOLERANCE, OF_SHORT_TYPES = 2e-3, 0.05
OF_TARGETS = 1e-5
_SHORT = ("float16", "bfloat16", "half")


def _hashed(index):
    """Whole numbers of 64 bits that look random, of NumPy or PyTorch: both wrap around, and shift the sign in."""
    index = (index + 1) * 0x9E3779B97F4A7C1
    index = (index ^ (index >> 29)) * 0x3F58476D1CE4E5B9
    index = (index ^ (index >> 32)) * 0x14D049BB133111EB
    return index ^ (index >> 31)


def _row_signs(first: int, rows: int, device):
    """[rows, SUMS] of +-1 for rows from `first` on."""
    if device is None:
        bits = _hashed(np.arange(first, first + rows, dtype=np.int64))[:, None] >> (5 * np.arange(SUMS) + 7)
        return (1 - 2 * (bits & 1)).astype(np.float64)
    torch = sys.modules["torch"]
    index = _hashed(torch.arange(first, first + rows, dtype=torch.int64, device=device))
    bits = index[:, None] >> (5 * torch.arange(SUMS, device=device) + 7)
    return (1 - 2 * (bits & 1)).double()


def _column_signs(columns: int) -> np.ndarray:
    return (1 - 2 * (_hashed(np.arange(columns, dtype=np.int64)) >> 40 & 1)).astype(np.float64)


class Sums:
    """Of rows of several names: what `differs` compares."""

    def __init__(self):
        self.rows = 0
        self._signed: dict = {}  # by device and names: for each name the SUMS sums, and the sum of squares; on that device
        self._short: set = set()
        self._signs: dict = {}  # of columns, by number, type and device

    def add(self, batch: dict) -> None:
        """batch: {name: [rows, d]}, of NumPy or PyTorch; others are left out where they are on a GPU."""
        count = len(next(iter(batch.values())))
        groups: dict = {}  # what is multiplied together: few calls of PyTorch, each of which takes its time
        for name, rows in batch.items():
            rows = self._usable(name, rows)
            if rows is not None:
                groups.setdefault((rows.device if is_torch(rows) else None, rows.dtype), {})[name] = rows
        signs: dict = {}
        for (device, _), group in groups.items():
            if device not in signs:
                signs[device] = _row_signs(self.rows, count, device)
            found = self._of_arrays(group, signs[None]) if device is None else self._of_tensors(group, signs[device], device)
            key = device, tuple(group)
            self._signed[key] = self._signed[key] + found if key in self._signed else found
        self.rows += count

    def _of_arrays(self, group: dict, signs):
        with np.errstate(over="ignore", invalid="ignore"):
            return np.stack([np.append((rows @ self._columns(rows, None)).astype(np.float64) @ signs, float(np.linalg.norm(rows)) ** 2)
                             for rows in group.values()])

    def _of_tensors(self, group: dict, signs, device):
        torch = sys.modules["torch"]
        with torch.no_grad():
            products = torch.stack([torch.mv(rows, self._columns(rows, device)) for rows in group.values()])
            lengths = torch.stack([torch.linalg.vector_norm(rows) for rows in group.values()])
            return torch.cat([products.double() @ signs, lengths.double().square()[:, None]], 1)

    def _usable(self, name: str, rows):
        """As floats that can be multiplied: float32 of shorter types."""
        if gpu_of(rows) is not None and not is_torch(rows):
            return None
        if is_torch(rows):
            torch = sys.modules["torch"]
            if rows.dtype in (torch.float16, torch.bfloat16):
                self._short.add(name)
                return rows.float()
            return rows if rows.dtype in (torch.float32, torch.float64) else rows.double()
        if not isinstance(rows, np.ndarray):
            rows = np.asarray(rows)
        if is_bits(rows):
            self._short.add(name)
            return (rows.view("<u2").astype("<u4") << 16).view("<f4")
        if rows.dtype == np.float16:
            self._short.add(name)
            return rows.astype(np.float32)
        return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)

    def _columns(self, rows, device):
        key = (rows.shape[1], rows.dtype, device)
        if key not in self._signs:
            signs = _column_signs(rows.shape[1])
            self._signs[key] = signs.astype(rows.dtype) if device is None else sys.modules["torch"].as_tensor(signs, dtype=rows.dtype, device=device)
        return self._signs[key]

    def numbers(self) -> dict:
        """{name: the sums and the sum of squares}, on the CPU."""
        found: dict = {}
        for (_, names), sums in self._signed.items():
            for name, row in zip(names, sums.cpu().numpy() if is_torch(sums) else sums):
                found[name] = found[name] + row if name in found else row
        return found

    def copy(self) -> Sums:
        """On the CPU, for another process."""
        found = Sums()
        found.rows, found._short = self.rows, set(self._short)
        found._signed = {(None, (name,)): row[None] for name, row in self.numbers().items()}
        return found

    def differs(self, other: Sums, targets: str) -> str | None:
        """A name whose rows are others in `other`. targets: the name that no model has computed."""
        here, there = self.numbers(), other.numbers()
        for name in sorted(here, key=lambda name: name != targets):  # ignored labels decide which rows count
            if name not in there:
                continue
            tolerance = OF_SHORT_TYPES if name in self._short else OF_TARGETS if name == targets else TOLERANCE
            if np.isfinite(here[name]).all() and not np.isfinite(there[name]).all():
                return name
            scale = math.sqrt(max(here[name][-1], there[name][-1]))
            distance = math.sqrt(float(np.mean(np.square(here[name][:-1] - there[name][:-1]))))
            if math.isfinite(scale) and math.isfinite(distance) and distance > tolerance * scale:
                return name
        return None


class Passes:
    """The sums of the first look, part by part as accumulators were merged, and those of a second look."""

    def __init__(self, parts=None):
        self.parts: list[Sums] = list(parts or [Sums()])
        self._look: Sums | None = None
        self._at = 0  # the part that the look is in

    def copy(self) -> Passes:
        return Passes(part.copy() for part in self.parts)

    def merge(self, other: Passes) -> None:
        self.parts += [part.copy() for part in other.parts if part.rows]

    def add(self, batch: dict) -> None:
        self.parts[-1].add(batch)

    def begin(self) -> None:
        self._look, self._at = Sums(), 0

    def look(self, batch: dict, targets: str) -> None:
        """Rows of a second look. Raises AccumulatorError at the end of a part, where its rows were others."""
        first, count = 0, len(next(iter(batch.values())))
        while first < count:
            while self._at < len(self.parts) and self._look.rows >= self.parts[self._at].rows:
                self._look, self._at = Sums(), self._at + 1
            if self._at == len(self.parts):
                return  # more than there were: others say so
            part = self.parts[self._at]
            last = min(count, first + part.rows - self._look.rows)
            whole = first == 0 and last == count
            self._look.add(batch if whole else {name: rows[first:last] for name, rows in batch.items()})
            first = last
            if self._look.rows == part.rows:
                odd = part.differs(self._look, targets)
                if odd is not None:
                    raise AccumulatorError(
                        f"{odd}: found other rows in the second look than in the first one, or another order; expected the same batches in the "
                        "same order: no shuffling, no augmentation, no dropout")
