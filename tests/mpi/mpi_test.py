"""Real MPI ranks: the bits of one process, and an end with the right line when one of them fails.

    python3 mpi_test.py PROGRAM MPIRUN FAILING_PREAD [--all]

--all: every number of ranks with every number of threads, of shards and every storage.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from mpi_job import AROUND, end_of, kill, ranks_of  # noqa: E402

PROGRAM, MPIRUN, FAILING_PREAD = (os.path.abspath(path) for path in sys.argv[1:4])
ALL = "--all" in sys.argv[4:]
class Mpi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.place.name)
        cls.synth("plain.h5")
        cls.synth("gzip.h5", "--storage", "gzip")
        cls.synth("chunked.h5", "--storage", "chunked", "--chunk", "1000", "40")
        make_shards = ("import h5py\n"
                       "cuts = {'shard': [0, 777, 20001, 20002, 51234, 70000], 'half': [0, 34567, 70000]}\n"
                       "with h5py.File('plain.h5') as whole:\n"
                       "    for name, number, a, b in [(name, i, a, b) for name, c in cuts.items() for i, (a, b) in enumerate(zip(c, c[1:]))]:\n"
                       "        with h5py.File(f'{name}{number}.h5', 'w') as part:\n"
                       "            for name, value in whole.attrs.items(): part.attrs[name] = value\n"
                       "            def copy(name, node):\n"
                       "                if isinstance(node, h5py.Group):\n"
                       "                    made = part.require_group(name)\n"
                       "                else:\n"
                       "                    made = part.create_dataset(name, data=node[a:b] if node.shape[0] == 70000 else node[:])\n"
                       "                for key, value in node.attrs.items(): made.attrs[key] = value\n"
                       "            whole.visititems(copy)\n")
        subprocess.run([sys.executable, "-c", make_shards], cwd=cls.folder, check=True)
        cls.digest = cls.digest_of(cls.run_alone("plain.h5"))

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    @classmethod
    def synth(cls, name, *options):
        subprocess.run([PROGRAM, "synth", "planted", "-o", name, "--samples", "70000", "--features", "150", "--dtype", "float32",
                        "--noise", "0.5,1e-3", *options], cwd=cls.folder, check=True)

    @classmethod
    def run_alone(cls, *arguments, **more):
        return subprocess.run([PROGRAM, "analyze", *arguments, "-q", "-o", "-"], cwd=cls.folder, capture_output=True, text=True,
                              timeout=60, **more)

    @classmethod
    def start(cls, ranks, *arguments, **variables):
        around = dict(AROUND, **{name: str(value) for name, value in variables.items()})
        return subprocess.Popen([MPIRUN, "-n", str(ranks), PROGRAM, "analyze", *arguments], cwd=cls.folder, env=around,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        out, errors, status = end_of(process, PROGRAM)
        return subprocess.CompletedProcess([], status, out, errors)

    @staticmethod
    def digest_of(finished):
        if finished.returncode != 0:
            raise AssertionError(f"status {finished.returncode}: {finished.stderr}")
        return json.loads(finished.stdout)["provenance"]["digest"]

    def running_ranks(self, process, count):
        deadline = time.time() + 20
        while time.time() < deadline:
            found = ranks_of(process.pid, PROGRAM)
            if len(found) == count:
                return found
            time.sleep(0.01)
        self.fail("the ranks did not start")

    def test_any_number_gives_the_bits_of_one_process(self):
        shards = ["--shards", *(f"shard{number}.h5" for number in range(5))]
        self.assertEqual(self.digest_of(self.run_alone("--threads", "2", *shards)), self.digest)
        some = [(1, 3, ["plain.h5"]), (2, 1, ["plain.h5"]), (2, 2, ["gzip.h5"]), (3, 1, shards), (3, 2, ["chunked.h5"]),
                                     (4, 1, ["gzip.h5"]), (4, 3, shards), (7, 1, ["plain.h5"]), (7, 2, ["chunked.h5"])]
        halves = ["--shards", "half0.h5", "half1.h5"]
        dumps = [["plain.h5"], ["gzip.h5"], ["chunked.h5"], shards, halves]
        every = [(ranks, threads, dump) for ranks in (1, 2, 3, 4, 7) for threads in (1, 2, 3) for dump in dumps]
        for ranks, threads, dump in every if ALL else some:
            with self.subTest(ranks=ranks, threads=threads, dump=dump):
                finished = self.finish(self.start(ranks, "-q", "-o", "-", "--threads", str(threads), *dump))
                self.assertEqual(self.digest_of(finished), self.digest)
                self.assertEqual(json.loads(finished.stdout)["provenance"]["ranks"], ranks)
                self.assertEqual(finished.stderr, "")

    def test_classes_one_by_one_are_those_of_one_process(self):
        subprocess.run([PROGRAM, "synth", "classes", "-o", "classes.h5", "-K", "7", "-n", "4000", "-d", "20", "--nc1", "1,0.1", "--imbalance",
                        "3"], cwd=self.folder, check=True)
        options = ["classes.h5", "--per-class", "-q", "-o", "-"]
        alone = json.loads(self.run_alone("classes.h5", "--per-class").stdout)
        self.assertEqual(len(alone["checkpoints"][0]["layers"][0]["classes"]["within_variance"]), 7)
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                finished = self.finish(self.start(ranks, *options))
                self.assertEqual((finished.returncode, finished.stderr), (0, ""))
                self.assertEqual(json.loads(finished.stdout)["checkpoints"], alone["checkpoints"])

    def test_a_signal_to_one_rank_stops_all_and_one_process_goes_on(self):
        process = self.start(3, "-q", "-o", "-", "plain.h5", "--work", "signalled", "--save-every", "0", COLLAPSCOPE_RANK_TIMEOUT=20)
        os.kill(self.running_ranks(process, 3)[1], signal.SIGUSR1)
        finished = self.finish(process)
        self.assertIn(finished.returncode, (75, -signal.SIGUSR1, 128 + signal.SIGUSR1, None))  # before it listened, it dies of it
        self.assertEqual(self.digest_of(self.run_alone("plain.h5", "--work", "signalled")), self.digest)

    def test_a_rank_that_does_not_answer_ends_the_job(self):
        one = [PROGRAM, "analyze", "plain.h5", "-q", "-o", "-", "--work", "silent", "--save-every", "0"]
        stops = [word for variable in (f"LD_PRELOAD={FAILING_PREAD}", "FAIL_PREAD_OF=plain.h5", "FAIL_PREAD_LEAST=100000", "FAIL_PREAD=1",
                                       "FAIL_PREAD_STOPS=1") for word in ("-x", variable)]
        process = subprocess.Popen([MPIRUN, "-n", "1", *one, ":", "-n", "1", *stops, *one, ":", "-n", "1", *one], cwd=self.folder,
                                   env=dict(AROUND, COLLAPSCOPE_RANK_TIMEOUT="4"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ranks = self.running_ranks(process, 3)
        try:
            finished = self.finish(process)
        finally:
            for rank in ranks:
                kill(rank)
        self.assertNotEqual(finished.returncode, 0)
        self.assertRegex(finished.stderr, r"\[rank 2 on [^]]+\] rank 1 has not answered for 4 s")
        self.assertEqual(self.digest_of(self.run_alone("plain.h5", "--work", "silent")), self.digest)

    def test_a_rank_that_is_killed_ends_the_job(self):
        process = self.start(2, "-q", "-o", "-", "gzip.h5")
        os.kill(self.running_ranks(process, 2)[0], signal.SIGKILL)
        finished = self.finish(process)
        self.assertNotEqual(finished.returncode, 0)

    def test_a_rank_that_cannot_read_says_so_and_nobody_waits(self):
        seen = set()
        for call in (2, 9, 12, 30, 40, 50):
            command = [MPIRUN, "-n", "1", PROGRAM, "analyze", "plain.h5", "-q", "-o", "-", ":", "-n", "1", "-x",
                       f"LD_PRELOAD={FAILING_PREAD}", "-x", "FAIL_PREAD_OF=plain.h5", "-x", f"FAIL_PREAD={call}",
                       PROGRAM, "analyze", "plain.h5", "-q", "-o", "-"]
            finished = self.finish(subprocess.Popen(command, cwd=self.folder, env=AROUND, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                                    text=True))
            if finished.returncode is not None:
                seen.add(finished.returncode)
            if finished.returncode == 0:  # fewer calls than that
                self.assertEqual(self.digest_of(finished), self.digest)
            else:
                self.assertIn("rank 1 on", finished.stderr, f"call {call}, status {finished.returncode}")
        self.assertLessEqual(seen, {0, 1, 2})
        self.assertTrue(seen & {1, 2})

    def run_in(self, folders, options=((), ())):
        """Rank i in folder i, with these options more."""
        command = [MPIRUN]
        for folder, more in zip(folders, options):
            command += [*([":"] if len(command) > 1 else []), "-n", "1", "-wdir", str(self.folder / folder), PROGRAM, "analyze", "plain.h5", "-q",
                        "-o", "-", *more]
        return self.finish(subprocess.Popen(command, cwd=self.folder, env=AROUND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))

    def test_ranks_may_have_copies_of_their_own_if_they_are_the_same(self):
        for name in ("here", "there", "stale"):
            (self.folder / name).mkdir()
            shutil.copyfile(self.folder / "plain.h5", self.folder / name / "plain.h5")
            os.utime(self.folder / name / "plain.h5", (len(name), len(name)))
        with open(self.folder / "stale/plain.h5", "r+b") as file:  # of the same size
            file.seek(-8, os.SEEK_END)
            file.write(b"\0\1\2\3\4\5\6\7")
        self.assertEqual(self.digest_of(self.run_in(["here", "there"])), self.digest)
        for folders in (["here", "stale"], ["stale", "here"]):
            finished = self.run_in(folders)
            self.assertEqual((finished.returncode, finished.stdout), (2, ""))
            self.assertRegex(finished.stderr, r"rank 1 on .*found 'plain\.h5: \d+ bytes, sample \w+', but rank 0 found 'plain\.h5: .*expected the same")

    def test_ranks_with_other_options_are_refused(self):
        finished = self.run_in([".", "."], [("--metrics", "nrc1"), ()])
        self.assertEqual((finished.returncode, finished.stdout), (2, ""))
        self.assertRegex(finished.stderr, "rank 1 on .*found '--metrics .*', but rank 0 found '--metrics nrc1'; expected the same")

    def test_the_table_is_that_of_a_pipe(self):
        alone = subprocess.run([PROGRAM, "analyze", "plain.h5", "-q"], cwd=self.folder, capture_output=True, text=True, timeout=60)
        finished = self.finish(self.start(2, "plain.h5", "-q"))
        self.assertEqual(finished.stdout.replace("\r\n", "\n"), alone.stdout)

    def test_a_program_without_its_module_says_where_it_looked(self):
        alone = self.folder / "alone/bin/collapscope"
        alone.parent.mkdir(parents=True)
        shutil.copy(PROGRAM, alone)
        finished = subprocess.run([alone, "analyze", "plain.h5"], cwd=self.folder, capture_output=True, text=True, timeout=60,
                                  env=dict(os.environ, OMPI_COMM_WORLD_SIZE="2"))
        self.assertEqual((finished.returncode, finished.stdout), (2, ""))
        self.assertIn(f"was not found; looked for {self.folder.resolve()}/alone/lib/collapscope/libcollapscope_mpi.so, ", finished.stderr)

    def test_the_work_of_one_process_is_refused(self):
        for command in (["synth", "ufm", "-o", "ufm.h5"], ["report", "x.json"], ["inspect", "plain.h5"], ["merge", "part.h5"],
                        ["status", "work"], ["bench", "--rows", "100"]):
            with self.subTest(command=command):
                finished = subprocess.run([PROGRAM, *command], cwd=self.folder, capture_output=True, text=True, timeout=60,
                                          env=dict(os.environ, OMPI_COMM_WORLD_SIZE="2"))
                self.assertEqual((finished.returncode, finished.stdout), (2, ""))
                self.assertIn("is the work of one process", finished.stderr)
                self.assertFalse((self.folder / "ufm.h5").exists())

    def test_what_all_find_is_said_once(self):
        finished = self.finish(self.start(3, "-q", "nothere.h5"))
        self.assertEqual(finished.returncode, 2)
        self.assertEqual(len(re.findall(r"nothere\.h5: cannot be found", finished.stderr)), 1, finished.stderr)

    def test_a_state_of_another_analysis_is_refused_once(self):
        self.assertEqual(self.digest_of(self.run_alone("plain.h5", "--work", "others")), self.digest)
        finished = self.finish(self.start(3, "-q", "-o", "-", "plain.h5", "--work", "others", "--metrics", "nrc*"))
        self.assertEqual(finished.returncode, 2)
        self.assertEqual(len(re.findall("holds the state of another analysis", finished.stderr)), 1, finished.stderr)

    def test_processes_that_do_not_find_each_other_are_refused(self):
        for variables, problem, cure in [({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"}, "it gave them no PMI", "srun --mpi=pmix"),
                                         ({"PMI_SIZE": "2", "PMI_RANK": "0"}, "do not find each other", "mpirun")]:
            finished = self.run_alone("plain.h5", env=dict(os.environ, **variables))
            self.assertEqual(finished.returncode, 2)
            self.assertIn(problem, finished.stderr)
            self.assertIn(cure, finished.stderr)

    def test_without_the_module_several_processes_are_refused(self):
        finished = self.run_alone("plain.h5", env=dict(os.environ, OMPI_COMM_WORLD_SIZE="2", COLLAPSCOPE_MPI_MODULE="/nowhere.so"))
        self.assertEqual(finished.returncode, 2)
        self.assertIn("cannot be loaded", finished.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
