"""Data that are hard on the arithmetic: offsets, tiny noise, extreme scales, outliers, drift, many rows, wide rows."""
from __future__ import annotations

import numpy as np

import expect
from dumps import Checkpoint, Layer, Numbers
from problems import collapsed, orthonormal, problem, targets, weight_for
from registry import Case, case, cases


def dump(case: Case, p, kind: str = "float64", storage: str = "contiguous", target_kind: str = "float64") -> dict:
    layer = Layer("fc", Numbers(p.H, kind, storage=storage), Numbers(p.W, "float64"))
    return case.dump_and_expect(Checkpoint(Numbers(p.Y, target_kind), [layer], Numbers(p.P, target_kind)))


@cases("numeric/offset", **{f"{which}_{kind}": (which, kind) for which in ("features", "targets", "both")
                            for kind in ("float32", "float64")})
def offset(case: Case, which: str, kind: str):
    """Means 10^4 standard deviations from zero."""
    p = problem(case.rng, N=400, d=16, n=3, noise=1.0)
    if which != "targets":
        p.H = p.H + 1e4 * np.sign(case.rng.normal(size=16)) * np.linspace(1, 2, 16)
    if which != "features":
        p.Y, p.P = p.Y + 1e4, p.P + 1e4
    dump(case, p, kind, target_kind=kind)


@case("numeric/offset/drifting")
def offset_drifting(case: Case):
    """The mean of the first rows says nothing of the rest."""
    p = problem(case.rng, N=6000, d=16, n=2)
    p.H += np.linspace(-1, 1, 6000)[:, None] ** 3 * 100 * orthonormal(case.rng, 16, 1).T
    dump(case, p, storage="chunked")


@cases("numeric/noise", **{f"share_1e{e}_scale_{name}": (10.0**e, scale) for e in (-6, -9)
                           for name, scale in (("1", 1.0), ("1000", 1e3), ("0.001", 1e-3))})
def noise(case: Case, share: float, scale: float):
    """Collapsed features with a known share of the variance outside the signal."""
    p = problem(case.rng, N=500, d=8, n=3)
    p.H = scale * collapsed(case.rng, p.Y, 8, share)
    dump(case, p)


@cases("numeric/noise_in", two_directions=(40, 2), all_directions=(64, None))
def noise_in(case: Case, d: int, dims: int | None):
    """Noise share 1e-9 in two directions only, or spread over 61: above and below the cutoff of linear_mse."""
    p = problem(case.rng, N=2500, d=d, n=3)
    p.H = collapsed(case.rng, p.Y, d, 1e-9, dims)
    dump(case, p)


@cases("numeric/noise_offset", small=(3.0,), large=(100.0,))
def noise_offset(case: Case, offset: float):
    """Noise share 1e-9 on features with a mean."""
    p = problem(case.rng, N=500, d=5, n=2)
    p.H = collapsed(case.rng, p.Y, 5, 1e-9) + offset * case.rng.normal(size=5)
    dump(case, p)


@cases("numeric/collapsed", float16=("float16",), bfloat16=("bfloat16",), float32=("float32",), float64=("float64",))
def collapsed_features(case: Case, kind: str):
    """Exactly collapsed, up to the rounding of the type."""
    p = problem(case.rng, N=500, d=20, n=3)
    p.H = collapsed(case.rng, p.Y, 20, 0.0) + 0.5
    dump(case, p, kind)


# 2^400 is 2.6e120, 2^-498 is 1.2e-150
@cases("numeric/scale", up_200=(200,), down_200=(-200,), up_400=(400,), down_498=(-498,))
def scale(case: Case, exponent: int):
    """Features times a power of two, which changes no digit: the values are those of the unscaled features, scaled.

    At 2^400 and 2^-498 fourth powers of the features leave the range of float64, and with them what the oracle
    computes from squared eigenvalues; such metrics are not compared."""
    p = problem(case.rng, N=300, d=10, n=2)
    layer = Layer("fc", Numbers(p.H, "float64"), Numbers(p.W, "float64"))
    checkpoint = Checkpoint(Numbers(p.Y, "float64"), [layer], Numbers(p.P, "float64"))
    unscaled = expect.checkpoint(checkpoint, case.options, case.name)["layers"][0]["metrics"]
    layer.activations = Numbers(np.ldexp(p.H, exponent), "float64")
    found = case.dump_and_expect(checkpoint)["layers"][0]
    power = {"feature_mean_norm": 1, "total_variance": 2, "nrc1_unnormalized": 2, "nrc2_unnormalized": 2}
    for name, value in unscaled.items():
        if value is None or isinstance(value, list):
            continue
        better = float(np.ldexp(value, power.get(name, 0) * exponent))
        seen = found["metrics"][name]
        if seen is None or abs(seen - better) > 1e-9 * abs(better):
            found["skip"].append(name)
            found["why"][name] = "beyond the range of float64"
        found["metrics"][name] = better if np.isfinite(better) else None


