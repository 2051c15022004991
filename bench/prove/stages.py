"""The step that runs `collapscope bench`, by itself for every number of features, so that what was measured stays."""
import os

from compare import load
from pipeline import LEAST

# Features, rows (None: the program's choice), most times of the floor, options.
QUICK = ("--repeat", "3", "--seconds", "0.3")
SHAPES = [(64, 8_000_000, 2, QUICK), (512, 1_000_000, 1.25, QUICK), (2048, None, None, QUICK),
          (8192, None, None, ("--repeat", "1", "--seconds", "0", "--stages", "pread,host-to-device,bare-dsyrk,eigen,pipeline"))]
REHEARSED = [(64, 2000, 2, ("--repeat", "1", "--seconds", "0", "--stages", "pread,host-to-device,bare-dsyrk,pipeline"))]


def one_shape(step, features, rows, most, options):
    path = os.path.join(step.context.places.work, f"bench_{features}.json")
    size = ("--rows", rows) if rows else ()
    done = step.run([step.program("collapscope"), "bench", "--device", step.context.device, "--features", features,
                     "--types", "float32", "--folder", step.context.places.work, *size, *options, "-o", path], good=None,
                    stoppable=True)
    step.record["tables"] += done.out.splitlines()
    step.expect(done.status == 0, f"{features} features {done.why()}: {done.tail()[-600:]}")
    over_floor = None
    if os.path.exists(path):
        results = load(path)
        step.record["results"].append(results)
        shape = results["shapes"][0]
        over_floor = (shape.get("floor") or {}).get("pipeline_over_floor")
        if over_floor is not None:
            step.record["over_floor"][features] = over_floor
    if most is not None:
        step.gate(f"{features} float32: warm over the floor", over_floor, least=LEAST, most=most)


def bench(step):
    step.record.update(results=[], tables=[], over_floor={})
    for shape in SHAPES if not step.context.small else REHEARSED:
        if step.left() < 2:
            step.expect(False, f"no time was left for {shape[0]} features")
            continue
        one_shape(step, *shape)
        step.record["summary"] = "pipeline over its floor, warm: " + ", ".join(
            f"d = {features} {ratio:.2f}" for features, ratio in step.record["over_floor"].items())
