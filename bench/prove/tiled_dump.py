#!/usr/bin/env python3
"""Writes a large dump quickly: tiled_dump.py FILE ROWS FEATURES DTYPE [--layers N] [--links N]

Features are 3 targets through a random map, plus noise and an offset. One random block repeats; so no numbers are made
for most of the rows. Links are further layers that cost no space: they are hard links to the first ones' rows.
"""
import argparse

import h5py
import numpy as np

BLOCK_BYTES = 64 << 20


def block_of(rows, features, dtype, seed):
    random = np.random.default_rng(seed)
    targets = random.standard_normal((rows, 3))
    mixing = random.standard_normal((3, features), dtype=np.float32)
    noise = random.standard_normal((rows, features), dtype=np.float32)
    features = targets.astype(np.float32) @ mixing
    return targets, mixing, (features + np.float32(0.1) * noise + np.float32(0.5)).astype(dtype)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("rows", type=int)
    parser.add_argument("features", type=int)
    parser.add_argument("dtype", choices=["float16", "float32", "float64"])
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--links", type=int, default=0, help="layers more")
    args = parser.parse_args()
    size = min(args.rows, max(3 * args.features, BLOCK_BYTES // (np.dtype(args.dtype).itemsize * args.features)))
    targets, mixing, block = block_of(size, args.features, args.dtype, 1)
    with h5py.File(args.file, "w") as file:
        file.attrs.update(format="collapscope-dump", format_version=1, task="regression")
        file["targets"] = np.tile(targets, (-(-args.rows // size), 1))[:args.rows]
        for number in range(args.layers + args.links):
            layer = file.create_group(f"layers/layer{number:04d}")
            layer.attrs["index"] = number
            layer["weight"] = mixing.astype(np.float64)
            if number >= args.layers:
                layer["activations"] = file[f"layers/layer{number % args.layers:04d}/activations"]
                continue
            rows = layer.create_dataset("activations", (args.rows, args.features), dtype=args.dtype)
            for first in range(0, args.rows, size):
                count = min(size, args.rows - first)
                rows[first:first + count] = np.roll(block, number, axis=1)[:count] if number else block[:count]


if __name__ == "__main__":
    main()
