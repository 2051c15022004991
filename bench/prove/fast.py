"""The steps that ask how fast it is."""
import json
import os
import statistics
import sys

from compare import LOOSER, load
from programs import analyze, big_dump, expect_device
from steps import Failed

GIB = 1 << 30
SIZES = {"float16": 2, "float32": 4, "float64": 8}


def printed(step, command, **options):
    """The JSON that a measuring program prints; it is kept whole in the step's record."""
    done = step.run(command, **options)
    try:
        return json.loads(done.out)
    except ValueError as error:
        raise Failed(f"{os.path.basename(str(command[0]))} printed no JSON: {done.tail()[-500:]}") from error


def bench(step):
    """`collapscope bench`, by itself for every number of features, so that what was measured stays."""
    small = ["--rows", "2000"] if step.context.rehearsal else []
    step.record["results"], step.record["tables"] = [], []
    for features in (64, 128, 256, 512, 1024, 2048, 4096, 8192) if not small else (64,):
        path = os.path.join(step.context.places.work, f"bench_{features}.json")
        done = step.run([step.program("collapscope"), "bench", "--device", step.context.device, "--features", features,
                         "--types", "float16,bfloat16,float32,float64", "--seconds", "0.4", "--folder",
                         step.context.places.work, *small, "-o", path], good=None)
        if "unknown command" in done.err:
            raise Failed("this build has no command 'bench'")
        step.expect(done.status == 0, f"{features} features: status {done.status}: {done.tail()[-600:]}")
        step.record["tables"] += done.out.splitlines()
        if os.path.exists(path):
            step.record["results"].append(load(path))
    step.record["summary"] = f"{len(step.record['results'])} numbers of features, 4 types each"


def kernels(step):
    small = ["--bytes", "2000000"] if step.context.rehearsal else []
    found = printed(step, [step.program("kernel_bench"), *small])
    step.record["results"] = found
    least = {}
    for entry in found["kernels"]:
        name = entry["kernel"]
        if name not in least or entry["of_copy"] < least[name]["of_copy"]:
            least[name] = entry
    step.record["least"] = {name: {"of_copy": round(entry["of_copy"], 3), "shape": entry["shape"]}
                            for name, entry in sorted(least.items())}
    slow = [entry for entry in found["kernels"] if entry["of_copy"] < 0.8]
    step.record["below_80_percent"] = len(slow)
    step.record["reached"] = {"80 % of a copy": not slow}
    copy = found["copy_bytes_per_second"] / 1e9
    step.record["summary"] = (f"copy {copy:.0f} GB/s; {len(slow)} of {len(found['kernels'])} below 80 % of it; least: "
                              + ", ".join(f"{name} {entry['of_copy']:.2f}" for name, entry in sorted(least.items())))
    for entry in sorted(slow, key=lambda entry: entry["of_copy"]):
        step.context.log(f"  {entry['of_copy']:.2f} of copy: {entry['kernel']} {entry['shape']}")


def products(step):
    small = ["--most-features", "64"] if step.context.rehearsal else []
    found = printed(step, [step.program("products_bench"), *small])
    step.record["results"] = found
    lines = []
    for entry in found["products"]:
        lines.append(f"  {entry['p']} x {entry['q']} of {entry['rows']} rows: best {entry['best']}, chosen takes "
                     f"{entry['chosen_over_best']:.2f} of its time, {entry['tflops']:.1f} TFLOP/s")
        step.context.log(lines[-1])
    worst = max(found["products"], key=lambda entry: entry["chosen_over_best"])
    step.record["summary"] = (f"DGEMM ceiling {found['gemm_tflops']:.1f} TFLOP/s; worst choice: {worst['p']} x "
                              f"{worst['q']}, {worst['chosen_over_best']:.2f} of the time of {worst['best']}")


def middle(runs, key):
    return sorted(runs, key=key)[len(runs) // 2]


def ours(step, dump, runs, name):
    """Whole processes, the dump in the page cache; the median by the analysis' own clock."""
    found = []
    for number in range(runs):
        results, done = analyze(step, [dump], f"{name}_{number}")
        if results is None:
            raise Failed(f"no results for {name}")
        expect_device(step, results)
        found.append((results, done.seconds))
    return middle(found, lambda run: run[0]["provenance"]["seconds"])


def expert(step, dump, reader):
    device = "cpu" if step.context.rehearsal else "cuda"
    return printed(step, [sys.executable, os.path.join(step.context.places.root, "bench/torch_stream.py"), dump,
                          "--device", device, "--reader", reader, "--runs", "3"])


def expect_same_metrics(step, name, results, torch):
    metrics = results["checkpoints"][0]["layers"][0]["metrics"]
    for metric, value in torch["metrics"].items():
        pairs = zip(value, metrics[metric]) if isinstance(value, list) else [(value, metrics[metric])]
        tolerance = 1e-6 if metric not in LOOSER else 1e-5
        step.expect(all(abs(a - b) <= tolerance * abs(b) + 1e-10 for a, b in pairs),
                    f"{name} {metric}: PyTorch {value}, here {metrics[metric]}")


def one_pipeline(step, rows, features, dtype):
    name = f"{features}_{dtype}"
    dump = big_dump(step, f"pipeline_{name}.h5", rows, features, dtype)
    record = {"rows": rows, "features": features, "type": dtype, "bytes": rows * features * SIZES[dtype]}
    step.record["dumps"].append(record)
    try:
        floor = record["floor"] = printed(step, [step.program("floor_bench"), dump, rows, features, SIZES[dtype]])
        results, wall = ours(step, dump, 3, f"pipeline_{name}")
        record["seconds"] = results["provenance"]["seconds"]
        record["process_seconds"] = round(wall, 3)
        record["over_floor"] = record["seconds"] / floor["floor_seconds"]
        record["torch"] = {}
        for reader in ("h5py", "raw"):
            torch = record["torch"][reader] = expert(step, dump, reader)
            expect_same_metrics(step, name, results, torch)
        best = min(torch["seconds"]["total"] for torch in record["torch"].values())
        record["torch_h5py_over_ours"] = record["torch"]["h5py"]["seconds"]["total"] / record["seconds"]
        record["best_torch_over_ours"] = best / record["seconds"]
    finally:
        os.remove(dump)


def pipeline(step):
    step.record["dumps"] = []
    shapes = [(2_000_000, 1024, "float32"), (8_000_000, 512, "float16"), (500_000, 4096, "float32")]
    if step.context.rehearsal:
        shapes = [(20_000, 64, "float32"), (20_000, 96, "float16")]
    for shape in shapes:
        if step.left() < 30:
            raise Failed(f"no time for {shape}")
        one_pipeline(step, *shape)
    ratios = [record["over_floor"] for record in step.record["dumps"]]
    faster = [record["torch_h5py_over_ours"] for record in step.record["dumps"]]
    step.record["summary"] = "; ".join(
        f"{record['features']} {record['type']}, {record['bytes'] / GIB:.1f} GiB: {record['seconds']:.2f} s = "
        f"{record['over_floor']:.2f} x floor, PyTorch takes {record['torch_h5py_over_ours']:.2f} x (h5py), "
        f"{record['best_torch_over_ours']:.2f} x (best)" for record in step.record["dumps"])
    step.record["median_over_floor"] = statistics.median(ratios)
    step.record["median_torch_over_ours"] = statistics.median(faster)
    step.record["reached"] = {"at most 1.25 x floor": max(ratios) <= 1.25, "2 x PyTorch": min(faster) >= 2}
