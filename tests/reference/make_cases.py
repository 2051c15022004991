#!/usr/bin/env python3
"""Writes test dumps and the reference values of every metric in them.

    make_cases.py OUT_DIR [--filter GLOB] [--list]

OUT_DIR/cases.json is described in README.md. The files and values depend on the names of the cases alone. Why some
metrics are null or not to be compared is said in expect.py, function by function.
"""
from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: the last digits depend on it

import argparse
import fnmatch
import functools
import importlib
import json
import multiprocessing
import shutil

import cover
from registry import FUNCTIONS, REGISTRY, Case

FAMILIES = ["cases_types", "cases_storage", "cases_layouts", "cases_corner", "cases_numeric", "cases_ufm",
            "cases_structure", "cases_foreign", "cases_classification"]


def make(root: str, name: str) -> tuple[dict, cover.Facts]:
    """Writes a case."""
    shutil.rmtree(os.path.join(root, name), ignore_errors=True)
    case = Case(name, root)
    REGISTRY[name](case)
    return case.as_json(), case.facts()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", default=".")
    parser.add_argument("--filter", default="*", help="only cases whose name matches")
    parser.add_argument("--list", action="store_true", help="only print the names")
    args = parser.parse_args()
    for family in FAMILIES:
        importlib.import_module(family)
    if not cover.PLAIN <= set(FUNCTIONS.values()):
        raise ValueError(f"no such functions: {cover.PLAIN - set(FUNCTIONS.values())}")
    names = [name for name in REGISTRY if fnmatch.fnmatch(name, args.filter)]
    if args.list:
        print("\n".join(names))
        return
    os.makedirs(args.out, exist_ok=True)
    with multiprocessing.get_context("fork").Pool() as pool:  # the processes have the cases then
        made = pool.map(functools.partial(make, args.out), names, chunksize=4)
    facts = [x for _, x in made]
    chosen = cover.choose(facts)
    cover.check(facts, chosen)
    found = [{**case, "suites": chosen[case["name"]], "all_suites": cover.suites_of(case["name"])} for case, _ in made]
    with open(os.path.join(args.out, "cases.json"), "w", encoding="utf-8") as f:
        json.dump(found, f, allow_nan=False, indent=0, separators=(",", ":"))
    print(f"{len(found)} cases, {sum(len(x['files']) for x in found)} files; tested by default "
          f"{sum(len(x['suites']) for x in found)} of {sum(len(x['all_suites']) for x in found)} times")


if __name__ == "__main__":
    main()
