"""The minimum of the unconstrained feature model, where every answer is known, and what is near it."""
from __future__ import annotations

import numpy as np

import collapse_oracle as oracle
from dumps import Checkpoint, Layer, Numbers
from problems import hadamard, problem, targets
from registry import Case, cases


def dump(case: Case, H, Y, W, P, lambdas, kind: str = "float64", attrs: dict | None = None) -> dict:
    layers = [Layer("last", Numbers(H, kind), Numbers(W, kind))]
    attributes = {"lambda_w": lambdas[0], "lambda_h": lambdas[1], **(attrs or {})}
    return case.dump_and_expect(Checkpoint(Numbers(Y, "float64"), layers, Numbers(P, kind), attributes))


@cases("ufm/minimum", **{f"n{n}_c{name}": (n, *lambdas) for n in (1, 2, 3, 4)
                         for name, lambdas in (("1e-4", (0.01, 0.01)), ("0.05", (0.5, 0.1)), ("0.25", (0.05, 5.0)))})
def minimum(case: Case, n: int, lambda_w: float, lambda_h: float):
    Y = targets(case.rng, 400, n)
    H, W, _, P = oracle.ufm_minimum(Y, 14, lambda_w, lambda_h, case.rng)
    found = dump(case, H, Y, W, P, (lambda_w, lambda_h))
    known = {"nrc1": 0, "nrc2": 0, "deep_nrc1": 0, "linear_mse": 0, "deep_nrc3": 1}
    if n > 1:
        known.update(nrc3=0, nrc3_ufm=0, ufm_gram_error=0)
    for name, value in known.items():  # the theorem, and the oracle's own health
        if abs(found["layers"][0]["metrics"][name] - value) > 1e-12:
            raise AssertionError(f"{case.name}: {name}")


@cases("ufm/stored", float32=("float32",), float16=("float16",), bfloat16=("bfloat16",))
def stored(case: Case, kind: str):
    """The minimum, rounded."""
    Y = targets(case.rng, 400, 3)
    H, W, _, P = oracle.ufm_minimum(Y, 14, 0.1, 0.2, case.rng)
    dump(case, H, Y, W, P, (0.1, 0.2), kind)


@cases("ufm/noise", **{name: (sigma,) for name, sigma in (("1e-4", 1e-4), ("1e-2", 1e-2), ("0.3", 0.3))})
def noise(case: Case, sigma: float):
    Y = targets(case.rng, 500, 3)
    H, W, _, P = oracle.ufm_minimum(Y, 10, 0.2, 0.1, case.rng)
    H = H + sigma * case.rng.normal(size=H.shape)
    dump(case, H, Y, W + sigma * case.rng.normal(size=W.shape), P, (0.2, 0.1))


@cases("ufm/same_width", d3=(3,), d2=(2,))
def same_width(case: Case, d: int):
    """d = n: no direction is left for noise."""
    Y = targets(case.rng, 300, d)
    H, W, _, P = oracle.ufm_minimum(Y, d, 0.2, 0.1, case.rng)
    dump(case, H, Y, W, P, (0.2, 0.1))


@cases("ufm/strong_decay", above_smallest=(0.6,), above_all=(50.0,))
def strong_decay(case: Case, c: float):
    """c >= mu_n: the closed forms do not hold, what needs them is null."""
    p = problem(case.rng, N=400, d=10, n=3)
    dump(case, p.H, p.Y, p.W, p.P, (2 * c, 0.5))


@cases("ufm/lambdas", zero_w=(0.0, 0.1), zero_h=(0.1, 0.0), integer=(np.int64(1), 0.01),
       single=(np.float32(0.125), 0.25))
def lambdas(case: Case, lambda_w, lambda_h):
    """Attributes of other kinds; without decay there is no minimum to compare with."""
    p = problem(case.rng, N=300, d=8, n=2)
    dump(case, p.H, p.Y, p.W, p.P, (lambda_w, lambda_h))


@cases("ufm/one_lambda", w=("lambda_w",), h=("lambda_h",))
def one_lambda(case: Case, which: str):
    p = problem(case.rng, N=300, d=8, n=2)
    layers = [Layer("last", Numbers(p.H), Numbers(p.W))]
    case.dump_and_expect(Checkpoint(Numbers(p.Y), layers, Numbers(p.P), {which: 0.1}))


@cases("ufm/white_targets", n2=(2,), n3=(3,))
def white_targets(case: Case, n: int):
    """W W^T and the target are both multiples of I."""
    Y = hadamard(256)[:, 1:n + 1]
    H, W, _, P = oracle.ufm_minimum(Y, 9, 0.3, 0.2, case.rng)
    dump(case, H, Y, W, P, (0.3, 0.2))
