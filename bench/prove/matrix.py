"""The step that compares CPU and GPU over all reference cases, by the program, in small tiles."""
import concurrent.futures
import os

from compare import compare, load
from programs import analyze, expect_device
from suites import parallel

TILE = "300"  # numbers: so that small dumps have several tiles and segments
MOST_FILES = 48  # of a process


def case_options(options):
    """The program's options for a case of cases.json."""
    words = []
    for key in ("signal_dim", "pool", "layout", "activations", "targets", "predictions", "weight", "ignore_label"):
        if options.get(key) is not None:
            words += ["--" + key.replace("_", "-"), str(options[key])]
    for key in ("shards", "transpose_weight"):
        if options.get(key):
            words.append("--" + key.replace("_", "-"))
    return (*words, "--top", str(options["top"]))


def groups_of(cases, folder):
    """Cases of equal options go together, but for shards: [(name, options, files, skipped metrics)]."""
    groups = {}
    for case in cases:
        options = case_options(case["options"])
        key = (options, case["name"] if case["options"].get("shards") else "")
        if len(groups.get(key, {"files": ()})["files"]) >= MOST_FILES:
            groups[(*key, case["name"])] = groups.pop(key)  # full
        group = groups.setdefault(key, {"name": case["name"], "files": [], "skip": {}})
        group["files"] += [os.path.join(folder, file) for file in case["files"]]
        for checkpoint in case["checkpoints"]:
            for layer in checkpoint["layers"]:
                place = (os.path.join(folder, checkpoint["path"]), checkpoint["id"], layer["name"])
                group["skip"].setdefault(place, set()).update(layer.get("skip", []))
    return [(group["name"], key[0], group["files"], group["skip"]) for key, group in groups.items()]


def both_devices(step, number, group):
    name, options, files, skip = group
    listing = os.path.join(step.context.places.work, f"group{number}.txt")
    with open(listing, "w", encoding="utf-8") as file:
        file.write("\n".join(dict.fromkeys(files)) + "\n")
    options = (*options, "--looks", "2", "--threads", "2")
    expected, _ = analyze(step, ["@" + listing], f"{number}_cpu", "cpu", options)
    found, _ = analyze(step, ["@" + listing], f"{number}_gpu", None, options, env={"COLLAPSCOPE_GPU_TILE": TILE})
    if expected is None or found is None:
        step.expect(False, f"{name} ...: no results")
        return 0, 0
    expect_device(step, found)
    result = compare(found, expected, skip)
    step.expect(not result.differences, f"{len(result.differences)} of {result.values} numbers differ: "
                + "; ".join(result.differences[:10]))
    step.expect(found["failures"] == expected["failures"], f"{name} ...: other failures")
    return result.values, len(found["checkpoints"])


def matrix(step):
    folder = step.context.places.cases()
    groups = groups_of(load(os.path.join(folder, "cases.json")), folder)
    groups.sort(key=lambda group: -len(group[2]))  # what takes longest begins first
    step.record.update(groups=len(groups), compared=0, numbers=0, checkpoints=0)
    with concurrent.futures.ThreadPoolExecutor(parallel()) as pool:
        jobs = [pool.submit(both_devices, step, *job) for job in enumerate(groups)]
        try:
            for job in concurrent.futures.as_completed(jobs):
                numbers, checkpoints = job.result()
                step.record["compared"] += 1
                step.record["numbers"] += numbers
                step.record["checkpoints"] += checkpoints
        finally:
            for job in jobs:
                job.cancel()
            step.record["summary"] = (f"{step.record['numbers']} numbers of {step.record['checkpoints']} checkpoints compared "
                                      f"between CPU and GPU, {step.record['compared']} of {len(groups)} groups")
    step.expect(step.record["numbers"] > 0, "nothing was compared")
