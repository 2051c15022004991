"""What runs have to do with one another: which died, which differ in their seeds alone."""
import numbers
import re

import numpy as np

_NOT_OF_RUNS = ("format", "format_version", "run", "step", "step_unit", "task", "shards", "shards_joined")
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_FINITE = "NaN or Inf"


def number_of(value):
    """A number, also one that is written as text; None for anything else. As src/runs/attribute_key.cpp has it."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        value = float(value)
    return float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) and np.isfinite(value) else None


def natural(name):
    """Sort key by which run2 comes before run10, and wd1e-3 before wd0.01."""
    parts = re.split(r"((?:\d+\.?\d*)(?:e[+-]?\d+)?)", name)
    return [(1, float(part), "") if i % 2 else (0, 0.0, part) for i, part in enumerate(parts)]


def is_seed(name):
    return name == "seed" or name.endswith("_seed")


def differing(attributes):
    """Names of attributes in which runs differ, but for seeds. attributes: {run: {name: value}}."""
    names = sorted({name for values in attributes.values() for name in values})
    return [name for name in names if name not in _NOT_OF_RUNS and not is_seed(name)
            and len({repr(value_key(values.get(name))) for values in attributes.values()}) > 1]


def groups(attributes, by):
    """{values of the attributes `by`: runs that have them}, in the order of the values as numbers."""
    found = {}
    for run, values in attributes.items():
        found.setdefault(tuple(value_key(values.get(name)) for name in by), []).append(run)
    order = sorted(found, key=lambda values: [(value is not None, not isinstance(value, float), value if isinstance(value, float) else 0.0, str(value))
                                              for value in values])
    return {values: found[values] for values in order}


def run_names(heads, attributes):
    """{checkpoint: name of its run}, as the program's report has runs. heads: a row for each checkpoint. attributes: {checkpoint: {name: value}}.

    Checkpoints with the same `run` are one, but of each `split` where there are several. Without a run those in one file are one, and others
    stand alone; but where nothing but their steps tells all checkpoints apart, they are one without a name.
    """
    alone = heads[(heads["run"] == "") & (heads["id"] == "")]
    told_apart = differing({c: attributes[c] for c in alone["checkpoint"]}) or alone["step"].dropna().duplicated().any() or (heads["run"] != "").any()
    names = {}
    for number, run, path, key in zip(heads["checkpoint"], heads["run"], heads["path"], heads["id"]):
        stands_alone = not run and not key and told_apart and len(alone) > 1
        names[number] = run or (path if key else (path or f"checkpoint {number}") if stands_alone else "")
    splits = {}
    for number, run in zip(heads["checkpoint"], heads["run"]):
        splits.setdefault(run, set()).add(split_of(attributes[number]))
    return {number: f"{name} ({split})" if run and len(splits[run]) > 1 and (split := split_of(attributes[number])) else name
            for (number, name), run in zip(names.items(), heads["run"])}


def split_of(attributes):
    """Which samples a checkpoint was measured on: "train", "test"; "" where it does not say."""
    split = attributes.get("split")
    return split if isinstance(split, str) else ""


def value_key(value):
    """Equal for values of an attribute that are the same: numbers however they are written."""
    number = number_of(value)
    if number is None:
        return value
    narrow = np.float32(number) if abs(number) < 2**24 else None
    return float(str(narrow)) if narrow is not None and float(narrow) == number else number


def death(steps, failures, deepest, flat):
    """The step from which on a run is dead, or None: the rules of the program's report.

    steps: of its checkpoints. failures: of it, as the results have them. deepest: its last layer's name. flat: the steps at which that
    layer's features do not vary.
    """
    dead, model = set(flat), set()
    for failure in failures:
        step = failure.get("step")
        step = np.inf if step is None else float(step)
        name = failure.get("object") or ""
        if _NOT_FINITE not in (failure.get("message") or ""):
            continue
        if step not in steps or f"/layers/{deepest}/" in name:
            dead.add(step)
        elif name.endswith("/predictions"):
            model.add(step)
    since, seen = None, sorted({*steps, *dead, *model}, reverse=True)
    for step in seen:
        if step not in dead | model:
            break
        since = step
    # Logits that are Inf from the beginning are meant: classes that a mask leaves out.
    return None if seen and since == seen[-1] and not dead else since
