"""Weights and biases of layers, from files that have them by name."""
from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Mapping

import numpy as np

from ._dump import DumpWriter, require_numbers, shape_text, stored
from ._sources import fingerprint, get, index_beside, listed, open_source, require_there, the_one

WEIGHT, BIAS = "{layer}.weight", "{layer}.bias"  # what layers may have, where nothing is said
# What quantized weights have beside them, in place of the end of their name, as src/weights/use_weights.cpp has it.
SCALES = ("SCB", "weight_scale", "weight_scale_inv", "scales", "weight.absmax", "weight.quant_state", "qzeros", "weight_zero_point")


def name_for(pattern, layer: str) -> str | None:
    """The name of a layer's weight or bias: `pattern` is a dict, or text with {layer} or *."""
    if pattern is None or isinstance(pattern, Mapping):
        return (pattern or {}).get(layer)
    return pattern.replace("{layer}" if "{layer}" in pattern else "*", layer)


def named(pattern, layer: str, there) -> str | None:
    """As name_for; by a pattern `fc#2`, a second call, has what `fc` has, unless there is one of its own."""
    name, of_module = (name_for(pattern, called) for called in (layer, re.sub(r"#\d+$", "", layer)))
    return of_module if name not in there and of_module in there and not isinstance(pattern, Mapping) else name


def bias_beside(weight: str | None, there) -> str | None:
    """What has the name of a weight, with "bias" for its last "weight" or "kernel"."""
    for first, word, last in ((weight or "").rpartition(word) for word in ("weight", "kernel")):
        if weight in there and word and f"{first}bias{last}" in there:
            return f"{first}bias{last}"
    return None


class Weights:
    """Weights and biases by name, in one or several files."""

    def __init__(self, paths, first, trust: bool, shards: int = 1):
        paths = [paths] if isinstance(paths, (str, os.PathLike)) else paths
        self.sources = [open_source(path, trust) for path in paths] if paths else [first]
        self.path = self.sources[0].path
        self.compares = not paths and shards > 1  # the other shards may have weights, too
        self.prints: dict[str, tuple] = {}  # for this, of what was copied: name -> fingerprint
        self.vectors: set[str] = set()  # layers whose "weight" is one, as a normalization's scale is: they have none
        self.biases: dict[str, str] = {}  # layer -> where its bias is

    def __iter__(self):
        return (name for source in self.sources for name in source)

    def __getitem__(self, name: str) -> np.ndarray:
        found = [(source.path, get(source, name)) for source in self.sources if name in source]
        return the_one(f"{found[0][0]}: {name}", found)

    def copy(self, writer: DumpWriter, layers, part: str, pattern, required: bool, transposed=None) -> None:
        """The weights (or biases) of all layers. A dict must be met in full; a pattern that no layer meets is an error if
        required, and a warning names layers that have none where others do."""
        if pattern is None:
            return
        there, by_dict = set(self), isinstance(pattern, Mapping)
        layers = [layer for layer in layers if by_dict or layer not in self.vectors]
        for layer, name in pattern.items() if by_dict else ():
            if layer not in layers:
                raise ValueError(f"{writer.path}: {part}: found layer {layer!r}; expected one of {listed(layers)}")
            require_there(self, name)
        missing, whole = [], []
        for layer in layers:
            name = named(pattern, layer, there)
            values = stored(np.asarray(self[name]), None) if name in there else None
            if values is not None and part == "weight" and values.ndim == 1 and not by_dict:
                self.vectors.add(layer)
                values = None
            if values is None:
                missing.append(layer)
                continue
            place = f"{next(source.path for source in self.sources if name in source)}: {name}"
            require_numbers(place, values)
            if self.compares:
                self.prints[name] = fingerprint(values)
            if part == "bias":
                self.biases[layer] = place
            else:
                refuse_codes(values, place, name, there)
                whole += [name] if values.dtype.kind in "iu" else []
                values = as_weight(values, transposed(layer), place)
            writer.array(f"layers/{layer}/{part}", values)
        if not by_dict:
            self.say_what_lacks(part, pattern, layers, missing, required)
        if whole:
            warnings.warn(f"{self.path}: {listed(whole)}: integers, stored as they are; of a quantized weight they would lack its scales",
                          stacklevel=3)

    def say_what_lacks(self, part: str, pattern, layers, missing, required: bool) -> None:
        vectors = f"; {listed(self.vectors)} has a vector, which is no weight" if self.vectors and part == "weight" else ""
        if required and layers and len(missing) == len(layers):
            raise ValueError(f"{self.path}: found no {part} of the pattern {pattern!r}, such as {name_for(pattern, missing[0])!r}; "
                             f"expected it among {listed(self)}{index_beside(self.path)}{vectors}")
        if missing and len(missing) < len(layers) and (required or part == "weight"):
            warnings.warn(f"{self.path}: found no {part} of {listed(missing)}{index_beside(self.path)}{vectors}", stacklevel=4)

    def beside(self, layers, weight) -> dict[str, str]:
        """Layer -> name of the bias that lies beside its weight."""
        there = set(self)
        found = {layer: bias_beside(named(weight, layer, there), there) for layer in layers if layer not in self.vectors}
        return {layer: name for layer, name in found.items() if name}

    def copy_biases_of_default_names(self, writer: DumpWriter, layers, weight) -> None:
        there = set(self)
        plain = {layer: named(BIAS, layer, there) for layer in layers if layer not in self.vectors}
        names = {**{layer: name for layer, name in plain.items() if name in there}, **self.beside(layers, weight)}
        self.copy(writer, layers, "bias", names, False)

    def say_what_is_left_out(self, layers, weight, bias) -> None:
        """A bias that lies beside its weight, and has another name than was asked for."""
        there = set(self)
        for layer, name in self.beside(layers, weight).items():
            if named(bias, layer, there) not in there:
                warnings.warn(f"{self.path}: {name}: left out, though it lies beside the weight of {layer!r}; bias= says which is the layer's, "
                              "bias=None that there is none", stacklevel=3)


