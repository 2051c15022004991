"""convert: npz, npy, pt and safetensors files as a dump, shard by shard; and the command `python -m collapscope convert`.

A shard holds the same arrays as the others, of other samples. One array of one shard is in memory at a time (a whole shard,
for .pt); .npy and safetensors are mapped and copied in pieces.
"""
from __future__ import annotations

import argparse
import contextlib
import math
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ._dump import (CHUNK_BYTES, ENDINGS, DumpWriter, check_class_names, check_predictions, check_targets, is_bfloat16, is_one_hot,
                    look_like_labels, stored, type_name)
from ._doubts import PROBABILITIES, are_probabilities, lost_in_float16
from ._named_weights import BIAS, WEIGHT, Weights, bias_beside, check_bias, check_weight, named, require_same_weights
from ._sources import get, listed, shards
from .text import fitting

PIECE_BYTES = 16 * CHUNK_BYTES
LAYOUTS = ("NTD", "NCHW", "NHWC", "NCL", "NCDHW", "NDHWC")
POOLS = ("mean", "max", "first", "last", "flatten", "none")


def natural(name: str) -> list:
    """Sorts fc2 before fc10, as the program does."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]


def expression(pattern: str) -> re.Pattern:
    """A pattern whose * or {layer} stands for the layer's name; {layer} may stand in it several times. Raises ValueError without
    any."""
    parts = re.split(r"\*" if "{layer}" not in pattern else r"\{layer\}", pattern)
    if len(parts) < 2 or len(parts) > 2 and "{layer}" not in pattern:
        raise ValueError(f"found the pattern {pattern!r}; expected one * or {{layer}} in it, where the layer's name stands")
    first, *rest = map(re.escape, parts)
    return re.compile(first + "(?P<layer>.+)" + "(?P=layer)".join(rest), re.DOTALL)


def find_layers(activations, source, others=(), weight=None, bias=None) -> dict[str, str]:
    """Layer -> name of its activations, input to output. See `convert` for `activations`. A list of batches that fits is one
    array, and its batches are none. others: names of arrays that are none of a layer's, whatever fits them; nor is what has the name of
    another layer's weight or bias."""
    if isinstance(activations, Mapping):
        return dict(activations)
    lists, names = getattr(source, "lists", {}), list(source)
    matches = filter(None, map(expression(activations).fullmatch, [*names, *lists]))
    layers = {match["layer"]: match.string for match in matches if match.string not in others}
    batches = {f"{name}.{number}" for name in layers.values() if name in lists for number in range(len(lists[name]))}
    there = set(names)
    used = {part for layer, name in layers.items() for part in parts_of(layer, there, weight, bias) if part != name}
    layers = {layer: name for layer, name in layers.items() if name not in batches | used}
    if not layers:
        raise ValueError(f"{source.path}: found no array that fits {activations!r}; expected at least one among {listed(names)}")
    if getattr(source, "keeps_order", False):
        return layers
    by_name = sorted(layers, key=natural)
    if len({re.sub(r"\d+", "0", layer) for layer in layers}) > 1:
        warnings.warn(f"{source.path}: layers are taken in the order of their names, as such files keep none: {listed(by_name)}; "
                      "activations={layer: name} gives another order, input to output", stacklevel=3)
    return {layer: layers[layer] for layer in by_name}


def parts_of(layer: str, there, weight, bias) -> set:
    """What may be the weight and the bias of a layer."""
    name = named(weight, layer, there)
    return {name, named(bias, layer, there), bias_beside(name, there)}


def check_names(path, layers) -> None:
    """Raises ValueError for names of layers that are others in HDF5: groups by "/", where "." and nothing count as nothing."""
    for layer in layers:
        words = str(layer).split("/")
        if {"", "."} & set(words):
            other = "/".join(word for word in words if word not in ("", "."))
            raise ValueError(f"{path}: found the layer {layer!r}, which HDF5 would name {other!r}; "
                             "expected activations={layer: name}, which gives it another name")
        for end in range(1, len(words)):
            if words[end] in ("activations", "weight", "bias") and "/".join(words[:end]) in layers:
                raise ValueError(f"{path}: found the layer {layer!r}, which would be the {words[end]} of the layer {'/'.join(words[:end])!r}; "
                                 "expected activations={layer: name}, which gives it another name")


