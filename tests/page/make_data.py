"""Data for the tests of the report page, in the form of `collapscope report` ("collapscope-report", version 1).

    make_data.py KIND OUT.json [RESULTS.json]

KIND: example (from RESULTS.json, what `collapscope analyze -o` wrote), large (300 checkpoints of 50 layers), hostile
(names that try to be HTML, script or formulas), single (one checkpoint), undefined (no value anywhere), sweep (seeds and
weight decays), failed (a layer), empty (no run).
"""

import json
import math
import sys

CRITERIA = [("deep_nrc1", "<", 0.05), ("deep_nrc2", ">", 0.9), ("deep_nrc3", ">", 0.9)]
LOW = {"nrc1", "nrc2", "nrc3", "deep_nrc1", "deep_nrc1_squared", "deep_nrc4", "linear_mse", "model_mse", "model_mae"}
HIGH = {"deep_nrc2", "deep_nrc2_debiased", "deep_nrc2_signal", "deep_nrc3", "deep_nrc3_cosines", "model_r2"}
SUMMARIES = {
    "nrc1": "share of the normalized rows outside the top-k subspace",
    "nrc2": "share of the normalized rows outside the row space of W",
    "nrc3": "W W^T against S_YY^(1/2) - sqrt(gamma) I, at the best gamma",
    "evr": "explained-variance ratios of the first components",
    "deep_nrc1": "share of the variance outside the top-k subspace",
    "deep_nrc2": "linear CKA of features and targets",
    "deep_nrc3": "mean cosine between the top-k subspaces of features and W",
    "deep_nrc3_cosines": "those cosines",
    "deep_nrc4": "linear prediction error as published (H not centred, cut at 1e-3)",
    "linear_mse": "mean squared error of the best affine map to the targets",
    "model_mse": "mean squared error of the predictions",
}


def meets(layer, metric, comparison, threshold):
    """True, False, or None where it cannot be told."""
    value, floor = layer["metrics"].get(metric), layer["floors"].get(metric, -math.inf)
    floor = math.inf if floor is None else floor
    if value is None:
        return None
    beyond = (lambda x: x < threshold) if comparison == "<" else (lambda x: x > threshold)
    if value <= floor:
        return beyond(0) if beyond(0) == beyond(floor) else None
    return beyond(value)


def collapsed(layer):
    met = [meets(layer, *criterion) for criterion in CRITERIA]
    return False if False in met else None if None in met else True


def info(name, scope):
    better = "low" if name in LOW else "high" if name in HIGH else None
    share = name.startswith(("nrc1", "nrc2", "deep_nrc1", "deep_nrc2", "deep_nrc3", "evr"))
    return {"name": name, "scope": scope, "summary": SUMMARIES.get(name, "a metric"), "better": better,
            "range": [0, 1] if share else [0, None], "log": name in LOW}


def checkpoint_collapse(layers):
    start = len(layers)
    while start > 0 and layers[start - 1]["collapsed"] is True:
        start -= 1
    begins = start < len(layers)
    return {"from_layer": layers[start]["name"] if begins else None, "from_position": start if begins else None,
            "layers_collapsed": len(layers) - start, "layers": len(layers)}


def finish_run(name, unit, attributes, checkpoints):
    """checkpoints: dicts with path, id, step, samples, targets, layers; adds what follows from them."""
    for checkpoint in checkpoints:
        checkpoint.setdefault("target_notes", {})
        for layer in checkpoint["layers"]:
            layer["collapsed"] = collapsed(layer)
        checkpoint["collapse"] = checkpoint_collapse(checkpoint["layers"])
    last = checkpoints[-1]
    since = {}
    for layer in last["layers"]:
        step = None
        for checkpoint in reversed(checkpoints):
            if not any(one["name"] == layer["name"] and one["collapsed"] is True for one in checkpoint["layers"]):
                break
            step = checkpoint["step"]
        since[layer["name"]] = {"since_step": step}
    deepest = last["layers"][-1]
    learned = deepest["metrics"].get("feature_dims_99")
    ufm = {"layer": deepest["name"], "gram_error": deepest["metrics"].get("ufm_gram_error"),
           "c": last["targets"].get("ufm_c"), "model_mse": last["targets"].get("model_mse")}
    return {"name": name, "step_unit": unit, "attributes": attributes, "checkpoints": checkpoints,
            "collapse": {"layers": since, "last_from_layer": last["collapse"]["from_layer"],
                         "since_step": since[deepest["name"]]["since_step"]},
            "intrinsic_dimension": learned and {"layer": deepest["name"], "learned": learned,
                                                "targets_rank": last["targets"].get("target_rank")},
            "ufm": ufm if ufm["gram_error"] is not None else None}


