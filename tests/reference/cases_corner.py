"""Legal input at the edge: few samples, few features, rank deficiency, constants, zeros; and the options about k."""
from __future__ import annotations

import numpy as np

from dumps import Checkpoint, Layer, Numbers
from problems import features, hadamard, orthonormal, problem, targets, weight_for
from registry import Case, case, cases


def one_layer(case: Case, H, Y, W=None, P=None, kind: str = "float32", attrs: dict | None = None) -> None:
    """A dump of one layer; targets, weight and predictions are float64."""
    def exact(values):
        return None if values is None else Numbers(values, "float64")
    case.dump_and_expect(Checkpoint(exact(Y), [Layer("fc", Numbers(H, kind), exact(W))], exact(P), attrs or {}))


@cases("corner/shape", **{f"N{N}_d{d}_n{n}": (N, d, n) for N, d, n in [
    (20, 40, 3), (40, 41, 2), (41, 40, 2), (300, 2, 4), (300, 3, 4), (300, 4, 4), (300, 5, 4), (300, 1, 1), (300, 1, 3),
    (300, 12, 1), (5, 3, 2), (4, 6, 2), (3, 6, 2), (2, 6, 2), (2, 6, 1), (3, 1, 1), (4, 1, 1), (2, 1, 1), (5, 40, 1)]})
def shape(case: Case, N: int, d: int, n: int):
    p = problem(case.rng, N, d, n)
    one_layer(case, p.H, p.Y, p.W, p.P)


@cases("corner/one_sample", d1=(1, 1), d5=(5, 1), d5_n3=(5, 3))
def one_sample(case: Case, d: int, n: int):
    """No variance at all."""
    H, Y = case.rng.normal(size=(1, d)), case.rng.normal(size=(1, n))
    one_layer(case, H, Y, case.rng.normal(size=(n, d)), Y + 0.25)


@cases("corner/constant_features", all_half=("all", 0.5), all_zero=("all", 0.0), all_but_first=("rest", 0.5),
       all_but_last=("front", -2.0), some=("some", 3.25), first_targets=("published", 1.5))
def constant_features(case: Case, which: str, value: float):
    p = problem(case.rng, N=320, d=10, n=2)
    columns = {"all": slice(None), "rest": slice(1, None), "front": slice(0, 9), "some": [1, 4, 7],
               "published": [0, 1]}[which]
    p.H[:, columns] = value
    one_layer(case, p.H, p.Y, p.W, p.P)


@cases("corner/constant_rows_differ", float64=("float64",), float16=("float16",))
def constant_rows_differ(case: Case, kind: str):
    """Every feature constant, but each at its own value."""
    p = problem(case.rng, N=256, d=10, n=2)
    one_layer(case, np.tile(np.rint(case.rng.normal(size=10) * 64) / 16, (256, 1)), p.Y, p.W, p.P, kind)


@cases("corner/zero_rows", few=(7,), most=(250,), all_but_one=(299,))
def zero_rows(case: Case, count: int):
    p = problem(case.rng, N=300, d=10, n=2)
    p.H[case.rng.permutation(300)[:count]] = 0
    one_layer(case, p.H, p.Y, p.W, p.P)


@cases("corner/relu", float32=("float32",), float16=("float16",))
def relu(case: Case, kind: str):
    """What a ReLU leaves, rows of zeros and negative zeros included."""
    p = problem(case.rng, N=500, d=5, n=1)
    one_layer(case, np.maximum(p.H, 0) * np.where(p.H < -1, -1.0, 1.0), p.Y, p.W, p.P, kind)


@cases("corner/targets", duplicate=("duplicate",), combination=("combination",), constant_column=("constant_column",),
       two_of_four=("two_of_four",), constant=("constant",), constant_column_offset=("constant_column_offset",))
def deficient_targets(case: Case, what: str):
    p = problem(case.rng, N=320, d=12, n=4)
    Y = p.Y
    if what == "duplicate":
        Y[:, 3] = Y[:, 1]
    elif what == "combination":
        Y[:, 3] = Y[:, 0] - 2 * Y[:, 1] + 0.5 * Y[:, 2]
    elif what == "two_of_four":
        Y[:] = np.rint(Y[:, :2] * 32) @ np.array([[1, 0, 2, -1], [0, 1, 1, 3]]) / 32
    elif what == "constant":
        Y[:] = [0.5, -1, 0, 4]
    else:
        Y[:, 2] = 0.5 if what == "constant_column" else 1024.25
    H = features(case.rng, targets(case.rng, 320, 4), 12) + 0.5 * features(case.rng, Y, 12)
    one_layer(case, H, Y, p.W, p.P, attrs={"lambda_w": 0.01, "lambda_h": 0.01})


@case("corner/targets/constant_scalar")
def constant_scalar(case: Case):
    p = problem(case.rng, N=320, d=12, n=1)
    one_layer(case, p.H, np.full((320, 1), 2.5), p.W, p.P)


