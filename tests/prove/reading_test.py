#!/usr/bin/env python3
"""How bench/prove_on_gpu judges what it finds, and reads what other tools print."""
import json
import os
import tarfile
import textwrap
import unittest

from support import Proving

import bundled
import matrix
import programs
import record
import sanitizer
from schedule import Planned


class Judging(Proving):
    def test_a_gate_that_is_missed_fails_the_step_but_not_a_rehearsal(self):
        def work(step):
            step.gate("ratio", 0.7, least=0.8)
            step.gate("nothing", None, most=2)
            step.gate("too good", 0.1, least=0.7, most=2)
            step.gate("good", 1.5, least=0.7, most=2)

        step = self.run_plan(Planned("gates", 60, work))["gates"]
        self.assertEqual(step["failures"], ["ratio: 0.7, wanted at least 0.8", "nothing: not measured, wanted at most 2",
                                            "too good: 0.1, wanted at least 0.7 and at most 2"])
        self.context.rehearsal = True
        self.context.result["steps"].clear()
        step = self.run_plan(Planned("gates", 60, work))["gates"]
        self.assertTrue(step["ok"])
        self.assertEqual([gate["ok"] for gate in step["gates"]], [False, False, False, True])

    def test_results_must_say_that_nothing_fell_back(self):
        def found(provenance):
            self.context.result["steps"].clear()
            results = {"provenance": {"device": "cuda:0 H100", **provenance}}
            return self.run_plan(Planned("x", 60, lambda step: programs.expect_device(step, results)))["x"]["failures"]

        self.assertEqual(found({"rejected_eigenbases": 0, "fallbacks": []}), [])
        self.assertEqual(found({}), ["the results do not say rejected_eigenbases", "the results do not say fallbacks"])
        self.assertRegex(found({"rejected_eigenbases": 1, "fallbacks": []})[0], "^rejected_eigenbases: 1, not 0")
        self.assertRegex(found({"rejected_eigenbases": 0, "fallbacks": [{"work": "layer", "count": 2}]})[0],
                         "^fallbacks: 2, not 0")
        self.assertRegex(found({"device": "OpenBLAS", "rejected_eigenbases": 0, "fallbacks": []})[0], "not all of it ran")


class Reading(Proving):
    REPORT = textwrap.dedent("""\
        ========= COMPUTE-SANITIZER
        ========= Uninitialized __global__ memory read of size 8 bytes
        =========     at void collapscope::kernels::over_rows<collapscope::kernels::OutsideRows<2>>(T1)+0x160
        =========     by thread (0,0,0) in block (0,0,0)
        =========     Saved host backtrace up to driver entry point at kernel launch time
        =========         Host Frame: something [0x2] in libcuda.so
        =========
        ========= Uninitialized __global__ memory read of size 8 bytes
        =========     at void gemm_kernel<double>(double *)+0x20
        =========     by thread (1,0,0) in block (0,0,0)
        =========
        ========= ERROR SUMMARY: 2 errors
        """)

    def test_the_sanitizers_reports_are_told_apart_by_their_kernel(self):
        found = sanitizer.reports(self.REPORT)
        self.assertEqual(len(found), 2)
        self.assertEqual([bool(sanitizer.OURS.search(kernel)) for _, kernel in found], [True, False])

    def test_memcheck_fails_on_any_report_and_initcheck_on_ours(self):
        os.makedirs(self.folder + "/bin")
        self.executable("bin/collapscope", "#!/bin/sh\n")
        theirs = self.REPORT.replace("collapscope::kernels::", "library::").replace("over_", "")
        for tool, text, counted in (("initcheck", self.REPORT, 1), ("initcheck", theirs, 0), ("memcheck", theirs, 2)):
            script = "#!/bin/sh\ncat <<'EOF'\n" + text + "EOF\nexit 86\n"
            os.environ["PATH"] = self.folder + "/tools:" + os.environ["PATH"]
            os.makedirs(self.folder + "/tools", exist_ok=True)
            self.executable("tools/compute-sanitizer", script)
            self.context.result["steps"].clear()

            def work(step, tool=tool):
                step.record["runs"] = {}
                sanitizer.check(step, tool, 0, [], ())

            step = self.run_plan(Planned("sanitizer", 60, work))["sanitizer"]
            self.assertEqual(step["runs"][f"{tool}_0"]["ours"], counted)
            self.assertEqual(any("reports" in failure for failure in step["failures"]), counted > 0)

    def test_a_groups_files_of_one_case_stay_together(self):
        cases = [{"name": f"case{n}", "options": {"top": 10}, "files": [f"{n}a.h5", f"{n}b.h5"], "checkpoints": []}
                 for n in range(60)]
        groups = matrix.groups_of(cases, "")
        self.assertGreater(len(groups), 1)
        self.assertEqual(sorted(file for group in groups for file in group[2]),
                         sorted(file for case in cases for file in case["files"]))
        for case in cases:
            self.assertEqual(sum(set(case["files"]) <= set(group[2]) for group in groups), 1)

    def test_a_bundle_is_unpacked_once_and_again_when_it_changes(self):
        os.makedirs(self.folder + "/build/made/bundle/bin")
        for text in ("one", "two"):
            with open(self.folder + "/build/made/bundle/bin/program", "w", encoding="utf-8") as file:
                file.write(text)
            with tarfile.open(self.folder + "/build/bundle.tar.xz", "w:xz") as tar:
                tar.add(self.folder + "/build/made/bundle", "bundle")
            for _ in range(2):
                folder = bundled.unpacked(self.folder)
                with open(folder + "/bin/program", encoding="utf-8") as file:
                    self.assertEqual(file.read(), text)

    def test_runs_on_a_card_are_recorded_under_its_name(self):
        result = {"what": "speed", "date": "2026-12-01T10:20:30+00:00", "commit": "abc", "command": "x", "rehearsal": False,
                  "card": [{"name": "NVIDIA H100 80GB HBM3"}], "devices": ["gpu: cuda:0"], "steps": [{"name": "machine"}]}
        path = self.folder + "/speed.json"

        def keep(**changes):
            with open(path, "w", encoding="utf-8") as file:
                json.dump({**result, **changes}, file)
            return record.record([path], self.folder + "/results")

        keep()
        self.assertEqual(os.listdir(self.folder + "/results"), ["2026-12-01T1020-h100-speed.json"])
        with self.assertRaisesRegex(ValueError, "is there already"):
            keep()
        with self.assertRaisesRegex(ValueError, "rehearsal"):
            keep(rehearsal=True)
        with self.assertRaisesRegex(ValueError, "does not say card"):
            keep(card=None)

    def test_records_do_not_say_where_the_checkout_was(self):
        text = '{"program": "/home/me/it/build/bundle/bin/collapscope", "command": "bench/prove_on_gpu -o /tmp/x"}'
        self.assertEqual(record.without_checkout(text, "/home/me/it/build/bundle/bin/collapscope"),
                         '{"program": "build/bundle/bin/collapscope", "command": "bench/prove_on_gpu -o /tmp/x"}')
        self.assertEqual(record.without_checkout(text, "/usr/bin/collapscope"), text)


if __name__ == "__main__":
    unittest.main()
