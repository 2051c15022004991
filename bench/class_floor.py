#!/usr/bin/env python3
"""The metrics of neural collapse against their floor, measured in turn in the same run: reading the rows once and one
bare DSYRK of them, as of bench/end_to_end.py.

    bench/class_floor.py [--shapes 100x512,10x512,128x128,512x512] [--nc1 1e-3] [--rows N] [--runs 7] [--metrics PATTERNS]

A shape is K x d. The dumps are those of 'collapscope synth classes': float32, contiguous, N rows in all.
"""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile

import h5py

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from end_to_end import DOUBLE, PROGRAM, THREADS, Product, Reading, seconds_of  # noqa: E402

METRICS = "within_variance,nc1*,nc2*,nc3*,nc4*,ncc_accuracy"


def measure(args, classes, features, nc1):
    rows_of_class = max(3, args.rows // classes)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "classes.h5")
        subprocess.run([args.program, "synth", "classes", "-o", path, "-K", str(classes), "-n", str(rows_of_class), "-d",
                        str(features), "--nc1", nc1, "--dtype", "float32"], check=True, stdout=subprocess.DEVNULL)
        with h5py.File(path, "r") as file:
            (layer,) = file["layers"].values()
            reading = Reading(path, layer["activations"])
        product = Product(classes * rows_of_class, features, DOUBLE)

        def ours(metrics):
            return subprocess.run([args.program, "analyze", path, "--quiet", "-o", os.path.join(folder, "results.json"),
                                   "--metrics", metrics, *args.analyze.split()], check=True)

        parts = {"read": reading, "product": product, "ours": lambda: ours(args.metrics),
                 "without nc1_unit": lambda: ours(without_unit(args.metrics))}
        for work in parts.values():
            work()
        times = {name: [] for name in parts}
        for _ in range(args.runs):
            for name, work in parts.items():
                times[name].append(cpu_seconds_of(work) if args.cpu else seconds_of(work))
    floors = [read + bare for read, bare in zip(times["read"], times["product"])]
    cells = [f"{classes}", f"{features}", nc1, f"{statistics.median(floors):.3f} s"]
    for name in ("ours", "without nc1_unit"):
        ratios = [time / floor for time, floor in zip(times[name], floors)]
        cells += [f"{statistics.median(times[name]):.3f} s",
                  f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}-{max(ratios):.2f})"]
    print("| " + " | ".join(cells) + " |", flush=True)


def cpu_seconds_of(work):
    """Of all threads, of this process and of the program."""

    def used():
        both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    began = used()
    work()
    return used() - began


def without_unit(metrics):
    return metrics.replace("nc1*", "nc1,nc1_trace,nc1_quotient,nc1_cdnv,nc1_vci")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=PROGRAM)
    parser.add_argument("--shapes", default="10x512,100x512,512x512,128x128")
    parser.add_argument("--nc1", default="1e-3", help="of the dumps, separated by commas")
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--metrics", default=METRICS)
    parser.add_argument("--cpu", action="store_true", help="count CPU seconds of all threads, not time")
    parser.add_argument("--analyze", default="", help="more options of collapscope analyze, in one string")
    args = parser.parse_args()
    print(f"{THREADS} threads; {args.rows} rows; medians of {args.runs} {'CPU seconds' if args.cpu else 'times'}\n")
    print("| K | d | nc1 | read and DSYRK | ours | ours / floor | without nc1_unit | / floor |\n|---|---|---|---|---|---|---|---|")
    for nc1 in args.nc1.split(","):
        for shape in args.shapes.split(","):
            measure(args, *map(int, shape.split("x")), nc1)


if __name__ == "__main__":
    main()
