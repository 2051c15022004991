"""The step that times whole analyses of dumps of 2 to 8 GB, cold and warm, beside the floor and an expert's PyTorch."""
import concurrent.futures
import os
import sys
import time

from ceilings import printed, printed_and_timed
from compare import LOOSER
from programs import analyze, expect_device, tiled_dump
from steps import Failed

SIZES = {"float16": 2, "float32": 4, "float64": 8}
# Rows, features, type, most times of the floor, whether PyTorch is timed beside.
SHAPES = [(2_000_000, 1024, "float32", 1.25, True), (1_000_000, 4096, "float16", 2, True),
          (8_000_000, 64, "float32", 2, False), (2_000_000, 512, "float32", 1.25, False)]
REHEARSED = [(6_000, 64, "float32", 1.25, True), (3_000, 96, "float16", 2, True), (5_000, 32, "float32", 2, False)]
LINKS = 4  # layers more, of the same rows: what one more takes is warm
TORCH_METRICS = "nrc1,deep_nrc1,deep_nrc2,evr"  # what bench/torch_stream.py computes
TIMES_OF_TORCH = 2
WITHOUT_TURNS = {"COLLAPSCOPE_GPU_TURNS_FROM": str(2**62)}
LEAST = 0.7  # times of the floor: what is below was not measured well


def positive(seconds):
    """A difference of two times, or None where it drowned in their noise."""
    return seconds if seconds > 0 else None


def ratio(a, b):
    return a / b if a and b else None


def shown(number):
    return "?" if number is None else f"{number:.2f}"


def ours(step, dump, name, until, options=()):
    """Cold: a whole process for one layer. Warm: what each further layer of a process takes, by the program's own clock.
    The better of two, if the second ends before `until`; and the results of one layer."""
    runs, begin = {"one": [], "all": []}, time.monotonic()
    for number in range(2):
        if number and 2 * time.monotonic() - begin > until:
            break
        for which, layers in (("one", ("--layers", "layer0000")), ("all", ())):
            results, done = analyze(step, [dump], f"{name}_{which}_{number}", options=(*layers, *options))
            if results is None:
                raise Failed(f"no results for {name}")
            expect_device(step, results)
            runs[which].append((results["provenance"]["seconds"], done.seconds, results))
    one, many = (min(runs[which], key=lambda run: run[0]) for which in ("one", "all"))
    return {"cold": min(run[1] for run in runs["one"]), "first": one[0], "warm": positive((many[0] - one[0]) / LINKS),
            "runs": {which: [run[:2] for run in found] for which, found in runs.items()}}, one[2]


def without_turns(step, dump, name, first):
    """What a further layer takes where layers come one after another: for the record, no more."""
    results, _ = analyze(step, [dump], f"{name}_alone", env=WITHOUT_TURNS)
    return positive((results["provenance"]["seconds"] - first) / LINKS) if results else None


def expert(step, dump):
    """Processes that run once, from their beginning to their end without their imports, the better of two as of ours; and
    one that goes on."""
    def command(readers):
        device = "cpu" if step.context.rehearsal else "cuda"
        return [sys.executable, os.path.join(step.context.places.root, "bench/torch_stream.py"), dump, "--device", device,
                "--readers", readers]
    once = [printed_and_timed(step, command("raw"), foreign=True) for _ in range(2)]
    cold = [seconds - found["import_seconds"] for found, seconds in once]
    return {**printed(step, command("raw,raw,raw"), foreign=True), "once": [found for found, _ in once],
            "cold_seconds": min(cold), "cold_seconds_of_each": cold}


def expect_same_metrics(step, name, results, torch):
    metrics = results["checkpoints"][0]["layers"][0]["metrics"]
    for metric, value in torch["metrics"].items():
        pairs = zip(value, metrics[metric]) if isinstance(value, list) else [(value, metrics[metric])]
        tolerance = 1e-6 if metric not in LOOSER else 1e-5
        step.expect(all(abs(a - b) <= tolerance * abs(b) + 1e-10 for a, b in pairs),
                    f"{name} {metric}: PyTorch {value}, here {metrics[metric]}")


def against_torch(step, record, dump, name, until):
    """Equal terms: the same metrics; cold is a process without what its imports take, warm a further run in it."""
    same, results = ours(step, dump, name + "_same", until, ("--metrics", TORCH_METRICS))
    record["same_metrics"] = same
    torch = record["torch"] = expert(step, dump)
    expect_same_metrics(step, name, results, torch)
    cold = torch["cold_seconds"] / same["cold"]
    warm = ratio(min(run["with_buffers"] for run in torch["runs"][1:]), same["warm"])
    record["torch_over_ours"] = {"cold": cold, "warm": warm}
    step.gate(f"{name}: PyTorch over collapscope, cold", cold, least=TIMES_OF_TORCH)
    step.gate(f"{name}: PyTorch over collapscope, warm", warm, least=TIMES_OF_TORCH)
    return f", PyTorch takes {cold:.2f} x cold, {shown(warm)} x warm"


def one_pipeline(step, share, dump, rows, features, dtype, most, beside_torch):
    """share: seconds for all of it."""
    begin = time.monotonic()
    name = f"{features} {dtype}"
    record = {"rows": rows, "features": features, "type": dtype, "bytes": rows * features * SIZES[dtype]}
    step.record["dumps"].append(record)
    floor = record["floor"] = printed(step, [step.program("floor_bench"), dump, rows, features, SIZES[dtype]])
    record["all_metrics"], _ = ours(step, dump, name.replace(" ", "_"), begin + 0.4 * share)
    record["warm_over_floor"] = ratio(record["all_metrics"]["warm"], floor["floor_seconds"])
    record["warm_without_turns"] = without_turns(step, dump, name.replace(" ", "_"), record["all_metrics"]["first"])
    step.gate(f"{name}: warm over the floor", record["warm_over_floor"], least=LEAST, most=most)
    text = (f"{name}: floor {floor['floor_seconds']:.3f} s, warm {shown(record['warm_over_floor'])} x, "
            f"without turns {shown(ratio(record['warm_without_turns'], floor['floor_seconds']))} x, "
            f"cold {record['all_metrics']['cold']:.2f} s")
    if not beside_torch:
        return text
    if not step.context.torch:
        step.record["torch"] = "left out, as asked"
        return text
    try:
        text += against_torch(step, record, dump, name.replace(" ", "_"), begin + 0.65 * share)
    except Failed as error:
        step.expect(False, f"{name}: not compared with PyTorch: {error}")
    return text


def warm_up(step):
    """Reads PyTorch from the disk while the dumps are made."""
    step.run([sys.executable, "-c", "import torch"], limit=step.left() / 3, good=None, stoppable=True, foreign=True)


def pipeline(step):
    step.record.update(dumps=[], summary="")
    shapes = REHEARSED if step.context.small else SHAPES
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        torch = pool.submit(warm_up, step) if step.context.torch else None
        made = [pool.submit(tiled_dump, step, f"{features}_{dtype}.h5", rows, features, dtype, "--links", LINKS)
                for rows, features, dtype, _, _ in shapes]
        dumps = [dump.result() for dump in made]
        if torch:
            torch.exception()
    texts = []
    weights = [3 if shape[-1] else 1 for shape in shapes]
    for number, (dump, shape) in enumerate(zip(dumps, shapes)):
        try:
            texts.append(one_pipeline(step, step.left() * weights[number] / sum(weights[number:]), dump, *shape))
        except Failed as error:
            step.expect(False, str(error))
        os.remove(dump)
        step.record["summary"] = "; ".join(texts)
