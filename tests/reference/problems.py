"""Synthetic layers: features that carry a signal from the targets plus noise, and weights and predictions to go."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Problem:
    """H [N, d] features, Y [N, n] targets, W [m, d] weight, P [N, n] predictions, all float64."""

    H: np.ndarray
    Y: np.ndarray
    W: np.ndarray
    P: np.ndarray


def orthonormal(rng, rows: int, columns: int) -> np.ndarray:
    """Random orthonormal columns [rows, columns]."""
    return np.linalg.qr(rng.normal(size=(rows, columns)))[0]


def targets(rng, N: int, n: int) -> np.ndarray:
    """Correlated targets with a mean, standard deviations about 1, eigenvalues well apart."""
    mixing = orthonormal(rng, n, n) * np.linspace(1.3, 0.6, n)
    return rng.normal(size=(N, n)) @ mixing + rng.normal(size=n)


def features(rng, Y: np.ndarray, d: int, noise: float = 0.3, offset: float = 0.5) -> np.ndarray:
    """Features [N, d]: the targets along random directions, noise of the given standard deviation, and a mean."""
    n = Y.shape[1]
    k = min(n, d)
    signal = (Y - Y.mean(0))[:, :k] @ (np.linspace(2, 1.2, k)[:, None] * orthonormal(rng, d, k).T)
    spread = noise * np.linspace(1, 0.4, d)  # no two noise directions alike
    return signal + rng.normal(size=(len(Y), d)) * spread + offset * rng.normal(size=d)


def problem(rng, N: int = 300, d: int = 12, n: int = 3, m: int | None = None, noise: float = 0.3,
            offset: float = 0.5) -> Problem:
    """A layer of an ordinary, half collapsed network; m (rows of the weight) is n unless given."""
    Y = targets(rng, N, n)
    H = features(rng, Y, d, noise, offset)
    W = weight_for(rng, H, Y, n if m is None else m)
    return Problem(H, Y, W, Y + 0.2 * rng.normal(size=Y.shape) + 0.05)


def weight_for(rng, H: np.ndarray, Y: np.ndarray, m: int) -> np.ndarray:
    """A weight [m, d] that lies partly along what the features know of the targets."""
    along = (Y - Y.mean(0)).T @ (H - H.mean(0)) / len(H)
    repeats = -(-m // len(along))
    return np.tile(along, (repeats, 1))[:m] + 0.4 * rng.normal(size=(m, H.shape[1]))


def collapsed(rng, Y: np.ndarray, d: int, noise_share: float, noise_dims: int | None = None) -> np.ndarray:
    """Centred features in span of n directions, plus noise that has exactly `noise_share` of the variance, spread
    over `noise_dims` (all others unless given) orthogonal directions."""
    n = Y.shape[1]
    basis = orthonormal(rng, d, d)
    signal = (Y - Y.mean(0)) @ np.diag(np.linspace(1.5, 1, n)) @ basis[:, :n].T
    dims = d - n if noise_dims is None else noise_dims
    noise = rng.normal(size=(len(Y), dims)) * np.linspace(1.2, 0.8, dims) @ basis[:, n:n + dims].T
    noise -= noise.mean(0)
    share = noise_share / (1 - noise_share)
    return signal + noise * np.sqrt(share * (signal**2).sum() / (noise**2).sum())


def hadamard(order: int) -> np.ndarray:
    """A matrix of +-1 with orthogonal columns; `order` is a power of two."""
    H = np.ones((1, 1))
    while len(H) < order:
        H = np.block([[H, H], [H, -H]])
    return H
