#!/usr/bin/env python3
"""Damages dumps in seeded ways and holds what the program does with them against what it promises.

A dump of each of six storages is flipped, cut, swapped or zeroed in some places. The program measures the
mutants in batches, as users measure folders. Of each run: no end by a signal, no more than five seconds for any
file, no more memory than planned, no NaN, no share outside [0, 1]. What fails in a batch is looked for file by
file, kept in a folder and named.
"""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

SECONDS = 5
PLANNED = 256 << 20  # --memory
PROGRAM_ITSELF = 200 << 20  # code, libraries, their buffers
SHARES = {"nrc1", "nrc1_centered", "nrc2", "deep_nrc1", "deep_nrc1_squared", "linear_residual_share"}
ROWS = 48


def seed_dump(path, libver="earliest", virtual=False, **storage):
    """A small dump with all that its readers look at: attributes of every kind, links, groups."""
    numbers = np.random.default_rng(7)
    with h5py.File(path, "w", libver=libver) as f:
        f.attrs.update(format="collapscope-dump", format_version=1, run="a run", step=3, note="kept in the global heap")
        targets = numbers.standard_normal((ROWS, 2))
        f["targets"], f["predictions"] = targets, targets + 0.1
        for i, width in enumerate((6, 5)):
            layer = f.create_group(f"layers/fc{i}")
            layer.attrs.update(index=i, kind="linear", comment="text")
            rows = numbers.standard_normal((ROWS, width)).astype("f4")
            if virtual:
                f.create_dataset(f"parts/{i}", data=rows, chunks=(16, width), compression="gzip")
                layout = h5py.VirtualLayout(rows.shape, "f4")
                layout[:] = h5py.VirtualSource(".", f"parts/{i}", rows.shape)
                layer.create_group("inner")
                f.create_virtual_dataset(f"layers/fc{i}/activations", layout)
            elif storage.get("compact"):
                creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                creation.set_layout(h5py.h5d.COMPACT)
                made = h5py.h5d.create(layer.id, b"activations", h5py.h5t.IEEE_F32LE,
                                       h5py.h5s.create_simple(rows.shape), creation)
                made.write(h5py.h5s.ALL, h5py.h5s.ALL, rows)
            else:
                layer.create_dataset("activations", data=rows, **storage)
            layer["weight"], layer["bias"] = numbers.standard_normal((2, width)), np.ones(2)
        f["layers/soft"] = h5py.SoftLink("/layers/fc0")


STORAGES = {
    "contiguous": {},
    "gzip": dict(chunks=(7, 3), compression="gzip", shuffle=True, fletcher32=True),
    "lzf": dict(chunks=(16, 4), compression="lzf"),
    "newest": dict(libver=("v110", "v110"), chunks=(7, 3), maxshape=(None, None), compression="gzip"),
    "compact": dict(compact=True),
    "virtual": dict(libver=("v110", "v110"), virtual=True),
}


def flip(data, dice):
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def overwrite(data, dice):
    data[dice.randrange(len(data))] = dice.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, dice.randrange(256)))


def cut(data, dice):
    del data[dice.randrange(len(data)):]


def swap(data, dice):
    size = dice.choice((1, 4, 8, 16, 64))
    a, b = (dice.randrange(max(1, len(data) - size)) for _ in range(2))
    data[a:a + size], data[b:b + size] = data[b:b + size], data[a:a + size]


def zero(data, dice):
    size = dice.choice((8, 64, 512))
    at = dice.randrange(len(data))
    data[at:at + size] = bytes(len(data[at:at + size]))


