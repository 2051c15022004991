"""Arrays of NumPy, PyTorch, JAX and CuPy as the compiled part of the package takes them."""
from __future__ import annotations

import sys

import numpy as np

from .errors import AccumulatorError

CUDA = 2  # DLPack's number of the kind of device
WIDE = ("int64", "uint64")  # float64 does not hold all of these


def is_torch(array) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def is_bits(array) -> bool:
    """bfloat16 in NumPy: 2-byte void, or ml_dtypes' type."""
    return isinstance(array, np.ndarray) and array.dtype.itemsize == 2 and (array.dtype.kind == "V" or array.dtype.name == "bfloat16")


def plain_tensor(tensor, what: str):
    """A dense torch.Tensor with numbers: not of a subclass, without a graph."""
    torch = sys.modules["torch"]
    if any(kind.__name__ == "DTensor" for kind in type(tensor).__mro__):
        raise AccumulatorError(f"{what}: found a DTensor, which lies in pieces on several ranks; expected a whole one, as full_tensor() gives")
    if tensor.layout != torch.strided:
        raise AccumulatorError(f"{what}: found a sparse tensor ({tensor.layout}); expected a dense one, as to_dense() gives")
    if tensor.device.type == "meta":
        raise AccumulatorError(f"{what}: found a tensor on the meta device, which has no numbers; expected one on the CPU or a GPU")
    if tensor.is_quantized:
        raise AccumulatorError(f"{what}: found a quantized tensor; expected floats, as dequantize() gives")
    found = tensor.detach()
    return found if type(found) is torch.Tensor else found.as_subclass(torch.Tensor)


def on_cpu(array, what: str = "array"):
    """Something that the compiled part takes without a copy where that can be."""
    if is_torch(array):
        return plain_tensor(array, what).cpu()
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise AccumulatorError(f"{what}: found a masked array with {np.ma.count_masked(array)} masked numbers; expected an array without a "
                                   "mask: leave these rows out")
        return array.data
    if isinstance(array, np.ndarray) or not hasattr(array, "__dlpack__"):
        return np.asarray(array)
    return array if _is_of_cpu(array) else _as_numpy(array, what)


def _is_of_cpu(array) -> bool:
    return not hasattr(array, "__dlpack_device__") or int(array.__dlpack_device__()[0]) == 1


def _as_numpy(array, what: str) -> np.ndarray:
    """An array of another framework in NumPy; of a GPU a copy."""
    try:
        if not _is_of_cpu(array) and hasattr(array, "get"):  # CuPy copies when told to
            found = array.get()
        else:
            found = np.asarray(array) if hasattr(array, "__array__") else np.from_dlpack(array)
    except Exception as error:  # each framework has its own
        raise AccumulatorError(f"{what}: found a {type(array).__module__}.{type(array).__name__} that cannot be brought to the CPU ({error}); "
                               "expected NumPy, PyTorch, JAX or CuPy arrays") from None
    if not isinstance(found, np.ndarray):
        raise AccumulatorError(f"{what}: found a {type(array).__module__}.{type(array).__name__}, which NumPy does not take for an array; "
                               "expected NumPy, PyTorch, JAX or CuPy arrays")
    return found


def gpu_of(array) -> int | None:
    """The number of the NVIDIA GPU in whose memory an array is; None: it is elsewhere."""
    if isinstance(array, np.ndarray) or is_torch(array) and not array.is_cuda or not hasattr(array, "__dlpack_device__"):
        return None
    if is_torch(array):
        return array.device.index
    kind, number = array.__dlpack_device__()
    return int(number) if int(kind) == CUDA else None


def _refuse_odd_numbers(found, what: str) -> None:
    name = type_name(found)
    if is_bits(found) or not (name.startswith("complex") or isinstance(found, np.ndarray) and (found.dtype.kind not in "fiub"
                                                                                              or found.dtype.itemsize > 8)):
        return
    raise AccumulatorError(f"{what}: found numbers of type {name}; expected floats or integers of at most 64 bits")


