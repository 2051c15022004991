#!/usr/bin/env python3
"""Runs the program over files that are known to break HDF5.

FOLDER holds them: the folder cvefiles of https://github.com/HDFGroup/cve_hdf5, or any other. Each is inspected
and analysed, then analysed once more with every dataset in it named as activations and targets, and as either
beside all others. No run may end by a signal, compute for more than two seconds, or take more than 300 MiB.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

SECONDS = 2
MIB = 300
LIST = """
import h5py, sys
def show(name, thing):
    if isinstance(thing, h5py.Dataset) and isinstance(name, str) and name.isprintable():
        print(name, flush=True)
with h5py.File(sys.argv[1], "r") as f:
    f.visititems(show)
"""


def run(command):
    """What is wrong with a run (nothing: None), what it said, how long and how large it was."""
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            seconds = time.monotonic() - began
            if pid:
                break
            if seconds > 10 * SECONDS:
                process.kill()
                _, status, usage = os.wait4(process.pid, 0)
                break
            time.sleep(0.002)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    mib = usage.ru_maxrss / 1024
    computed = usage.ru_utime + usage.ru_stime  # of the helpers, too; a busy machine takes longer
    problem = None
    if code not in (0, 1, 2):
        problem = f"ended by {signal.Signals(-code).name if code < 0 else code}"
    elif computed > SECONDS or seconds > 10 * SECONDS:
        problem = f"took {seconds:.1f} s, {computed:.1f} s of computing"
    elif mib > MIB:
        problem = f"took {mib:.0f} MiB"
    return problem, text, computed, mib


def datasets(file, messages):
    """Names of its datasets: those h5py finds before it fails, or crashes, and those that messages name."""
    found = []
    try:
        listing = subprocess.run([sys.executable, "-c", LIST, str(file)], capture_output=True, timeout=10, check=False)
        found = listing.stdout.decode("utf-8", "replace").splitlines()
    except subprocess.TimeoutExpired:
        pass
    for listed in re.findall(r"there are datasets (.*)", messages):
        found += re.findall(r"'([^']*)'", listed)
    return sorted({name for name in found if name and "\\" not in name and "*" not in name})[:20]


def check(job):
    program, file = job
    commands = [["inspect", file], ["analyze", file]]
    commands += [["analyze", file, "--activations", "**", "--targets", "targets"]]
    outcome = [(command, *run([program, *command, "--device", "cpu"])) for command in commands]
    for name in datasets(file, "\n".join(text for _, _, text, _, _ in outcome)):
        for activations in (name, "**"):
            command = ["analyze", file, "--activations", activations, "--targets", name]
            outcome.append((command, *run([program, *command, "--device", "cpu"])))
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = sorted(path for path in options.folder.rglob("*") if path.is_file() and path.suffix != ".md")
    if not files:
        sys.exit(f"{options.folder}: no files")
    runs, faults, slowest, largest, ended = 0, 0, 0.0, 0.0, set()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for outcome in pool.map(check, ((options.program, file) for file in files)):
            for command, problem, text, computed, mib in outcome:
                runs += 1
                slowest, largest = max(slowest, computed), max(largest, mib)
                if "the process that read it" in text:
                    ended.add(command[1])
                if problem is not None:
                    faults += 1
                    print(f"{' '.join(str(word) for word in command)}: {problem}", flush=True)
    print(f"{len(files)} files, {runs} runs: {faults} faults; at most {slowest:.2f} s of computing and {largest:.0f} MiB; "
          f"helpers were ended by {len(ended)} files")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
