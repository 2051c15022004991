#!/usr/bin/env python3
"""Removes one wait of the GPU pipeline at a time and checks that the tests notice.

    tests/cuda/mutants.py build/release [NUMBER ...]

Every statement of src/cuda that records an event or waits for one is taken out of a copy, the GPU module is linked
with that copy, and the pipeline's tests run with it. Prints what noticed, ends with 1 if nothing did. Waits for whole
streams are left alone: they follow copies to or from pageable memory, which are complete when they return.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ORDERING = re.compile(r"cudaStreamWaitEvent|\.wait_for_event|cudaEventRecord")
TESTS = "LargeBands.*:Schedules.WithRowsReadTwice:Schedules.WithRowsKept"


def statements(source):
    """(first line, text) of every ordering statement of a file, up to its semicolon."""
    lines = source.read_text().splitlines(keepends=True)
    for number, line in enumerate(lines):
        code = line.split("//")[0]
        if ORDERING.search(code) and not code.lstrip().startswith(("inline", "#")):
            end = number
            while ";" not in lines[end].split("//")[0]:
                end += 1
            yield number, end, "".join(lines)


def build(folder, module, source, text, work):
    """The module with `text` in place of `source`."""
    commands = json.loads((folder / "compile_commands.json").read_text())
    command = next(c for c in commands if Path(c["file"]) == source and "collapscope_cuda.dir" in c["command"])
    object_file = re.search(r" -o (\S+)", command["command"]).group(1)
    mutant = work / source.name
    mutant.write_text(text)
    compiled = work / "mutant.o"
    line = command["command"].replace(f"-c {source}", f"-I{source.parent} -c {mutant}")
    line = re.sub(r" -o \S+", f" -o {compiled}", line)
    line = re.sub(r" -M[DTF]+ \S+| -MD", "", line).replace("ccache ", "").replace(" -Werror", "")
    subprocess.run(line, shell=True, check=True, cwd=command["directory"])
    link = subprocess.run(["ninja", "-C", folder, "-t", "commands", "collapscope_cuda"], check=True,
                          capture_output=True, text=True).stdout
    link = [l for l in link.splitlines() if "-shared" in l][-1]
    link = link.replace(object_file, str(compiled)).replace(f"-o {module}", f"-o {work / 'mutant.so'}")
    subprocess.run(link, shell=True, check=True, cwd=folder)
    return work / "mutant.so"


def noticed_by(folder, module):
    """The first words that the tests say against the module, or None."""
    environment = dict(os.environ, COLLAPSCOPE_GPU_MODULE=str(module))
    try:
        done = subprocess.run([folder / "tests/cuda/cuda_test", f"--gtest_filter={TESTS}", "--gtest_break_on_failure"],
                              env=environment, capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        return "a hang"
    if done.returncode == 0:
        return None
    test = re.findall(r"\[ RUN      \] (\S+)", done.stdout)[-1:]
    words = [l for l in (done.stderr + done.stdout).splitlines() if "fake CUDA" in l or "Failure" in l][:1]
    return " ".join(test + words) or f"status {done.returncode}"


def main():
    folder = Path(sys.argv[1]).resolve()
    chosen = set(map(int, sys.argv[2:]))
    root = Path(__file__).resolve().parents[2]
    module = "lib/collapscope/libcollapscope_cuda.so"
    found = [(source, *statement) for source in sorted((root / "src/cuda").glob("*.cpp"))
             for statement in statements(source)]
    unnoticed = 0
    for number, (source, begin, end, text) in enumerate(found, 1):
        if chosen and number not in chosen:
            continue
        lines = text.splitlines(keepends=True)
        removed = " ".join("".join(lines[begin:end + 1]).split())
        without = "".join(lines[:begin] + [";\n"] + lines[end + 1:])
        with tempfile.TemporaryDirectory() as work:
            verdict = noticed_by(folder, build(folder, module, source, without, Path(work)))
        unnoticed += verdict is None
        print(f"{number} {source.name}:{begin + 1} {removed[:90]}\n    {verdict or 'NOT NOTICED'}", flush=True)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
