"""What an analysis must report for a checkpoint: the oracle's values, with its NaN as null and with the places where a
value is undefined or not unique marked.

Null means "null or not reported". `skip` names metrics that are not to be compared; the reasons are in `why`.
"""
from __future__ import annotations

import copy
import hashlib
import math

import numpy as np

import collapse_oracle as oracle

LAYER_METRICS = """
samples features signal_dim zero_rows feature_mean_norm total_variance evr feature_stable_rank feature_stable_rank_cov
feature_participation_ratio feature_effective_rank feature_dims_90 feature_dims_95 feature_dims_99 feature_rankme
nrc1 nrc1_unnormalized nrc1_centered nrc2 nrc2_unnormalized nrc3 nrc3_gamma nrc3_gamma_over_lambda_min nrc3_ufm
deep_nrc1 deep_nrc1_squared deep_nrc2 deep_nrc2_debiased deep_nrc2_signal deep_nrc2_published deep_nrc3
deep_nrc3_cosines deep_nrc4 linear_mse linear_share linear_excess target_cca feature_participation_ratio_debiased
weight_stable_rank weight_rank weight_condition weight_balancedness weight_balancedness_relative ufm_gram_error""".split()

TARGET_METRICS = """
target_dim target_lambda_min target_lambda_max target_rank target_stable_rank target_stable_rank_cov
target_participation_ratio target_effective_rank model_mse model_mae model_r2 residual_whiteness ufm_c ufm_rank
ufm_loss ufm_residual_variance""".split()

# Of classification: what its layers have beside metrics of the features alone.
CLASS_METRICS = """
classes_empty within_variance nc1 nc1_trace nc1_quotient nc1_cdnv nc1_vci nc1_unit nc2_equinorm nc2_mean_cosine
nc2_equiangular nc2_max_angle nc2_etf nc2_condition nc2_seli nc2_weight_equinorm nc2_weight_mean_cosine
nc2_weight_equiangular nc2_weight_max_angle nc2_weight_etf nc2_weight_seli nc3_self_duality nc3_etf nc3_cosine
nc4_disagreement ncc_accuracy""".split()
COMMON_METRICS = """
samples features signal_dim zero_rows feature_mean_norm total_variance evr feature_stable_rank feature_stable_rank_cov
feature_participation_ratio feature_effective_rank feature_dims_90 feature_dims_95 feature_dims_99 feature_rankme
deep_nrc1 deep_nrc1_squared deep_nrc2 deep_nrc2_debiased deep_nrc3 deep_nrc3_cosines
feature_participation_ratio_debiased weight_stable_rank weight_rank weight_condition weight_balancedness
weight_balancedness_relative""".split()
CLASS_TARGET_METRICS = """
classes classes_single class_imbalance samples_ignored model_accuracy model_cross_entropy""".split()

# Features without variance have no basis and no spectrum.
NEED_VARIANCE = """
evr feature_stable_rank feature_stable_rank_cov feature_participation_ratio feature_effective_rank feature_dims_90
feature_dims_95 feature_dims_99 nrc1 nrc1_unnormalized nrc1_centered deep_nrc1 deep_nrc1_squared deep_nrc2
deep_nrc2_debiased deep_nrc2_signal deep_nrc2_published deep_nrc3 deep_nrc3_cosines target_cca
feature_participation_ratio_debiased""".split()

# Where lambda_k = lambda_{k+1}, V_k is one choice of many.
NEED_GAP = ["nrc1", "nrc1_unnormalized", "nrc1_centered", "deep_nrc2_signal", "deep_nrc3", "deep_nrc3_cosines"]
# Where both are 0, the choice lies where centred features have no part.
NEED_POSITIVE_GAP = ["nrc1", "nrc1_unnormalized", "deep_nrc3", "deep_nrc3_cosines"]

PARTICIPATION = "feature_participation_ratio_debiased"
EPS = np.finfo(float).eps
_known: dict[bytes, dict] = {}  # the same numbers are stored in many ways


class Cliff(ValueError):
    """A case sits so near a cutoff that rounding decides; choose other numbers."""


def finite(value):
    """NaN and Inf as None; numpy scalars as Python's; a list without any number as None."""
    if isinstance(value, list):
        values = [finite(x) for x in value]
        return None if not values or all(x is None for x in values) else values
    if value is None or isinstance(value, (bool, int)):
        return value
    return float(value) if math.isfinite(value) else None


