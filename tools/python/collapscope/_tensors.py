"""Tensors as numpy arrays of the types that a dump holds. Needs PyTorch."""
from __future__ import annotations

import numpy as np
import torch

from ._arrays import on_cpu, plain_tensor
from ._dump import as_bfloat16

DTYPES = {None: None, "float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32,
          "float64": torch.float64}


def to_numpy(values, what: str = "tensor") -> np.ndarray:
    """A tensor, array or list as numpy, bfloat16 marked as such (_dump.as_bfloat16), booleans as 0 and 1. Raises ValueError, which
    begins with `what`, for tensors of other kinds and types."""
    if isinstance(values, torch.Tensor):
        values = plain_tensor(values, what).cpu()
        if values.dtype == torch.bfloat16:
            return as_bfloat16(values.contiguous().view(torch.int16).numpy().view(np.uint16))
        try:
            values = values.numpy()
        except (TypeError, RuntimeError):  # float8 and the like
            raise ValueError(f"{what}: found a tensor of {str(values.dtype).removeprefix('torch.')}; expected float16, bfloat16, float32, "
                             "float64 or integers, as float() gives") from None
    elif hasattr(values, "__dlpack__") and not isinstance(values, np.ndarray) or isinstance(values, np.ma.MaskedArray):
        values = on_cpu(values, "array")
    values = np.asarray(values)
    if values.dtype.name == "bfloat16":  # ml_dtypes' type, of JAX
        return as_bfloat16(np.ascontiguousarray(values).view(np.uint16))
    return values.astype(np.uint8) if values.dtype == bool else values
