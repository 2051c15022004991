#!/usr/bin/env python3
"""What bench/prove_on_gpu does when steps take too long, crash, never end, or are told to end."""
import json
import os
import signal
import sys
import threading
import time
import unittest

from support import Proving

import plans
import schedule
import suites
from schedule import Planned, longest

# A GoogleTest program of six tests in two shards; MODE says how the second one ends.
FAKE_SUITE = """\
#!/usr/bin/env python3
import json, os, signal, sys, time
if "--gtest_list_tests" in sys.argv:
    print("Suite.\\n  A\\n  B\\n  C\\n  D\\n  E\\n  DISABLED_F")
    sys.exit(0)
report = next(word for word in sys.argv if word.startswith("--gtest_output=json:"))[len("--gtest_output=json:"):]
first = os.environ["GTEST_SHARD_INDEX"] == "0"
for name in ("A", "B") if first else ("C",):
    print(f"[ RUN      ] Suite.{name}\\n[       OK ] Suite.{name} (0 ms)", flush=True)
failed = []
if not first:
    print("[ RUN      ] Suite.D", flush=True)
    if MODE == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if MODE == "hang":
        time.sleep(600)
    print("[  FAILED  ] Suite.D (0 ms)\\n[ RUN      ] Suite.E\\n[  SKIPPED ] Suite.E (0 ms)", flush=True)
tests = [{"name": name, "classname": "Suite", "status": "RUN", "result": "COMPLETED"} for name in ("A", "B")]
if not first:
    tests = [{"name": "C", "classname": "Suite", "status": "RUN", "result": "COMPLETED"},
             {"name": "D", "classname": "Suite", "status": "RUN", "result": "COMPLETED",
              "failures": [{"failure": "1 is not 2"}]},
             {"name": "E", "classname": "Suite", "status": "RUN", "result": "SKIPPED"},
             {"name": "A", "classname": "Suite", "status": "NOTRUN", "result": "SUPPRESSED"}]
json.dump({"testsuites": [{"name": "Suite", "testsuite": tests}]}, open(report, "w"))
sys.exit(0 if first else 1)
"""


