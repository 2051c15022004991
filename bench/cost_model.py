#!/usr/bin/env python3
"""What an analysis on many nodes takes, on paper: reading, folding, exchange, decomposition. docs/scaling.md explains it.

    bench/cost_model.py                     the table of docs/scaling.md
    bench/cost_model.py --check FILE.json   the model beside what bench/ranks.py measured
"""

import argparse
import json
import math
import re
from dataclasses import dataclass


@dataclass
class Machine:
    """Rates of one rank (a node), and of what all share."""

    name: str
    products: float  # operations per second of a float64 DSYRK, d^2 per row
    reading: float  # bytes per second from the file system
    all_reading: float  # of all ranks together
    network: float  # bytes per second into one rank
    eigen: float  # operations per second of a decomposition, 10 d^3


@dataclass
class Work:
    rows: float
    features: int
    layers: int
    number: int = 4  # bytes of a stored number
    looks: int = 2
    second: float = 0.15  # of the first look's operations, at d = 4096 far less: k + r + 2 n columns in place of d


def segments(work):
    """As src/core/segment_tree.cpp has them."""
    length = 16384 if work.features <= 1024 else 65536
    while work.rows / length > 64 and 2 * length <= 2**20 and 2 * length * work.features**2 <= 2**42:
        length *= 2
    return math.ceil(work.rows / length)


def parts(work, machine, ranks):
    """Seconds of each part, for the rank that takes longest."""
    columns = min(work.second, 40 / work.features)
    operations = work.rows * work.features**2 * work.layers * (1 + (work.looks - 1) * columns)
    stored = work.rows * work.features * work.number * work.layers * work.looks
    ranks_of_layer = max(1, ranks / work.layers)
    pieces = segments(work) * work.layers / ranks  # segments of a rank
    # A piece of S segments is at most 2 log2(S) subtrees; whole layers send nothing.
    subtrees = 0 if ranks == 1 else 2 * max(1, math.log2(max(2, min(pieces, segments(work)))))
    sums = 8 * work.features**2
    received = (ranks_of_layer - 1 if ranks > work.layers else 1 if ranks > 1 else 0) * subtrees * sums
    rounds = math.ceil(work.layers / ranks)
    return {
        "read": stored / min(ranks * machine.reading, machine.all_reading),
        "fold": operations / (ranks * machine.products),
        "exchange": received / machine.network,
        "decompose": rounds * 10 * work.features**3 / machine.eigen,
    }


def total(found):
    """A band is read while the one before is folded on a device; on a CPU each worker does one after the other."""
    return sum(found.values())


MACHINES = [
    Machine("64 cores", 1.9e12, 2e9, 100e9, 10e9, 0.3e12),
    Machine("8 H100", 8 * 45e12, 20e9, 400e9, 40e9, 0.5e12),
]


def table():
    print("| rows | node | nodes | read | fold | exchange | decompose | all | share of the ideal |")
    print("|---|---|---|---|---|---|---|---|---|")
    for rows in (1e8, 1e10):
        for machine in MACHINES:
            work = Work(rows, 4096, 50)
            alone = total(parts(work, machine, 1))
            for ranks in (8, 64, 512):
                found = parts(work, machine, ranks)
                cells = " | ".join(f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s" for seconds in found.values())
                share = alone / ranks / total(found)
                print(f"| 10^{math.log10(rows):.0f} | {machine.name} | {ranks} | {cells} | {total(found):,.0f} s | {share:.0%} |")


def check(path):
    """One core's rate is fitted to one thread; the model then says what two ranks take."""
    with open(path) as file:
        measured = json.load(file)
    rows, features, layers = (int(re.search(rf"--{name} (\d+)", measured["command"]).group(1)) for name in ("rows", "features", "layers"))
    work = Work(rows, features, layers)
    machine = Machine("one core", 1, 5e9, 10e9, 5e9, 20e9)
    others = sum(seconds for name, seconds in parts(work, machine, 1).items() if name != "fold")
    machine.products = parts(work, machine, 1)["fold"] / (measured["medians"]["1 thread"] - others)
    found = total(parts(work, machine, 2))
    print(f"2 ranks: {measured['medians']['2 ranks']:.2f} s measured, {found:.2f} s by the model "
          f"({measured['medians']['2 ranks'] / found:.2f}); one core folds at {machine.products / 1e9:.0f} GF/s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", metavar="FILE.json")
    options = parser.parse_args()
    check(options.check) if options.check else table()


if __name__ == "__main__":
    main()