@cases("numeric/outlier", times_100=(100.0, 400), times_1e6=(1e6, 250))
def outlier(case: Case, factor: float, N: int):
    """One row much larger than the others."""
    p = problem(case.rng, N=N, d=12, n=2)
    p.H = case.rng.normal(size=(N, 12)) + 0.3 * p.H
    p.H[N // 3] = factor * np.sqrt(12) * orthonormal(case.rng, 12, 1)[:, 0]
    dump(case, p)


@cases("numeric/tiny_row", **{f"float64_1e{e}": ("float64", e)
                              for e in (-6, -9, -12, -16, -20, -77, -150, -160, -200, -300, -310)},
       float32_1em20=("float32", -20), float32_subnormal=("float32", -41), float16_subnormal=("float16", -6))
def tiny_row(case: Case, kind: str, exponent: int):
    """One row is much smaller than the others, one of them is 0: its direction counts as theirs."""
    p = problem(case.rng, N=400, d=12, n=3)
    p.H[177] *= 10.0**exponent
    p.H[178] = 0
    dump(case, p, kind)


@case("numeric/tiny_rows")
def tiny_rows(case: Case):
    """Half of the rows, each of another size down to 1e-300."""
    p = problem(case.rng, N=600, d=9, n=2)
    p.H[::2] *= 10.0 ** -case.rng.integers(0, 300, size=(300, 1))
    dump(case, p)


@cases("numeric/tiny_row_collapsed", **{f"1e{e}": (10.0**e,) for e in (-6, -12, -20, -200)})
def tiny_row_collapsed(case: Case, scale: float):
    """A tiny row among collapsed ones."""
    p = problem(case.rng, N=500, d=8, n=3)
    p.H = collapsed(case.rng, p.Y, 8, 1e-9) + 0.5
    p.H[77] *= scale
    dump(case, p)


@cases("numeric/spectrum", halving=(0.5, 24), quick=(0.1, 8), slow=(0.9, 40))
def spectrum(case: Case, ratio: float, d: int):
    """Correlated features; each eigenvalue is `ratio` of the one before."""
    p = problem(case.rng, N=700, d=d, n=3)
    mix = orthonormal(case.rng, d, d)
    H = case.rng.normal(size=(700, d)) * np.sqrt(ratio) ** np.arange(d)
    H[:, :3] += 0.7 * (p.Y - p.Y.mean(0)) * np.sqrt(ratio) ** np.arange(3)
    p.H = H @ mix.T + 0.2
    dump(case, p)


@cases("numeric/sorted", by_target=("target",), by_norm=("norm",))
def sorted_rows(case: Case, by: str):
    """Rows in an order: every tile has another mean."""
    p = problem(case.rng, N=9000, d=16, n=2)
    order = np.argsort(p.Y[:, 0] if by == "target" else np.linalg.norm(p.H, axis=1), kind="stable")
    p.H, p.Y, p.P = p.H[order], p.Y[order], p.P[order]
    dump(case, p, "float32", "row_chunks")


@case("numeric/many_rows")
def many_rows(case: Case):
    p = problem(case.rng, N=30000, d=16, n=3)
    dump(case, p, "float32", "row_chunks")


@cases("numeric/wide", d300_N200=(300, 200), d257_N600=(257, 600), d256_N600=(256, 600))
def wide(case: Case, d: int, N: int):
    p = problem(case.rng, N=N, d=d, n=4)
    dump(case, p, "float32", "gzip")


@cases("numeric/few_rows", d300_N40=(300, 40, 3, 0.5), d600_N100_far=(600, 100, 3, 100.0), d400_N12=(400, 12, 2, 0.5),
       d260_N5_n6=(260, 5, 6, 0.5), d300_N64_repeated=(300, 64, 2, 0.5), d300_N40_not_centred=(300, 40, 3, 0.0),
       d400_N100=(400, 100, 3, 0.5), d400_N101=(400, 101, 3, 0.5), d260_N1_far=(260, 1, 2, 1e4), d300_N50_far=(300, 50, 2, 300.0))
def few_rows(case: Case, d: int, N: int, n: int, offset: float):
    """Rows so few that the features' covariance is nearly empty: N - 1 eigenvalues at most are not 0."""
    p = problem(case.rng, N=N, d=d, n=n, offset=offset)
    if N == 64:
        p.H[32:] = p.H[:32]
    dump(case, p)


@cases("numeric/near_deficient", targets=("targets",), weight=("weight",))
def near_deficient(case: Case, what: str):
    """A direction that is small but there: 1e-7 of the largest eigenvalue of the targets; 1e-6 of the largest singular
    value of the weight."""
    p = problem(case.rng, N=400, d=12, n=3)
    if what == "targets":
        p.Y[:, 2] = p.Y[:, 0] - p.Y[:, 1] + 3e-4 * case.rng.normal(size=400)
    else:
        U, s, V = np.linalg.svd(p.W, full_matrices=False)
        p.W = (U * [s[0], s[0] / 2, s[0] * 1e-6]) @ V
    dump(case, p)


@cases("numeric/rounded_targets", bfloat16=("bfloat16",), float16=("float16",))
def rounded_targets(case: Case, kind: str):
    """Targets whose last component is the sum of the others before rounding: the smallest eigenvalue is the type's."""
    Y = targets(case.rng, 400, 2)
    Y = np.column_stack([Y, Y.sum(1)])
    p = problem(case.rng, N=400, d=9, n=3)
    p.Y, p.P, p.W = Y, Y + 0.1 * case.rng.normal(size=Y.shape), weight_for(case.rng, p.H, Y, 3)
    dump(case, p, "float32", target_kind=kind)
