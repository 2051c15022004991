"""Which cases each suite tests by default, so that what occurs together in all cases occurs together in the chosen ones.

Every dataset of a case has a value of each factor: what it is (with layout and pooling), type and byte order, storage, file
format, what the case is about, options of the analysis. The default suite takes every case of FAMILIES, and others until
each pair of values of one dataset of any case is that of a dataset of a chosen case. Each other suite takes cases until it
has each value that any of its cases has. Chosen is the case that brings most; of these the one that the fewest suites have,
the smallest, the first. So the choice depends on the cases alone.
"""
from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Callable, Iterable

import expect

DEFAULT = "Oracle"
# Ways of oracle_test.cpp to analyze a case; the same values are expected of each.
SUITES = [DEFAULT, "OracleOneLook", "OracleFast", "OracleFastOneLook", "OracleAsNeeded", "OracleNormalizedAsNeeded",
          "OracleSignalPairs", "OracleTenPairs", "OracleClassesAsNeeded"]
# Their cases differ in more than the factors say.
FAMILIES = ("corner", "numeric", "ufm", "structure", "foreign", "classification")
# Functions whose cases are about the other factors alone.
PLAIN = {"types/activations", "types/other_datasets", "storage/activations", "storage/everything",
         "storage/newest", "storage/user_block", "storage/filters", "storage/virtual_types", "layouts/sequence",
         "layouts/image", "layouts/types", "foreign/images"}

Value = tuple[str, str]  # factor, value


@dataclass
class Facts:
    """Of a case: the values of each of its datasets, and how many numbers there are."""

    name: str
    rows: set[frozenset[Value]]
    size: int

    def values(self) -> set[Value]:
        return set().union(*self.rows)

    def pairs(self) -> set[tuple[Value, Value]]:
        return {pair for row in self.rows for pair in itertools.combinations(sorted(row), 2)}


def datasets(checkpoint, options: dict) -> Iterable[tuple[Value, Value, Value]]:
    """Part, type and storage of each dataset of a dumps.Checkpoint that is read."""
    def row(part, numbers):
        return ("part", part), ("type", numbers.stored_type), ("storage", numbers.storage)

    for part in ("targets", "predictions"):
        numbers = getattr(checkpoint, part)
        if numbers is not None:
            yield row(f"{part} {numbers.values.ndim}-d", numbers)
    for layer in checkpoint.layers:
        H, W = layer.activations, layer.weight
        rows = H.values.ndim == 2
        yield row("activations" if rows else f"{expect.layout_of(layer, options)} {expect.pool_of(layer, options)}", H)
        if W is not None:
            yield row(f"weight {W.values.ndim}-d", W)


def options_of(options: dict) -> list[Value]:
    """Those that are given."""
    k = options["signal_dim"]
    given = {"signal_dim": k if k is None or k == "intrinsic" else "a number", "top": options["top"] != 10,
             "pool": options["pool"], "layout": options["layout"], "shards": options["shards"],
             "names": options["activations"] is not None, "transpose_weight": options["transpose_weight"],
             "ignore_label": options["ignore_label"] is not None}
    return [("option", f"{name} {value}") for name, value in given.items() if value] or [("option", "none")]


def facts(name: str, function: str, checkpoints: list, formats: set[str], options: dict) -> Facts:
    """Of a case with these dumps.Checkpoints."""
    about = "factors" if function in PLAIN else function
    shared = [("about", about), *(("format", x) for x in formats), *options_of(options)]
    found = {frozenset([*dataset, *shared]) for checkpoint in checkpoints for dataset in datasets(checkpoint, options)}
    size = sum(layer.activations.values.size for checkpoint in checkpoints for layer in checkpoint.layers)
    return Facts(name, found, size)


def suites_of(name: str) -> list[str]:
    """All that a case may be in. One look takes remainders as differences, which keeps all digits only where nothing nearly
    cancels."""
    refuses = {"OracleOneLook": not name.startswith(("types/", "classification/plain/")),
               "OracleClassesAsNeeded": not name.startswith("classification/")}
    return [suite for suite in SUITES if not refuses.get(suite, False)]


def brings(suite: str) -> Callable[[Facts], set]:
    """What of a case a suite must have from one case or another."""
    return Facts.pairs if suite == DEFAULT else Facts.values


def cover(cases: list[Facts], suite: str, uses: dict[str, int]) -> set[str]:
    """Names of the suite's cases."""
    brought = {case.name: brings(suite)(case) for case in cases}
    chosen = {name for name in brought if suite == DEFAULT and name.split("/")[0] in FAMILIES}
    missing = set().union(*brought.values()).difference(*(brought[name] for name in chosen))
    sizes = {case.name: case.size for case in cases}
    while missing:
        best = min(brought, key=lambda name: (-len(brought[name] & missing), uses[name], sizes[name]))
        chosen.add(best)
        missing -= brought[best]
    return chosen


def choose(cases: list[Facts]) -> dict[str, list[str]]:
    """The suites that each case is in."""
    uses = {case.name: 0 for case in cases}
    found: dict[str, list[str]] = {case.name: [] for case in cases}
    for suite in SUITES:
        for name in cover([case for case in cases if suite in suites_of(case.name)], suite, uses):
            uses[name] += 1
            found[name].append(suite)
    return found


def check(cases: list[Facts], chosen: dict[str, list[str]]) -> None:
    """Raises where a suite lacks what it must have; counted anew, not as cover() finds it."""
    for suite in SUITES:
        allowed = [case for case in cases if suite in suites_of(case.name)]
        taken = {row for case in allowed if suite in chosen[case.name] for row in case.rows}
        for case in allowed:
            if suite == DEFAULT and case.name.split("/")[0] in FAMILIES and suite not in chosen[case.name]:
                raise ValueError(f"{suite} lacks {case.name}")
            for row in case.rows - taken:
                row = sorted(row)
                for a, b in itertools.product(row, row) if suite == DEFAULT else zip(row, row):
                    if not any(a in other and b in other for other in taken):
                        raise ValueError(f"{suite} lacks {' '.join(a)} with {' '.join(b)}, as in {case.name}")
