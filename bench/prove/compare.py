"""Whether two results files hold the same numbers, by docs/metrics.md's tolerances."""
import json
import math

LOOSER = {"nrc3_gamma", "nrc3_gamma_over_lambda_min", "feature_rankme", "feature_effective_rank"}
# Each of two results may be this far from the truth, so that they may be twice as far apart.
SIDES = 2


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def agrees(metric, a, b):
    if isinstance(a, list) or isinstance(b, list):
        return (isinstance(a, list) and isinstance(b, list) and len(a) == len(b)
                and all(agrees(metric, x, y) for x, y in zip(a, b)))
    if a is None or b is None:
        return a is None and b is None
    relative = 1e-6 if metric in LOOSER else 1e-8
    return math.isfinite(a) and abs(a - b) <= SIDES * (relative * abs(b) + 1e-12)


class Comparison:
    def __init__(self):
        self.values, self.differences = 0, []

    def metrics(self, where, found, expected, skip=()):
        for name in sorted(set(found) | set(expected)):
            if name in skip:
                continue
            self.values += 1
            if name not in found or name not in expected:
                self.differences.append(f"{where} {name}: only in one")
            elif not agrees(name, found[name], expected[name]):
                self.differences.append(f"{where} {name}: {found[name]!r}, not {expected[name]!r}")


def by_key(items, *keys):
    return {tuple(item.get(key) for key in keys): item for item in items}


def compare(found, expected, skip=None):
    """skip: {(path, id, layer): names of metrics that are not determined}"""
    comparison = Comparison()
    ours, theirs = (by_key(results["checkpoints"], "path", "id") for results in (found, expected))
    for key in sorted(set(ours) | set(theirs), key=str):
        if key not in ours or key not in theirs:
            comparison.differences.append(f"{key}: only in one")
            continue
        a, b = ours[key], theirs[key]
        comparison.metrics(f"{a['path']} targets", a["targets"], b["targets"])
        layers = by_key(b["layers"], "name")
        if [layer["name"] for layer in a["layers"]] != [layer["name"] for layer in b["layers"]]:
            comparison.differences.append(f"{a['path']}: other layers")
            continue
        for layer in a["layers"]:
            comparison.metrics(f"{a['path']} {layer['name']}", layer["metrics"], layers[(layer["name"],)]["metrics"],
                               (skip or {}).get((*key, layer["name"]), ()))
    return comparison


def without_provenance(results):
    """As text, to be compared byte for byte."""
    return json.dumps({key: value for key, value in results.items() if key != "provenance"}, sort_keys=True)