def pooled(values: np.ndarray, layout: str, pool: str) -> tuple[np.ndarray, int]:
    """Rows [rows, features] of stored activations, and the number of rows each sample gives."""
    if values.ndim == 2:
        return values, 1
    if pool == "flatten":  # as it lies in the file
        return values.reshape(len(values), -1), 1
    if layout == "NCHW":
        values = np.moveaxis(values, 1, -1)
    positions = values.reshape(len(values), -1, values.shape[-1])
    if pool == "none":
        return positions.reshape(-1, positions.shape[-1]), positions.shape[1]
    pick = {"mean": lambda x: x.mean(1), "max": lambda x: x.max(1), "first": lambda x: x[:, 0],
            "last": lambda x: x[:, -1]}
    return pick[pool](positions), 1


def text(value) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def layout_of(layer, options: dict) -> str:
    default = "NTD" if layer.activations.values.ndim == 3 else "NCHW"
    return options["layout"] or text(layer.attrs.get("layout", default))


def pool_of(layer, options: dict) -> str:
    return options["pool"] or text(layer.attrs.get("pool", "mean"))


def matrix(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)


def near(ratio: float, cutoff: float, factor: float) -> bool:
    return cutoff / factor < ratio < cutoff * factor


def check_cliffs(H, Y, W, k: int) -> None:
    """Raises Cliff where rounding would decide about a cutoff of metrics.md."""
    lam, _ = oracle.sorted_eigh(oracle.covariance(H))
    if lam[0] > 0:
        gap = (lam[k - 1] - lam[k]) / lam[0] if k < len(lam) else 1.0
        if near(gap, 3e-7, 40):  # 1e-8: ill-conditioned; 1e-5: good to the tolerance
            raise Cliff(f"gap {gap:.2g}")
        share = np.cumsum(lam) / lam.sum()
        for cut in (0.9, 0.95, 0.99):
            if np.abs(share - cut).min() < 1e-7:
                raise Cliff(f"{cut} of the variance")
        s = np.linalg.svd(H - H.mean(0), compute_uv=False)
        if any(near(x / s[0], 1e-5, 1.2) for x in s):
            raise Cliff("linear_mse")
    s = np.linalg.svd(H, compute_uv=False)
    if s[0] > 0 and any(near(x / s[0], 1e-3, 1.001) for x in s):
        raise Cliff("deep_nrc4")
    if s[0] > 0 and any(near(x / s[0], 1e-6, 3) for x in s):
        raise Cliff("feature_rankme")
    mu, _ = oracle.sorted_eigh(oracle.covariance(Y))
    if mu[0] > 0 and any(2.5e-16 < x / mu[0] < 1e-9 for x in mu):
        raise Cliff("target_rank")
    if W is not None:
        s = np.linalg.svd(W, compute_uv=False)
        if s[0] > 0 and any(1e-15 < x / s[0] < 1e-7 for x in s):
            raise Cliff("weight_rank")


def zero_variance(values: dict, skip: dict) -> None:
    """Constant features: every metric that needs a basis or a variance is undefined."""
    for name in NEED_VARIANCE:
        values[name] = None


def arbitrary_basis(values: dict, skip: dict, H: np.ndarray, k: int) -> None:
    """Where the gap below lambda_k is nothing, what depends on V_k depends on the choice."""
    lam, _ = oracle.sorted_eigh(oracle.covariance(H))
    if k < len(lam) and lam[k - 1] - lam[k] <= 1e-8 * lam[0]:
        both_zero = lam[k - 1] <= len(lam) * EPS * lam[0]
        for name in NEED_POSITIVE_GAP if both_zero else NEED_GAP:
            skip[name] = "lambda_k = lambda_{k+1}"


def arbitrary_weight_basis(values: dict, skip: dict, W: np.ndarray, k: int) -> None:
    """Tied singular values of W at the cut: its top-k directions are one choice of many."""
    s = np.linalg.svd(W, compute_uv=False)
    rank = values["weight_rank"]
    cut = min(k, rank)
    if 0 < cut < rank and s[cut - 1] - s[cut] <= 1e-6 * s[0]:
        for name in ("deep_nrc3", "deep_nrc3_cosines"):
            skip[name] = "tied singular values of the weight"