def labels_of(values: np.ndarray, place: str, positions: bool) -> np.ndarray:
    """Labels as integers: [N] of [N, 1] and of one-hot rows, [N, T] of positions. Raises ValueError for what is no label."""
    column = values.ndim == 2 and values.shape[1] == 1
    if values.ndim == 2 and not column and not positions and is_one_hot(values):
        return stored(values, "float64").argmax(1)
    if values.ndim != 1 and not column and not (positions and values.ndim == 2) or values.dtype.kind not in "iubf" and not is_bfloat16(values):
        raise ValueError(f"{place}: found {type_name(values)} of shape {list(values.shape)}; expected labels: integers [N] or one-hot rows [N, K], "
                         "or integers [N, T] of positions with pool 'none'")
    values = values[:, 0] if column else values
    if values.dtype.kind in "iub":
        return values
    numbers = stored(values, "float64")
    with np.errstate(invalid="ignore"):
        bad = np.argwhere(~(np.abs(numbers) < 2.0**63) | (numbers != np.floor(numbers)))
    if bad.size:
        raise ValueError(f"{place}: found {float(numbers[tuple(bad[0])])!r} for sample {bad[0][0]}; expected whole numbers as class labels")
    return numbers.astype(np.int64)


def copy_rows(writer: DumpWriter, name: str, values: np.ndarray, dtype: str | None) -> None:
    """Appends an array in pieces of some MiB."""
    if values.ndim == 0:
        raise ValueError(f"{writer.path}: {name}: found a single number; expected [N, ...]")
    step, lost = max(1, PIECE_BYTES // max(1, values[:1].nbytes)), ""
    for begin in range(0, len(values), step):
        rows = values[begin:begin + step]
        if dtype == "float16" and values.dtype.kind == "f" and values.dtype.itemsize > 2:
            lost = lost or lost_in_float16(rows.reshape(len(rows), -1))
        piece = stored(rows, dtype)
        writer.check(name, piece)
        writer.append(name, piece)
    if lost:
        warnings.warn(f"{writer.path}: {name}: {lost}", stacklevel=4)


def convert(sources, out, *, activations, targets, predictions=None, weights=None, weight=WEIGHT, bias=BIAS, transpose=False,
            layout=None, pool=None, task=None, attributes=None, dtype=None, compression=None, trust=False, allow_nonfinite=False,
            class_names=None) -> None:
    """Makes a dump of files that are there already. Everything is named by the arrays' names in the files.

        collapscope.convert(["a.npz", "b.npz"], "out.h5", targets="y", activations="acts.*", weights="model.safetensors")

    sources: the shards of one checkpoint, in the order of the samples: .npz, .pt, .ckpt, .safetensors, or folders of .npy. Loose .npy
        files together are one shard. Names in .pt files are joined by dots; the name of a list of tensors stands for them all, end
        to end.
    activations: a dict {layer: name}, or a pattern, whose * stands for the layer's name ("acts.*"). Shape [N, d],
        [N, T, d] or images; the input of the layer, not its output. Layers are in the order of the dict; of a pattern in that of the
        file (.npz, .pt), or in that of their names, fc2 before fc10 (safetensors, folders of .npy).
    targets, predictions: names; [N] or [N, n].
    weights: the file or files with weights and biases, or the .index.json of several; None: those of the first shard.
    weight, bias: a dict {layer: name}, or a pattern with {layer} or *; a pattern that no layer meets is an error. Where bias is not
        given, it is also what lies beside the weight: fc.net_bias beside fc.net_weight, head/bias beside head/kernel. None: there is none.
    transpose: weights stored as [d, m], as JAX and transformers' Conv1D do: True, or a glob of layers or a list of globs.
    out: the dump, whose name ends in .h5.
    layout, pool: attributes of every layer that is a sequence or image (docs/format.md).
    attributes, compression, allow_nonfinite, class_names: as of Recorder.
    task: "regression" or "classification". Labels are integers or whole floats, [N] or [N, 1], or one-hot rows; with pool "none" also
        [N, T], of positions. None: regression; of integers [N] the dump then says no task, and `collapscope analyze --task classification`
        makes them labels.
    dtype: of the activations: "float16", "bfloat16", "float32", "float64", or None: as they are.
    trust: load .pt files that hold more than tensors; such a file can run any code.
    Warns of what is taken otherwise than it may have been meant, and of options that mean nothing here.
    Raises ValueError with file, array, what was found and expected; the dump is then not there.
    """
    paths = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    openers = shards(paths)
    if not openers:
        raise ValueError(f"{out}: found no source; expected at least one")
    real = [os.path.realpath(path) for path in paths]
    for path, other in zip(paths, real):
        if real.count(other) > 1:
            raise ValueError(f"{path}: found twice among the shards; expected each once, as its samples would count twice")
    for option, value, known in (("layout", layout, LAYOUTS), ("pool", pool, POOLS)):
        if value is not None and value not in known:
            raise ValueError(f"{out}: {option}: found {value!r}; expected one of {', '.join(known)}, or None")
    if dtype not in (None, "float16", "bfloat16", "float32", "float64"):
        raise ValueError(f"{out}: dtype: found {dtype!r}; expected float16, bfloat16, float32, float64 or None")
    if Path(out).suffix.lower() not in ENDINGS or Path(out).is_dir():
        raise ValueError(f"{out}: found {'a folder' if Path(out).is_dir() else 'a name without the ending of HDF5 files'}; expected a name that "
                         f"ends in .h5, such as {os.path.join(out, 'dump.h5') if Path(out).is_dir() else Path(out).stem + '.h5'}")
    globs = [transpose] if isinstance(transpose, str) else ["*"] if transpose is True else list(transpose or ())
    said, task = task, "regression" if task is None else task
    class_names = check_class_names(out, task, class_names)
    writer = DumpWriter(out, task, attributes, compression, allow_nonfinite)
    try:
        layers, others = None, (targets, predictions)
        for opener in openers:
            source = opener(trust)
            if layers is None:
                layers = find_layers(activations, source, others, weight, bias)
                check_names(out, layers)
                transposed = {layer for glob in globs for layer in fitting(glob, layers)}
                holder = Weights(weights, source, trust, len(openers))
                holder.copy(writer, layers, "weight", weight, weights is not None or weight != WEIGHT, transposed.__contains__)
                if bias == BIAS and weight is not None:
                    holder.copy_biases_of_default_names(writer, layers, weight)
                elif bias not in (None, BIAS):
                    holder.copy(writer, layers, "bias", bias, True)
                    holder.say_what_is_left_out(layers, weight, bias)
                prints, biases = holder.prints, holder.biases
                del holder
                for glob in globs:
                    if not fitting(glob, layers):
                        raise ValueError(f"{out}: transpose: found no layer that fits {glob!r}; expected one of {listed(layers)}")
            else:
                if not isinstance(activations, Mapping):
                    require_same_layers(layers, find_layers(activations, source, others, weight, bias), source.path)
                require_same_weights(prints, source, paths[0])
            copy_shard(writer, source, layers, targets, predictions, dtype, task, pool)
        if not all(name in writer.rows for name in ("targets", *(f"layers/{layer}/activations" for layer in layers))):
            raise ValueError(f"{source.path}: {targets}: found no samples; expected at least one")
        say_what_means_nothing(writer, layers, layout, pool, dtype, globs)
        if said is None and not writer.rows["targets"].shape and writer.rows["targets"].dtype.kind in "iu":
            del writer.file.attrs["task"]
            warnings.warn(f"{source.path}: {targets}: integers of shape [N] are measured as targets of a regression; task='classification' here, or "
                          "`collapscope analyze --task classification`, makes them class labels", stacklevel=2)
        for index, layer in enumerate(layers):
            row = writer.rows[f"layers/{layer}/activations"].shape
            own_layout = layout if len(row) + 1 == len(layout or "") else None
            writer.group(f"layers/{layer}", index=index, layout=own_layout, pool=pool if len(row) > 1 else None)
            check_weight(writer, layer, row, own_layout)
            if layer in biases:
                check_bias(writer, layer, biases[layer])
        if class_names is not None:
            writer.names(class_names)
        writer.close()
    except BaseException:
        writer.abort()
        raise


def say_what_means_nothing(writer: DumpWriter, layers, layout, pool, dtype, globs) -> None:
    """Warns of options that no layer has a use for."""
    rows = [writer.rows[f"layers/{layer}/activations"] for layer in layers]
    whole = [layer for layer, row in zip(layers, rows) if row.dtype.kind in "iu"]
    which = "no activations are floats" if len(whole) == len(rows) else f"activations of {listed(whole)} are integers and stay as they are"
    notes = {f"layout {layout!r}: no activations have {len(layout or '')} axes": layout and not any(
                 len(row.shape) + 1 == len(layout) for row in rows),
             f"pool {pool!r}: no activations are sequences or images": pool and not any(len(row.shape) > 1 for row in rows),
             f"dtype {dtype!r}: {which}": dtype and whole}
    for glob in globs:
        notes[f"transpose {glob!r}: no such layer has a weight"] = not any(
            f"layers/{layer}/weight" in writer.file for layer in fitting(glob, layers))
    for note, holds in notes.items():
        if holds:
            warnings.warn(f"{writer.path}: {note}", stacklevel=3)


def require_same_layers(first: dict, here: dict, place) -> None:
    for layer in here:
        if layer not in first:
            raise ValueError(f"{place}: found layer {layer!r}, which the first shard lacks; expected the same layers in all shards")


def copy_shard(writer: DumpWriter, source, layers: dict, targets: str, predictions: str | None, dtype: str | None, task: str,
               pool: str | None) -> None:
    """One shard, in which all arrays must have the same samples."""
    names = {"targets": targets, **({"predictions": predictions} if predictions else {})}
    names.update((f"layers/{layer}/activations", name) for layer, name in layers.items())
    for part, name in names.items():
        values = get(source, name)
        if part == "targets":
            if task == "classification":
                values = labels_of(values, f"{source.path}: {name}", pool == "none")
            else:
                check_targets(writer.path, task, values)
            shape, labels = values.shape, look_like_labels(values)
        elif part == "predictions":
            check_predictions(writer.path, task, values.shape, shape, labels, "predictions=None")
            if task == "classification" and values.dtype.kind == "f" and are_probabilities(values[:1024]):
                warnings.warn(f"{source.path}: {name}: {PROBABILITIES}", stacklevel=3)
        elif not 1 < values.ndim < 6 and values.ndim:
            raise ValueError(f"{source.path}: {name}: found shape {list(values.shape)}; expected activations of shape [N, d], [N, T, d] or of "
                             "images; a single feature takes the shape [N, 1]")
        copy_rows(writer, part, values, dtype if part.startswith("layers/") else None)
        if len(values) != shape[0]:
            raise ValueError(f"{source.path}: {name}: found {len(values)} samples; expected {shape[0]}, as {targets} has")


def assignments(items: list[str] | None, option: str):
    """The value of an option that is one pattern, or NAME=VALUE any number of times."""
    if not items:
        return None
    if len(items) == 1 and "=" not in items[0]:
        return items[0]
    pairs = [item.split("=", 1) for item in items]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{option}: found {' '.join(items)!r}; expected one pattern, or LAYER=NAME for each layer")
    layers = [layer for layer, _ in pairs]
    for layer in layers:
        if layers.count(layer) > 1:
            raise ValueError(f"{option}: found layer {layer!r} twice; expected one array for each layer")
    return dict(pairs)


def number(text: str):
    """Text as a whole number or a finite number where it is written like one ("001" and "2024_01_05" are not), or itself."""
    if re.fullmatch(r"[+-]?(0|[1-9]\d*)", text):
        return int(text)
    if re.fullmatch(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text) and math.isfinite(float(text)):
        return float(text)
    return text


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m collapscope convert",
        description="Makes a dump for `collapscope analyze` of npz, npy, pt or safetensors files.")
    p.add_argument("sources", nargs="+", metavar="SHARD",
                   help=".npz, .pt or .safetensors files, or folders of .npy files, in the order of the samples; loose "
                        ".npy files together are one shard")
    p.add_argument("-o", "--output", required=True, metavar="FILE.h5", help="the dump")
    p.add_argument("--activations", required=True, action="append", metavar="PATTERN|LAYER=NAME",
                   help="arrays of the layers' inputs: a pattern whose * is the layer's name, or LAYER=NAME for each layer")
    p.add_argument("--targets", required=True, metavar="NAME", help="array of the targets, [N] or [N, n]")
    p.add_argument("--predictions", metavar="NAME", help="array of the model's predictions")
    p.add_argument("--weights", action="append", metavar="FILE", help="files with weights and biases (default: the first shard)")
    p.add_argument("--weight", action="append", metavar="PATTERN|LAYER=NAME",
                   help="names of the weights (default {layer}.weight)")
    p.add_argument("--bias", action="append", metavar="PATTERN|LAYER=NAME",
                   help="names of the biases (default {layer}.bias)")
    p.add_argument("--transpose", action="append", metavar="GLOB", help="layers whose weights are stored as [d, m]; '*' for all")
    p.add_argument("--layout", choices=LAYOUTS, help="axes of sequences and images")
    p.add_argument("--pool", choices=POOLS, help="how the program pools them")
    p.add_argument("--task", choices=["regression", "classification"],
                   help="default: regression; of integers [N] the dump leaves it to analyze --task")
    p.add_argument("--class-names", metavar="FILE", help="of a classification: names of the labels 0, 1, 2 ..., one a line")
    p.add_argument("--attribute", action="append", default=[], metavar="NAME=VALUE",
                   help="of the dump: run, step, weight_decay ...")
    p.add_argument("--dtype", choices=["float16", "bfloat16", "float32", "float64"], help="of the stored activations")
    p.add_argument("--compression", choices=["gzip"])
    p.add_argument("--trust", action="store_true", help="load .pt files that hold more than tensors; they can run any code")
    p.add_argument("--allow-nonfinite", action="store_true", help="keep NaN and Inf")
    return p


