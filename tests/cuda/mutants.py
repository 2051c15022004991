#!/usr/bin/env python3
"""Removes one wait of the GPU pipeline at a time and checks that the tests notice.

    tests/cuda/mutants.py build/release [NUMBER ...]

Every statement of src/cuda that records an event or waits for one is taken out of a copy, the GPU module is linked
with that copy, and the pipeline's tests run with it, each in a process of its own, until one notices. Prints which one,
ends with 1 if none did, or if one complains of a module with nothing taken out. Waits for whole streams are left alone:
they stand beside copies to or from pageable memory and beside frees, which wait by themselves, but without a time limit.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ORDERING = re.compile(r"cudaStreamWaitEvent|\.wait_for_event|cudaEventRecord")
MODULE = "lib/collapscope/libcollapscope_cuda.so"
TESTS = ["Schedules.WithRowsReadTwice", "Schedules.WithRowsKept", "LargeBands.HaveTheSameBits",
         "DeviceRows.HaveTheBitsOfRowsOfTheHostOnEverySchedule", "LayersInTurns.HaveTheSameBits",
         "Costs.OfTilesThatComeAheadAreBounded"]
LIMIT = 120  # [s], of a test that takes a few


def statements(source):
    """The lines [begin, end) of every ordering statement of a file, up to its semicolon."""
    lines = source.read_text().splitlines()
    for begin, line in enumerate(lines):
        code = line.split("//")[0]
        if ORDERING.search(code) and not code.lstrip().startswith(("inline", "#")):
            end = begin
            while ";" not in lines[end].split("//")[0]:
                end += 1
            yield begin, end + 1


def unit_of(folder, source):
    """The command that compiles the unit which includes the source, and the unit."""
    for command in json.loads((folder / "compile_commands.json").read_text()):
        unit = Path(command["file"])
        if "collapscope_cuda.dir" in command["command"] and f'"{source}"' in unit.read_text():
            return command, unit
    sys.exit(f"no unit of {folder} includes {source}")


def build(folder, source, text, work):
    """The module with `text` in place of `source`."""
    command, unit = unit_of(folder, source)
    object_file = re.search(r" -o (\S+)", command["command"]).group(1)
    mutant = work / source.name
    mutant.write_text(text)
    mutated_unit = work / "unit.cpp"
    mutated_unit.write_text(unit.read_text().replace(f'"{source}"', f'"{mutant}"'))
    compiled = work / "mutant.o"
    line = command["command"].replace(f"-c {unit}", f"-I{source.parent} -c {mutated_unit}")
    line = re.sub(r" -o \S+", f" -o {compiled}", line)
    line = re.sub(r" -M[DTF]+ \S+| -MD", "", line).replace("ccache ", "").replace(" -Werror", "") + " -w"
    subprocess.run(line, shell=True, check=True, cwd=command["directory"])
    link = subprocess.run(["ninja", "-C", folder, "-t", "commands", "collapscope_cuda"], check=True,
                          capture_output=True, text=True).stdout
    link = [l for l in link.splitlines() if "-shared" in l][-1]
    link = link.replace(object_file, str(compiled)).replace(f"-o {MODULE}", f"-o {work / 'mutant.so'}")
    subprocess.run(link, shell=True, check=True, cwd=folder)
    return work / "mutant.so"


def noticed_by(folder, module):
    """The test that complains of the module, and its first words, or None."""
    environment = dict(os.environ, COLLAPSCOPE_GPU_MODULE=str(module))
    for test in TESTS:
        try:
            done = subprocess.run([folder / "tests/cuda/cuda_test", f"--gtest_filter={test}", "--gtest_fail_fast"],
                                  env=environment, capture_output=True, text=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return f"{test}: a hang"
        if done.returncode != 0:
            words = [l for l in (done.stderr + done.stdout).splitlines() if "fake CUDA" in l or "Failure" in l]
            return f"{test}: {words[0] if words else f'status {done.returncode}'}"
        if "[  PASSED  ] 1 test." not in done.stdout:
            sys.exit(f"{test} was not run")
    return None


def judged(folder, source, text):
    with tempfile.TemporaryDirectory() as work:
        return noticed_by(folder, build(folder, source, text, Path(work)))


def main():
    folder = Path(sys.argv[1]).resolve()
    chosen = set(map(int, sys.argv[2:]))
    sources = sorted((Path(__file__).resolve().parents[2] / "src/cuda").glob("*.cpp"))
    found = [(source, begin, end) for source in sources for begin, end in statements(source)]
    complaint = judged(folder, found[0][0], found[0][0].read_text())
    if complaint:
        sys.exit(f"With nothing taken out: {complaint}")
    unnoticed = 0
    for number, (source, begin, end) in enumerate(found, 1):
        if chosen and number not in chosen:
            continue
        lines = source.read_text().splitlines()
        removed = " ".join(" ".join(lines[begin:end]).split())
        verdict = judged(folder, source, "\n".join(lines[:begin] + [";"] + lines[end:]) + "\n")
        unnoticed += verdict is None
        print(f"{number} {source.name}:{begin + 1} {removed[:90]}\n    {verdict or 'NOT NOTICED'}", flush=True)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
