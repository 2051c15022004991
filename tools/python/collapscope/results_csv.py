"""Reads the tidy CSV of `collapscope analyze`."""
import csv
import io
import re

from .errors import ResultsError
from .text import printable


def csv_tree(text, name):
    """The tidy CSV, as results have it. Checkpoints are told apart by path, run and step."""
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ResultsError(f"{name}: not valid CSV: {error}")
    header = lines[0] if lines else []
    if header[:7] != ["path", "run", "step", "layer", "index", "metric", "value"]:
        raise ResultsError(f"{name}: begins with {printable(','.join(header)[:80])!r}, expected collapscope's JSON, or CSV with "
                           "the columns path,run,step,layer,index,metric,value")
    checkpoints, precision = {}, {}
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise ResultsError(f"{name}: record {number} has {len(line)} cells, expected {len(header)}")
        try:
            _csv_row(line, checkpoints)
        except ValueError as error:
            raise ResultsError(f"{name}: record {number}: {printable(str(error))}")
        precision.update(zip(header[7:], line[7:]))
    for checkpoint in checkpoints.values():
        checkpoint["layers"] = list(checkpoint["layers"].values())
    return {"checkpoints": list(checkpoints.values()), "provenance": precision}


def _csv_row(line, checkpoints):
    """Adds one row of CSV to the checkpoints {key: results of a checkpoint, its layers by name}."""
    path, run, step, layer, index, metric, value = line[:7]
    checkpoint = checkpoints.setdefault((path, run, step), None)
    if checkpoint is None:
        file, id_ = _place(path)
        checkpoint = checkpoints[path, run, step] = {
            "path": file, "id": id_, "run": _unquoted(run) or None, "step": float(step) if step else None,
            "targets": {}, "depth": {}, "layers": {}}
    metrics = checkpoint["targets"]
    over_depth = not layer and re.fullmatch(r"(.+)_depth_(slope|pearson|layers)", metric)
    if over_depth:
        metrics, metric = checkpoint["depth"].setdefault(over_depth[1], {}), over_depth[2]
    if layer:
        fresh = {"name": _unquoted(layer), "index": int(index) if index else None, "metrics": {}}
        metrics = checkpoint["layers"].setdefault(layer, fresh)["metrics"]
    number = float(value) if value else None
    component = re.fullmatch(r"(.+)\[(\d+)\]", metric)
    if not component:
        metrics[metric] = number
    else:
        values = metrics.setdefault(component[1], [])
        if int(component[2]) != len(values) + 1:
            raise ValueError(f"found {metric}, expected {component[1]}[{len(values) + 1}]")
        values.append(number)


CLASSES_HEADER = ["path", "run", "step", "layer", "index", "label", "name", "samples", "rows", "mean_norm", "within_variance", "weight_cosine",
                  "nearest", "nearest_name", "nearest_cosine", "ncc_accuracy", "model_accuracy"]


def classes_tree(text, name):
    """The CSV with a row per checkpoint, layer and class, as results have it. Checkpoints are told apart by path, run and step."""
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ResultsError(f"{name}: not valid CSV: {error}")
    if not lines or lines[0] != CLASSES_HEADER:
        raise ResultsError(f"{name}: begins with {printable(','.join(lines[0] if lines else [])[:80])!r}, expected CSV with the columns "
                           f"{','.join(CLASSES_HEADER)}")
    checkpoints = {}
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(CLASSES_HEADER):
            raise ResultsError(f"{name}: record {number} has {len(line)} cells, expected {len(CLASSES_HEADER)}")
        try:
            _class_row(dict(zip(CLASSES_HEADER, line)), checkpoints)
        except ValueError as error:
            raise ResultsError(f"{name}: record {number}: {printable(str(error))}")
    for checkpoint in checkpoints.values():
        checkpoint["layers"] = list(checkpoint["layers"].values())
    return {"checkpoints": list(checkpoints.values())}


def _class_row(cells, checkpoints):
    """Adds one row to the checkpoints, as `_csv_row` does. What is known of a class beside layers comes with each layer."""
    key = cells["path"], cells["run"], cells["step"]
    checkpoint = checkpoints.get(key)
    if checkpoint is None:
        file, id_ = _place(cells["path"])
        checkpoint = checkpoints[key] = {
            "path": file, "id": id_, "run": _unquoted(cells["run"]) or None, "step": float(cells["step"]) if cells["step"] else None,
            "classes": {"labels": [], "names": [], "samples": [], "model_accuracy": []}, "layers": {}}
    known = checkpoint["classes"]
    index = int(cells["index"]) if cells["index"] else None
    layer = checkpoint["layers"].setdefault(cells["layer"], {"name": _unquoted(cells["layer"]), "index": index, "classes": {}})
    label = int(cells["label"])
    if len(checkpoint["layers"]) == 1:
        known["labels"].append(label)
        known["names"].append(_unquoted(cells["name"]))
        known["samples"].append(int(cells["samples"]))
        known["model_accuracy"].append(float(cells["model_accuracy"]) if cells["model_accuracy"] else None)
    for column in ("rows", "mean_norm", "within_variance", "weight_cosine", "nearest", "nearest_cosine", "ncc_accuracy"):
        kind = int if column in ("rows", "nearest") else float
        layer["classes"].setdefault(column, []).append(kind(cells[column]) if cells[column] else None)
    place = len(layer["classes"]["rows"]) - 1
    if place >= len(known["labels"]) or known["labels"][place] != label:
        raise ValueError(f"found label {label}, expected the labels of the first layer in their order")


def _place(cell):
    """The file and the id of a checkpoint in it, "" where the file is one. An id has no slash."""
    path = _unquoted(cell)
    file, found, id_ = path.rpartition(":/checkpoints/")
    return (file, id_) if found and "/" not in id_ else (path, "")


def _unquoted(cell):
    """A cell of text without the apostrophe that keeps spreadsheets from taking it for a formula."""
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'")[:1] in tuple("=+-@\t\r\n＝＋－＠") else cell
