#!/usr/bin/env python3
"""How fast compressed rows come: the best band reader of h5py, collapscope's reader where it is built (-DCOLLAPSCOPE_BENCH=ON:
bin/read_rows), and collapscope's whole analysis, which also multiplies and looks a second time. Measured in turn in the same
run, from the page cache.

    bench/gzip_reading.py [--rows 200000] [--features 512] [--type float32] [--values relu,normal] [--runs 5]
                          [--output FILE.json]

Values: relu, half of them zeros, as behind a ReLU; normal, whose digits hardly compress. The file has h5py's own choice of
chunks, which split the features, and gzip. The band reader reads whole rows of chunks into memory that is already there, so
that no chunk is inflated twice; of several band heights the fastest counts.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

from end_to_end import PROGRAM, THREADS, seconds_of

BANDS = (1, 4)  # rows of chunks at a time


def write_dump(args, values, path):
    random = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file["targets"] = random.standard_normal((args.rows, 3))
        data = file.create_dataset("layers/fc/activations", (args.rows, args.features), args.type, chunks=True,
                                   compression="gzip")
        for first in range(0, args.rows, data.chunks[0]):
            shape = (min(data.chunks[0], args.rows - first), args.features)
            rows = random.standard_normal(shape, np.float32)
            data[first:first + len(rows)] = np.maximum(rows, 0) if values == "relu" else rows


def read_bands(path, chunk_rows):
    with h5py.File(path, "r") as file:
        (layer,) = file["layers"].values()
        data = layer["activations"]
        rows = data.chunks[0] * chunk_rows
        band = np.empty((rows, data.shape[1]), data.dtype)
        for first in range(0, len(data), rows):
            count = min(rows, len(data) - first)
            data.read_direct(band, np.s_[first:first + count], np.s_[:count])


def measure(args, values, folder):
    path = os.path.join(folder, values + ".h5")
    write_dump(args, values, path)
    analyze = [args.program, "analyze", path, "--quiet", "-o", os.path.join(folder, "results.json")]
    work = {f"h5py, {bands} rows of chunks": lambda bands=bands: read_bands(path, bands) for bands in BANDS}
    work = {name: lambda call=call: seconds_of(call) for name, call in work.items()}
    reader = os.path.join(os.path.dirname(args.program), "read_rows")
    if os.path.exists(reader):
        work["collapscope, reading"] = lambda: float(subprocess.check_output([reader, path]))
    work["collapscope, whole analysis"] = lambda: seconds_of(lambda: subprocess.run(analyze, check=True))
    times = {name: [] for name in work}
    for _ in range(args.runs):
        for name, seconds in work.items():
            times[name].append(seconds())
    read = [min(each) for each in zip(*(times[name] for name in times if name.startswith("h5py")))]
    numbers = args.rows * args.features * np.dtype(args.type).itemsize
    return {name: {"seconds": statistics.median(values), "bytes_per_second": numbers / statistics.median(values),
                   "times_h5py": statistics.median(best / value for best, value in zip(read, values))}
            for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=PROGRAM)
    parser.add_argument("--rows", type=int, default=200000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--type", default="float32")
    parser.add_argument("--values", default="relu,normal")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output")
    args = parser.parse_args()
    print(f"{args.rows} x {args.features} {args.type}, gzip, automatic chunks; {THREADS} threads; medians of {args.runs}\n")
    print("| values | | time | decoded | x the best of h5py |\n|---|---|---|---|---|")
    result = {}
    for values in args.values.split(","):
        with tempfile.TemporaryDirectory() as folder:
            result[values] = measure(args, values, folder)
        for name, row in result[values].items():
            print(f"| {values} | {name} | {row['seconds']:.2f} s | {row['bytes_per_second'] / 1e6:.0f} MB/s | "
                  f"{row['times_h5py']:.1f} |", flush=True)
    if args.output:
        with open(args.output, "w", encoding="utf-8") as file:
            json.dump({"date": time.strftime("%Y-%m-%d"), "command": " ".join(sys.argv), "threads": THREADS,
                       "shape": [args.rows, args.features], "type": args.type, "runs": args.runs, "values": result},
                      file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
