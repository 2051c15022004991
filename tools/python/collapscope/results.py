"""Results of `collapscope analyze`, JSON or CSV, as a tidy pandas DataFrame.

Values come back bit for bit. JSON has everything; CSV has neither floors, notes, kinds nor attributes.
"""
import json
import math
import os
import sys
import warnings

from .errors import ResultsError, optional
from .results_csv import classes_tree, csv_tree
from .text import printable

COLUMNS = ["checkpoint", "path", "id", "run", "step", "scope", "layer", "index", "position", "kind", "metric",
           "component", "value", "floor", "note"]


def load(source, *, wide=False, attributes=False):
    """Reads results into a DataFrame.

    source: path of a results file (JSON, or the tidy CSV), results as a dict (parsed JSON), or a list of those;
        of the program's `collapscope-report` JSON the checkpoints are read.
    wide: False: one row per checkpoint, layer and metric (lists: per component). True: one row per checkpoint and
        layer, one column per metric (`evr[1]`, `evr[2]`, … for lists), target and depth metrics repeated in each row.
    attributes: names of attributes (weight_decay, seed, …) to be added as columns, or True for all of them. One that
        is named like a column that is already there gets the prefix `attribute_`.

    Columns: checkpoint (number from 0, in the order read), path, id (of a checkpoint inside a file, else ""), run
    (None if it has no name), step (float64, NaN if none), scope ("layer", "targets" or "depth"), layer, index (as the file
    says), position (from 0, input to output), kind, metric, component (from 1, of lists), value (float64, NaN where
    undefined), floor (NaN if it has none), note (why undefined, else "").

    `.attrs` holds "attributes" (one dict per checkpoint), "failures" and "provenance" (lists of dicts), and "failed_layers" ({checkpoint: list of dicts
    with name and position}, the layers that have no rows).
    Warns where a checkpoint (same path, id, run and step) is there more than once: the table then has each of them.
    Raises ResultsError (a ValueError), OSError, and ImportError without pandas.
    """
    pandas = optional("pandas", "a table of results", "plot")
    rows, checkpoints, failures, provenance, lost, places = [], [], [], [], {}, {}
    for one in source if isinstance(source, (list, tuple)) else [source]:
        tree, name = _tree(one)
        for number, checkpoint in enumerate(_list(tree, "checkpoints", name)):
            _checkpoint_rows(checkpoint, len(checkpoints), f"{name}: checkpoints[{number}]", rows)
            if checkpoint.get("failed_layers"):
                lost[len(checkpoints)] = checkpoint["failed_layers"]
            checkpoints.append(checkpoint.get("attributes") or {})
            path = checkpoint.get("path") or (None if isinstance(one, dict) else os.fspath(one))  # a Meter's name no dump
            if path:
                key = (os.path.normpath(path), checkpoint.get("id") or "", checkpoint.get("run"), checkpoint.get("step"))
                places.setdefault(key, []).append(name)
        failures += tree.get("failures") or []
        provenance += [tree["provenance"]] if tree.get("provenance") else []

    _warn_of_same(places)
    frame = pandas.DataFrame(rows, columns=COLUMNS, dtype=object)  # what is text stays so: None is no NaN
    frame = frame.astype({"checkpoint": "int64", "step": "float64", "index": "Int64", "position": "Int64",
                          "component": "Int64", "value": "float64", "floor": "float64"})
    if wide:
        frame = _wide(frame)
    for attribute in _attribute_names(attributes, checkpoints):
        values = [checkpoint.get(attribute) for checkpoint in checkpoints]
        column = f"attribute_{attribute}" if attribute in frame.columns else attribute
        frame[column] = frame["checkpoint"].map(pandas.Series(values, dtype=object)).infer_objects()
    frame.attrs.update(attributes=checkpoints, failures=failures, provenance=provenance, failed_layers=lost)
    return frame


def _warn_of_same(places):
    """places: {checkpoint: names of the results that have it}. At the line outside this package."""
    twice = [(key, names) for key, names in places.items() if len(names) > 1]
    if not twice:
        return
    (path, id_, *_), names = twice[0]
    more = "" if len(twice) == 1 else f", and {len(twice) - 1} more checkpoint{'' if len(twice) == 2 else 's'}"
    level, caller = 1, sys._getframe()
    while caller is not None and caller.f_globals.get("__name__", "").startswith("collapscope."):
        level, caller = level + 1, caller.f_back
    warnings.warn(f"{printable(path)}{':' + printable(id_) if id_ else ''} is there {len(names)} times (from {', '.join(dict.fromkeys(names))})"
                  f"{more}: the table has each of them, and a mean over it counts them all; figures draw the last", stacklevel=level)


CLASS_COLUMNS = ["rows", "mean_norm", "within_variance", "weight_cosine", "nearest", "nearest_cosine", "ncc_accuracy"]


