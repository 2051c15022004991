"""The step that times many small layers, where the GPU's start and its work per layer count most."""
from compare import compare
from pipeline import positive, ratio, shown
from programs import analyze, expect_device, tiled_dump
from steps import Failed

LAYERS, ROWS, FEATURES = 300, 4000, 128


def layers(step):
    count, rows = (LAYERS, ROWS) if not step.context.small else (6, 500)
    dump = tiled_dump(step, "layers.h5", rows, FEATURES, "float32", "--layers", count, "--links", count)
    first = ("--layers", "layer0[0-2]*") if count == LAYERS else ("--layers", "layer000[0-5]")
    found, kept = {}, {}
    for device in (step.context.device, "cpu"):
        runs = []
        for which, options in (("first", first), ("first", first), ("twice", ())):
            results, done = analyze(step, [dump], f"{device}_{which}", device, options)
            if results is None:
                raise Failed(f"no results on {device}")
            if device != "cpu":
                expect_device(step, results)
            kept[device, which] = results
            runs.append({"process": done.seconds, "seconds": results["provenance"]["seconds"]})
        cold = min(run["process"] for run in runs[:2])
        further = positive(runs[2]["seconds"] - min(run["seconds"] for run in runs[:2]))
        found[device] = {"cold": cold, "further": further, "runs": runs}
        step.record.update(layers=count, rows=rows, features=FEATURES, devices=found)
    measured = len(kept[step.context.device, "first"]["checkpoints"][0]["layers"])
    step.expect(measured == count, f"{measured} layers were measured, not {count}")
    result = compare(kept[step.context.device, "twice"], kept["cpu", "twice"])
    step.expect(not result.differences, "; ".join(result.differences[:5]))
    gpu, cpu = found[step.context.device], found["cpu"]
    step.gate(f"CPU over GPU, {count} layers in a process of their own", cpu["cold"] / gpu["cold"], least=1)
    step.gate(f"CPU over GPU, {count} further layers", ratio(cpu["further"], gpu["further"]), least=1)
    step.record["summary"] = (f"{count} layers of {rows} x {FEATURES}: process {gpu['cold']:.2f} s, on the CPU "
                              f"{cpu['cold']:.2f} s; {count} more {shown(gpu['further'])} s and {shown(cpu['further'])} s")
