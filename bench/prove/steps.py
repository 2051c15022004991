"""Running steps: each with a time limit, none stopping the others, all into one JSON file and one log."""
import json
import os
import signal
import subprocess
import time
import traceback


class Failed(Exception):
    """A step that cannot go on."""


class Finished:
    def __init__(self, command, status, out, err, seconds):
        self.command, self.status, self.out, self.err, self.seconds = command, status, out, err, seconds

    def tail(self, lines=6):
        return " | ".join((self.out + "\n" + self.err).strip().splitlines()[-lines:])


class Step:
    def __init__(self, name, limit, context):
        self.name, self.context = name, context
        self.deadline = time.monotonic() + limit
        self.record = {"name": name, "limit_seconds": round(limit)}
        self.failures = []

    def left(self):
        return self.deadline - time.monotonic()

    def expect(self, holds, message):
        if not holds:
            self.failures.append(message)
            self.context.say(f"  NOT SO: {message}")
        return holds

    def program(self, name):
        path = self.context.places.program(name)
        if path is None:
            raise Failed(f"{name} was not built")
        return path

    def run(self, command, limit=None, env=None, good=(0,), cwd=None):
        """Runs to its end or its time limit; a status that is not good is a failure of the step (None: any)."""
        command = [str(word) for word in command]
        limit = max(1.0, min(limit or self.left(), self.left()))
        self.context.log("$ " + " ".join(command))
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
                                   errors="replace", stdin=subprocess.DEVNULL, start_new_session=True,
                                   env={**self.context.places.environment(), **(env or {})})
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            self.context.log(out[-2000:] + err[-2000:])
            raise Failed(f"{os.path.basename(command[0])} took longer than {limit:.0f} s") from error
        done = Finished(command, process.returncode, out, err, time.monotonic() - begin)
        self.context.log(f"  status {done.status}, {done.seconds:.2f} s\n{out[-3000:]}{err[-3000:]}".rstrip())
        if good is not None and done.status not in good:
            self.expect(False, f"{' '.join(command)[:300]}: status {done.status}: {done.tail()[-1500:]}")
        return done


class Context:
    """What all steps share: places, the device's name, the files they write to."""

    def __init__(self, places, device, rehearsal, output):
        self.places, self.device, self.rehearsal, self.output = places, device, rehearsal, output
        self._log = open(output + ".log", "w", encoding="utf-8")
        self.result = {}

    def log(self, text):
        print(text, file=self._log, flush=True)

    def say(self, text):
        print(text, flush=True)
        self.log(text)

    def save(self):
        with open(self.output + ".json", "w", encoding="utf-8") as file:
            json.dump(self.result, file, indent=1)
            file.write("\n")


def run_steps(context, steps, budget):
    """steps: (name, limit in seconds, function of a Step). Returns whether all of them held."""
    end = time.monotonic() + budget
    records = context.result.setdefault("steps", [])
    for name, limit, work in steps:
        left = end - time.monotonic()
        if left < 5:
            records.append({"name": name, "ok": False, "failures": ["no time was left"]})
            context.say(f"== {name}: no time was left")
            continue
        context.say(f"== {name}")
        step = Step(name, min(limit, left), context)
        begin = time.monotonic()
        try:
            work(step)
        except Failed as error:
            step.expect(False, str(error))
        except Exception as error:  # whatever it is, the next step goes on
            context.log(traceback.format_exc())
            step.expect(False, f"{type(error).__name__}: {error}")
        seconds = round(time.monotonic() - begin, 1)
        step.record.update(ok=not step.failures, seconds=seconds, failures=step.failures)
        records.append(step.record)
        context.say(f"   {name}: {'ok' if not step.failures else 'FAILED'}, {seconds} s"
                    + (f": {step.record['summary']}" if "summary" in step.record else ""))
        context.save()
    return all(record["ok"] for record in records)
