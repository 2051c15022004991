"""Kills `analyze` and `report` at every call that changes a file while they replace their outputs, and within every write.

Each output is then the old file or the new one, whole. The next run leaves nothing but outputs in the folder.

    python3 output_kill_test.py PROGRAM LIBRARY [--moments N]
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


class Failure(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failure(text)


def lasting(content):
    """What two runs of one command give alike: all but when, how long and where."""
    text = content.decode()
    text = re.sub(r'"(seconds|started|command|finished|created)" ?: ?("[^"]*"|[0-9.e+-]+)', "", text)
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?", "", text)


class Command:
    """A command and its outputs, old ones and those of a run that nobody disturbs."""

    def __init__(self, name, command, outputs, folder, library):
        self.name, self.command, self.outputs = name, command, outputs
        self.folder, self.library = folder, library
        self.seen = []  # what killed runs have left
        self.old = {output: f"old {output}\n".encode() for output in outputs}
        whole = self.begin("whole")
        count = folder / f"{name}.count"
        finished = self.run(whole, COUNT_TO=count)
        expect(finished.returncode == 0, f"{name}: status {finished.returncode}: {finished.stderr}")
        self.calls = int(count.read_text())
        self.new = {output: lasting((whole / output).read_bytes()) for output in outputs}
        again = self.begin("again")
        self.run(again)
        for output in outputs:
            expect(self.new[output] != lasting(self.old[output]), f"{name}: {output} was not written")
            expect(self.new[output] == lasting((again / output).read_bytes()), f"{name}: {output} differs from run to run")

    def begin(self, name):
        folder = self.folder / f"{self.name}_{name}"
        folder.mkdir()
        for output in self.outputs:
            (folder / output).write_bytes(self.old[output])
        return folder

    def start(self, folder, **around):
        environment = dict(os.environ, LD_PRELOAD=self.library, KILL_UNDER=str(folder), OPENBLAS_NUM_THREADS="1")
        environment.update({name: str(value) for name, value in around.items()})
        options = [part for output in self.outputs for part in ("-o", output)]
        return subprocess.Popen([*self.command, *options], cwd=folder, env=environment, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True)

    def run(self, folder, **around):
        process = self.start(folder, **around)
        _, errors = process.communicate(timeout=120)
        return subprocess.CompletedProcess(self.command, process.returncode, "", errors)

    def check(self, folder):
        """Every output is old or new; after the next run it is new, and nothing else is there."""
        for output in self.outputs:
            content = (folder / output).read_bytes()
            is_old = content == self.old[output]
            expect(is_old or lasting(content) == self.new[output],
                   f"{folder.name}: {output} is neither the old file nor the new one, {len(content)} bytes")
            self.seen.append("old" if is_old else "new")
        self.seen += ["litter"] * (len(list(folder.iterdir())) - len(self.outputs))
        finished = self.run(folder, KILL_AT=0)
        expect(finished.returncode == 0, f"{folder.name}: the next run ends with {finished.returncode}: {finished.stderr}")
        left = sorted(path.name for path in folder.iterdir())
        expect(left == sorted(self.outputs), f"{folder.name}: {left} are left")
        for output in self.outputs:
            expect(lasting((folder / output).read_bytes()) == self.new[output], f"{folder.name}: {output} is not the new file")
        shutil.rmtree(folder)

    def killed_at(self, call, within):
        folder = self.begin(f"{call}_{'within' if within else 'before'}")
        finished = self.run(folder, KILL_AT=call, KILL_WITHIN=int(within))
        expect(finished.returncode == 137, f"{folder.name}: status {finished.returncode}: {finished.stderr}")
        self.check(folder)

    def killed_after(self, seed):
        folder = self.begin(f"after_{seed}")
        process = self.start(folder)
        time.sleep(random.Random(seed).uniform(0.0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        self.check(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("library")
    parser.add_argument("--moments", type=int, default=60)
    options = parser.parse_args()
    program, library = os.path.abspath(options.program), os.path.abspath(options.library)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dump, results = folder / "dump.h5", folder / "results.json"
        subprocess.run([program, "synth", "planted", "-o", str(dump), "--samples", "500", "--features", "8"], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([program, "analyze", "-q", str(dump), "-o", str(results)], check=True)
        commands = [Command("analyze", [program, "analyze", "-q", str(dump), "--threads", "1"], ["a.json", "a.csv"], folder, library),
                    Command("report", [program, "report", str(results)], ["r.html", "r.json"], folder, library)]
        work = [(command.killed_at, (call, within)) for command in commands for call in range(1, command.calls + 1)
                for within in (False, True)]
        chosen = len(work)
        work += [(commands[seed % 2].killed_after, (seed,)) for seed in range(max(options.moments - chosen, 10))]
        failures = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for job in [pool.submit(function, *arguments) for function, arguments in work]:
                try:
                    job.result()
                except (Failure, OSError, subprocess.TimeoutExpired) as failure:
                    failures.append(str(failure))
        print(f"{' and '.join(str(command.calls) for command in commands)} calls change files in a run; killed at {chosen} of them "
              f"and within, and at {len(work) - chosen} random moments")
        seen = [kind for command in commands for kind in command.seen]
        counts = {kind: seen.count(kind) for kind in ("old", "new", "litter")}
        print(f"killed runs left {counts['old']} old files, {counts['new']} new ones, {counts['litter']} temporary ones")
        if 0 in counts.values():
            failures.append("one of these kinds was not met, so the kills came at the wrong moments")
        for failure in failures[:20]:
            print("FAILED:", failure)
        print(f"{len(work)} points, {len(failures)} went wrong")
        return 1 if failures or len(work) < options.moments else 0


if __name__ == "__main__":
    sys.exit(main())
