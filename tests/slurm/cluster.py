"""A Slurm cluster of four virtual nodes on this machine, with a folder, a key and ports of its own."""
import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PROGRAMS = ("slurmctld", "slurmd", "munged", "mungekey", "sbatch", "srun")
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None)

# cred_expire: how long a requeued job waits; 5 s is the least. Nodes say what they have, whatever this machine has.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/socket/munge,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPort={ports[0]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
KillWait=20
SlurmdTimeout=300
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=64 RealMemory=200000 Gres=gpu:4
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=64 RealMemory=200000 Gres=gpu:4
NodeName=n3 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[3]} CPUs=64 RealMemory=200000 Gres=gpu:4
NodeName=n4 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[4]} CPUs=64 RealMemory=200000 Gres=gpu:4
PartitionName=low Nodes=n[1-4] Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=0 MaxTime=INFINITE State=UP
PartitionName=grace Nodes=n[1-4] PriorityTier=1 PreemptMode=REQUEUE GraceTime=20 MaxTime=INFINITE State=UP
PartitionName=high Nodes=n[1-4] PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
"""


def why_not():
    """What is missing for a cluster here; empty: nothing."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)} (Debian: slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "slurmd has to be started by root"


def free_ports(count):
    with contextlib.ExitStack() as sockets:
        bound = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in bound:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in bound]


def wait_until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


class Cluster:
    """With `with`; at its end nothing of it is left, whatever happened. Daemons also end with this process."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slurm-"))
        self.daemons = []
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what daemons leave behind becomes a child of this process
        try:
            self._start()
        except BaseException:
            print(self.logs())
            self.__exit__()
            raise
        return self

    def _start(self):
        for name in ("state", "run", "log", "socket", "key"):
            (self.folder / name).mkdir()
        (self.folder / "key").chmod(0o700)
        self.folder.chmod(0o755)
        text = CONFIGURATION.format(host=socket.gethostname().split(".")[0], folder=self.folder, ports=free_ports(5))
        main = self._configuration("conf", text)
        self.environment = dict(os.environ, SLURM_CONF=str(main))
        key = self.folder / "key/munge"
        subprocess.run(["mungekey", "--create", f"--keyfile={key}"], check=True)
        munge = self.folder / "socket/munge"
        self._run("munged", "--foreground", f"--key-file={key}", f"--socket={munge}", f"--pid-file={self.folder}/run/munged",
                  f"--log-file={self.folder}/log/munged", f"--seed-file={self.folder}/run/seed")
        wait_until(munge.exists, "munged")
        self._run("slurmctld", "-D", "-c", "-f", main)
        for node in ("n1", "n2", "n3", "n4"):
            # PMIx keeps files under the same name for all nodes: each needs its own place for them.
            own = self._configuration(f"conf.{node}", text)
            files = self.folder / f"pmix.{node}"
            files.mkdir()
            (own.parent / "mpi.conf").write_text(f"PMIxCliTmpDirBase={files}\n")
            (self.folder / f"spool.{node}").mkdir()
            self._run("slurmd", "-D", "-N", node, "-f", own)
        wait_until(lambda: self.output("sinfo", "-h", "-p", "low", "-t", "idle", "-o", "%D").strip() == "4", "four idle nodes")

    def _configuration(self, name, text):
        (self.folder / name).mkdir()
        devices = ("null", "zero", "full", "random")  # any four: Slurm only looks whether they are there
        (self.folder / name / "gres.conf").write_text("".join(f"Name=gpu File=/dev/{device}\n" for device in devices))
        file = self.folder / name / "slurm.conf"
        file.write_text(text)
        return file

    def _run(self, *command):
        def end_with_parent():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        with open(self.folder / f"log/{command[0]}.{len(self.daemons)}", "wb") as log:
            self.daemons.append(subprocess.Popen([str(word) for word in command], stdout=log, stderr=log,
                                                 preexec_fn=end_with_parent))

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.output("scancel", "--user=root")
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(5)
        wait_until(self._end_children, "the end of all processes of the cluster", 20)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _end_children():
        """Whether this process has no child any more."""
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                return True
        children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        return False

    def logs(self):
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in self.folder.glob("log/*"))

    def output(self, *command, **options):
        """Standard output of a command of Slurm."""
        words = [str(word) for word in command]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60, check=False, **options)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def job(self, number):
        """What scontrol says of a job; of an array, of its last task."""
        last = self.output("scontrol", "show", "job", "-o", number).strip().splitlines()[-1]
        return dict(word.split("=", 1) for word in last.split() if "=" in word)

    def states(self, number):
        """The states of a job and, of an array, of all its tasks."""
        lines = self.output("scontrol", "show", "job", "-o", number).strip().splitlines()
        return {word.split("=", 1)[1] for line in lines for word in line.split() if word.startswith("JobState=")}

    def wait_for(self, *numbers):
        """Until these jobs have ended well; what they became is in the error otherwise."""
        for number in numbers:
            wait_until(lambda: not self.states(number) & {"PENDING", "RUNNING", "COMPLETING", "REQUEUED", "SUSPENDED"},
                       f"the end of job {number}", 120)
            if self.states(number) != {"COMPLETED"}:
                raise AssertionError(self.output("scontrol", "show", "job", number))
