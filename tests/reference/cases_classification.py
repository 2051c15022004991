"""Classification: labels of every kind, few and many classes, imbalance, coinciding means, collapse, shards."""
from __future__ import annotations

import numpy as np

from dumps import Checkpoint, Layer, Numbers
from problems import orthonormal
from registry import Case, case, cases

TASK = {"task": "classification"}


def balanced(rng, N: int, K: int) -> np.ndarray:
    """Labels 0 to K - 1 in no order, each about as often."""
    return rng.permutation(np.arange(N) % K)


def layer(rng, labels, d: int, within: float = 0.6, offset: float = 0.5) -> np.ndarray:
    """Features [N, d]: a random mean for each class, noise of the given standard deviation, no two directions alike."""
    classes, index = np.unique(labels, return_inverse=True)
    means = rng.normal(size=(len(classes), d)) * np.linspace(1.5, 0.8, d)
    noise = rng.normal(size=(len(labels), d)) * np.linspace(1, 0.5, d)
    return means[index] + within * noise + offset * rng.normal(size=d)


def dump(case: Case, H, labels, W=None, b=None, P=None, kind: str = "float64", label_kind: str = "int64", **more) -> None:
    def exact(values):
        return None if values is None else Numbers(values, "float64")
    fc = Layer("fc", Numbers(H, kind), exact(W), exact(b))
    case.dump_and_expect(Checkpoint(Numbers(labels, label_kind), [fc], exact(P), {**TASK, **more}))


def classifier(rng, m: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(m, d)), rng.normal(size=m)


def whole(case: Case, N: int, d: int, K: int, m: int | None = None, within: float = 0.6, **more) -> None:
    """A dump with labels 0 to K - 1, weight, bias and logits."""
    y = balanced(case.rng, N, K)
    W, b = classifier(case.rng, m or K, d)
    dump(case, layer(case.rng, y, d, within), y, W, b, case.rng.normal(size=(N, m or K)), **more)


@cases("classification/plain", **{f"N{N}_d{d}_K{K}": (N, d, K) for N, d, K in [
    (300, 12, 4), (400, 12, 3), (500, 40, 10), (400, 260, 6), (600, 7, 8), (600, 9, 50), (500, 3, 40), (300, 12, 2),
    (300, 1, 2), (300, 1, 5), (120, 300, 5)]})
def plain(case: Case, N: int, d: int, K: int):
    """K below, at and above d; d above N."""
    whole(case, N, d, K)


@cases("classification/means_span", **{
    "all": (900, 24, 25, 0.6, "float64"), "all_of_many": (960, 24, 80, 0.6, "float32"), "all_but_one": (960, 24, 24, 0.6, "float64"),
    "all_but_three": (950, 40, 38, 0.6, "float16"), "more_than_half": (900, 40, 30, 0.6, "float64"),
    "all_collapsed": (960, 24, 80, 1e-6, "float64"), "all_collapsed_imbalance": (970, 24, 80, 1e-6, "float64"),
    "all_but_one_collapsed": (960, 24, 24, 1e-6, "float64")})
def means_span(case: Case, N: int, d: int, K: int, within: float, kind: str):
    """Class means that span all directions of the features or most of them."""
    y = balanced(case.rng, N, K)
    dump(case, layer(case.rng, y, d, within), y, *classifier(case.rng, K, d), kind=kind)


@cases("classification/few_rows", K3=(60, 3, 0.6), K20=(60, 20, 0.6), K60=(60, 60, 0.6), collapsed=(70, 5, 1e-6))
def few_rows(case: Case, N: int, K: int, within: float):
    """Rows so few beside their 300 features that they are held as they are."""
    whole(case, N, 300, K, within=within)


@cases("classification/types", **{kind: (kind,) for kind in ("float32", "float16", "bfloat16", "float64", "int16")})
def types(case: Case, kind: str):
    y = balanced(case.rng, 400, 5)
    W, b = classifier(case.rng, 5, 10)
    H = layer(case.rng, y, 10) * (1 if kind != "int16" else 256)
    dump(case, H, y, W, b, kind=kind)


@cases("classification/labels", **{kind: (kind,) for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
                                                              "uint64", "float32", "float64", "float16")})
def label_types(case: Case, kind: str):
    y = balanced(case.rng, 300, 7)
    W, b = classifier(case.rng, 9, 8)
    dump(case, layer(case.rng, y, 8), y, W, b, label_kind=kind)


@cases("classification/depth", falling=(0.5,), level=(1.0,))
def depth(case: Case, factor: float):
    """Layers of less and less variance within classes, with weights that follow one another."""
    y = balanced(case.rng, 400, 4)
    layers = [Layer(f"fc{i}", Numbers(layer(case.rng, y, d, 0.8 * factor**i), "float64"),
                    Numbers(case.rng.normal(size=(m, d)), "float64"))
              for i, (d, m) in enumerate(zip([10, 12, 9, 9], [12, 9, 9, 4]))]
    case.dump_and_expect(Checkpoint(Numbers(y, "int64"), layers, None, TASK))