def _refuse_rounded(found: np.ndarray, what: str) -> None:
    """Integers that float64 does not hold, as the program refuses them in dumps."""
    if found.dtype.kind not in "iu" or found.dtype.itemsize < 8 or not found.size:
        return
    signed = found.dtype.kind == "i"
    if int(found.max()) <= 1 << 53 and (not signed or int(found.min()) >= -(1 << 53)):
        return
    for row, numbers in enumerate(found.reshape(len(found), -1)):
        rounded = [number for number in numbers.tolist() if int(float(number)) != number]
        if rounded:
            raise AccumulatorError(f"{what}: found {rounded[0]} in row {row} of the batch, which float64 rounds; expected integers that it holds, "
                                   "such as those up to 2^53: subtract an offset beforehand, or pass float64")


def matrix(array, what: str, cols: int | None, gpu: int | None = None):
    """[rows, cols] with its numbers one after the other: on the CPU, or on this GPU where they are there."""
    if gpu is not None and gpu_of(array) == gpu and type_name(array) not in WIDE:  # these are looked at on the CPU
        found = plain_tensor(array, what) if is_torch(array) else array
    else:
        found = on_cpu(array, what)
    _refuse_odd_numbers(found, what)
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
    if is_torch(found):
        if type_name(found) in WIDE:
            _refuse_rounded(found.numpy(), what)
        return found.double().numpy()
    if not isinstance(found, np.ndarray):
        found = _as_numpy(found, what)
    _refuse_rounded(found, what)
    if is_bits(found):
        found = (found.view("<u2").astype("<u4") << 16).view("<f4")
    return np.ascontiguousarray(found, dtype=np.float64)


def weight_of(array, what: str, features: int) -> tuple[np.ndarray, bool]:
    """A weight [m, d], or [m, C, kernel axes] of a convolution as [m kernel, C]; and whether it is a convolution's."""
    found = on_cpu(array, what)
    if found.ndim <= 2:
        stored = float64(found, what, features)
        _refuse_nonfinite(stored, what)
        return stored, False
    if found.shape[1] != features:
        raise AccumulatorError(f"{what}: found shape {list(found.shape)}; expected [m, {features}, ...], as the rows have {features} features")
    flat = found if is_torch(found) or isinstance(found, np.ndarray) else _as_numpy(found, what)
    stored = float64(flat.reshape(len(flat), -1), what, None).reshape(len(flat), features, -1)
    _refuse_nonfinite(stored, what)
    return np.ascontiguousarray(np.moveaxis(stored, 1, 2)).reshape(-1, features), True


def _refuse_nonfinite(weight: np.ndarray, what: str) -> None:
    finite = np.isfinite(weight.reshape(len(weight), -1)).all(1)
    if not finite.all():
        raise AccumulatorError(f"{what}: found a NaN or Inf in row {int(np.argmin(finite))}; expected finite numbers")


def with_zeros(rows, where: np.ndarray):
    """A copy of rows [rows, d] of NumPy or PyTorch with zeros where `where` [rows] says so; others as they are."""
    if is_torch(rows):
        return rows.masked_fill(sys.modules["torch"].as_tensor(where, device=rows.device)[:, None], 0)
    if isinstance(rows, np.ndarray):
        rows = rows.copy()
        rows[where] = np.zeros((), rows.dtype)
    return rows


def with_bits(rows, stream: int | None = None):
    """Rows as the compiled part takes them, and which of them are the bits of bfloat16. stream: waits for those on a GPU."""
    bits = [is_bits(found) for found in rows]
    return [found.view("<u2") if bit else found if gpu_of(found) is None else _capsule(found, stream) for found, bit in zip(rows, bits)], bits


def _capsule(found, stream: int | None):
    """PyTorch makes the stream wait for that of its current device, whichever device the tensor is on."""
    if not is_torch(found):
        return found.__dlpack__(stream=stream)
    with sys.modules["torch"].cuda.device(found.device):
        return found.__dlpack__(stream=stream)


def type_name(array) -> str:
    dtype = getattr(array, "dtype", "float64")
    name = (getattr(dtype, "name", None) or str(dtype)).rsplit(".", 1)[-1]
    if name in ("|V2", "void16"):
        return "bfloat16"
    return {"half": "float16", "float": "float32", "double": "float64"}.get(name, name)
