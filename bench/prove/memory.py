"""The step that takes the GPU's memory away, and the process that holds it."""
import select
import subprocess
import time

from compare import compare
from programs import analyze, expect_device, fallbacks, on_gpu, tiled_dump
from steps import Failed

MIB = 1 << 20
START = 20  # seconds
LEFT = (None, 2560 * MIB, 1100 * MIB, 300 * MIB)
REHEARSED = (None, 1100 * MIB, 30 * MIB)
FAKE_MEMORY = 8192 * MIB
WHATEVER_THE_WORK = {"COLLAPSCOPE_GPU_FROM": "0"}  # auto takes the GPU


class Ballast:
    """Another process with a context; leaves only so many bytes of the GPU's memory free. None: takes none."""

    def __init__(self, context, leave=None):
        program = context.places.program("gpu_ballast")
        if program is None:
            raise Failed("gpu_ballast was not built")
        self.process = subprocess.Popen([program, *([] if leave is None else [str(leave)])], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=context.places.environment(),
                                        start_new_session=True)

    def __enter__(self):
        ready, _, _ = select.select([self.process.stdout], [], [], START)
        line = self.process.stdout.readline().strip() if ready else ""
        if not line:
            self.process.kill()
            raise Failed(f"gpu_ballast took no memory and said nothing in {START} s")
        return line

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def settings(step, leave):
    """The fake's processes share no memory: it has to be told what others hold."""
    fake = {"FAKE_CUDA_MEMORY_IN_USE": str(FAKE_MEMORY - leave)} if step.context.rehearsal else {}
    return {**WHATEVER_THE_WORK, **fake}


def memory(step):
    """Ever less memory: the same numbers, on the GPU with smaller tiles or on the CPU with a message."""
    rows, features = (200_000, 2048) if not step.context.small else (4_000, 64)
    dump = tiled_dump(step, "dump.h5", rows, features, "float32")
    expected, _ = analyze(step, [dump], "cpu", "cpu", ("--looks", "2"))
    step.record["runs"] = []
    levels = REHEARSED if step.context.small else LEFT
    for leave in levels:
        if step.left() < 3:
            raise Failed(f"no time was left for {leave} bytes and less")
        if leave is None:
            free, (found, done) = "all", analyze(step, [dump], "gpu", None, ("--looks", "2"))
        else:
            with Ballast(step.context, leave) as free:
                found, done = analyze(step, [dump], "gpu", "auto", ("--looks", "2"), env=settings(step, leave))
            time.sleep(0.5)  # until the driver has it back
        if found is None or expected is None:
            step.expect(False, f"{free}: no results")
            continue
        provenance = found["provenance"]
        step.record["runs"].append({"left": leave, "free": free, "device": provenance["device"],
                                    "seconds": round(done.seconds, 2), "fallbacks": provenance.get("fallbacks"),
                                    "message": done.err.strip()[-600:]})
        result = compare(found, expected)
        step.expect(not result.differences, f"{free}: " + "; ".join(result.differences[:5]))
        if leave is None:
            expect_device(step, found)
        elif not on_gpu(found):
            step.expect(done.err.strip() != "", f"{free}: the CPU took over without a message")
            # Where the GPU could not even start, the message is all there is.
            step.expect(fallbacks(found) or not provenance["device"].startswith("cuda:"),
                        f"{free}: the CPU took over in part, and the results count no fallback")
        whole = sum(run["device"].startswith("cuda:") and "in part" not in run["device"] for run in step.record["runs"])
        step.record["summary"] = f"{len(step.record['runs'])} of {len(levels)} runs, {whole} wholly on the GPU"
