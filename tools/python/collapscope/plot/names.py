"""How figures name and draw the metrics: as in the two papers where they have them, else the name in the results."""
from typing import NamedTuple, Optional, Tuple

from .style import text


class Drawn(NamedTuple):
    """title of a panel, label of its y axis, fixed range of that axis (None: from the data)."""
    title: str
    label: str
    range: Optional[Tuple[float, float]] = None


_SHARE = (0.0, 1.0)
_DRAWN = {
    "nrc1": Drawn("NRC1", "outside top-$k$ subspace"),
    "nrc2": Drawn("NRC2", "outside row space of $W$"),
    "nrc3": Drawn("NRC3", r"$WW^\top$ vs. $\Sigma^{1/2} - \gamma^{1/2} I$"),
    "nrc3_final_gamma": Drawn("NRC3", r"$WW^\top$ vs. $\Sigma^{1/2} - \gamma^{1/2} I$"),
    "model_mse": Drawn("MSE", "mean squared error"),
    "deep_nrc1": Drawn("Deep NRC1", "variance outside top-$k$"),
    "deep_nrc2": Drawn("Deep NRC2", "CKA with targets", _SHARE),
    "deep_nrc2_debiased": Drawn("Deep NRC2 (debiased)", "CKA with targets"),
    "deep_nrc2_signal": Drawn("Deep NRC2 (signal)", "CKA with targets", _SHARE),
    "deep_nrc2_published": Drawn("Deep NRC2 (published)", "CKA with targets", _SHARE),
    "deep_nrc3": Drawn("Deep NRC3", "cosine with weights", _SHARE),
    "deep_nrc4": Drawn("Deep NRC4", "linear prediction error"),
    "linear_mse": Drawn("Linear probe", "mean squared error"),
    "nc1": Drawn("NC1", r"tr$(\Sigma_W \Sigma_B^+)/K$"),
    "nc1_trace": Drawn("Separation", r"$D$ = tr$(\Sigma_W \Sigma_B^+)$"),
    "nc2_equiangular": Drawn("NC2", "deviation of cosines"),
    "nc2_etf": Drawn("NC2", "distance from a simplex"),
    "nc2_seli": Drawn("NC2 (SELI)", "distance from SELI"),
    "nc3_self_duality": Drawn("NC3", "weight vs. class means"),
    "nc4_disagreement": Drawn("NC4", "not the nearest class mean"),
    "ncc_accuracy": Drawn("Nearest class mean", "accuracy"),
    "model_accuracy": Drawn("Accuracy", "of the model"),
    "evr": Drawn("Explained variance", "share of variance"),
}


def is_drawn(metric):
    """Whether a metric has a title of its own here."""
    return metric in _DRAWN


def drawn(metric):
    """The Drawn of any metric; of one not in the table, its own name."""
    return _DRAWN.get(metric) or Drawn(text(metric.replace("_", " ")), "")


_NEUTRAL = ("nrc3_gamma", "nrc3_gamma_over_lambda_min")
_HIGH = ("deep_nrc2", "deep_nrc3", "nc3_cosine", "ncc_accuracy", "target_cca", "model_r2", "model_accuracy")
_LOW = ("nrc", "nc1", "nc2", "nc3", "nc4", "deep_nrc1", "deep_nrc4", "linear_", "within_variance", "weight_balancedness", "ufm_gram_error",
        "model_mse", "model_mae", "model_cross_entropy", "residual_whiteness")


def collapsed_end(metric):
    """"low" or "high", the end of a metric that is collapse (or, of a model, good); None where it has none."""
    return None if metric in _NEUTRAL else "high" if metric.startswith(_HIGH) else "low" if metric.startswith(_LOW) else None
