"""Records HDF5 dumps of a small convolutional network that learns by which angle a digit has been turned.

The data: the 1797 images of handwritten digits, 8 by 8 pixels, that come with scikit-learn; each is turned by a random
angle θ between -90 and 90 degrees. Nothing is downloaded.
The task: regression of (cos θ, sin θ), n = 2 targets.
The network: four convolutions and three linear layers, trained three times from the same start by stochastic gradient
descent on the squared error, with weight decay 0, 0.003 and 0.01. At five epochs `collapscope.attach` writes the input of
every layer to an HDF5 file; those of convolutions as their mean over the pixels, except for the images themselves.

    python3 record.py --out dumps            three runs, fifteen files, 27 MB, a minute or two on one core
    python3 record.py --out dumps --quick    part of the images and few epochs: seconds

Needs h5py, numpy, scipy, scikit-learn and torch (Debian: python3-NAME, with python3-sklearn), and the package collapscope
(PYTHONPATH=tools/python, or pip install ./).
"""
import argparse
import time
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from sklearn.datasets import load_digits
from torch import nn

import collapscope

LARGEST_ANGLE = 90  # degrees; beyond it a 6 could be a 9, and a 1 any other 1
CHANNELS, WIDTH = 16, 32
WEIGHT_DECAYS = [0.0, 0.003, 0.01]
LEARNING_RATE, MOMENTUM, BATCH = 0.03, 0.9, 64
EPOCHS = [1, 5, 20, 60, 150]  # when to write a dump; training ends at the last
QUICK_EPOCHS, QUICK_IMAGES = [1, 8, 25], 512


def turned_digits(seed, images):
    """Images [N, 1, 8, 8] with mean 0 and variance 1, and (cos, sin) [N, 2] of the angle by which each has been turned."""
    digits = load_digits().images[:images]
    degrees = np.random.default_rng(seed).uniform(-LARGEST_ANGLE, LARGEST_ANGLE, len(digits))
    turned = np.stack([ndimage.rotate(image, angle, reshape=False, order=1) for image, angle in zip(digits, degrees)])
    X = (turned - turned.mean()) / turned.std()
    Y = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)
    return torch.tensor(X[:, None], dtype=torch.float32), torch.tensor(Y, dtype=torch.float32)


class Network(nn.Module):
    """Images [N, 1, 8, 8] to [N, 2]. The linear layers see the mean of the last convolution over its pixels. No normalization
    layers: they would undo what weight decay does to the scale. fc2 has no ReLU behind it, so that the last features may take
    either sign, as in the theory."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, CHANNELS, 3, padding=1)
        self.conv2 = nn.Conv2d(CHANNELS, 2 * CHANNELS, 3, padding=1, stride=2)
        self.conv3 = nn.Conv2d(2 * CHANNELS, 2 * CHANNELS, 3, padding=1)
        self.conv4 = nn.Conv2d(2 * CHANNELS, 2 * CHANNELS, 3, padding=1, stride=2)
        self.fc1 = nn.Linear(2 * CHANNELS, WIDTH)
        self.fc2 = nn.Linear(WIDTH, WIDTH)
        self.fc3 = nn.Linear(WIDTH, 2)
        for layer in self.children():
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = torch.relu(conv(x))
        x = torch.relu(self.fc1(x.mean((2, 3))))
        return self.fc3(self.fc2(x))


def make_optimizer(network, weight_decay):
    """PyTorch's SGD adds weight_decay * w to the gradient, the L2 penalty of the theory. Biases are not decayed."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    biases = [p for p in network.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": weight_decay}, {"params": biases, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=LEARNING_RATE, momentum=MOMENTUM)


def record_run(out, X, Y, weight_decay, epochs, seed):
    """Trains once on half the mean squared distance, and writes a dump at each of the epochs."""
    torch.manual_seed(seed)
    network = Network()
    optimizer = make_optimizer(network, weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs[-1])
    rec = collapscope.attach(
        network, out / "{run}_epoch{step:03d}.h5", data=[(X, Y)], at=epochs, pool={"conv1": "flatten", "*": "mean"},
        attributes={"run": f"digits_wd{weight_decay:.3f}", "weight_decay": weight_decay, "learning_rate": LEARNING_RATE,
                    "seed": seed, "model": "4 convolutions, 3 linear layers", "dataset": "turned digits of scikit-learn",
                    "split": "train"})
    for epoch in range(1, epochs[-1] + 1):
        for batch in torch.randperm(len(X)).split(BATCH):
            loss = ((network(X[batch]) - Y[batch]) ** 2).sum(1).mean() / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        path = rec.step(epoch)
        if path:
            with torch.no_grad():
                print(f"{path.name}  mean squared error {((network(X) - Y) ** 2).mean():.5f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the dumps, made if missing")
    parser.add_argument("--seed", type=int, default=0, help="for the angles and the network (default 0)")
    parser.add_argument("--quick", action="store_true", help="part of the images and few epochs, some seconds in all")
    args = parser.parse_args()

    torch.set_num_threads(1)  # so that sums, and so results, do not depend on the number of cores
    started = time.perf_counter()
    X, Y = turned_digits(args.seed, QUICK_IMAGES if args.quick else None)
    print(f"{len(X)} images; eigenvalues of the target covariance:", np.linalg.eigvalsh(np.cov(Y.numpy().T, bias=True)).round(3))
    for weight_decay in WEIGHT_DECAYS:
        record_run(args.out, X, Y, weight_decay, QUICK_EPOCHS if args.quick else EPOCHS, args.seed)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