def load_classes(source):
    """What `collapscope analyze --per-class` says of each class: one row per checkpoint, layer and class.

    source: path of a results file (JSON, or CSV: FILE.csv means the FILE.classes.csv beside it), results as a dict, or a list of those.

    Columns: checkpoint (as in `load`), path, id, run, step, layer, index, label, name ("" where unknown), samples, model_accuracy,
    rows, mean_norm, within_variance, weight_cosine, nearest (a label), nearest_name, nearest_cosine, ncc_accuracy. NaN where
    undefined. CSV has no cosines. Empty where --per-class was not given. `.attrs["cosines"]` holds the cosines of the class means of each checkpoint and
    layer that has them, a K x K array in {(checkpoint, layer): array}.
    Raises ResultsError (a ValueError), OSError, and ImportError without pandas.
    """
    pandas = optional("pandas", "a table of results", "plot")
    rows, cosines, seen = [], {}, 0
    for one in source if isinstance(source, (list, tuple)) else [source]:
        tree, name = _classes_of(one)
        for number, checkpoint in enumerate(_list(tree, "checkpoints", name), seen):
            seen = number + 1
            place = f"{name}: checkpoints[{number}]"
            known = _dict(checkpoint, "classes", place)
            for layer in _list(checkpoint, "layers", place):
                classes = _dict(layer, "classes", f"{place}: layers")
                if known and classes:
                    rows += _class_rows(number, checkpoint, known, layer, classes, place)
                    if classes.get("cosines"):
                        cosines[number, layer.get("name")] = _square(classes["cosines"], len(known["labels"]))
    head = ["checkpoint", "path", "id", "run", "step", "layer", "index", "label", "name", "samples", "model_accuracy"]
    frame = pandas.DataFrame(rows, columns=head + CLASS_COLUMNS[:5] + ["nearest_name"] + CLASS_COLUMNS[5:], dtype=object)
    numbers = ["step", "model_accuracy", "mean_norm", "within_variance", "weight_cosine", "nearest_cosine", "ncc_accuracy"]
    frame = frame.astype({**{column: "float64" for column in numbers}, "index": "Int64", "label": "int64", "samples": "int64",
                          "rows": "int64", "nearest": "Int64"})
    frame.attrs["cosines"] = cosines
    return frame


def _classes_of(source):
    """As _tree; of CSV what the file with the results of each class has."""
    if isinstance(source, dict) or os.path.splitext(os.fspath(source))[1] != ".csv":
        return _tree(source)
    path = os.fspath(source)
    beside = path if path.endswith(".classes.csv") else f"{path[:-len('.csv')]}.classes.csv"
    if not os.path.exists(beside):
        return _tree(source)  # without --per-class
    name = printable(beside)
    try:
        with open(beside, encoding="utf-8", newline="") as file:
            return classes_tree(file.read(), name), name
    except UnicodeDecodeError as error:
        raise ResultsError(f"{name}: not UTF-8 at byte {error.start}, expected CSV written by collapscope")


def _class_rows(number, checkpoint, known, layer, classes, where):
    labels = known["labels"]
    columns = {}
    for name in ("names", "samples", "model_accuracy"):
        columns[name] = known.get(name) or [None] * len(labels)
    for name in CLASS_COLUMNS:
        columns[name] = classes.get(name) or [None] * len(labels)
    for name, column in columns.items():
        if len(column) != len(labels):
            raise ResultsError(f"{where}: classes: {name} has {len(column)} entries, expected {len(labels)}")
    names = dict(zip(labels, columns["names"]))
    head = (number, checkpoint.get("path"), checkpoint.get("id") or "", checkpoint.get("run"), checkpoint.get("step"),
            layer.get("name"), layer.get("index"))
    for c, label in enumerate(labels):
        values = [columns[name][c] for name in CLASS_COLUMNS]
        yield head + (label, names[label] or "", columns["samples"][c], columns["model_accuracy"][c], *values[:5],
                      names.get(values[4]) or "", *values[5:])


def _square(pairs, classes):
    """The K x K matrix of what is listed for the pairs (0, 1), (0, 2), …; NaN where undefined."""
    import numpy
    matrix = numpy.eye(classes)
    upper = numpy.triu_indices(classes, 1)
    matrix[upper] = [math.nan if pair is None else pair for pair in pairs]
    matrix.T[upper] = matrix[upper]
    return matrix


def _attribute_names(wanted, checkpoints):
    if wanted is True:
        return [name for name in dict.fromkeys(name for c in checkpoints for name in c) if name not in ("run", "step")]
    if isinstance(wanted, str):
        return [wanted]
    return list(wanted or [])