class Steps(Proving):
    def suite(self, mode):
        return self.executable(mode, FAKE_SUITE.replace("import json", f"MODE = {mode!r}\nimport json", 1))

    def test_a_suite_that_ends_is_counted_from_its_report(self):
        command = [self.suite("end")]
        step = self.run_plan(Planned("core", 60, lambda step: suites.gtest(step, command, 2)))["core"]
        self.assertEqual((step["ok"], step["tests"], step["passed"], step["not_reached"]), (False, 5, 3, 0))
        self.assertEqual(step["failed"], {"Suite.D": "1 is not 2"})
        self.assertEqual(step["skipped"], ["Suite.E"])

    def test_out_of_time_a_suite_keeps_what_it_counted_and_the_next_step_runs(self):
        command = [self.suite("hang")]
        for limit in (3, 12, 48, 192):  # a busy machine may not get as far as that in so short a time
            self.context.result["steps"].clear()
            steps = self.run_plan(Planned("core", limit, lambda step: suites.gtest(step, command, 2)),
                                  Planned("next", 60, lambda step: None, ("core",)), budget=300)
            if steps["core"].get("passed") == 3:
                break
        self.assertEqual((steps["core"]["ok"], steps["core"]["passed"], steps["core"]["not_reached"]), (False, 3, 1))
        self.assertRegex(steps["core"]["failed"]["Suite.D"], "was killed after")
        self.assertTrue(steps["next"]["ok"])

    def test_a_crash_names_the_test_and_keeps_the_others(self):
        command = [self.suite("crash")]
        steps = self.run_plan(Planned("core", 60, lambda step: suites.gtest(step, command, 2)),
                              Planned("next", 60, lambda step: None, ("core",)))
        self.assertEqual((steps["core"]["ok"], steps["core"]["passed"]), (False, 3))
        self.assertRegex(steps["core"]["failed"]["Suite.D"], "SIGSEGV")
        self.assertTrue(steps["next"]["ok"])

    def test_what_a_step_raises_is_its_failure_alone(self):
        steps = self.run_plan(Planned("bad", 60, lambda step: 1 / 0), Planned("next", 60, lambda step: None, ("bad",)))
        self.assertEqual(steps["bad"]["failures"], ["ZeroDivisionError: division by zero"])
        self.assertTrue(steps["next"]["ok"])

    def test_a_step_that_never_ends_is_given_up(self):
        self.addCleanup(setattr, schedule, "GRACE", schedule.GRACE)
        schedule.GRACE = 0.1
        never = threading.Event()
        self.addCleanup(never.set)
        steps = self.run_plan(Planned("stuck", 1, lambda step: never.wait()),
                              Planned("next", 60, lambda step: None, ("stuck",)))
        self.assertEqual(steps["stuck"]["failures"], ["did not end within 1 s"])
        self.assertTrue(steps["next"]["ok"])

    def test_what_there_was_no_time_for_says_so(self):
        steps = self.run_plan(Planned("first", 5, lambda step: time.sleep(1.2)),
                              Planned("late", 5, lambda step: None, ("first",)), budget=2)
        self.assertEqual(steps["late"]["failures"], ["no time was left"])

    def test_steps_that_need_not_wait_run_side_by_side(self):
        meeting = threading.Barrier(2, timeout=60)
        steps = self.run_plan(Planned("a", 60, lambda step: meeting.wait()), Planned("b", 60, lambda step: meeting.wait()),
                              Planned("c", 60, lambda step: step.expect(meeting.n_waiting == 0, "too early"), ("a", "b")))
        self.assertTrue(all(step["ok"] for step in steps.values()), steps)

    def test_what_is_left_out_keeps_the_others_in_order(self):
        order = []
        steps = self.run_plan(Planned("a", 60, lambda step: (time.sleep(0.3), order.append("a"))),
                              Planned("b", 60, lambda step: None, ("a",)),
                              Planned("c", 60, lambda step: order.append("c"), ("b",)), chosen={"a", "c"})
        self.assertEqual((sorted(steps), order), (["a", "c"], ["a", "c"]))

    def test_told_to_end_it_keeps_what_there_is_and_leaves_no_process(self):
        def sleeper(step):
            step.record["half"] = "done"
            step.run(["/bin/sh", "-c", f"echo $$ >{self.folder}/pid; exec sleep 600"])

        def tell():
            while not os.path.exists(self.folder + "/pid") or os.path.getsize(self.folder + "/pid") == 0:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGALRM)

        signal.signal(signal.SIGALRM, lambda *_: sys.exit(1))
        threading.Thread(target=tell, daemon=True).start()
        with self.assertRaises(SystemExit):
            self.run_plan(Planned("long", 200, sleeper), Planned("next", 60, lambda step: None, ("long",)))
        with open(self.context.output + ".json", encoding="utf-8") as file:
            steps = json.load(file)["steps"]
        self.assertEqual([(step["ok"], step["failures"]) for step in steps],
                         [(False, ["was stopped"]), (False, ["was not begun"])])
        self.assertEqual(steps[0]["half"], "done")
        with open(self.folder + "/pid", encoding="utf-8") as file:
            process = int(file.read())
        for _ in range(100):
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)
        self.fail("the command still runs")


class Plans(unittest.TestCase):
    def test_every_step_may_take_its_limit(self):
        for name, most in (("correctness", 330), ("speed", 360)):
            plan, budget = plans.PLANS[name]
            self.assertEqual(budget, most)
            self.assertLessEqual(longest(plan) + plans.RESERVE, budget, name)

    def test_what_is_timed_has_the_machine_for_itself(self):
        plan, _ = plans.PLANS["speed"]
        for before, step in zip(plan, plan[1:]):
            self.assertEqual(step.after, (before.name,))


if __name__ == "__main__":
    unittest.main()
