#!/usr/bin/env python3
"""MPI ranks beside threads: the same dump by 1 thread, 2 threads, 2 ranks of 1 thread, in turn; seconds of the analysis without its start.

    bench/ranks.py --rows 200000 --features 512 --layers 4 [--runs 5] [-o FILE.json]
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

WAYS = {"1 thread": ([], 1), "2 threads": ([], 2), "2 ranks": (["mpirun", "--bind-to", "none", "-n", "2"], 1)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/release/bin/collapscope")
    parser.add_argument("--rows", type=int, default=200000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("-o", "--output")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    around = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_rmaps_base_oversubscribe="1")
    seconds = {way: [] for way in WAYS}
    digests = set()
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "dump.h5"
        subprocess.run([program, "synth", "planted", "-o", dump, "--samples", str(options.rows), "--features", str(options.features),
                        "--dtype", "float32", "--noise", ",".join(["0.1"] * options.layers)], check=True)
        for _ in range(options.runs):
            for way, (launcher, threads) in WAYS.items():
                done = subprocess.run([*launcher, program, "analyze", dump, "--threads", str(threads), "-q", "-o", "-"], env=around,
                                      check=True, capture_output=True, text=True)
                provenance = json.loads(done.stdout)["provenance"]
                seconds[way].append(provenance["seconds"])
                digests.add(provenance["digest"])
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    result = {"command": f"bench/ranks.py --rows {options.rows} --features {options.features} --layers {options.layers} --runs {options.runs}",
              "seconds": seconds, "medians": medians, "ranks_over_threads": medians["2 ranks"] / medians["2 threads"],
              "digests": sorted(digests)}
    for way, median in medians.items():
        print(f"{way:10} {median:7.3f} s  ({min(seconds[way]):.3f} to {max(seconds[way]):.3f})")
    print(f"2 ranks / 2 threads {result['ranks_over_threads']:.3f}; {len(digests)} digest")
    if options.output:
        Path(options.output).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