@cases("corner/white_targets", n2=(2,), n4=(4,))
def white_targets(case: Case, n: int):
    """S_YY = I / 4 exactly: columns of a Hadamard matrix."""
    Y = hadamard(512)[:, 1:n + 1] / 2
    H = features(case.rng, targets(case.rng, 512, n) + Y, 12)
    one_layer(case, H, Y, weight_for(case.rng, H, Y, n), Y + 0.1 * case.rng.normal(size=Y.shape),
              attrs={"lambda_w": 0.1, "lambda_h": 0.2})


@case("corner/predictions_equal_targets")
def perfect(case: Case):
    p = problem(case.rng, N=300, d=8, n=3)
    one_layer(case, p.H, p.Y, p.W, p.Y)


@case("corner/white_residuals")
def white_residuals(case: Case):
    """E^T E / N = I / 16 exactly."""
    p = problem(case.rng, N=256, d=8, n=2)
    Y = np.rint(p.Y * 64) / 64
    one_layer(case, p.H, Y, p.W, Y + hadamard(256)[:, 1:3] / 4)


@cases("corner/weight", m_below_d=("normal", 5), m_is_d=("normal", 10), m_above_d=("normal", 23), one_row=("normal", 1),
       zero=("zero", 3), zero_wide=("zero", 12), rank_2_of_3=("integer", 3), rank_below_d=("integer", 14),
       zero_column=("zero_column", 14), equal_rows=("equal", 4), tied=("tied", 6), tied_square=("tied", 3),
       rank_1=("rank_1", 3))
def weight(case: Case, what: str, m: int):
    """Weights of every rank; n = 3, d = 10."""
    p = problem(case.rng, N=330, d=10, n=3, m=m)
    W = p.W
    if what == "zero":
        W[:] = 0
    elif what == "integer":  # exact in any type
        W = np.rint(4 * W)
        if m > 10:
            W[:, 9] = W[:, 0] + W[:, 3] - W[:, 5]
        else:
            W[2] = W[0] - W[1]
    elif what == "zero_column":
        W[:, 4] = 0
    elif what == "equal":
        W[:] = W[0]
    elif what == "rank_1":
        W = np.outer([1, -2, 4], np.rint(8 * W[0]))
    elif what == "tied":
        W = 2 * orthonormal(case.rng, 10, m).T
    one_layer(case, p.H, p.Y, W, p.P, attrs={"lambda_w": 0.1, "lambda_h": 0.1})


@cases("corner/signal_dim", **{f"k{k}": (k,) for k in (1, 2, 3, 5, 10, 11, 500)})
def signal_dim(case: Case, k: int):
    p = problem(case.rng, N=310, d=10, n=3, m=6)
    case.set(signal_dim=k)
    one_layer(case, p.H, p.Y, p.W, p.P)


@cases("corner/signal_dim/intrinsic", full_rank=(4,), rank_2=(2,))
def intrinsic(case: Case, rank: int):
    """k is the rank of the targets."""
    p = problem(case.rng, N=310, d=10, n=4, m=4)
    if rank == 2:
        p.Y[:, 2:] = p.Y[:, :2] @ np.array([[1.0, 2.0], [-1.0, 0.5]])
        p.H = features(case.rng, p.Y[:, :2], 10)
    case.set(signal_dim="intrinsic")
    one_layer(case, p.H, p.Y, p.W, p.P)


@cases("corner/signal_dim/conv", k2=(2,), k5=(5,))
def signal_dim_conv(case: Case, k: int):
    p = problem(case.rng, N=310, d=6, n=2)
    case.set(signal_dim=k)
    H = p.H[:, :, None, None] + 0.2 * case.rng.normal(size=(310, 6, 2, 3))
    checkpoint = Checkpoint(Numbers(p.Y), [Layer("conv", Numbers(H), Numbers(case.rng.normal(size=(4, 6, 3, 3))))])
    case.dump_and_expect(checkpoint)


@cases("corner/top", **{f"top{top}": (top,) for top in (1, 3, 10, 12, 100)})
def top(case: Case, count: int):
    """How many shares evr lists: at most d."""
    p = problem(case.rng, N=300, d=12, n=2)
    case.set(top=count)
    one_layer(case, p.H, p.Y, p.W, p.P)


@cases("corner/repeats", duplicated_rows=("rows",), duplicated_columns=("columns",), two_points=("two",))
def repeats(case: Case, what: str):
    p = problem(case.rng, N=300, d=12, n=2)
    if what == "rows":
        rows = case.rng.integers(0, 40, size=300)
        p.H, p.Y, p.P = p.H[rows], p.Y[rows], p.P[rows]
    elif what == "columns":
        p.H[:, 6:] = p.H[:, :6]
    else:
        p.H = np.where(p.Y[:, :1] > 0.1, p.H[0], p.H[1])
    one_layer(case, p.H, p.Y, p.W, p.P)
