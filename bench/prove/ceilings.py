"""The steps that time kernels and products against what the card reaches in the same run, and what a process waits for at its start."""
import json
import os
import time

from steps import Failed

# These read and write whole rows. The others' few bytes a row are reported in whole sectors, and wanted of none.
STREAMING = ("convert_rows", "column_sums", "subtract_row", "outside_rows", "unit_rows")
OF_COPY = 0.8
LEAST_FEATURES = 64
OF_DGEMM = 0.9
BOUND_BY_PRODUCTS = 2048  # features


def printed_and_timed(step, command, **options):
    """The JSON that a measuring program prints, and how long its process took."""
    done = step.run(command, **options)
    try:
        return json.loads(done.out), done.seconds
    except ValueError as error:
        raise Failed(f"{os.path.basename(str(command[0]))} {done.why()} and printed no JSON: {done.tail()[-500:]}") from error


def printed(step, command, **options):
    return printed_and_timed(step, command, **options)[0]


def kernels(step):
    small = ["--bytes", "2000000"] if step.context.small else []
    found = step.record["results"] = printed(step, [step.program("kernel_bench"), *small])
    least = {}
    for entry in sorted(found["kernels"], key=lambda entry: entry["of_copy"]):
        if entry["shape"].get("d", 0) >= LEAST_FEATURES or entry["kernel"] not in STREAMING:
            least.setdefault(entry["kernel"], entry)
    for name in STREAMING:
        step.gate(f"{name} over a copy, d >= {LEAST_FEATURES}", least[name]["of_copy"] if name in least else None,
                  least=OF_COPY)
    step.record["least"] = {name: {"of_copy": round(entry["of_copy"], 3), "shape": entry["shape"]}
                            for name, entry in sorted(least.items())}
    step.record["summary"] = (f"copy {found['copy_bytes_per_second'] / 1e9:.0f} GB/s, writing alone "
                              f"{found['write_bytes_per_second'] / 1e9:.0f}; least of each, over a copy: "
                              + ", ".join(f"{name} {entry['of_copy']:.2f}" for name, entry in sorted(least.items())))


def products(step):
    small = ["--most-features", "64", "--most-rows", "1024"] if step.context.small else []
    found = step.record["results"] = printed(step, [step.program("products_bench"), *small])
    ceiling = found["gemm_tflops"]
    for entry in found["products"]:
        step.context.log(f"  {entry['p']} x {entry['q']} of {entry['rows']} rows: best {entry['best']}, chosen takes "
                         f"{entry['chosen_over_best']:.2f} of its time, {entry['tflops']:.1f} TFLOP/s")
    squares = [entry for entry in found["products"] if entry["symmetric"]]
    wide = [entry for entry in squares if entry["p"] >= BOUND_BY_PRODUCTS]
    step.gate(f"DSYRK over DGEMM, d >= {BOUND_BY_PRODUCTS}",
              min((entry["syrk_tflops"] for entry in wide), default=0) / ceiling if wide else None, least=OF_DGEMM)
    worst = max(found["products"], key=lambda entry: entry["chosen_over_best"])
    step.record["summary"] = (
        f"DGEMM {ceiling:.1f} TFLOP/s; scatter at d = " + ", ".join(f"{entry['p']} {entry['tflops']:.1f}" for entry in squares)
        + f"; worst choice: {worst['p']} x {worst['q']}, {worst['chosen_over_best']:.2f} of the time of {worst['best']}")


def start(step):
    """For the record: nothing is wanted of it."""
    small = ["--pinned", "2000000", "--device", "4000000", "--order", "64"] if step.context.small else []
    begin = time.monotonic()
    found = step.record["results"] = printed(step, [step.program("start_bench"), *small])
    found["outside_seconds"] = time.monotonic() - begin - found["seconds"]  # before its first line, and its end
    ways = {way["way"] + (f" of {'huge ' if way['huge_pages'] else ''}pages, touched by {way['threads']}" if "threads" in way else ""):
            way["seconds"] for way in found["page_locked"]}  # the last one of cudaMallocHost: the first one may pay for others
    step.record["summary"] = (", ".join(f"{entry['step']} {1000 * entry['seconds']:.0f} ms" for entry in found["steps"])
                              + f", beginning and end of the process {1000 * found['outside_seconds']:.0f} ms; {found['pinned_bytes'] / 2**20:.0f} MiB page-locked: "
                              + ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in ways.items()))
