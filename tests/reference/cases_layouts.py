"""Sequences and images under every pooling, by attribute and by option; convolution weights."""
from __future__ import annotations

import numpy as np

from dumps import Checkpoint, Layer, Numbers
from problems import features, problem, targets, weight_for
from registry import Case, case, cases

POOLS = ["mean", "max", "first", "last", "flatten", "none"]


def positions(rng, Y: np.ndarray, count: int, channels: int) -> np.ndarray:
    """Features [N, count, channels] that differ from position to position."""
    return np.stack([features(rng, Y, channels, noise=0.3 + 0.1 * i) for i in range(count)], axis=1)


def sequence_layer(rng, Y, T: int, d: int, pool: str, kind: str, storage: str, attrs: dict) -> Layer:
    H = positions(rng, Y, T, d)
    width = T * d if pool == "flatten" else d
    return Layer("block", Numbers(H, kind, storage=storage), Numbers(rng.normal(size=(Y.shape[1], width))), attrs=attrs)


def image_layer(rng, Y, shape: tuple[int, int, int], layout: str, pool: str, kind: str, storage: str,
                attrs: dict) -> Layer:
    C, height, width = shape
    H = positions(rng, Y, height * width, C).reshape(len(Y), height, width, C)
    if layout == "NCHW":
        H = np.moveaxis(H, -1, 1)
    if pool == "flatten":
        weight = rng.normal(size=(Y.shape[1], H[0].size))
    else:
        weight = rng.normal(size=(2, C, 2, 1))
    return Layer("conv", Numbers(H, kind, storage=storage), Numbers(weight), attrs=attrs)


@cases("layouts/sequence", **{f"{pool}_by_{by}": (pool, by) for pool in POOLS for by in ("attribute", "option")})
def sequence(case: Case, pool: str, by: str):
    Y = targets(case.rng, 300, 2)
    attrs = {"pool": pool} if by == "attribute" else {"layout": "NTD"}
    if by == "option":
        case.set(pool=pool)
    layer = sequence_layer(case.rng, Y, 5, 8, pool, "float16", "chunked", attrs)
    case.dump_and_expect(Checkpoint(Numbers(Y), [layer], Numbers(Y + 0.1 * case.rng.normal(size=Y.shape))))


@cases("layouts/image", **{f"{layout.lower()}_{pool}_by_{by}": (layout, pool, by) for layout in ("NCHW", "NHWC")
                           for pool in POOLS for by in ("attribute", "option")})
def image(case: Case, layout: str, pool: str, by: str):
    Y = targets(case.rng, 310, 2)
    attrs = {"kind": "conv2d"}
    if layout == "NHWC" or by == "attribute":
        attrs["layout"] = layout  # NCHW goes without saying
    if by == "attribute":
        attrs["pool"] = pool
    else:
        case.set(pool=pool)
    layer = image_layer(case.rng, Y, (6, 3, 2), layout, pool, "float32", "gzip_shuffle_fletcher32", attrs)
    case.dump_and_expect(Checkpoint(Numbers(Y), [layer], Numbers(Y + 0.1 * case.rng.normal(size=Y.shape))))


@cases("layouts/types", float16=("float16", False), bfloat16=("bfloat16", True), bfloat16_bits=("bfloat16_bits", False),
       float64=("float64", True), int16=("int16", True), uint8=("uint8", False))
def types(case: Case, kind: str, big: bool):
    """Sequences and images of other types, a layer for each pooling."""
    Y = targets(case.rng, 300, 2)
    spread, middle = {"int16": (2000, 0), "uint8": (12, 120)}.get(kind, (1, 0))
    layers = []
    for i, pool in enumerate(POOLS):
        for layout, shape in (("NTD", (300, 4, 5)), ("NCHW", (300, 5, 2, 2)), ("NHWC", (300, 2, 2, 5))):
            H = positions(case.rng, Y, 4, 5)
            if layout == "NCHW":
                H = np.moveaxis(H, 1, -1)
            H = np.clip(H.reshape(shape) * spread + middle, -65000, 65000 if middle == 0 else 255)
            numbers = Numbers(np.maximum(H, 0) if middle else H, kind, big, "gzip" if i % 2 else "contiguous")
            attrs = {"layout": layout, "pool": pool, "index": len(layers)}
            layers.append(Layer(f"{layout}_{pool}", numbers, attrs=attrs))
    case.dump_and_expect(Checkpoint(Numbers(Y), layers))