def deficient_targets(values: dict, skip: dict, Y: np.ndarray, W: np.ndarray) -> None:
    """Eigenvalues of S_YY that are rounding count as 0 (metrics.md). The oracle keeps them, and their square roots,
    1e-8, move its nrc3: gamma can only be 0, and S_YY^(1/2) is taken without them."""
    S = oracle.covariance(Y)
    mu, Q = oracle.sorted_eigh(S)
    n = len(mu)
    if n < 2 or mu[0] == 0 or mu[-1] > n * EPS * mu[0] or len(W) != n or not W.any():
        return
    root = (Q * np.sqrt(np.where(mu > n * EPS * mu[0], mu, 0))) @ Q.T
    values["nrc3"], values["nrc3_gamma"] = oracle.nrc3_best(W @ W.T, root, 0.0)
    values["nrc3_gamma_over_lambda_min"] = None


def zero_weight(values: dict, skip: dict) -> None:
    """Nothing to normalize: NRC3 is 0/0. ufm_gram_error is |T|/|T| = 1 by its formula; the analysis may as well call it
    undefined."""
    for name in ("nrc3", "nrc3_gamma", "nrc3_gamma_over_lambda_min", "nrc3_ufm", "weight_stable_rank", "deep_nrc3",
                 "deep_nrc3_cosines"):
        values[name] = None
    if values.get("ufm_gram_error") is not None:
        skip["ufm_gram_error"] = "zero weight"


def white_targets(values: dict, skip: dict, Y: np.ndarray) -> None:
    """S_YY a multiple of I: NRC3 is the same for every gamma."""
    mu, _ = oracle.sorted_eigh(oracle.covariance(Y))
    if len(mu) > 1 and mu[0] > 0 and mu[0] - mu[-1] <= 1e-12 * mu[0] and values.get("nrc3") is not None:
        for name in ("nrc3_gamma", "nrc3_gamma_over_lambda_min"):
            skip[name] = "white targets: any gamma"


def lost_hsic(values: dict, skip: dict, H: np.ndarray, names=("deep_nrc2_debiased", PARTICIPATION)) -> None:
    """The unbiased HSIC leaves out each sample's similarity with itself. Where hardly anything else is there (one row
    far larger than all others), what is left of the sums is rounding: undefined when it is nothing but that."""
    X = H - H.mean(0)
    d = (X * X).sum(1)
    N, whole = len(X), np.linalg.norm(X.T @ X) ** 2
    if N <= 3 or not 0 < whole < math.inf:
        return
    left = abs(whole - N / (N - 2) * (d @ d) + d.sum() ** 2 / ((N - 1) * (N - 2)))
    for name in names:
        if left <= 1e-14 * whole:
            values[name] = None
        elif left < 1e-9 * whole:
            skip[name] = "cancellation"


def shaky_correlations(values: dict, skip: dict, H: np.ndarray, Y: np.ndarray) -> None:
    """Where small directions of the features carry targets, rounding moves target_cca, here and in the oracle; and an
    eigenvalue at the cut may count or not."""
    if values["target_cca"] is None:
        return
    (lam, V), (mu, U) = (oracle.sorted_eigh(oracle.covariance(A)) for A in (H, Y))
    if any(near(x / lam[0], 1e-10, 30) for x in lam):
        skip["target_cca"] = "an eigenvalue at the cut"
        return
    keep, rank = lam > 1e-10 * lam[0], int(np.sum(mu > 1e-10 * mu[0]))
    along = V[:, keep].T @ oracle.covariance(H, Y) @ U[:, :rank] / np.sqrt(mu[:rank]) / lam[keep, None]
    moved = 4 * len(lam) * EPS * lam.sum() * (along**2).sum() / rank + 8 * EPS * len(mu) * mu[0] / mu[rank - 1]
    if moved > 1e-9 * max(values["target_cca"], 1e-2):
        skip["target_cca"] = "ill-conditioned"


