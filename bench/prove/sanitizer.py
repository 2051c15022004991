"""The step that runs compute-sanitizer: memcheck over everything, initcheck for what our own kernels read."""
import collections
import concurrent.futures
import os
import re
import shutil

from bits import small_dumps, wide_dump
from compare import load
from programs import expect_device
from steps import Failed

FOUND = 86  # exit status
# All that our launchers launch (kernels/launch.cuh); what libraries read is not ours to judge.
OURS = re.compile(r"over_|collapscope")


def tool():
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    found = shutil.which("compute-sanitizer") or next(
        (path for path in (home + "/bin/compute-sanitizer", home + "/compute-sanitizer/compute-sanitizer")
         if os.access(path, os.X_OK)), None)
    if found is None:
        raise Failed("compute-sanitizer is not here")
    return found


def reports(text):
    """The tool's reports: [(first line, kernel or "")]."""
    found = []
    for line in text.splitlines():
        line = line.removeprefix("=========")
        if re.match(r" (?! |Warning|COMPUTE-SANITIZER|.* SUMMARY)\S", line):
            found.append([line.strip(), ""])
        elif found and not found[-1][1] and (kernel := re.match(r" {4,}at (?:0x[0-9a-f]+ in )?(.+)", line)):
            found[-1][1] = kernel.group(1)
    return [tuple(report) for report in found]


def check(step, name, number, dumps, options):
    """One process under the tool. No kernel is left out, so that the tool sees what libraries write; of initcheck only
    what our kernels read counts."""
    label = f"{name}_{number}"
    output = os.path.join(step.context.places.work, f"sanitizer_{label}.json")
    done = step.run([tool(), "--tool", name, "--error-exitcode", FOUND, "--port", 49152 + 100 * number,
                     "--launch-timeout", 60, "--print-limit", 1000, step.program("collapscope"), "analyze", *dumps,
                     "--device", step.context.device, "--trust", *options, "-q", "-o", output], good=None, stoppable=True,
                    env={"COLLAPSCOPE_GPU_POOL": "0"})  # memory that serves again would look written
    text = done.out + done.err
    ours = [report for report in reports(text) if name != "initcheck" or OURS.search(report[1])]
    by_kernel = collections.Counter(f"{first}: {kernel}"[:200] for first, kernel in reports(text))
    step.record["runs"][label] = {"seconds": round(done.seconds, 1), "ended": done.why(), "ours": len(ours),
                                  "reports": by_kernel.most_common(20), "first": ours[:3]}
    step.expect(not ours, f"{label}: {len(ours)} reports: {ours[:2]}")
    summed_up = re.search(r"ERROR SUMMARY: (\d+) errors?", text)
    if step.expect(done.status in (0, FOUND) and summed_up, f"{label} {done.why()}: {done.tail()[-600:]}"):
        if int(summed_up.group(1)) > 0 and not reports(text):
            step.expect(False, f"{label}: {summed_up.group(0)}, of which none could be read")
        if os.path.exists(output):
            expect_device(step, load(output))
        else:
            step.expect(False, f"{label}: no results")


def sanitizer(step):
    small, wide = small_dumps(step), [wide_dump(step)]
    step.record.update(runs={}, dumps=[*small, *wide])
    two_looks = ("--looks", "2")
    # Without eigenpairs: cuSOLVER's kernels are many, and not ours.
    no_eigen = ("--metrics", "total_variance,deep_nrc2", "--precision", "float64")
    jobs = [("memcheck", wide, two_looks), ("memcheck", small, two_looks), ("initcheck", small, two_looks),
            ("initcheck", wide, no_eigen)]
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        running = [pool.submit(check, step, name, number, dumps, options)
                   for number, (name, dumps, options) in enumerate(jobs)]
        for job in running:
            job.result()
    step.record["summary"] = f"{len(step.record['runs'])} runs of memcheck and initcheck over {len(small) + 1} dumps"