@case("layouts/option_over_attribute")
def option_over_attribute(case: Case):
    """--pool is for all layers, whatever their attributes say."""
    Y = targets(case.rng, 300, 2)
    case.set(pool="max")
    layers = [sequence_layer(case.rng, Y, 4, 6, "max", "float32", "contiguous", {"pool": "last"}),
              image_layer(case.rng, Y, (5, 2, 2), "NHWC", "max", "float32", "chunked",
                          {"pool": "none", "layout": "NHWC"})]
    layers[0].name = "a"
    layers[1].name = "b"
    case.dump_and_expect(Checkpoint(Numbers(Y), layers))


@case("layouts/mixed_pools")
def mixed_pools(case: Case):
    """Layers of one file that give different numbers of rows."""
    Y = targets(case.rng, 300, 2)
    layers = []
    for i, pool in enumerate(POOLS):
        layer = sequence_layer(case.rng, Y, 3, 6, pool, "float32", "contiguous", {"pool": pool, "index": i})
        layer.name = pool
        layers.append(layer)
    layers.append(Layer("rows", Numbers(features(case.rng, Y, 9)), attrs={"index": 6, "pool": "max"}))
    case.dump_and_expect(Checkpoint(Numbers(Y), layers, Numbers(Y * 0.9)))


@cases("layouts/one_position", sequence=((300, 1, 7),), image=((300, 7, 1, 1),))
def one_position(case: Case, shape: tuple[int, ...]):
    p = problem(case.rng, N=300, d=7, n=2)
    layers = [Layer(pool, Numbers(p.H.reshape(shape)), attrs={"pool": pool, "index": i})
              for i, pool in enumerate(POOLS)]
    case.dump_and_expect(Checkpoint(Numbers(p.Y), layers))


@cases("layouts/conv_weight", wide=((5, 8, 3, 3),), narrow=((2, 8, 1, 2),), fewer_than_channels=((3, 8, 1, 1),))
def conv_weight(case: Case, shape: tuple[int, ...]):
    """[m, C, kh, kw] counts as [m kh kw, C]."""
    Y = targets(case.rng, 300, 2)
    H = np.moveaxis(positions(case.rng, Y, 4, 8).reshape(300, 2, 2, 8), -1, 1)
    layers = [Layer(pool, Numbers(H), Numbers(case.rng.normal(size=shape), storage="chunked"),
                    attrs={"pool": pool, "index": i}) for i, pool in enumerate(("mean", "max", "none"))]
    case.dump_and_expect(Checkpoint(Numbers(Y), layers))


@case("layouts/linear_after_flatten")
def linear_after_flatten(case: Case):
    """A head on flattened images: W [n, C H W]."""
    Y = targets(case.rng, 400, 3)
    H = np.moveaxis(positions(case.rng, Y, 4, 5).reshape(400, 2, 2, 5), -1, 1)
    W = weight_for(case.rng, H.reshape(400, -1), Y, 3)
    case.dump_and_expect(Checkpoint(Numbers(Y), [Layer("head", Numbers(H), Numbers(W), attrs={"pool": "flatten"})]))


@case("layouts/many_positions")
def many_positions(case: Case):
    """1,500 sequences of 6 positions: tiles begin inside a sample."""
    Y = targets(case.rng, 1500, 3)
    H = positions(case.rng, Y, 6, 64)
    layers = [Layer("tokens", Numbers(H, storage="row_chunks"), Numbers(case.rng.normal(size=(3, 64))),
                    attrs={"pool": "none"})]
    case.dump_and_expect(Checkpoint(Numbers(Y), layers, Numbers(Y + 0.1)))


@case("layouts/long_sequences")
def long_sequences(case: Case):
    """Few samples of many positions: a tile is less than a sample."""
    Y = targets(case.rng, 6, 1)
    H = positions(case.rng, Y, 5, 4)[:, np.arange(2500) % 5] + 0.3 * case.rng.normal(size=(6, 2500, 4))
    layers = [Layer(pool, Numbers(H, "float16", storage="chunked"), attrs={"pool": pool, "index": i})
              for i, pool in enumerate(("none", "max", "last"))]
    case.dump_and_expect(Checkpoint(Numbers(Y), layers))