def huge(data, dice):
    at = 8 * dice.randrange(max(1, len(data) // 8))
    data[at:at + 8] = dice.choice((b"\xff" * 8, b"\xff" * 7 + b"\x7f", (1 << dice.randrange(64)).to_bytes(8, "little")))


KINDS = (flip, flip, overwrite, overwrite, cut, swap, zero, huge)


def mutant(number, seed, seeds):
    """The bytes of a mutant, the same for the same number and seed. Metadata, at the front, is hit more often."""
    dice = random.Random(seed * 1_000_003 + number)
    names = list(seeds)
    data = bytearray(seeds[names[number % len(names)]])
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        if data:
            dice.choice(KINDS)(data, dice)
    return names[number % len(names)], bytes(data)


def wrong_numbers(node, path=""):
    """What no result may say: NaN, infinities, shares outside [0, 1]."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in SHARES and isinstance(value, (int, float)) and not 0 <= value <= 1:
                yield f"{path}/{key} = {value}"
            yield from wrong_numbers(value, f"{path}/{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from wrong_numbers(value, f"{path}[{i}]")
    elif isinstance(node, float) and not math.isfinite(node):
        yield f"{path} = {node}"


def run(program, files, extra, folder):
    """Measures the files in one run. Returns what is wrong with it, and the seconds it took."""
    output = pathlib.Path(folder) / "results.json"
    output.unlink(missing_ok=True)
    errors = pathlib.Path(folder) / "errors.txt"
    command = [program, "analyze", *files, "-o", output, "-q", "--device", "cpu", "--threads", "1", "--memory", str(PLANNED), *extra]
    with open(errors, "wb") as err:
        began = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        limit = SECONDS * (1 + len(files))
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - began > limit:
                process.kill()
                os.wait4(process.pid, 0)
                process.returncode = -9
                return f"over {SECONDS} s", limit
            time.sleep(0.002)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    text = errors.read_bytes().decode("utf-8", "replace")
    if process.returncode not in (0, 1, 2):
        how = signal.Signals(-process.returncode).name if process.returncode < 0 else process.returncode
        return f"ended by {how}: {text[-300:]}", seconds
    if usage.ru_utime + usage.ru_stime > SECONDS + 0.05 * len(files):  # of the helpers, too
        return f"over {SECONDS} s of computing", seconds
    if usage.ru_maxrss * 1024 > PLANNED + PROGRAM_ITSELF:
        return f"took {usage.ru_maxrss >> 10} MiB", seconds
    if process.returncode == 0 and not output.exists():
        return "status 0 without results", seconds
    if process.returncode != 0 and not text.strip():
        return f"status {process.returncode} without a message", seconds
    if output.exists():
        wrong = list(wrong_numbers(json.loads(output.read_text())))
        if wrong:
            return "; ".join(wrong[:5]), seconds
    return None, seconds


def hunt(job):
    """A batch; when it fails, its files one by one."""
    program, numbers, seed, seeds, extra, kept = job
    found = []
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number in numbers:
            storage, data = mutant(number, seed, seeds)
            file = pathlib.Path(folder) / f"m{number:06}_{storage}.h5"
            file.write_bytes(data)
            files.append(file)
        problem, _ = run(program, files, extra, folder)
        if problem is None:
            return found
        for file in files:
            one, _ = run(program, [file], extra, folder)
            if one is not None:
                found.append(f"{file.name}: {one}")
                shutil.copy(file, kept)
        if not found and not problem.startswith("over"):  # together they only take longer on a busy machine
            found.append(f"mutants {numbers[0]} to {numbers[-1]} together: {problem}")
            for file in files:
                shutil.copy(file, kept)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--mutants", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=25)
    parser.add_argument("--kept", default="fuzz-found", help="folder for the mutants that show a fault")
    parser.add_argument("rest", nargs="*", help="further arguments of 'analyze'")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kept = pathlib.Path(options.kept)
    kept.mkdir(parents=True, exist_ok=True)
    seeds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, storage in STORAGES.items():
            path = pathlib.Path(folder) / f"{name}.h5"
            seed_dump(path, **storage)
            problem, _ = run(options.program, [path], options.rest, folder)
            if problem is not None or "checkpoints" not in (pathlib.Path(folder) / "results.json").read_text():
                sys.exit(f"the undamaged dump {name} fails: {problem}")
            seeds[name] = path.read_bytes()
    numbers = list(range(options.mutants))
    jobs = [(options.program, numbers[i:i + options.batch], options.seed, seeds, options.rest, kept)
            for i in range(0, len(numbers), options.batch)]
    found = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for problems in pool.map(hunt, jobs):
            for problem in problems:
                print(problem, flush=True)
            found += problems
    print(f"{options.mutants} mutants of seed {options.seed}: {len(found)} faults")
    if not found:
        shutil.rmtree(kept)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
