"""NRC3 as a function of gamma, computed from a dump."""
import os
from typing import NamedTuple

import numpy as np

from ..errors import FigureError
from .dumps import read
from .layout import legend_below, line_handle, panels
from .style import line_looks, paper_style, text


class Curve(NamedTuple):
    """NRC3 of one checkpoint. gamma: [P] from 0 to lambda_min; nrc3: [P]; best: (gamma, NRC3) at the minimum."""
    run: str
    step: str
    gamma: np.ndarray
    nrc3: np.ndarray
    best: tuple
    lambda_min: float


def nrc3_over_gamma(dumps, *, layer=None, points=201, width=3.25):
    """NRC3 for all gamma from 0 to lambda_min, the smallest eigenvalue of the target covariance, with the minimum marked.

    dumps: path of an HDF5 dump or a list of them (docs/format.md); each checkpoint is a line. (path, id) in the list is one checkpoint
    of a file that has several. Shards of a checkpoint, as a distributed training writes them, are joined: give all of them. layer: name,
    default the last with a weight [n, d], n the number of target components. points: of the curve. width: inches.
    Computed in float64 (Andriopoulos et al. 2024, §3.1 and App. A.3). Returns a matplotlib Figure.
    Raises FigureError where NRC3 has no gamma to choose: n = 1, targets of deficient rank, no such weight; and OSError.
    """
    chosen = [dumps] if isinstance(dumps, (str, os.PathLike)) else list(dumps)
    curves = [_curve(measured, points) for measured in read(chosen, layer)]
    if not curves:
        raise FigureError("no checkpoint in the dumps; expected one at least")
    with paper_style():
        figure, (ax,) = panels(1, width=width, columns=1, height=2.0)
        shared = len({curve.lambda_min for curve in curves}) == 1
        looks = line_looks(len(curves))
        alike = len(curves) > 1 and len({curve.run for curve in curves}) == len(curves)
        names = [curve.run if alike else f"{curve.run}{curve.step}" for curve in curves]
        for name, curve, look in zip(names, curves, looks):
            scale = 1.0 if shared else curve.lambda_min
            ax.plot(curve.gamma / scale, curve.nrc3, label=name, **{**look, "marker": ""})
            ax.plot([curve.best[0] / scale], [curve.best[1]], label=f"_minimum {name}", linestyle="", clip_on=False,
                    marker=look["marker"], markersize=5, color=look["color"], zorder=5)
        ax.set_xlim(0, curves[0].lambda_min if shared else 1)
        ax.set_xlabel(r"$\gamma$" if shared else r"$\gamma / \lambda_{\min}$")
        ax.set_ylabel("NRC3")
        ax.set_ylim(bottom=0)
        if shared:
            ax.annotate(r"$\lambda_{\min}$", (1, 0), (0, 3), xycoords="axes fraction", textcoords="offset points", ha="right",
                        va="bottom")
        if len(curves) > 1:
            legend_below(figure, {name: line_handle(look) for name, look in zip(names, looks)})
        else:
            ax.set_title(text(names[0]))
        return figure


def _curve(measured, points):
    targets, weight, n = measured.targets, measured.weight, measured.targets.shape[1]
    if n == 1:
        raise FigureError(f"{measured.where}: n = 1 target component, where NRC3 is 0 at every gamma")
    centred = targets - targets.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    if values[0] <= n * np.finfo(float).eps * values[-1]:
        raise FigureError(f"{measured.where}: the targets have deficient rank, lambda_min = 0: gamma can only be 0")
    root, gram = (vectors * np.sqrt(values)) @ vectors.T, weight @ weight.T
    best = min((nrc3(gram, root, g), g) for g in [0.0, *_stationary(gram, root, values[0])])
    # Smooth in the root of gamma; the minimum is one of the points.
    gamma = np.unique(np.append(values[0] * np.linspace(0.0, 1.0, points) ** 2, best[1]))
    return Curve(measured.run, measured.step, gamma, np.array([nrc3(gram, root, g) for g in gamma]), best[::-1], float(values[0]))


def nrc3(gram, root, gamma):
    """||G/|G| - (S - sqrt(gamma) I)/|.| ||_F^2 with G = W W^T and S = S_YY^(1/2), both [n, n]; NaN where undefined."""
    target = root - np.sqrt(gamma) * np.eye(len(root))
    norms = np.linalg.norm(gram), np.linalg.norm(target)
    if norms[0] == 0 or norms[1] <= 1e-12 * np.linalg.norm(root):
        return np.nan
    return float(np.linalg.norm(gram / norms[0] - target / norms[1]) ** 2)


def _stationary(gram, root, lambda_min):
    """The gammas other than 0 where the minimum may lie: the stationary point (docs/metrics.md), and lambda_min."""
    product, trace, square, sum_ = (gram * root).sum(), np.trace(gram), (root * root).sum(), np.trace(root)
    slope = trace * sum_ - len(root) * product
    s = (trace * square - product * sum_) / slope if slope else -1.0
    inside = [s * s] if 0 < s * s < lambda_min and s > 0 else []
    return [g for g in [*inside, lambda_min] if not np.isnan(nrc3(gram, root, g))]
