"""Kills the program at every call that changes a file, and lets it go on from the states that are left.

The resumed run must give the digest of an uninterrupted one, or say that it cannot; a state is never mixed up or damaged without a word.
Also: a full disk from every call on, a folder that may not be written, ranks killed at random moments, parts.

    python3 kill_test.py PROGRAM LIBRARY [--points N] [--ranks MPIRUN]
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from mpi_job import AROUND, end_of, kill, ranks_of  # noqa: E402

INTERRUPTED = 75


class Failure(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failure(text)


class Case:
    """A small dump, its digest, and runs of the program on it."""

    def __init__(self, program, library, folder, features=8):
        self.program, self.library, self.folder = program, library, Path(folder)
        self.dump = self.folder / "dump.h5"
        self.make(self.dump, 70000, features)
        self.digest = self.digest_of(self.plain("ref", "-o", "ref.json"), "ref.json")

    def make(self, path, samples, features):
        command = [self.program, "synth", "planted", "-o", str(path), "--samples", str(samples), "--features", str(features)]
        subprocess.run(command + ["--dtype", "float32", "--noise", "0.5,0.1"], check=True)

    def environment(self, work, **more):
        around = dict(os.environ, LD_PRELOAD=self.library, KILL_UNDER=str(work), OPENBLAS_NUM_THREADS="1")
        around.update({name: str(value) for name, value in more.items()})
        return around

    def plain(self, name, *options):
        (self.folder / name).mkdir(exist_ok=True)
        return subprocess.run([self.program, "analyze", str(self.dump), "-q", *options], cwd=self.folder / name,
                              capture_output=True, text=True, timeout=120)

    def run(self, name, *options, before=(), **around):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        command = [*before, self.program, "analyze", str(self.dump), "--work", str(folder / "work"), "--save-every", "0",
                   "--threads", "1", "-q", "-o", str(folder / "out.json"), *options]
        return subprocess.run(command, cwd=folder, env=self.environment(folder, **around), capture_output=True, text=True,
                              timeout=120)

    def digest_of(self, finished, name):
        expect(finished.returncode == 0, f"status {finished.returncode}: {finished.stderr}")
        path = next(self.folder.glob(f"*/{name}"))
        return json.loads(path.read_text())["provenance"]["digest"]

    def calls(self):
        """How many calls an undisturbed run makes."""
        count = self.folder / "count"
        self.run("counted", COUNT_TO=count)
        return int(count.read_text())

    def resume(self, name):
        """Goes on from what is left, and checks that it is what an undisturbed run gives."""
        finished = self.run(name, KILL_AT=0)
        expect(finished.returncode == 0, f"{name}: the resumed run ends with {finished.returncode}: {finished.stderr}")
        results = json.loads((self.folder / name / "out.json").read_text())
        found = results["provenance"]["digest"]
        expect(found == self.digest, f"{name}: digest {found} in place of {self.digest}")
        left = [path.name for path in (self.folder / name / "work").iterdir()
                if not path.name.startswith(("state-", "lock"))]
        expect(not left, f"{name}: litter {left}")
        shutil.rmtree(self.folder / name)

    def killed_at(self, call):
        name = f"kill_{call}"
        finished = self.run(name, KILL_AT=call)
        expect(finished.returncode in (0, 137), f"{name}: status {finished.returncode}: {finished.stderr}")
        self.resume(name)

    def full_from(self, call):
        """A disk that is full: the analysis goes on without states, or ends with a word; what was kept stays good."""
        name = f"full_{call}"
        finished = self.run(name, FAIL_AT=call)
        expect(finished.returncode in (0, 1, 2), f"{name}: status {finished.returncode}: {finished.stderr}")
        if finished.returncode == 0:
            expect(json.loads((self.folder / name / "out.json").read_text())["provenance"]["digest"] == self.digest,
                   f"{name}: another digest")
        else:
            expect("cannot" in finished.stderr, f"{name}: not a word about the disk: {finished.stderr}")
        self.resume(name)

    def not_writable(self):
        work = self.folder / "locked"
        work.write_text("no folder")
        command = [self.program, "analyze", str(self.dump), "--work", str(work), "-q", "-o", str(self.folder / "x.json")]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
        expect(finished.returncode == 2 and "--work" in finished.stderr, f"locked: {finished.returncode} {finished.stderr}")

    def signalled(self, seed):
        """A signal at a random moment: status 75 and a state to go on from, or the end of the run came first."""
        rng = random.Random(seed)
        name = f"signal_{seed}"
        folder = self.folder / name
        folder.mkdir()
        command = [self.program, "analyze", str(self.dump), "--work", str(folder / "work"), "--save-every", "0.01", "--threads", "2",
                   "-q", "-o", str(folder / "out.json")]
        process = subprocess.Popen(command, cwd=folder, env=self.environment(folder), stderr=subprocess.PIPE, text=True)
        time.sleep(rng.uniform(0.005, 0.08))
        process.send_signal(rng.choice([signal.SIGTERM, signal.SIGUSR1, signal.SIGINT]))
        _, errors = process.communicate(timeout=60)
        early = process.returncode < 0  # before the program listened
        expect(early or process.returncode in (0, INTERRUPTED), f"{name}: status {process.returncode}: {errors}")
        self.resume(name)

    def ranks_killed(self, mpirun, seed):
        """kill -9 of one of three ranks at a random moment: the job ends, and one process goes on from there."""
        rng = random.Random(seed)
        name = f"ranks_{seed}"
        folder = self.folder / name
        folder.mkdir()
        around = dict(AROUND, OPENBLAS_NUM_THREADS="1")
        command = [mpirun, "-n", "3", self.program, "analyze", str(self.dump), "--work", str(folder / "work"), "--save-every", "0",
                   "--threads", "1", "-q", "-o", str(folder / "out.json")]
        process = subprocess.Popen(command, cwd=folder, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        deadline = time.time() + 10
        ranks = []
        while not ranks and time.time() < deadline and process.poll() is None:
            ranks = ranks_of(process.pid, self.program)
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.4))
        if ranks:
            kill(rng.choice(ranks))
        try:
            end_of(process, self.program)
        except AssertionError as problem:
            raise Failure(f"{name}: {problem}") from problem
        self.resume(name)

    def messages_killed(self, mpirun):
        """Each of three ranks killed at each message that it would send: the job ends, and one process goes on from there."""
        points = 0
        for rank in range(3):
            for number in range(1, 1000):
                name = f"message_{rank}_{number}"
                folder = self.folder / name
                folder.mkdir()
                one = [self.program, "analyze", str(self.dump), "--work", str(folder / "work"), "--save-every", "0", "--threads", "1", "-q",
                       "-o", str(folder / "out.json")]
                command = [mpirun]
                for other in range(3):
                    stops = ["-x", f"LD_PRELOAD={self.library}", "-x", f"KILL_AT_MESSAGE={number}"] if other == rank else []
                    command += [*([":"] if other else []), "-n", "1", *stops, *one]
                process = subprocess.Popen(command, cwd=folder, env=dict(AROUND, OPENBLAS_NUM_THREADS="1"), stdout=subprocess.DEVNULL,
                                           stderr=subprocess.PIPE, text=True, start_new_session=True)
                _, errors, status = end_of(process, self.program)
                if status == 0:  # it sends fewer
                    break
                points += 1
                expect(status is None or "signal 9" in errors or status == 128 + signal.SIGKILL, f"{name}: status {status}: {errors}")
                self.resume(name)
        expect(points > 30, f"ranks were killed at {points} messages only")
        return points


def spread(count, points):
    """`points` numbers of 1 to count, all where there are no more, else the first and last ones and a spread."""
    if points >= count:
        return list(range(1, count + 1))
    return sorted({1 + i * (count - 1) // (points - 1) for i in range(points)})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("library")
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--ranks", metavar="MPIRUN")
    parser.add_argument("--messages", action="store_true", help="a rank at each of its messages, too; with --ranks")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        case = Case(os.path.abspath(options.program), os.path.abspath(options.library), folder)
        count = case.calls()
        kills = spread(count, options.points * 6 // 10)
        full = spread(count, options.points * 2 // 10)
        signals = range(options.points - len(kills) - len(full) - (5 if options.ranks else 0))
        work = [(case.killed_at, (call,)) for call in kills]
        work += [(case.full_from, (call,)) for call in full]
        work += [(case.signalled, (seed,)) for seed in signals]
        failures = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for job in [pool.submit(function, *arguments) for function, arguments in work]:
                try:
                    job.result()
                except (Failure, subprocess.TimeoutExpired) as failure:
                    failures.append(str(failure))
        rank_kills = max(5, options.points // 40) if options.ranks else 0
        try:
            case.not_writable()
            for seed in range(rank_kills):
                case.ranks_killed(options.ranks, seed)
            if options.messages:
                (case.folder / "messages").mkdir()
                shared = Case(case.program, case.library, case.folder / "messages", 150)  # layers that ranks share
                print(f"ranks killed at {shared.messages_killed(options.ranks)} messages")
        except (Failure, subprocess.TimeoutExpired) as failure:
            failures.append(str(failure))
        print(f"{count} calls change files in a run; killed at {len(kills)}, disk full from {len(full)}, "
              f"{len(signals)} signals, {rank_kills} ranks killed")
        for failure in failures[:20]:
            print("FAILED:", failure)
        print(f"{len(work) + rank_kills + 1} points, {len(failures)} went wrong")
        return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
