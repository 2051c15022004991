"""Calls of the program, as the steps make them."""
import os
import sys

from compare import load


def on_gpu(results):
    device = results["provenance"]["device"]
    return device.startswith("cuda:") and "in part" not in device


def expect_device(step, results):
    if step.context.device != "cpu":
        step.expect(on_gpu(results), f"not all of it ran on the GPU: {results['provenance']['device']}")


def analyze(step, dumps, name, device=None, options=(), limit=None, env=None):
    """Results of `collapscope analyze`, from a file of that name in the work folder; None when there are none."""
    path = os.path.join(step.context.places.work, name + ".json")
    if os.path.exists(path):
        os.remove(path)
    done = step.run([step.program("collapscope"), "analyze", *dumps, "--device", device or step.context.device,
                     *options, "-q", "-o", path], limit=limit, env=env)
    if not os.path.exists(path):
        return None, done
    return load(path), done


def synth(step, name, *options):
    path = os.path.join(step.context.places.work, name)
    step.run([step.program("collapscope"), "synth", "planted", "-o", path, *options])
    return path


def big_dump(step, name, rows, features, dtype):
    path = os.path.join(step.context.places.work, name)
    step.run([sys.executable, os.path.join(step.context.places.root, "bench/prove/big_dump.py"), path, rows, features,
              dtype, "--device", "cpu" if step.context.rehearsal else "cuda"])
    return path
