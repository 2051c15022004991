"""Jobs of mpirun: which ranks run, and how they end.

mpirun 4.1 with PMIx 4.2 now and then locks itself up after a rank has died by a signal: all ranks have ended, and it
waits for a mutex in PMIx_server_finalize. What is tested here are the ranks, so such a launcher is killed.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

AROUND = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
              OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_btl_vader_single_copy_mechanism="none")
LAUNCHER_ENDS_IN = 10  # seconds


def ranks_of(launcher, program):
    """The processes of the program that a launcher has started and that run or stand still."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == launcher and fields[0] not in "ZX" and os.readlink(entry / "exe") == os.path.realpath(program):
                found.append(int(entry.name))
        except (OSError, IndexError, ValueError):
            continue
    return sorted(found)


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end_of(process, program, seconds=120):
    """Waits for a job: its (standard output, standard error, status). The status of a launcher that was locked up is None."""
    deadline = time.time() + seconds
    gone_since = None
    while True:
        try:
            out, errors = process.communicate(timeout=0.5)
            return out, errors, process.returncode
        except subprocess.TimeoutExpired:
            pass
        now = time.time()
        gone_since = None if ranks_of(process.pid, program) else gone_since or now
        if gone_since and now - gone_since > LAUNCHER_ENDS_IN:
            process.kill()
            out, errors = process.communicate()
            return out, errors, None
        if now > deadline:
            left = ranks_of(process.pid, program)
            process.kill()
            for rank in left:
                kill(rank)
            _, errors = process.communicate()
            raise AssertionError(f"the job has not ended in {seconds} s; ranks {left} are left; it said: {errors}")
