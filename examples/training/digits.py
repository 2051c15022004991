"""What the examples of this folder share: scikit-learn's 1797 images of handwritten digits as flat rows, and a small classifier."""
import torch
from sklearn.datasets import load_digits
from torch import nn


def digits(images=None):
    """Images [N, 64] with mean 0 and variance 1, and their labels [N]."""
    found = load_digits()
    X = torch.tensor(found.data[:images], dtype=torch.float32)
    return (X - X.mean()) / X.std(), torch.tensor(found.target[:images])


def classifier():
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10, bias=False))


def batches(X, y, size=256):
    """The rows in a fixed order, as the metrics are measured on them."""
    return list(zip(X.split(size), y.split(size)))
