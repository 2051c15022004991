#!/usr/bin/env python3
"""Writes a dump of one large layer quickly: big_dump.py FILE ROWS FEATURES DTYPE [--device cuda|cpu]

Features are 3 targets through a random map, plus noise and an offset; random numbers come from the GPU.
"""
import argparse

import h5py
import numpy as np

BLOCK_BYTES = 256 << 20


class Torch:
    """Random numbers of a GPU."""

    def __init__(self):
        import torch
        self.torch = torch
        torch.manual_seed(1)
        self.dtypes = {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}

    def normal(self, *shape):
        return self.torch.randn(*shape, device="cuda", dtype=self.torch.float32)

    def stored(self, x, dtype):
        return x.to(self.dtypes[dtype]).cpu().numpy()


class Numpy:
    def __init__(self):
        self.random = np.random.default_rng(1)

    def normal(self, *shape):
        return self.random.standard_normal(shape, dtype=np.float32)

    def stored(self, x, dtype):
        return x.astype(dtype)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("rows", type=int)
    parser.add_argument("features", type=int)
    parser.add_argument("dtype", choices=["float16", "float32", "float64"])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    args = parser.parse_args()
    source = Torch() if args.device == "cuda" else Numpy()
    targets = source.normal(args.rows, 3)
    mixing = source.normal(3, args.features)
    block = max(1, BLOCK_BYTES // (4 * args.features))
    with h5py.File(args.file, "w") as file:
        file.attrs.update(format="collapscope-dump", format_version=1, task="regression")
        file["targets"] = source.stored(targets, "float64")
        layer = file.create_group("layers/fc")
        layer.attrs["index"] = 0
        layer["weight"] = source.stored(mixing, "float64")
        rows = layer.create_dataset("activations", (args.rows, args.features), dtype=args.dtype)
        for first in range(0, args.rows, block):
            part = targets[first:first + block]
            noise = source.normal(len(part), args.features)
            rows[first:first + len(part)] = source.stored(part @ mixing + 0.1 * noise + 0.5, args.dtype)


if __name__ == "__main__":
    main()
