"""Arrays of NumPy, PyTorch and JAX as the compiled part of the package takes them."""
from __future__ import annotations

import numpy as np

from .errors import AccumulatorError


def is_torch(array) -> bool:
    return type(array).__module__.split(".")[0] == "torch"


def is_bits(array) -> bool:
    """bfloat16 in NumPy: 2-byte void, or ml_dtypes' type."""
    return isinstance(array, np.ndarray) and array.dtype.itemsize == 2 and (array.dtype.kind == "V" or array.dtype.name == "bfloat16")


def on_cpu(array):
    """Something that the compiled part takes without a copy where that can be."""
    if is_torch(array):
        return array.detach().cpu()
    return array if hasattr(array, "__dlpack__") and not isinstance(array, np.ndarray) else np.asarray(array)


CUDA = 2  # DLPack's number of the kind of device


def gpu_of(array) -> int | None:
    """The number of the NVIDIA GPU in whose memory an array is; None: it is elsewhere."""
    if isinstance(array, np.ndarray) or is_torch(array) and not array.is_cuda or not hasattr(array, "__dlpack_device__"):
        return None
    kind, number = array.__dlpack_device__()
    return int(number) if int(kind) == CUDA else None


def matrix(array, what: str, cols: int | None, gpu: int | None = None):
    """[rows, cols] with its numbers one after the other: on the CPU, or on this GPU where they are there."""
    if gpu is not None and gpu_of(array) == gpu:
        found = array.detach() if is_torch(array) else array
    else:
        found = on_cpu(array)
    if found.ndim == 1 and cols in (1, None):
        found = found.reshape(-1, 1)
    if found.ndim != 2 or cols is not None and found.shape[1] != cols:
        raise AccumulatorError(f"{what}: found shape {list(found.shape)}; expected [rows, {cols if cols else 'd'}]")
    if is_torch(found):
        return found.contiguous()
    if isinstance(found, np.ndarray):
        return np.ascontiguousarray(found if is_bits(found) else found.astype(found.dtype.newbyteorder("="), copy=False))
    flags = getattr(found, "flags", None)
    return found if flags is None or flags.c_contiguous else found.copy(order="C")


def float64(array, what: str, cols: int | None) -> np.ndarray:
    found = matrix(array, what, cols)
    if is_bits(found):
        found = (found.view("<u2").astype("<u4") << 16).view("<f4")
    if is_torch(found):
        return found.double().numpy()
    return np.ascontiguousarray(np.from_dlpack(found) if not isinstance(found, np.ndarray) else found, dtype=np.float64)


def weight_of(array, what: str, features: int) -> tuple[np.ndarray, bool]:
    """A weight [m, d], or [m, C, kernel axes] of a convolution as [m kernel, C]; and whether it is a convolution's."""
    found = on_cpu(array)
    if found.ndim <= 2:
        return float64(found, what, features), False
    if found.shape[1] != features:
        raise AccumulatorError(f"{what}: found shape {list(found.shape)}; expected [m, {features}, ...], as the rows have {features} features")
    flat = found if is_torch(found) or isinstance(found, np.ndarray) else np.asarray(found)
    stored = float64(flat.reshape(len(flat), -1), what, None).reshape(len(flat), features, -1)
    return np.ascontiguousarray(np.moveaxis(stored, 1, 2)).reshape(-1, features), True


def with_bits(rows, stream: int | None = None):
    """Rows as the compiled part takes them, and which of them are the bits of bfloat16. stream: waits for those on a GPU."""
    bits = [is_bits(found) for found in rows]
    return [found.view("<u2") if bit else found if gpu_of(found) is None else found.__dlpack__(stream=stream)
            for found, bit in zip(rows, bits)], bits


def type_name(array) -> str:
    name = str(getattr(array, "dtype", "float64")).rsplit(".", 1)[-1]
    if name == "|V2":
        return "bfloat16"
    return {"half": "float16", "float": "float32", "double": "float64"}.get(name, name)
