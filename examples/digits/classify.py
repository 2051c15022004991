"""Records HDF5 dumps of a small convolutional network that classifies handwritten digits, balanced and imbalanced.

The data: the 1797 images of handwritten digits, 8 by 8 pixels, that come with scikit-learn. Nothing is downloaded.
The task: classification, K = 10 classes, cross-entropy.
The network: three convolutions and two linear layers, with batch normalization behind all but the last, which has no bias, as in
the theory. It is trained from the same start by stochastic gradient descent with weight decay 0, 0.005 and 0.02 of all
parameters, far beyond the point where no image is misclassified. Then with 170 images of each of the digits 0 to 4 and 17 of
each of 5 to 9, with weight decay 0.005 and 0.02: there theory expects the geometry of SELI in place of a simplex.

    python3 classify.py --out dumps            five runs, 25 files, 42 MB, some minutes on one core
    python3 classify.py --out dumps --quick    part of the images and few epochs: seconds

Needs h5py, numpy, scikit-learn and torch (Debian: python3-NAME, with python3-sklearn), and the package collapscope
(PYTHONPATH=tools/python, or pip install ./).
"""
import argparse
import time
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

import collapscope

LEARNING_RATE, MOMENTUM, BATCH = 0.01, 0.9, 16
CHANNELS, WIDTH = 16, 32
WEIGHT_DECAYS = [0.0, 0.005, 0.02]
IMBALANCED = [0.005, 0.02]
FREQUENT, RARE = 170, 17
EPOCHS = [1, 5, 20, 60, 200]  # when to write a dump; training ends at the last
QUICK_EPOCHS, QUICK_IMAGES = [1, 8, 25], 500
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def digits(images=None, imbalanced=False):
    """Images [N, 1, 8, 8] with mean 0 and variance 1, and their labels [N]."""
    found = load_digits()
    X, y = torch.tensor(found.images, dtype=torch.float32)[:images, None], torch.tensor(found.target)[:images]
    if imbalanced:
        share = 1 if images is None else images / len(found.images)
        counts = [max(2, round(share * (FREQUENT if label < 5 else RARE))) for label in range(10)]
        chosen = torch.cat([(y == label).nonzero()[:count, 0] for label, count in enumerate(counts)])
        X, y = X[chosen], y[chosen]
    return (X - X.mean()) / X.std(), y


class Network(nn.Module):
    """Images [N, 1, 8, 8] to logits [N, 10]."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, CHANNELS, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(CHANNELS, 2 * CHANNELS, 3, padding=1, stride=2, bias=False)
        self.conv3 = nn.Conv2d(2 * CHANNELS, 2 * CHANNELS, 3, padding=1, stride=2, bias=False)
        self.fc1 = nn.Linear(8 * CHANNELS, WIDTH)
        self.fc2 = nn.Linear(WIDTH, 10, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(CHANNELS), nn.BatchNorm2d(2 * CHANNELS), nn.BatchNorm2d(2 * CHANNELS),
                                    nn.BatchNorm1d(WIDTH)])

    def forward(self, x):
        for conv, norm in zip((self.conv1, self.conv2, self.conv3), self.norms):
            x = torch.relu(norm(conv(x)))
        return self.fc2(torch.relu(self.norms[3](self.fc1(x.flatten(1)))))


def record_run(out, name, X, y, weight_decay, epochs, seed):
    """Trains once on the cross-entropy, and writes a dump at each of the epochs."""
    torch.manual_seed(seed)
    network = Network()
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs[-1])
    rec = collapscope.attach(
        network, out / "{run}_epoch{step:03d}.h5", data=[(X, y)], at=epochs, pool={"conv1": "flatten", "*": "mean"},
        task="classification", class_names=NAMES,
        attributes={"run": f"{name}_wd{weight_decay:.3f}", "weight_decay": weight_decay, "learning_rate": LEARNING_RATE,
                    "momentum": MOMENTUM, "seed": seed, "data": name, "model": "3 convolutions, 2 linear layers, batch normalization",
                    "dataset": "digits of scikit-learn", "split": "train"})
    for epoch in range(1, epochs[-1] + 1):
        for batch in torch.randperm(len(X)).split(BATCH):
            loss = nn.functional.cross_entropy(network(X[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        path = rec.step(epoch)
        if path:
            with torch.no_grad():
                outputs = network.eval()(X)
                network.train()
            print(f"{path.name}  cross-entropy {nn.functional.cross_entropy(outputs, y):.2e}, "
                  f"{int((outputs.argmax(1) != y).sum())} of {len(X)} misclassified", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the dumps, made if missing")
    parser.add_argument("--seed", type=int, default=0, help="for the network and the batches (default 0)")
    parser.add_argument("--quick", action="store_true", help="part of the images and few epochs, some seconds in all")
    args = parser.parse_args()

    torch.set_num_threads(1)  # so that sums, and so results, do not depend on the number of cores
    started = time.perf_counter()
    images, epochs = (QUICK_IMAGES, QUICK_EPOCHS) if args.quick else (None, EPOCHS)
    for name, decays in (("balanced", WEIGHT_DECAYS), ("imbalanced", IMBALANCED)):
        X, y = digits(images, imbalanced=name == "imbalanced")
        for weight_decay in decays:
            record_run(args.out, name, X, y, weight_decay, epochs, args.seed)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
