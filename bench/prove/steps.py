"""A step: what it runs, how long it may take, what it found. Whatever it found stays when its time runs out."""
import contextlib
import os
import signal
import subprocess
import threading
import time


class Failed(Exception):
    """A step that cannot go on."""


class Finished:
    """A command that ended; `status` is None where its time ran out and it was killed."""

    def __init__(self, command, status, out, err, seconds):
        self.command, self.status, self.out, self.err, self.seconds = command, status, out, err, seconds

    def tail(self, lines=6):
        return " | ".join((self.out + "\n" + self.err).strip().splitlines()[-lines:])

    def why(self):
        """How it ended, in words."""
        if self.status is None:
            return f"was killed after {self.seconds:.0f} s"
        if self.status < 0:
            return f"died of {signal.Signals(-self.status).name}"
        return f"ended with status {self.status}"


def contents(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


class Step:
    def __init__(self, name, limit, context):
        self.name, self.context = name, context
        self.begin = time.monotonic()
        self.deadline = self.begin + limit
        self.failures, self.gates = [], []
        self.record = {"name": name, "ok": None, "limit_seconds": round(limit), "failures": self.failures,
                       "gates": self.gates}
        self._running, self._late, self._over, self._lock = set(), set(), False, threading.Lock()

    def left(self):
        return self.deadline - time.monotonic()

    def expect(self, holds, message):
        if not holds and not self._over and message not in self.failures:
            self.failures.append(message)
            self.context.say(f"  NOT SO, {self.name}: {message}")
        return holds

    def gate(self, name, found, least=None, most=None):
        """A number that is wanted; a rehearsal measures nothing and so misses none."""
        holds = found is not None and (least is None or found >= least) and (most is None or found <= most)
        wanted = " and ".join([*([f"at least {least:g}"] if least is not None else []),
                               *([f"at most {most:g}"] if most is not None else [])])
        if not self._over:
            self.gates.append({"name": name, "wanted": wanted, "found": found, "ok": holds})
        if not self.context.rehearsal:
            self.expect(holds, f"{name}: {'not measured' if found is None else f'{found:.3g}'}, wanted {wanted}")

    def program(self, name):
        path = self.context.places.program(name)
        if path is None:
            raise Failed(f"{name} was not built")
        return path

    def run(self, command, limit=None, env=None, good=(0,), stoppable=False, foreign=False):
        """Runs to its end or its time limit; a status that is not good is a failure of the step (None: any).

        Out of time it raises Failed; where it is stoppable, the caller gets what it had printed. What is foreign finds
        its libraries by itself."""
        command = [str(word) for word in command]
        limit = max(0.5, min(limit or self.left(), self.left()))
        self.context.log(f"[{self.name}] $ " + " ".join(command))
        environment = os.environ if foreign else self.context.places.environment()
        done = self._run(command, limit, {**environment, **(env or {})})
        self.context.log(f"[{self.name}]   {done.why()}, {done.seconds:.2f} s\n{done.out[-3000:]}{done.err[-3000:]}".rstrip())
        if done.status is None and not stoppable:
            raise Failed(f"{os.path.basename(command[0])} took longer than {limit:.0f} s")
        if good is not None and done.status is not None and done.status not in good:
            self.expect(False, f"{' '.join(command)[:300]}: {done.why()}: {done.tail()[-1500:]}")
        return done

    def _run(self, command, limit, environment):
        """Its output goes to files: nothing of it is lost, however it ends."""
        names = [os.path.join(self.context.places.scratch(), name) for name in ("out", "err")]
        with open(names[0], "wb") as out, open(names[1], "wb") as err:
            begin = time.monotonic()
            process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                       start_new_session=True, env=environment)
            stop = threading.Timer(limit, self._stop, (process,))
            with self._lock:
                self._running.add(process)
            if self._over:
                self._stop(process)
            stop.start()
            status = process.wait()  # without a timeout, which would ask twenty times a second only
            seconds = time.monotonic() - begin
            stop.cancel()
            with self._lock:
                self._running.discard(process)
                status = None if process in self._late and status == -signal.SIGKILL else status
        return Finished(command, status, *map(contents, names), seconds)

    def _stop(self, process):
        with self._lock:
            if process.poll() is None:
                self._late.add(process)
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.killpg(process.pid, signal.SIGKILL)

    def abandon(self):
        """Ends what it runs, and what it will say."""
        self._over = True
        for process in list(self._running):
            self._stop(process)

    def close(self):
        self.record.update(ok=not self.failures, seconds=round(time.monotonic() - self.begin, 1))
        summary = f": {self.record['summary']}" if "summary" in self.record else ""
        self.context.say(f"   {self.name}: {'ok' if not self.failures else 'FAILED'}, {self.record['seconds']} s{summary}")
