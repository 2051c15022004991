#!/usr/bin/env python3
"""Peak memory of an analysis over the number of rows: it should not depend on it.

    bench/memory.py [--rows 1e5,1e6,1e7] [--features 32] [--memory 128MiB] [--storage contiguous,gzip]
"""
import argparse
import os
import subprocess
import tempfile
import time

UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
PROGRAM = os.path.join(os.path.dirname(__file__), "..", "build", "release", "bin", "collapscope")


def measure(command):
    """Seconds and peak memory in bytes."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - began, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=PROGRAM)
    parser.add_argument("--rows", default="1e5,1e6,1e7")
    parser.add_argument("--features", type=int, default=32)
    parser.add_argument("--dtype", default="float16")
    parser.add_argument("--memory", default="128MiB")
    parser.add_argument("--storage", default="contiguous,chunked,gzip")
    parser.add_argument("--most-growth", help="fail when the peak grows by more, e.g. 16MiB")
    args = parser.parse_args()
    most_growth = args.most_growth and int(args.most_growth[:-3]) * UNITS[args.most_growth[-3:]]
    print(f"d = {args.features}, {args.dtype}, --memory {args.memory}\n")
    print("| rows | storage | decoded | peak memory | time |\n|---|---|---|---|---|")
    for storage in args.storage.split(","):
        peaks = []
        for rows in (int(float(text)) for text in args.rows.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "planted.h5")
                subprocess.run([args.program, "synth", "planted", "-o", path, "-N", str(rows), "-d", str(args.features),
                                "--dtype", args.dtype, "--storage", storage, "--noise", "0.1"],
                               check=True, stdout=subprocess.DEVNULL)
                seconds, peak = measure([args.program, "analyze", path, "--memory", args.memory, "--quiet",
                                         "-o", os.path.join(folder, "results.json")])
            peaks.append(peak)
            decoded = rows * args.features * {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}[args.dtype]
            print(f"| {rows:.0e} | {storage} | {decoded / 2**20:.0f} MiB | {peak / 2**20:.0f} MiB | {seconds:.2f} s |",
                  flush=True)
        if most_growth and max(peaks) - peaks[0] > most_growth:
            raise SystemExit(f"{storage}: the peak grows by more than {args.most_growth}")


if __name__ == "__main__":
    main()