def layer(H, Y, W, P, options: dict, attrs: dict) -> dict:
    """Metrics, skip and why of one layer."""
    lambda_w, lambda_h = attrs.get("lambda_w"), attrs.get("lambda_h")
    key = hashlib.sha256(b"".join(
        str(a.shape).encode() + np.ascontiguousarray(a).tobytes() if a is not None else b"-" for a in (H, Y, W, P)))
    key.update(repr((options["signal_dim"], options["top"], lambda_w, lambda_h)).encode())
    if key.digest() in _known:
        return _known[key.digest()]
    signal_dim = options["signal_dim"]
    if signal_dim == "intrinsic":
        signal_dim = oracle.target_metrics(Y)["target_rank"]
    with np.errstate(all="ignore"):
        values = oracle.layer_metrics(H, Y, W, P, signal_dim, options["top"], lambda_w, lambda_h)
        skip: dict[str, str] = {}
        k = values["signal_dim"]
        flat = None if W is None else (
            W if W.ndim == 2 else np.moveaxis(W, 1, -1).reshape(-1, W.shape[1]))  # as metrics.md says of convolutions
        check_cliffs(H, Y, flat, k)
        if values["total_variance"] == 0:
            zero_variance(values, skip)
        else:
            arbitrary_basis(values, skip, H, k)
            lost_hsic(values, skip, H)
            shaky_correlations(values, skip, H, Y)
        if flat is not None:
            arbitrary_weight_basis(values, skip, flat, k)
            if W.ndim == 2:
                deficient_targets(values, skip, Y, W)
            white_targets(values, skip, Y)
            if not W.any():
                zero_weight(values, skip)
    metrics = {name: finite(values.get(name)) for name in LAYER_METRICS}
    result = {"metrics": metrics, "skip": sorted(skip), "why": skip}
    _known[key.digest()] = result
    return result


def labels_of(targets) -> np.ndarray:
    """Labels [N] of stored labels or one-hot rows; as integers, however large."""
    return targets.values.argmax(1) if targets.values.ndim == 2 else targets.raw.astype(np.int64)


def check_class_cliffs(H, labels, vci: bool) -> None:
    """Raises Cliff where rounding would decide about the cut of a pseudo-inverse; vci: that of S_HH counts."""
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.stack([H[index == k].mean(0) for k in range(len(classes))])
    for rows in (means - means.mean(0), np.sqrt(counts / len(H))[:, None] * (means - H.mean(0))):
        s = np.linalg.svd(rows, compute_uv=False)
        if s[0] > 0 and any(near((x / s[0]) ** 2, 1e-10, 30) for x in s):
            raise Cliff("between-class eigenvalue")
    lam, _ = oracle.sorted_eigh(oracle.covariance(H))
    if vci and lam[0] > 0 and any(near(x / lam[0], 1e-10, 30) for x in lam):
        raise Cliff("nc1_vci")


def class_layer(H, labels, W, b, options: dict) -> dict:
    """The same as `layer`, of classification."""
    with np.errstate(all="ignore"):
        values = oracle.classification_metrics(H, labels, W, b)
        classes, index = np.unique(labels, return_inverse=True)
        K, Y = len(classes), np.eye(len(classes))[index]
        if K == 1 and W is not None and 0 <= classes[0] < len(W):
            values["classes_empty"] = len(W) - 1
        common = oracle.layer_metrics(H, Y, W, None, K - 1, options["top"])
        skip: dict[str, str] = {}
        if values.get("nc1_vci") is not None and values["nc1_vci"] < 1e-2:
            skip["nc1_vci"] = "a difference from 1"
        if K > 1:
            check_class_cliffs(H, labels, "nc1_vci" not in skip)
            k = common["signal_dim"]
            arbitrary_basis(common, skip, H, k)
            lost_hsic(common, skip, H)
            lost_hsic(common, skip, Y, ["deep_nrc2_debiased"])
            if W is not None:
                arbitrary_weight_basis(common, skip, W, k)
        else:  # the oracle takes k = n for k = 0
            common["signal_dim"] = 0
            for name in ("deep_nrc1", "deep_nrc1_squared", "deep_nrc2", "deep_nrc2_debiased", "deep_nrc3",
                         "deep_nrc3_cosines"):
                skip[name] = "no signal dimension"
    metrics = {name: finite(common.get(name)) for name in COMMON_METRICS}
    metrics |= {name: finite(values.get(name)) for name in CLASS_METRICS}
    return {"metrics": metrics, "skip": sorted(skip), "why": skip}


