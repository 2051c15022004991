"""Calls of the program, as the steps make them, and what every result must say."""
import os
import sys

from compare import load

def on_gpu(results):
    device = results["provenance"]["device"]
    return device.startswith("cuda:") and "in part" not in device


def fallbacks(results):
    """How often work went elsewhere; None where the results do not say."""
    told = results["provenance"].get("fallbacks")
    return None if told is None else sum(fallback["count"] for fallback in told)


def expect_device(step, results):
    """All of it on the GPU: nothing given up, no eigenbasis computed again on the CPU."""
    provenance = results["provenance"]
    step.expect(on_gpu(results), f"not all of it ran on the GPU: {provenance['device']}")
    totals = step.record.setdefault("counts", {"rejected_eigenbases": 0, "fallbacks": 0})
    for name, count in (("rejected_eigenbases", provenance.get("rejected_eigenbases")), ("fallbacks", fallbacks(results))):
        if step.expect(count is not None, f"the results do not say {name}"):
            totals[name] += count
            step.expect(count == 0, f"{name}: {count}, not 0: {provenance['fallbacks']}")


def analyze(step, dumps, name, device=None, options=(), limit=None, env=None):
    """Results of `collapscope analyze`, from a file of that name in the work folder; None when there are none."""
    path = os.path.join(step.context.places.work, f"{step.name}_{name}.json")
    if os.path.exists(path):
        os.remove(path)
    done = step.run([step.program("collapscope"), "analyze", *dumps, "--device", device or step.context.device,
                     *options, "-q", "-o", path], limit=limit, env=env)
    if not os.path.exists(path):
        return None, done
    return load(path), done


def synth(step, name, *options):
    path = os.path.join(step.context.places.work, f"{step.name}_{name}")
    step.run([step.program("collapscope"), "synth", "planted", "-o", path, *options])
    return path


def tiled_dump(step, name, rows, features, dtype, *options):
    """A large dump of one block that repeats, written as fast as the memory takes it."""
    path = os.path.join(step.context.places.work, f"{step.name}_{name}")
    step.run([sys.executable, os.path.join(step.context.places.root, "bench/prove/tiled_dump.py"), path, rows, features,
              dtype, *options])
    return path
