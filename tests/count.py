#!/usr/bin/env python3
"""count.py BUILD_DIR: how many test cases the last run of CTest had. An entry of CTest is a suite of many."""
import pathlib
import re
import sys

# What GoogleTest, pytest and unittest print at their end, for each outcome.
PATTERNS = {
    "passed": [r"\[  PASSED  \] (\d+) tests?", r"(\d+) passed"],
    "skipped": [r"\[  SKIPPED \] (\d+) tests?, listed below", r"(\d+) skipped", r"skipped=(\d+)"],
    "failed": [r"\[  FAILED  \] (\d+) tests?, listed below", r"(\d+) failed", r"(?:failures|errors)=(\d+)"],
}


def counted(block: str) -> dict:
    found = {outcome: sum(int(number) for pattern in patterns for number in re.findall(pattern, block))
             for outcome, patterns in PATTERNS.items()}
    for number in re.findall(r"(?m)^Ran (\d+) tests? in", block):  # unittest counts all together
        found["passed"] += int(number) - found["skipped"] - found["failed"]
    passed = re.search(r"(?m)^Test (Passed\.|Pass Reason:)", block) is not None
    if not any(found.values()):  # a command by itself
        found["passed" if passed else "failed"] = 1
    if not passed and found["failed"] == 0:  # it ended before it could say so
        found["failed"] = 1
    return found


def main() -> int:
    log = pathlib.Path(sys.argv[1], "Testing/Temporary/LastTest.log").read_text(encoding="utf-8", errors="replace")
    blocks = re.split(r"(?m)^\d+/\d+ Testing: .*$", log)[1:]
    counts = [counted(block) for block in blocks]
    total = {outcome: sum(count[outcome] for count in counts) for outcome in PATTERNS}
    print(f"{len(blocks)} suites")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 0 if blocks else 1


if __name__ == "__main__":
    sys.exit(main())
