"""Steps that run GoogleTest executables on the card, in shards side by side."""
import concurrent.futures
import json
import os
import re
import sys

from steps import Failed

# What is tried of a suite where nothing is proven.
REHEARSED = {"core": "TinyRowsOnBackend.*", "oracle": "Oracle.*", "contract": "Contract*"}


def parallel():
    """Processes at a time, of each of the steps that share the card and the cores."""
    return max(1, min(8, (os.cpu_count() or 2) // 2))


class Counted:
    def __init__(self):
        self.passed, self.skipped, self.failed = set(), set(), {}

    def count(self):
        return len(self.passed) + len(self.skipped) + len(self.failed)

    def add(self, other):
        self.passed |= other.passed
        self.skipped |= other.skipped
        self.failed.update(other.failed)


def from_json(path):
    found = Counted()
    with open(path, encoding="utf-8") as file:
        suites = json.load(file)["testsuites"]
    for test in (test for suite in suites for test in suite["testsuite"] if test["status"] == "RUN"):
        name = test["classname"] + "." + test["name"]
        if "failures" in test:
            found.failed[name] = test["failures"][0]["failure"][:600]
        elif test["result"] == "SKIPPED":
            found.skipped.add(name)
        else:
            found.passed.add(name)
    return found


def from_lines(text, how):
    """Of a run that did not come to its end, from what it had printed by then."""
    found, running = Counted(), None
    for line in text.splitlines():
        match = re.match(r"\[ (RUN     |      OK| FAILED |SKIPPED ) \] ([^ ,]+)", line)
        if not match:
            continue
        word, name = match.group(1).strip(), match.group(2)
        if word == "RUN":
            running = name
            continue
        running = None
        if word == "OK":
            found.passed.add(name)
        elif word == "SKIPPED":
            found.skipped.add(name)
        else:
            found.failed[name] = "see the log"
    if running is not None:
        found.failed[running] = how
    return found


def shard(step, command, number, shards):
    path = os.path.join(step.context.places.work, f"{step.name}_{number}.json")
    env = {"COLLAPSCOPE_TEST_DEVICE": step.context.device, "COLLAPSCOPE_TEST_DEVICE_REQUIRED": "1",
           "GTEST_TOTAL_SHARDS": str(shards), "GTEST_SHARD_INDEX": str(number), "OPENBLAS_NUM_THREADS": "1"}
    done = step.run([*command, f"--gtest_output=json:{path}"], env=env, good=None, stoppable=True)
    whole = done.status in (0, 1) and os.path.exists(path)
    if not whole:
        step.expect(False, f"part {number + 1} of {shards} {done.why()}: {done.tail(3)[-500:]}")
    return from_json(path) if whole else from_lines(done.out, f"was running when its process {done.why()}")


def listed(step, command):
    """How many tests there are to run."""
    names = step.run([*command, "--gtest_list_tests"], limit=30).out
    return sum(line.startswith("  ") and not line.strip().startswith("DISABLED_") for line in names.splitlines())


def gtest(step, command, shards):
    total, all_of_it = listed(step, command), Counted()
    if total == 0:
        raise Failed("there are no such tests")

    def keep(part):
        all_of_it.add(part)
        step.record.update(tests=total, passed=len(all_of_it.passed), skipped=sorted(all_of_it.skipped),
                           failed=all_of_it.failed, not_reached=total - all_of_it.count())

    with concurrent.futures.ThreadPoolExecutor(shards) as pool:
        for part in concurrent.futures.as_completed([pool.submit(shard, step, command, number, shards)
                                                     for number in range(shards)]):
            keep(part.result())
    failed, record = sorted(all_of_it.failed), step.record
    step.expect(not failed, f"{len(failed)} tests failed: {', '.join(failed[:20])}")
    step.expect(record["not_reached"] == 0, f"{record['not_reached']} of {total} tests were not reached")
    step.expect(not record["skipped"], f"{len(record['skipped'])} tests were skipped: {', '.join(record['skipped'][:10])}")
    record["summary"] = f"{record['passed']} of {total} tests passed"


def filtered(step, program, everything, *arguments):
    tests = REHEARSED[step.name] if step.context.small else everything
    return [step.program(program), *arguments, f"--gtest_filter={tests}"]


def contract(step):
    """What the fake of the tests promises of CUDA, cuBLAS and cuSOLVER, asked of the real ones. One process: it looks at
    how much memory is free."""
    gtest(step, filtered(step, "fake_cuda_test", "Contract*"), 1)


def core(step):
    gtest(step, filtered(step, "core_test", "*OnBackend.*"), parallel())


def cases(step):
    """Makes the reference cases; these have another numpy's last digits than those of the build machine."""
    script = os.path.join(step.context.places.root, "tests/reference/make_cases.py")
    some = ["--filter", "types/wide/*"] if step.context.small else []
    done = step.run([sys.executable, script, step.context.places.cases(), *some])
    step.record["summary"] = done.out.strip()


def oracle(step):
    every = [] if step.context.small else ["--all"]
    gtest(step, filtered(step, "oracle_test", "Oracle.*:OracleFast.*", step.context.places.cases(), *every), parallel())