def classification(ckpt, options: dict, name: str) -> tuple[dict, list[dict]]:
    """Target metrics and layers of a checkpoint of classification."""
    labels = labels_of(ckpt.targets)
    kept = np.ones(len(labels), bool) if options["ignore_label"] is None else labels != options["ignore_label"]
    P = None if ckpt.predictions is None else ckpt.predictions.values[kept]
    targets = oracle.classification_metrics(np.zeros((kept.sum(), 1)), labels[kept])
    targets["samples_ignored"] = int((~kept).sum())
    if P is not None and 0 <= labels[kept].min() and labels[kept].max() < P.shape[1]:
        y = labels[kept]
        top = P.max(1)
        targets["model_accuracy"] = float(np.mean(P.argmax(1) == y))
        targets["model_cross_entropy"] = float(
            np.mean(top + np.log(np.exp(P - top[:, None]).sum(1)) - P[np.arange(len(y)), y]))
    layers = []
    for x in ckpt.layers:
        H, repeats = pooled(x.activations.values[kept], layout_of(x, options), pool_of(x, options))
        W = None if x.weight is None else x.weight.values
        b = None if x.bias is None else x.bias.values
        try:
            found = class_layer(H, np.repeat(labels[kept], repeats), W, b, options)
        except Cliff as error:
            raise Cliff(f"{name}, layer {x.name}: {error}") from None
        layers.append({"name": x.name, **found})
    return {metric: finite(targets.get(metric)) for metric in CLASS_TARGET_METRICS}, layers


def compare_weights(ckpt, layers: list[dict]) -> None:
    """Fills in what takes a layer's weight and the next one's."""
    for x, following, found in zip(ckpt.layers, ckpt.layers[1:], layers):
        weights = [y.weight and y.weight.values for y in (x, following)]
        if any(w is None or w.ndim != 2 for w in weights) or weights[1].shape[1] != len(weights[0]):
            continue
        values = oracle.balancedness(*weights)
        for metric, value in zip(("weight_balancedness", "weight_balancedness_relative"), values):
            found["metrics"][metric] = finite(value)


def over_depth(layers: list[dict], names: list[str]) -> dict:
    """Slope and correlation over depth, of metrics whose values are either undefined or far above any floor."""
    laws = {}
    for metric in names:
        values = [found["metrics"][metric] for found in layers]
        if all(v is None or v > 1e-6 for v in values) and not any(metric in found["skip"] for found in layers):
            slope, pearson = oracle.depth_law(values)
            logarithms = [math.log10(v) for v in values if v]
            if logarithms and max(logarithms) - min(logarithms) < 1e-13:
                pearson = None  # the oracle's would be that of its rounding
            laws[metric] = {"slope": slope, "pearson": pearson, "layers": sum(v is not None for v in values)}
    return laws


def checkpoint(ckpt, options: dict, name: str) -> dict:
    """Run, step, target metrics and layers (in the order of ckpt.layers) of a dumps.Checkpoint."""
    step = ckpt.attrs.get("step")
    head = {"run": text(ckpt.attrs.get("run", "")), "step": None if step is None else float(step)}
    if ckpt.attrs.get("task") == "classification":
        targets, layers = classification(ckpt, options, name)
        compare_weights(ckpt, layers)
        return {**head, "targets": targets, "depth": over_depth(layers, ["deep_nrc1", "nc1_trace"]), "layers": layers}
    Y = matrix(ckpt.targets.values)
    P = None if ckpt.predictions is None else matrix(ckpt.predictions.values)
    with np.errstate(all="ignore"):
        values = oracle.target_metrics(Y, P, ckpt.attrs.get("lambda_w"), ckpt.attrs.get("lambda_h"))
    targets = {metric: finite(values.get(metric)) for metric in TARGET_METRICS}
    layers = []
    for x in ckpt.layers:
        H, repeats = pooled(x.activations.values, layout_of(x, options), pool_of(x, options))
        W = None if x.weight is None else x.weight.values
        try:
            found = layer(H, np.repeat(Y, repeats, 0), W, None if P is None else np.repeat(P, repeats, 0), options,
                          ckpt.attrs)
        except Cliff as error:
            raise Cliff(f"{name}, layer {x.name}: {error}") from None
        layers.append({"name": x.name, **copy.deepcopy(found)})
    compare_weights(ckpt, layers)
    return {**head, "targets": targets, "depth": over_depth(layers, ["deep_nrc1", "linear_share"]), "layers": layers}
