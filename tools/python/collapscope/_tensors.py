"""Tensors as numpy arrays of the types that a dump holds. Needs PyTorch."""
from __future__ import annotations

import numpy as np
import torch

from ._dump import as_bfloat16

DTYPES = {None: None, "float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32,
          "float64": torch.float64}


def to_numpy(values) -> np.ndarray:
    """A tensor, array or list as numpy, bfloat16 marked as such (_dump.as_bfloat16), booleans as 0 and 1."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        if values.dtype == torch.bfloat16:
            return as_bfloat16(values.contiguous().view(torch.int16).numpy().view(np.uint16))
        values = values.numpy()
    values = np.asarray(values)
    return values.astype(np.uint8) if values.dtype == bool else values
