"""The step that runs `collapscope bench`, by itself for every number of features, so that what was measured stays."""
import os

from compare import load

# Features, rows (None: the program's choice), options. How far a further layer is from its floor says the step `pipeline`.
QUICK = ("--repeat", "3", "--seconds", "0.3")
SHAPES = [(64, 8_000_000, QUICK), (512, 1_000_000, QUICK), (2048, None, QUICK),
          (8192, None, ("--repeat", "1", "--seconds", "0", "--stages", "pread,host-to-device,bare-dsyrk,eigen,pipeline"))]
REHEARSED = [(64, 2000, ("--repeat", "1", "--seconds", "0", "--stages", "pread,host-to-device,bare-dsyrk,pipeline"))]


def one_shape(step, features, rows, options):
    path = os.path.join(step.context.places.work, f"bench_{features}.json")
    size = ("--rows", rows) if rows else ()
    done = step.run([step.program("collapscope"), "bench", "--device", step.context.device, "--features", features,
                     "--types", "float32", "--folder", step.context.places.work, *size, *options, "-o", path], good=None,
                    stoppable=True)
    step.record["tables"] += done.out.splitlines()
    step.expect(done.status == 0, f"{features} features {done.why()}: {done.tail()[-600:]}")
    if os.path.exists(path):
        results = load(path)
        step.record["results"].append(results)
        shape = results["shapes"][0]
        over_floor = (shape.get("floor") or {}).get("pipeline_over_floor")
        if over_floor is not None:
            step.record["over_floor"][features] = over_floor


def bench(step):
    step.record.update(results=[], tables=[], over_floor={})
    for shape in SHAPES if not step.context.small else REHEARSED:
        if step.left() < 2:
            step.expect(False, f"no time was left for {shape[0]} features")
            continue
        one_shape(step, *shape)
        step.record["summary"] = "one layer alone over its floor: " + ", ".join(
            f"d = {features} {ratio:.2f}" for features, ratio in step.record["over_floor"].items())
