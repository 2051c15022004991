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
import importlib
import json
import shutil

from registry import REGISTRY, Case

FAMILIES = ["cases_types", "cases_storage", "cases_layouts", "cases_corner", "cases_numeric", "cases_ufm",
            "cases_structure", "cases_foreign"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", default=".")
    parser.add_argument("--filter", default="*", help="only cases whose name matches")
    parser.add_argument("--list", action="store_true", help="only print the names")
    args = parser.parse_args()
    for family in FAMILIES:
        importlib.import_module(family)
    names = [name for name in REGISTRY if fnmatch.fnmatch(name, args.filter)]
    if args.list:
        print("\n".join(names))
        return
    found = []
    for name in names:
        shutil.rmtree(os.path.join(args.out, name), ignore_errors=True)
        case = Case(name, args.out)
        REGISTRY[name](case)
        found.append(case.as_json())
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "cases.json"), "w", encoding="utf-8") as f:
        json.dump(found, f, allow_nan=False, indent=0, separators=(",", ":"))
    print(f"{len(found)} cases, {sum(len(x['files']) for x in found)} files")


if __name__ == "__main__":
    main()