def lines_of(path) -> list[str]:
    """Lines as editors see them: not all that Unicode knows ends one, and a byte-order mark is no text."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: found {error.object[error.start]:#x} at byte {error.start}; expected text in UTF-8") from None
    return text.removesuffix("\n").split("\n") if text else []


# What options are called in messages, and in the command.
SPELT = (("allow_nonfinite=True", "--allow-nonfinite"), ("trust=True (--trust)", "--trust"), ("weights= (--weights)", "--weights"),
         ("activations={layer: name}", "--activations LAYER=NAME"), ("task='classification'", "--task classification"),
         ("bias= says which is the layer's, bias=None that there is none", "--bias says which is the layer's"),
         ("predictions=None records none", "without --predictions there are none"), ("layout NCL", "--layout NCL"))


def say(text) -> None:
    text = str(text)
    for python, command in SPELT:
        text = text.replace(python, command)
    print(f"collapscope convert: {text}", file=sys.stderr)


@contextlib.contextmanager
def as_a_command():
    """Warnings are lines. Signals that end a process are a KeyboardInterrupt, so that nothing stays of an unfinished dump."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, signal.default_int_handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *more: say(f"warning: {message}")
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(argv=None) -> int:
    """The command. Returns 0, or 2 with a message on standard error when there is no dump."""
    options = parser().parse_args(argv)
    try:
        with as_a_command():
            run(options)
    except OSError as error:
        say(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else error)
    except (ValueError, ImportError, Warning) as error:
        say(error)
    except MemoryError as error:
        say(str(error) or "found too little memory; expected more, or smaller shards")
    except KeyboardInterrupt:
        say(f"{options.output}: stopped, and not written")
    else:
        return 0
    return 2


def run(options) -> None:
    attributes = {}
    for item in options.attribute:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise ValueError(f"--attribute: found {item!r}; expected NAME=VALUE")
        if name in attributes:
            raise ValueError(f"--attribute: found {name!r} twice; expected one value")
        attributes[name] = value if name == "run" else number(value)
    names = {"weight": assignments(options.weight, "--weight"), "bias": assignments(options.bias, "--bias")}
    convert(options.sources, options.output, activations=assignments(options.activations, "--activations"),
            targets=options.targets, predictions=options.predictions, weights=options.weights,
            **{name: value for name, value in names.items() if value is not None}, transpose=options.transpose or False,
            layout=options.layout, pool=options.pool, task=options.task, attributes=attributes, dtype=options.dtype,
            compression=options.compression, trust=options.trust, allow_nonfinite=options.allow_nonfinite,
            class_names=None if options.class_names is None else lines_of(options.class_names))


if __name__ == "__main__":
    sys.exit(main())