@cases("classification/labels", gaps=([3, 4, 11, 12, 40],), negative=([-7, -1, 0, 5],), one_negative=([-1, 0, 1],),
       huge=([-2**62, 5, 2**62, 2**62 + 1],), beyond_weight=([0, 1, 2, 60],))
def label_values(case: Case, values: list[int]):
    y = np.array(values)[balanced(case.rng, 320, len(values))]
    W, b = classifier(case.rng, 50, 8)
    dump(case, layer(case.rng, y, 8), y, W, b, case.rng.normal(size=(320, 50)))


@cases("classification/one_hot", float32=("float32",), uint8=("uint8",), float64=("float64",))
def one_hot(case: Case, kind: str):
    """A column without a sample, too."""
    y = balanced(case.rng, 300, 5)
    y[y == 3] = 4
    W, b = classifier(case.rng, 5, 8)
    H = layer(case.rng, y, 8)
    fc = Layer("fc", Numbers(H, "float64"), Numbers(W, "float64"), Numbers(b, "float64"))
    case.dump_and_expect(Checkpoint(Numbers(np.eye(5)[y], kind), [fc], None, TASK))


@cases("classification/classes", one=(200, 6, 1), two=(200, 6, 2), all_rows=(60, 8, 60), most_rows=(60, 80, 50),
       many=(2400, 16, 600), more_than_a_block=(3000, 12, 1100))
def class_counts(case: Case, N: int, d: int, K: int):
    whole(case, N, d, K)


@cases("classification/imbalance", thousand=([1, 1000],), steps=([1, 2, 4, 300, 300, 1],), single=([1, 1, 1, 50],))
def imbalance(case: Case, counts: list[int]):
    y = case.rng.permutation(np.repeat(np.arange(len(counts)), counts))
    W, b = classifier(case.rng, len(counts), 9)
    dump(case, layer(case.rng, y, 9), y, W, b, case.rng.normal(size=(len(y), len(counts))))


@case("classification/means_coincide/two")
def two_coincide(case: Case):
    """Two classes with the same rows, and numbers whose sums are exact."""
    y = np.repeat(np.arange(4), 64)
    H = np.rint(layer(case.rng, y, 8) * 16)
    H[64:128] = H[:64]
    dump(case, H, y, *classifier(case.rng, 4, 8))


@case("classification/means_coincide/all")
def all_coincide(case: Case):
    y = np.repeat(np.arange(3), 64)
    H = np.rint(layer(case.rng, y, 8) * 16)
    H[64:] = np.tile(H[:64], (2, 1))
    dump(case, H, y, *classifier(case.rng, 3, 8))


@cases("classification/dead_classes", **{f"seed{seed}": (seed,) for seed in (2, 3, 5)})
def dead_classes(case: Case, seed: int):
    """The features of two classes all vanish: neither is nearer, and ties go to the smaller label."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 8, 100)
    H = rng.random((100, 3)) + 1
    H[(y == 2) | (y == 5)] = 0
    dump(case, H, y, np.eye(8, 3), np.zeros(8))


@cases("classification/equidistant", **{f"seed{seed}": (seed,) for seed in (1, 2, 3, 4)})
def equidistant(case: Case, seed: int):
    """Rows on a grid, as near to the mean of another class as to that of their own; all means are exact."""
    rng = np.random.default_rng(seed)
    centres = rng.permutation([(i, j) for i in range(4) for j in range(4)])[:9] * 4.0
    steps = np.array([(2, 0), (-2, 0), (0, 2), (0, -2)], float)
    H = (centres[:, None] + steps).reshape(-1, 2)
    y = np.repeat(np.arange(9), 4)
    dump(case, H, y, *classifier(case.rng, 9, 2))


@cases("classification/far_class", within_cut=(300.0, 0.1), beyond_cut=(1.5e4, 0.01))
def far_class(case: Case, distance: float, apart: float):
    """One class is so far away that the other means' part of the covariance between classes is cut off."""
    y = balanced(case.rng, 500, 5)
    noise = case.rng.normal(size=(500, 6))
    for label in range(5):
        noise[y == label] -= noise[y == label].mean(0)
    H = noise + apart * case.rng.normal(size=(5, 6))[y]
    H[y == 2] += distance
    dump(case, H, y, *classifier(case.rng, 5, 6))


@case("classification/mean_is_global")
def mean_is_global(case: Case):
    """One class mean is the mean of the class means: it has no direction."""
    y = np.repeat(np.arange(3), 64)
    noise = np.rint(case.rng.normal(size=(64, 6)) * 8)
    step = np.rint(case.rng.normal(size=6) * 32)
    dump(case, np.concatenate([noise - step, noise, noise + step]), y, *classifier(case.rng, 3, 6))


@case("classification/constant")
def constant(case: Case):
    dump(case, np.full((200, 6), 0.5), balanced(case.rng, 200, 4), *classifier(case.rng, 4, 6))