def _tree(source):
    """Results as parsed JSON, and what to call them in messages."""
    if isinstance(source, dict):
        tree, name = source, "results"
    else:
        name = printable(os.fspath(source))
        with open(source, "rb") as file:
            raw = file.read()
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ResultsError(f"{name}: not UTF-8 at byte {error.start}, expected JSON or CSV written by collapscope")
        if text.lstrip()[:1] not in ("{", "["):
            return csv_tree(text, name), name
        try:
            tree = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ResultsError(f"{name}: not valid JSON: {error}")
    found = tree.get("format") if isinstance(tree, dict) else None
    if found not in ("collapscope-results", "collapscope-report"):
        raise ResultsError(f'{name}: "format" is {_shown(found)}, expected "collapscope-results"')
    if tree.get("format_version") != 1:
        raise ResultsError(f'{name}: "format_version" is {_shown(tree.get("format_version"))}, expected 1')
    return (_report_tree(tree, name) if found == "collapscope-report" else tree), name


def _no_constant(name):
    raise ValueError(f"{name} is not a JSON number")


def _shown(value):
    return printable(json.dumps(value, default=str)[:80])


def _list(tree, key, where):
    found = tree.get(key)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ResultsError(f'{where}: "{key}" is {_shown(found)}, expected a list of objects')
    return found


def _dict(tree, key, where):
    found = tree.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ResultsError(f'{where}: "{key}" is {_shown(found)}, expected an object')
    return found


def _number(value, where, *names):
    """A float, NaN for null. where, names: what to call it in a message."""
    if value is None:
        return math.nan
    if type(value) in (int, float) and math.isfinite(value):
        return float(value)
    where = ": ".join([where, *map(printable, names)])
    raise ResultsError(f"{where}: found {_shown(value)}, expected a finite number, a list of them, or null")


def _checkpoint_rows(checkpoint, number, where, rows):
    """Appends the rows of one checkpoint, in the order of COLUMNS."""
    _dict(checkpoint, "attributes", where)
    head = (number, checkpoint.get("path"), checkpoint.get("id") or "", checkpoint.get("run"),
            _number(checkpoint.get("step"), where, "step"))
    _metric_rows(head + ("targets", None, None, None, None), _dict(checkpoint, "targets", where), {},
                 _dict(checkpoint, "target_notes", where), f"{where}: targets", rows)
    for metric, law in _dict(checkpoint, "depth", where).items():
        place = f"{where}: depth: {printable(metric)}"
        law = dict(_dict({"law": law}, "law", place))
        notes = _dict(law, "notes", place)
        law.pop("notes", None)
        _metric_rows(head + ("depth", None, None, None, None),
                     {f"{metric}_depth_{part}": value for part, value in law.items()}, {},
                     {f"{metric}_depth_{part}": note for part, note in notes.items()}, place, rows)
    for position, layer in enumerate(_list(checkpoint, "layers", where)):
        place = f"{where}: layers[{position}]"
        _metric_rows(head + ("layer", layer.get("name"), layer.get("index"), position, layer.get("kind") or None),
                     _dict(layer, "metrics", place), _dict(layer, "floors", place), _dict(layer, "notes", place), place,
                     rows)


def _metric_rows(head, metrics, floors, notes, where, rows):
    for metric, value in metrics.items():
        tail = (_number(floors.get(metric), where, metric, "floor"), notes.get(metric, ""))
        if isinstance(value, list):
            for component, item in enumerate(value, 1):
                rows.append(head + (metric, component, _number(item, where, metric)) + tail)
        else:
            rows.append(head + (metric, None, _number(value, where, metric)) + tail)


def _report_tree(report, name):
    """The checkpoints of a collapscope-report, as results have them."""
    checkpoints = []
    for number, run in enumerate(_list(report, "runs", name)):
        for checkpoint in _list(run, "checkpoints", f"{name}: runs[{number}]"):
            attributes = dict(_dict(run, "attributes", f"{name}: runs[{number}]"))
            if run.get("step_unit"):
                attributes.setdefault("step_unit", run["step_unit"])
            checkpoints.append({**checkpoint, "run": run.get("name"), "attributes": attributes})
    return {"checkpoints": checkpoints, "failures": report.get("failures") or []}


def _wide(frame):
    """One row per checkpoint and layer. A checkpoint without layers keeps a row, for its targets."""
    names = frame["metric"].where(frame["component"].isna(),
                                  frame["metric"] + "[" + frame["component"].astype(str) + "]")
    frame = frame.assign(metric=names)
    layers, targets = frame[frame["scope"] == "layer"], frame[frame["scope"] != "layer"]
    keys = ["checkpoint", "path", "id", "run", "step", "layer", "index", "position", "kind"]
    bare = targets[~targets["checkpoint"].isin(layers["checkpoint"])]
    rows = frame.loc[list(layers.index) + list(bare.index), keys].drop_duplicates(["checkpoint", "position"])
    rows = rows.sort_index(kind="stable").reset_index(drop=True)
    for part, on in ((layers, ["checkpoint", "position"]), (targets, ["checkpoint"])):
        if len(part):
            table = part.set_index(on + ["metric"])["value"].unstack("metric")[list(part["metric"].unique())]
            rows = rows.merge(table.reset_index(), how="left", on=on, suffixes=("", "_targets"))
    return rows
