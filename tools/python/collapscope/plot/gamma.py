"""NRC3 as a function of gamma, computed from a dump."""
import os
from typing import NamedTuple

import numpy as np

from ..errors import FigureError
from ..text import printable
from .groups import natural
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
    of a file that has several. layer: name, default the last with a weight [n, d], n the number of target components. points: of the curve.
    width: inches.
    Computed in float64 (Andriopoulos et al. 2024, §3.1 and App. A.3). Returns a matplotlib Figure.
    Raises FigureError where NRC3 has no gamma to choose: n = 1, targets of deficient rank, no such weight; and OSError.
    """
    chosen = [dumps] if isinstance(dumps, (str, os.PathLike)) else list(dumps)
    chosen = [one if isinstance(one, tuple) else (one, None) for one in chosen]
    curves = [curve for path, key in chosen for curve in nrc3_curves(path, layer, points, key)]
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


def nrc3_curves(path, layer=None, points=201, key=None):
    """The Curve of each checkpoint of a dump, or of the one with the id `key`, in float64."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise FigureError(f"{printable(os.fspath(path))}: cannot be read as HDF5: {printable(error)}")
    with file:
        groups = list(file["checkpoints"].values()) if "checkpoints" in file and "layers" not in file else [file]
        if key:
            groups = [group for group in groups if group.name == f"/checkpoints/{key}"]
            if not groups:
                raise FigureError(f"{printable(os.fspath(path))}: no checkpoint {printable(key)}, which the results have; was the file changed?")
        for group in groups:
            if _text(group.attrs.get("task", file.attrs.get("task", ""))) == "classification":
                raise FigureError(f"{printable(os.fspath(path))}: a classifier, which has no NRC3; neural_collapse shows its NC1-4")
        return [_curve(group, layer, points, printable(os.fspath(path))) for group in groups]


def _curve(group, layer, points, path):
    import h5py

    where = path if group.name == "/" else f"{path}: {group.name}"
    if not isinstance(group.get("targets"), h5py.Dataset):
        raise FigureError(f"{where}: no dataset targets")
    targets = _float64(group["targets"])
    targets = targets.reshape(len(targets), -1)
    n = targets.shape[1]
    weight = _weight(group, layer, n, where)
    if n == 1:
        raise FigureError(f"{where}: n = 1 target component, where NRC3 is 0 at every gamma")
    centred = targets - targets.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    if values[0] <= n * np.finfo(float).eps * values[-1]:
        raise FigureError(f"{where}: the targets have deficient rank, lambda_min = 0: gamma can only be 0")
    root, gram = (vectors * np.sqrt(values)) @ vectors.T, weight @ weight.T
    best = min((nrc3(gram, root, g), g) for g in [0.0, *_stationary(gram, root, values[0])])
    # Smooth in the root of gamma; the minimum is one of the points.
    gamma = np.unique(np.append(values[0] * np.linspace(0.0, 1.0, points) ** 2, best[1]))
    file = os.path.basename(path)
    run = _text(group.attrs.get("run", file if group.name == "/" else f"{file}:{group.name.rsplit('/', 1)[1]}"))
    step = f", {_text(group.attrs.get('step_unit', 'step'))} {_number(group.attrs['step'])}" if "step" in group.attrs else ""
    return Curve(run, step, gamma, np.array([nrc3(gram, root, g) for g in gamma]), best[::-1], float(values[0]))


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


def _weight(group, layer, n, where):
    """Weight [n, d] of the layer asked for, or of the last layer that has such a weight."""
    import h5py

    found = []
    if isinstance(group.get("layers"), h5py.Group):
        group["layers"].visititems(lambda name, item: found.append((name[:-7], item)) if name.endswith("/weight")
                                   and isinstance(item, h5py.Dataset) else None)
    if layer is not None:
        found = [(name, item) for name, item in found if name == layer]
        if not found:
            raise FigureError(f"{where}: no weight at layer {printable(layer)}")
    found = [(name, item) for name, item in found if item.ndim == 2 and item.shape[0] == n]
    if not found:
        raise FigureError(f"{where}: no weight [{n}, d], as NRC3 of targets with {n} components needs")
    last = max(range(len(found)), key=lambda i: (found[i][1].parent.attrs.get("index", -1), natural(found[i][0])))
    return _float64(found[last][1])


def _float64(dataset):
    values = dataset[()]
    if values.dtype == np.uint16 and _text(dataset.attrs.get("dtype", "")) == "bfloat16":
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float64)


def _number(value):
    return f"{value:g}" if np.ndim(value) == 0 and np.issubdtype(type(value), np.number) else _text(value)


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