@cases("classification/collapse", **{f"1e{2 * e}_offset_{name}": (10.0**e, offset) for e in (-2, -4, -6)
                                     for name, offset in (("0", 0.0), ("1e4", 1e4))})
def collapse(case: Case, within: float, offset: float):
    """The variance within classes is a known share of that between them, at a mean of so many deviations."""
    y = balanced(case.rng, 600, 6)
    H = layer(case.rng, y, 16, within, offset)
    W, b = classifier(case.rng, 6, 16)
    dump(case, H, y, W, b)


@cases("classification/etf", collapsed=(0.0,), near=(1e-3,))
def etf(case: Case, within: float):
    """Class means at the corners of a simplex, W their multiple: all angles are as theory has them."""
    K, d = 6, 16
    y = balanced(case.rng, 600, K)
    means = (np.eye(K) - 1 / K) @ orthonormal(case.rng, d, K).T
    dump(case, means[y] + within * case.rng.normal(size=(600, d)), y, 3 * means, np.zeros(K))


@cases("classification/weight", zero=("zero",), equal_rows=("equal",), no_bias=("no_bias",), none=("none",),
       empty_rows=("empty",), one_row=("one_row",), duplicate_rows=("duplicate",))
def weight(case: Case, what: str):
    y = balanced(case.rng, 320, 4)
    W, b = classifier(case.rng, 12 if what == "empty" else 4, 9)
    if what == "zero":
        W[:], b[:] = 0, [0, 1, 0, 0]
    elif what == "equal":
        W[:] = W[0]
    elif what == "one_row":
        W[0] = 0
    elif what == "duplicate":
        W[2], b[2] = W[1], b[1]
    dump(case, layer(case.rng, y, 9), y, None if what == "none" else W, None if what in ("none", "no_bias") else b)


@cases("classification/ignore", some=(-100, 0.3), most=(-100, 0.9), a_class=(2, 0.0))
def ignore(case: Case, label: int, share: float):
    """Rows that are left out hold whatever they like."""
    y = balanced(case.rng, 400, 5)
    y[case.rng.random(400) < share] = label
    H = layer(case.rng, y, 8)
    H[y == label] = 1e6
    W, b = classifier(case.rng, 5, 8)
    case.set(ignore_label=label)
    dump(case, H, y, W, b, case.rng.normal(size=(400, 5)))


@case("classification/ignore/sequence")
def ignore_sequence(case: Case):
    """Every position is a row, and the label is its sample's."""
    y = balanced(case.rng, 120, 4)
    y[::3] = -1
    H = layer(case.rng, y, 6)[:, None, :] + 0.3 * case.rng.normal(size=(120, 5, 6))
    case.set(ignore_label=-1, pool="none")
    case.dump_and_expect(Checkpoint(Numbers(y, "int32"), [Layer("fc", Numbers(H, "float64"))], None, TASK))


@cases("classification/pooled", mean=("mean",), none=("none",), flatten=("flatten",))
def pooled(case: Case, pool: str):
    y = balanced(case.rng, 200, 4)
    H = layer(case.rng, y, 6)[:, :, None, None] + 0.3 * case.rng.normal(size=(200, 6, 2, 3))
    case.set(pool=pool)
    case.dump_and_expect(Checkpoint(Numbers(y, "int32"), [Layer("conv", Numbers(H, "float32"))], None, TASK))


@case("classification/zero_rows")
def zero_rows(case: Case):
    y = balanced(case.rng, 300, 4)
    H = np.maximum(layer(case.rng, y, 5) - 1, 0)
    H[::9] = 0
    dump(case, H, y, *classifier(case.rng, 4, 5))


@cases("classification/shards", disjoint=(True,), mixed=(False,))
def shards(case: Case, disjoint: bool):
    """Classes that are in one shard only."""
    y = balanced(case.rng, 450, 6)
    if disjoint:
        y = np.sort(y)
    W, b = classifier(case.rng, 6, 9)
    fc = Layer("fc", Numbers(layer(case.rng, y, 9), "float32"), Numbers(W, "float64"), Numbers(b, "float64"))
    whole_dump = Checkpoint(Numbers(y, "int32"), [fc], Numbers(case.rng.normal(size=(450, 6))), TASK)
    case.set(shards=True)
    for i, (begin, end) in enumerate([(0, 150), (150, 300), (300, 450)]):
        case.dump(whole_dump.rows(begin, end), f"part{i}.h5")
    case.expects(whole_dump, "part0.h5")


@cases("classification/segments", sorted=(True,), mixed=(False,))
def segments(case: Case, in_order: bool):
    """More rows than a segment has; classes that are in some of them only."""
    y = balanced(case.rng, 40000, 9)
    if in_order:
        y = np.sort(y)
    W, b = classifier(case.rng, 9, 4)
    dump(case, layer(case.rng, y, 4), y, W, b, kind="float32")
