"""Every stored number type in every byte order, in the storages that matter for decoding."""
from __future__ import annotations

import os

import h5py
import numpy as np

from dumps import BFLOATS, Checkpoint, Layer, Numbers
from problems import problem
from registry import Case, case, cases

FLOATS = ["float16", *BFLOATS, "float32", "float64"]
INTEGERS = [f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")]
STORED = ["contiguous", "compact", "chunked", "gzip", "gzip_shuffle_fletcher32", "shuffle", "extendible"]

KINDS = {f"{kind}_{order}": (kind, order == "be") for kind in FLOATS + INTEGERS for order in ("le", "be")
         if kind not in ("int8", "uint8") or order == "le"}


def fitted(values: np.ndarray, kind: str) -> np.ndarray:
    """Features stretched over the range of an integer type; signed ones about 0, unsigned ones about the middle."""
    if kind in FLOATS:
        return values
    info = np.iinfo(kind)
    middle = 0.0 if info.min < 0 else 2.0 ** (info.bits - 1)
    scaled = values / np.abs(values).max() * 2.0 ** (info.bits - 1) * 0.98
    grain = 2.0 ** max(0, info.bits - 50)  # every number is exact in float64
    return np.rint((scaled + middle) / grain) * grain


@cases("types", **KINDS)
def activations(case: Case, kind: str, big: bool):
    """One layer per storage; the numbers are the same in all."""
    p = problem(case.rng, N=301 + int(case.rng.integers(0, 90)), d=12, n=3)
    H = Numbers(fitted(p.H, kind), kind, big)
    storages = STORED + (["scaleoffset"] if kind in INTEGERS else [])
    layers = [Layer(f"in_{x}", H.stored(x), Numbers(p.W), attrs={"index": i}) for i, x in enumerate(storages)]
    case.dump_and_expect(Checkpoint(Numbers(p.Y), layers, Numbers(p.P)))


@cases("types/wide", **{f"{kind}_{order}": (kind, order == "be") for kind in FLOATS for order in ("le", "be")})
def wide(case: Case, kind: str, big: bool):
    """Large enough for h5py's own chunks to split the feature axis."""
    p = problem(case.rng, N=1500, d=40, n=2)
    layers = [Layer("fc", Numbers(p.H, kind, big, "gzip"), Numbers(p.W))]
    case.dump_and_expect(Checkpoint(Numbers(p.Y), layers))


@cases("types/others", **{kind: (kind,) for kind in FLOATS + INTEGERS})
def other_datasets(case: Case, kind: str):
    """Targets, predictions, weight and bias of this type; features are float32."""
    p = problem(case.rng, N=307, d=9, n=3)
    scale = 1.0
    if kind in INTEGERS:  # small numbers, positive for unsigned ones
        shift = 0.0 if np.iinfo(kind).min < 0 else 90.0
        scale, p.Y, p.P = 6.0, 6 * p.Y + shift, 6 * p.P + shift
        p.W = 9 * p.W + shift
    checkpoint = Checkpoint(
        Numbers(p.Y, kind, big=True, storage="chunked"),
        [Layer("head", Numbers(p.H * scale), Numbers(p.W, kind, storage="gzip"),
               Numbers(np.arange(3), kind))],
        Numbers(p.P, kind))
    case.dump_and_expect(checkpoint)


@cases("types/one_target", flat=(False, False), flat_predictions_column=(False, True), column=(True, True),
       column_flat_predictions=(True, False))
def one_target(case: Case, column: bool, predictions_column: bool):
    """[N] and [N, 1] are the same."""
    p = problem(case.rng, N=320, d=7, n=1)
    Y, P = (x if keep else x[:, 0] for x, keep in ((p.Y, column), (p.P, predictions_column)))
    case.dump_and_expect(Checkpoint(Numbers(Y, "float64"), [Layer("fc", Numbers(p.H), Numbers(p.W))], Numbers(P)))


@case("types/mixed")
def mixed(case: Case):
    """A type of its own for every dataset of the file."""
    p = problem(case.rng, N=333, d=10, n=2)
    layers = [
        Layer("a", Numbers(p.H, "float16"), Numbers(p.W, "float64", big=True), attrs={"index": 0}),
        Layer("b", Numbers(fitted(p.H, "int8"), "int8"), Numbers(p.W * 40, "int32"), attrs={"index": 1}),
        Layer("c", Numbers(p.H, "float64", big=True), Numbers(p.W, "bfloat16", big=True), attrs={"index": 2}),
        Layer("d", Numbers(p.H, "bfloat16_bits"), Numbers(p.W, "bfloat16_bits"), attrs={"index": 3}),
    ]
    case.dump_and_expect(Checkpoint(Numbers(p.Y, "float16"), layers, Numbers(p.P, "float64")))


@case("types/bfloat16_fixed_text")
def fixed_text(case: Case):
    """The dtype attribute as fixed-length text, as other writers store it."""
    p = problem(case.rng, N=310, d=8, n=2)
    checkpoint = Checkpoint(Numbers(p.Y), [Layer("fc", Numbers(p.H, "bfloat16_bits"), Numbers(p.W))])
    case.dump(checkpoint)
    with h5py.File(os.path.join(case.root, case.files[0]), "a") as f:
        attrs = f["layers/fc/activations"].attrs
        del attrs["dtype"]
        attrs["dtype"] = np.bytes_("bfloat16")
    case.expects(checkpoint)


@cases("types/extremes", float16=("float16", 65504.0, 2.0**-24), bfloat16=("bfloat16", 3e38, 2.0**-133),
       float32=("float32", 3e38, 2.0**-149))
def extremes(case: Case, kind: str, largest: float, smallest: float):
    """The type's largest numbers in one layer, its subnormal ones in another."""
    p = problem(case.rng, N=300, d=6, n=1)
    big = p.H / np.abs(p.H).max() * largest * 0.999
    tiny = np.rint(p.H * 30) * smallest
    layers = [Layer("large", Numbers(big, kind)), Layer("subnormal", Numbers(tiny, kind))]
    case.dump_and_expect(Checkpoint(Numbers(p.Y), layers))