def report(title, runs, by=(), failures=(), sources=("results.json",)):
    names = {"targets": {}, "layer": {}}
    for run in runs:
        for checkpoint in run["checkpoints"]:
            names["targets"].update(dict.fromkeys(checkpoint["targets"]))
            for layer in checkpoint["layers"]:
                names["layer"].update(dict.fromkeys(layer["metrics"]))
    return {"format": "collapscope-report", "format_version": 1, "title": title, "version": "0.1.0",
            "generated": "2026-11-21T15:00:00Z", "sources": list(sources),
            "criteria": [dict(zip(("metric", "comparison", "threshold"), one)) for one in CRITERIA],
            "metrics": [info(name, scope) for scope in names for name in names[scope]],
            "failures": list(failures), "runs": runs, "comparison": {"by": list(by), "groups": []}}


def example(results):
    grouped = {}
    for checkpoint in results["checkpoints"]:
        grouped.setdefault(checkpoint["run"], []).append(checkpoint)
    runs = []
    for name, checkpoints in grouped.items():
        checkpoints.sort(key=lambda one: one["step"])
        attributes = {key: value for key, value in checkpoints[0]["attributes"].items()
                      if key not in ("run", "step", "step_unit", "task")}
        keep = ("path", "id", "step", "samples", "targets", "target_notes", "layers")
        runs.append(finish_run(name, "epoch", attributes, [{key: one[key] for key in keep} for one in checkpoints]))
    return report("How a robot arm’s network collapses", runs, ["weight_decay"], sources=["arm.json"])


def smooth_layer(name, index, depth, time, strength=1.0, wobble=0.0):
    """A layer that collapses the earlier the deeper it is. depth, time in [0, 1]."""
    gone = strength * time * 14 * depth * depth * (1 + 0.1 * math.sin(9 * depth + wobble))
    share = 0.8 * math.exp(-gone) + 1e-16
    near = 1 - 0.8 * math.exp(-gone / 3)
    metrics = {"features": 512, "nrc1": share, "nrc2": share * 1.1, "nrc3": 0.1 + 0.5 * math.exp(-gone),
               "deep_nrc1": share, "deep_nrc2": near, "deep_nrc3": near * 0.99, "deep_nrc4": 0.02 + 0.5 * math.exp(-4 * depth),
               "evr": [0.6 - share / 3, 0.4 - share / 3] + [share / 16] * 8, "feature_dims_99": 2 if share < 0.01 else 9,
               "linear_mse": 0.02 + 0.4 * math.exp(-4 * depth)}
    floors = {"nrc1": 1e-12, "nrc2": 1e-12, "deep_nrc1": 1e-12}
    notes = {}
    if index == 0:
        metrics["nrc2"] = metrics["nrc3"] = None
        notes = {"nrc2": "rank(W) = d", "nrc3": "rows(W) != n"}
    return {"name": name, "index": index, "kind": "linear", "metrics": metrics, "floors": floors, "notes": notes}


def smooth_run(name, attributes, steps, names, strength=1.0, wobble=0.0):
    checkpoints = []
    for step in steps:
        time = step / steps[-1] if steps[-1] else 0
        checkpoints.append({
            "path": f"{name}_{step}.h5", "id": "", "step": step, "samples": 1024,
            "targets": {"target_rank": 2, "model_mse": 0.02 + 0.6 * math.exp(-6 * time) + 0.01 * wobble, "ufm_c": 1e-3},
            "layers": [smooth_layer(one, i, (i + 1) / len(names), time, strength, wobble) for i, one in enumerate(names)]})
    for checkpoint in checkpoints:
        checkpoint["layers"][-1]["metrics"]["ufm_gram_error"] = 0.03 + 0.5 * math.exp(-4 * strength)
    return finish_run(name, "epoch", attributes, checkpoints)


def large():
    names = [f"blocks.{i // 5}.{('norm', 'attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2')[i % 5]}" for i in range(50)]
    return report("A deep network, often looked at",
                  [smooth_run("deep", {"weight_decay": 0.01}, list(range(0, 3000, 10)), names)])


def single():
    run = smooth_run("one", {}, [7], ["fc1", "fc2", "fc3"], strength=3)
    checkpoint = run["checkpoints"][0]
    checkpoint["layers"][1]["floors"]["deep_nrc1"] = None  # the value says nothing
    return report("One checkpoint", [finish_run("one", "epoch", {}, [checkpoint])])


def failed():
    """A run whose last layer fails at the last checkpoint."""
    run = smooth_run("r", {}, [0, 100, 200], ["fc1", "fc2", "head"], strength=3)
    last = run["checkpoints"][-1]
    last["layers"].pop()
    last["failed_layers"] = [{"name": "head", "position": 2}]
    run.update(intrinsic_dimension=None, ufm=None)
    return report("A layer failed", [run], failures=[{"path": "r_200.h5", "object": "/layers/head/activations", "message": "found 3 samples"}])


def sweep():
    runs = []
    for decay in (0, 1e-5, 1e-4, 1e-3, 1e-2):
        for seed in range(3):
            strength = 0.02 if decay == 0 else 1 / (1 + 1e-3 / decay)
            runs.append(smooth_run(f"wd{decay:g}_seed{seed}", {"weight_decay": decay, "seed": seed}, [0, 500, 1000, 2000, 4000],
                                   [f"fc{i + 1}" for i in range(6)], strength * (1 + 0.2 * seed), seed))
    return report("Fifteen runs", runs, ["weight_decay"])


