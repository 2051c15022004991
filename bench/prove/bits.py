"""The step that asks for equal bits, and the small dumps that it and the sanitizer look at."""
import os

from compare import load, without_provenance
from matrix import case_options
from programs import analyze, expect_device, synth

RUNS = 5
KINDS = ("types", "layouts", "corner")


def small_dumps(step):
    """One small dump with default options of each of three kinds of case."""
    folder, chosen = step.context.places.cases(), {}
    for case in load(os.path.join(folder, "cases.json")):
        kind, path = case["name"].split("/")[0], os.path.join(folder, case["files"][0])
        plain = case_options(case["options"]) == ("--top", "10") and len(case["files"]) == 1
        if kind in KINDS and plain and os.path.getsize(path) < 200_000:
            chosen.setdefault(kind, path)
    return list(chosen.values())


def wide_dump(step):
    """One whose eigenbasis is the GPU's."""
    return synth(step, "wide.h5", "-N", "1100", "-d", "520", "--dtype", "float32", "--noise", "0.1")


def bits(step):
    rows, features = ("40000", "1100") if not step.context.small else ("2000", "520")
    dumps = [wide_dump(step), synth(step, "bits.h5", "-N", rows, "-d", features, "--dtype", "float16", "--noise", "0.01")]
    seen, runs = {}, RUNS if not step.context.small else 2
    for number in range(runs):
        results, _ = analyze(step, dumps, str(number))
        if results is None:
            continue
        expect_device(step, results)
        seen.setdefault(without_provenance(results), []).append(number)
        step.record.update(runs=sum(map(len, seen.values())), different_results=sorted(seen.values(), key=len),
                           summary=f"{number + 1} of {runs} runs, {len(seen)} different result(s)")
    step.expect(len(seen) == 1, f"{len(seen)} different results in {runs} runs")
