#!/usr/bin/env python3
"""slurm_test.py PROGRAM SLOW_READS: the scripts of examples/slurm on a real Slurm."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

import cluster

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "examples/slurm"
ARM = ROOT / "examples/arm/dumps"
SKIPPED = 77


def digest(path):
    return json.loads(pathlib.Path(path).read_text())["provenance"]["digest"]


class OnSlurm(unittest.TestCase):
    program = None
    slow_reads = None

    @classmethod
    def setUpClass(cls):
        cls.slurm = cls.enterClassContext(cluster.Cluster())
        cls.folder = cls.slurm.folder / "work"
        cls.folder.mkdir()
        cls.slurm.environment.update(
            PATH=f"{cls.program.parent}:{os.environ['PATH']}", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
            OMPI_MCA_rmaps_base_oversubscribe="1",
            OMPI_MCA_btl="tcp,self")  # shared memory has names by host, and the nodes are all on one
        for step in (1, 2, 3):
            cls.run_here("synth", "planted", "-o", f"run_{step}.h5", "-N", "100000", "-d", "64", "--dtype", "float32",
                         "--run", "run", "--step", str(step))
        cls.dumps = [f"run_{step}.h5" for step in (1, 2, 3)]
        cls.run_here("analyze", *cls.dumps, "--device", "cpu", "-q", "-o", "expected.json", LD_PRELOAD=str(cls.slow_reads),
                     COUNT_READS="expected.reads")

    @classmethod
    def run_here(cls, *arguments, **environment):
        subprocess.run([cls.program, *arguments], cwd=cls.folder, check=True, capture_output=True, env={**os.environ, **environment})

    def submit(self, *arguments, **environment):
        exports = ",".join(["ALL", *(f"{name}={value}" for name, value in environment.items())])
        return self.slurm.output("sbatch", "--parsable", f"--export={exports}", *arguments, cwd=self.folder).strip()

    def log(self, number):
        return "".join(log.read_text() for log in self.folder.glob(f"*-{number}.log"))

    def ends_well(self, *numbers):
        try:
            self.slurm.wait_for(*numbers)
        except Exception as error:
            logs = "".join(f"--- {log.name}\n{log.read_text()}" for log in self.folder.glob("*.log"))
            self.fail(f"{error}\n{logs}\n{self.slurm.logs()}")

    def same_as_expected(self, name):
        self.assertEqual(digest(self.folder / name), digest(self.folder / "expected.json"))

    def test_array_over_dumps_with_a_dependent_report(self):
        dumps = sorted(ARM.glob("*_epoch12000.h5"))
        self.assertEqual(len(dumps), 3)
        (self.folder / "dumps.txt").write_text("".join(f"{dump}\n" for dump in dumps))
        array = self.submit("--array=1-3", SCRIPTS / "array.sbatch", "dumps.txt", "array")
        report = self.submit(f"--dependency=afterok:{array}", SCRIPTS / "report.sbatch", "array", "array.html")
        self.ends_well(array, report)
        for number, dump in enumerate(dumps, 1):
            self.run_here("analyze", dump, "-q", "-o", "one.json")
            self.assertEqual(digest(self.folder / f"array/{number:04d}.json"), digest(self.folder / "one.json"))
        page = (self.folder / "array.html").read_text()
        for dump in dumps:
            self.assertIn(dump.name.removesuffix("_epoch12000.h5"), page)

    def test_parts_are_merged_when_all_are_there(self):
        words = self.slurm.output(SCRIPTS / "submit_parts.sh", 3, "parts", "all", *self.dumps, cwd=self.folder).split()
        self.ends_well(*(word for word in words if word.isdigit()))
        self.assertEqual(len(list(self.folder.glob("parts/all.parts/part_*.h5"))), 3)
        self.same_as_expected("parts/all.json")
        self.assertIn("run", (self.folder / "parts/report.html").read_text())

    def test_a_merge_without_all_parts_is_not_run(self):
        words = self.slurm.output(SCRIPTS / "submit_parts.sh", 2, "failing", "all", "no_such.h5", cwd=self.folder).split()
        parts, merge, _ = [word for word in words if word.isdigit()]
        cluster.wait_until(lambda: self.slurm.states(parts) == {"FAILED"}, "the parts to fail")
        cluster.wait_until(lambda: self.slurm.states(merge) == {"CANCELLED"}, "the merge to be given up")
        self.assertFalse((self.folder / "failing/all.json").exists())

    def test_preempted_jobs_go_on_where_they_were(self):
        """Of one process and of four, in a partition without a time of grace and in one with."""
        mark = self.folder / "slow"
        mark.touch()
        all_reads = self.reads("expected")
        self.assertGreater(all_reads, 9 * 100_000 * 64 * 4 - 1)
        jobs = {}
        for partition in ("low", "grace"):
            for script, slowness in (("preemptible", 40), ("mpi", 100)):  # four ranks read more at a time
                name = f"{script}-{partition}"
                jobs[name] = self.submit(f"--partition={partition}", SCRIPTS / f"{script}.sbatch", f"{name}.json", f"{name}.work",
                                         *self.dumps, LD_PRELOAD=self.slow_reads, SLOW_READS=mark, SLOW_READS_NS=slowness,
                                         COUNT_READS=f"{name}.reads")
        for name in jobs:
            cluster.wait_until(lambda: self.reads(name) > all_reads / 2, f"half of {name}")
        intruder = self.submit("--partition=high", "--nodes=4", "--exclusive", "--output=intruder.log", "--wrap=sleep 1")
        cluster.wait_until(lambda: self.slurm.states(intruder) == {"COMPLETED"}, "the job that pre-empts")
        read_before = {name: self.reads(name) for name in jobs}
        mark.unlink()
        self.ends_well(*jobs.values())
        for name, number in jobs.items():
            with self.subTest(name):
                self.assertEqual(self.slurm.job(number)["Restarts"], "1")
                self.assertIn("stopped by SIGTERM; what is done is kept", self.log(number))
                self.assertLess(self.reads(name) - read_before[name], all_reads)
                self.same_as_expected(f"{name}.json")

    def reads(self, name):
        """How many bytes of rows a job has read."""
        file = self.folder / f"{name}.reads"
        return sum(int(line) for line in file.read_text().split("\n")[:-1]) if file.exists() else 0

    def test_ranks_on_several_nodes(self):
        job = self.submit(SCRIPTS / "mpi.sbatch", "mpi.json", "mpi.work", *self.dumps)
        self.ends_well(job)
        self.same_as_expected("mpi.json")
        self.assertEqual(json.loads((self.folder / "mpi.json").read_text())["provenance"]["ranks"], 4)

    def test_ranks_of_mpirun(self):
        job = self.submit("--nodes=1", SCRIPTS / "mpi.sbatch", "mpirun.json", "mpirun.work", *self.dumps, LAUNCHER="mpirun")
        self.ends_well(job)
        self.same_as_expected("mpirun.json")
        self.assertEqual(json.loads((self.folder / "mpirun.json").read_text())["provenance"]["ranks"], 2)

    def test_a_rank_for_each_gpu(self):
        """On the fake CUDA runtime, where there is one."""
        fake = self.program.parents[1] / "fake_cuda"
        environment = {"LD_LIBRARY_PATH": fake, "FAKE_CUDA_DEVICES": 4, "FAKE_CUDA_PROTECT": 0} if fake.is_dir() else {"DEVICE": "cpu"}
        job = self.submit(SCRIPTS / "gpu.sbatch", "gpu.json", "gpu.work", *self.dumps, **environment)
        self.ends_well(job)
        provenance = json.loads((self.folder / "gpu.json").read_text())["provenance"]
        self.assertEqual(provenance["ranks"], 4)
        self.assertEqual(provenance["device"].startswith("cpu"), not fake.is_dir(), provenance["device"])

    def test_the_wrong_pmi_is_refused_with_its_cure(self):
        done = subprocess.run(["srun", "--nodes=2", "--ntasks=2", "--mpi=none", self.program, "analyze", *self.dumps, "-o", "x.json"],
                              cwd=self.folder, env=self.slurm.environment, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("srun started 2 processes, but it gave them no PMI", done.stderr)
        self.assertIn("srun --mpi=pmix", done.stderr)
        self.assertFalse((self.folder / "x.json").exists())


def enter_namespace():
    """Goes on in a PID namespace of its own, where that is allowed: all in it ends with this process, however that ends."""
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    allowed = subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    if allowed and "SLURM_TEST_INSIDE" not in os.environ:
        os.environ["SLURM_TEST_INSIDE"] = "1"
        os.execvp(words[0], [*words, sys.executable, "-B", *sys.argv])


def main():
    OnSlurm.program, OnSlurm.slow_reads = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    reason = cluster.why_not()
    if not reason and not (OnSlurm.program.parents[1] / "lib/collapscope/libcollapscope_mpi.so").exists():
        reason = "the program was built without MPI (Debian: libopenmpi-dev)"
    if not reason and shutil.which("mpirun") is None:
        reason = "no mpirun (Debian: openmpi-bin)"
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    enter_namespace()
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