HOSTILE = ['<img src=x onerror="document.title=1">', "</script><script>window.hacked = true</script>",
           '"><svg/onload=window.hacked=true>', "=HYPERLINK(\"http://evil.invalid\")", "+1", "-1", "@SUM(1)", "\t=1",
           "__proto__", "constructor", "a‮gnp.exe", "x" * 300, "{{title}} ${title} %s", "<!--", "line\nbreak", "\u001b[31mred"]


def hostile():
    runs = []
    for i, name in enumerate(HOSTILE):
        layers = [smooth_layer(one, k, (k + 1) / 16, 0.9) for k, one in enumerate(HOSTILE)]
        layers[0]["notes"] = {"nrc2": HOSTILE[0], "nrc3": HOSTILE[1]}
        attributes = {one: k + i for k, one in enumerate(HOSTILE[:3])}
        attributes["__proto__"] = i
        checkpoint = {"path": HOSTILE[1], "id": HOSTILE[0], "step": None, "samples": 10, "targets": {"model_mse": 0.1}, "layers": layers}
        runs.append(finish_run(name, HOSTILE[2], attributes, [checkpoint]))
    failures = [{"path": name, "object": HOSTILE[1], "message": HOSTILE[0]} for name in HOSTILE]
    return report(HOSTILE[1], runs, HOSTILE[:1], failures, HOSTILE)


def undefined():
    layer = {"name": "fc1", "index": 0, "kind": "linear", "floors": {},
             "metrics": dict.fromkeys(("nrc1", "nrc2", "nrc3", "deep_nrc1", "deep_nrc2", "deep_nrc3", "deep_nrc4", "evr")),
             "notes": {"nrc1": "zero variance", "deep_nrc1": "zero variance", "evr": "zero variance"}}
    checkpoint = {"path": "a.h5", "id": "", "step": None, "samples": 1, "targets": {"model_mse": None}, "layers": [layer]}
    return report("Nothing is defined", [finish_run("a.h5", None, {}, [checkpoint])])


def seeds():
    """Results (not a report) of 12 runs of a transformer: four weight decays, three seeds; one run ends in NaN, one in features that are 0."""
    names = [f"model.encoder.layers.{i}.mlp.fc2" for i in range(12)]
    checkpoints, failures = [], []
    for decay in (0, 1e-4, 1e-3, 1e-2):
        for seed in range(3):
            run = f"vit_wd{decay:g}_seed{seed}"
            for step in (1, 5, 20, 50, 100, 150, 180, 200):
                path = f"{run}_{step}.h5"
                if decay == 0 and seed == 2 and step >= 50:
                    failures += [{"path": path, "object": f"/layers/{name}/activations", "run": run, "step": step,
                                  "message": "found NaN or Inf, first in row 0; expected finite numbers"} for name in names]
                    continue
                flat = decay == 1e-2 and seed == 1 and step >= 20
                strength = 0.02 if decay == 0 else 1 / (1 + 1e-3 / decay)
                layers = [smooth_layer(name, i, (i + 1) / 12, step / 200, strength * (1 + 0.2 * seed), seed) for i, name in enumerate(names)]
                for layer in layers:
                    layer["metrics"]["total_variance"] = 0.0 if flat else 1.0
                    layer["floors"]["deep_nrc1"] = 1e-6 * (1 + 9 * seed)
                    if flat:
                        layer["metrics"].update(dict.fromkeys(("nrc1", "deep_nrc1", "deep_nrc2", "deep_nrc3", "evr", "feature_dims_99")))
                        layer["notes"].update(dict.fromkeys(("nrc1", "deep_nrc1", "deep_nrc2", "deep_nrc3", "evr", "feature_dims_99"), "zero variance"))
                checkpoints.append({
                    "path": path, "id": "", "run": run, "step": step, "task": "regression", "samples": 100,
                    "attributes": {"weight_decay": decay, "seed": seed, "optimizer": "adamw", "step_unit": "epoch"},
                    "targets": {"target_rank": 2, "model_mse": 1.0 if flat else 0.02 + 0.01 * seed}, "target_notes": {},
                    "depth": {"deep_nrc1": {"slope": -0.25 * strength, "pearson": -0.98, "layers": 12}}, "layers": layers})
    provenance = {"version": "0.1.0", "commit": "", "command": "", "device": "cpu", "threads": 1, "started": "2026-01-01T00:00:00Z", "seconds": 1,
                  "bytes_read": 1}
    return {"format": "collapscope-results", "format_version": 1, "provenance": provenance, "checkpoints": checkpoints, "failures": failures}


def make(kind, results=None):
    if kind == "example":
        with open(results, encoding="utf-8") as file:
            return example(json.load(file))
    if kind == "single":
        return single()
    if kind == "empty":
        return report("No run", [], failures=[{"path": "a.h5", "object": "/layers/fc1", "message": "not numeric"}])
    return {"large": large, "hostile": hostile, "undefined": undefined, "sweep": sweep, "failed": failed}[kind]()


if __name__ == "__main__":
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        json.dump(make(sys.argv[1], *sys.argv[3:]), out)