def refuse_codes(values: np.ndarray, place: str, name: str, there) -> None:
    """Raises ValueError for integers that are codes of a quantization: there are scales beside them."""
    before = re.sub(r"[^./]*$", "", name)
    scale = next((before + scale for scale in SCALES if before + scale in there), None)
    if values.dtype.kind in "iu" and scale:
        raise ValueError(f"{place}: found {values.dtype} integers beside {scale}, so they are quantized; expected the weight itself: dequantize it "
                         "before saving")


def as_weight(values: np.ndarray, transposed: bool, place: str) -> np.ndarray:
    """A weight as [m, d], [m, C, kh, kw] or [m, C, kd, kh, kw]: one of a Conv1d [m, C, k] gets a height of 1."""
    if values.ndim not in (2, 3, 4, 5) or transposed and values.ndim != 2:
        expected = "[d, m]" if transposed else "[m, d], [m, C, k], [m, C, kh, kw] or [m, C, kd, kh, kw]"
        raise ValueError(f"{place}: found a weight of shape {list(values.shape)}; expected {expected}")
    if transposed:
        return values.T
    return values[:, :, None, :] if values.ndim == 3 else values


def require_same_weights(prints: dict, source, first) -> None:
    """Shards that have weights of their own are checkpoints of their own."""
    for name, known in prints.items():
        if name in source and fingerprint(stored(np.asarray(get(source, name)), None)) != known:
            raise ValueError(f"{source.path}: {name}: found other numbers, or another type, than in {first}, as checkpoints of their own have; "
                             "expected shards, which hold other samples of one checkpoint: convert checkpoints one by one, or say weights= (--weights)")


def check_weight(writer: DumpWriter, layer: str, row: tuple, layout: str | None) -> None:
    """The weight's inputs must be the features, or what they are when flattened."""
    weight = writer.file.get(f"layers/{layer}/weight")
    if weight is None:
        return
    window, inputs = weight.ndim > 2, weight.shape[1]
    if window and layout is None and row == (inputs, inputs):
        raise ValueError(f"{writer.path}: layers/{layer}/activations: found shape {shape_text(row)}, of which either axis may be the {inputs} inputs "
                         "of a weight with a window; expected layout NCL, where the channels come first, or NTD")
    channels_first = layout in ("NCL", "NCHW", "NCDHW") or layout is None and len(row) > 2
    if inputs in (row[0 if len(row) > 1 and channels_first else -1], math.prod(row)):
        if window and len(row) == 2 and not channels_first:
            warnings.warn(f"{writer.path}: layers/{layer}/weight: taken as [m, C, k], as PyTorch has it; [k, C, m], as Keras and JAX have it, would "
                          "be measured wrongly", stacklevel=3)
        return
    hint = ", or transpose for weights stored as [d, m]" if not window else ", or layout NCL" if layout is None and row[0] == inputs else ""
    raise ValueError(f"{writer.path}: layers/{layer}/weight: found shape {list(weight.shape)}; expected [m, d] to fit "
                     f"activations of shape {shape_text(row)}{hint}")


def check_bias(writer: DumpWriter, layer: str, place: str) -> None:
    """A bias must be [m], with the m of the layer's weight, if it has one."""
    found, weight = writer.file[f"layers/{layer}/bias"].shape, writer.file.get(f"layers/{layer}/weight")
    if len(found) != 1 or weight is not None and found[0] != weight.shape[0]:
        raise ValueError(f"{place}: found a bias of shape {list(found)}; expected "
                         + ("[m]" if weight is None else f"[{weight.shape[0]}], as the weight has shape {list(weight.shape)}"))
