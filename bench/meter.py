#!/usr/bin/env python3
"""What a Meter adds to the evaluation of a model on the CPU.

    python3 bench/meter.py [--batch 64] [--repeats 5] [--classes K]      with collapscope installed by pip, and PyTorch

Times a forward pass of a ResNet-18 on images of 224 x 224, and Accumulator.update with ten layers of 512 float32 features for as many samples, in
turn, of a regression or, with --classes, of a classification. Prints both, and their ratio.
"""
import argparse
import statistics
import time

import numpy as np
import torch

import collapscope


class Block(torch.nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        conv = lambda a, b, size, step: torch.nn.Conv2d(a, b, size, step, size // 2, bias=False)  # noqa: E731
        self.path = torch.nn.Sequential(conv(channels, out, 3, stride), torch.nn.BatchNorm2d(out), torch.nn.ReLU(), conv(out, out, 3, 1),
                                        torch.nn.BatchNorm2d(out))
        self.skip = torch.nn.Identity() if channels == out else torch.nn.Sequential(conv(channels, out, 1, stride), torch.nn.BatchNorm2d(out))

    def forward(self, x):
        return torch.relu(self.path(x) + self.skip(x))


def resnet18():
    layers = [torch.nn.Conv2d(3, 64, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(64), torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for out in (64, 128, 256, 512):
        layers += [Block(channels, out, 1 if out == 64 else 2), Block(out, out, 1)]
        channels = out
    return torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(512, 10))


def seconds(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--classes", type=int)
    options = parser.parse_args()
    model, images = resnet18().eval(), torch.randn(options.batch, 3, 224, 224)
    rng = np.random.default_rng(0)
    features = {f"layer{i}": rng.normal(size=(options.batch, 512)).astype("f4") for i in range(10)}
    if options.classes:
        targets = rng.integers(0, options.classes, options.batch)
        sums = collapscope.Accumulator(dict.fromkeys(features, 512), classes=options.classes)
    else:
        targets = rng.normal(size=(options.batch, 10))
        sums = collapscope.Accumulator(dict.fromkeys(features, 512), 10)
    with torch.no_grad():
        model(images)
    sums.update(features, targets)
    passes, updates = [], []
    for _ in range(options.repeats):
        with torch.no_grad():
            passes.append(seconds(lambda: model(images)))
        # Tiles are folded when they are full, so several batches are timed together.
        updates.append(seconds(lambda: [sums.update(features, targets) for _ in range(16)]) / 16)
    ratio = [b / a for a, b in zip(passes, updates)]
    print(f"ResNet-18, batch {options.batch}: {statistics.median(passes) * 1e3:.0f} ms; ten layers of 512 features: "
          f"{statistics.median(updates) * 1e3:.1f} ms, {statistics.median(ratio):.2%} of it ({min(ratio):.2%} to {max(ratio):.2%})")


if __name__ == "__main__":
    main()
