#!/usr/bin/env python3
"""Neural collapse of one layer by collapscope and by a published package, in float64, on the same rows.

The package is github.com/rhubarbwu/neural-collapse: `git clone` it and name the folder with --package. It needs PyTorch and scipy. Each
measures in a process of its own, from a dump in a file: the package as its README says, batch by batch, in one pass for the means and one for
everything that takes them. Says where the numbers agree, the times and the peak memory."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def make_dump(path, classes, features, rows_of_class, noise):
    import h5py
    import numpy as np

    random = np.random.default_rng(0)
    means = random.standard_normal((classes, features))
    labels = random.permutation(np.repeat(np.arange(classes), rows_of_class))
    with h5py.File(path, "w") as f:
        f.attrs["task"] = "classification"
        f["targets"] = labels
        rows = f.create_dataset("layers/last/activations", (len(labels), features), "f4")
        for first in range(0, len(labels), 65536):
            some = labels[first:first + 65536]
            rows[first:first + 65536] = means[some] + noise * random.standard_normal((len(some), features))
        f["layers/last/weight"] = means + random.standard_normal((classes, features)) / 4


def theirs(path, pairs):
    """What the package says under the names that collapscope has."""
    import h5py
    import torch
    from neural_collapse.accumulate import CovarAccumulator, DecAccumulator, MeanAccumulator, VarNormAccumulator
    from neural_collapse.measure import (clf_ncc_agreement, covariance_ratio, self_duality_error, simplex_etf_error,
                                         variability_cdnv)

    torch.set_default_dtype(torch.float64)
    with h5py.File(path) as f:
        activations, labels = f["layers/last/activations"], torch.from_numpy(f["targets"][...])
        weight = torch.from_numpy(f["layers/last/weight"][...]).double()
        (classes, features), batch = weight.shape, 8192 if len(weight) <= 1000 else 1024

        def batches():
            for first in range(0, len(labels), batch):
                yield torch.from_numpy(activations[first:first + batch]).double(), labels[first:first + batch]

        kind = {"device": "cpu", "dtype": torch.float64}
        means = MeanAccumulator(classes, features, **kind)
        for rows, numbers in batches():
            means.accumulate(rows, numbers)
        mean, overall = means.compute()
        within = CovarAccumulator(classes, features, M=mean, **kind)
        norms = VarNormAccumulator(classes, features, M=mean, **kind)
        decisions = DecAccumulator(classes, features, M=mean, W=weight, **kind)
        for rows, numbers in batches():
            within.accumulate(rows, numbers, mean)
            norms.accumulate(rows, numbers, mean)
            decisions.accumulate(rows, numbers, weight, mean)
        found = {"nc1": covariance_ratio(within.compute(), mean, overall, "pinv"),
                 "nc1_quotient": covariance_ratio(within.compute(), mean, overall, "quotient"),
                 "nc4_disagreement": 1 - clf_ncc_agreement(decisions)}
        if pairs:
            found["nc2_etf"] = simplex_etf_error(mean, overall)
            found["nc3_etf"] = self_duality_error(weight, mean, overall)
            found["nc1_cdnv"] = variability_cdnv(norms.compute()[0], mean, tile_size=64)
    return found


def measured(command, **options):
    """Output, seconds and peak memory [MiB] of a process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]}: status {status}")
    return out, time.perf_counter() - begin, usage.ru_maxrss / 1024


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--package", required=True, help="the folder of a checkout of the package")
    p.add_argument("--program", default=ROOT / "build/release/bin/collapscope")
    p.add_argument("--classes", type=int, default=10)
    p.add_argument("--features", type=int, default=512)
    p.add_argument("--rows-of-class", type=int, default=5000)
    p.add_argument("--noise", type=float, default=0.5)
    p.add_argument("--no-pairs", action="store_true", help="without what takes K x K numbers there")
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--measure-theirs", help=argparse.SUPPRESS)
    p.add_argument("--make", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.make:  # by itself, because a process that has started another one counts for its peak memory
        make_dump(args.make, args.classes, args.features, args.rows_of_class, args.noise)
        return
    if args.measure_theirs:
        print(json.dumps(theirs(args.measure_theirs, not args.no_pairs)))
        return
    with tempfile.TemporaryDirectory() as folder:
        dump = os.path.join(folder, "dump.h5")
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--make", dump], check=True)
        again = [sys.executable, __file__, "--package", args.package, "--measure-theirs", dump]
        names = ["nc1", "nc1_quotient", "nc4_disagreement"] + ([] if args.no_pairs else ["nc2_etf", "nc3_etf", "nc1_cdnv"])
        ours = [str(args.program), "analyze", dump, "--device", "cpu", "--metrics", ",".join(names), "-q", "-o", "-"]
        path = {**os.environ, "PYTHONPATH": args.package}
        runs = {"theirs": [], "ours": []}
        for _ in range(args.repeat):
            out, *cost = measured(again + (["--no-pairs"] if args.no_pairs else []), env=path)
            their_numbers = json.loads(out)
            runs["theirs"].append(cost)
            out, *cost = measured(ours)
            our_numbers = json.loads(out)["checkpoints"][0]["layers"][0]["metrics"]
            runs["ours"].append(cost)
    print(f"K = {args.classes}, d = {args.features}, N = {args.classes * args.rows_of_class}")
    for name in names:
        a, b = their_numbers[name], our_numbers[name]
        print(f"  {name:17} theirs {a:.12g}  ours {b:.12g}  relative difference {abs(a - b) / max(abs(b), 1e-300):.1e}")
    for who, costs in runs.items():
        seconds = sorted(cost[0] for cost in costs)
        print(f"  {who:7} {seconds[len(seconds) // 2]:8.2f} s (from {seconds[0]:.2f} to {seconds[-1]:.2f}), {max(cost[1] for cost in costs):6.0f} MiB")


if __name__ == "__main__":
    main()
