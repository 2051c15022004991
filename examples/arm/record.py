#!/usr/bin/env python3
"""Record dumps of a small network that learns to drive a robot arm.

The data: a two-joint planar arm (arm.xml) is simulated in MuJoCo. An expert controller reaches random targets, and
what it saw and did is kept as pairs (state -> two joint torques). No outside data is used.
The task is that of the Reacher experiments of Andriopoulos et al., "The Prevalence of Neural Collapse in Neural
Multivariate Regression" (NeurIPS 2024, arXiv 2409.04180): imitation learning with n = 2 targets.
The network: a ReLU network, trained three times from the same start by gradient descent on the squared error, with
weight decay 0, 0.01 and 0.02. At four epochs `collapscope.attach` writes the inputs of all its linear layers to an HDF5
file.

    python3 record.py --out dumps            three runs, twelve files, 5 MB, about a minute on one core
    python3 record.py --out dumps --quick    the same in seconds: to see that it works, not to see collapse

With `--data DUMP` states and torques are those of a dump made before, and MuJoCo is not needed:

    python3 record.py --out dumps --data examples/arm/dumps/arm_wd0_epoch12000.h5
"""
import argparse
import sys
import time
from pathlib import Path

try:
    import h5py
    import numpy as np
    import torch

    import collapscope
except ImportError as missing:
    sys.exit(f"record.py: no Python module {missing.name}; needed are h5py, numpy and torch (Debian: python3-h5py "
             "python3-numpy python3-torch) and collapscope (PYTHONPATH=tools/python, or pip install ./)")

EPISODES, KEPT = 128, 8  # simulated reaches, random moments kept of each

WIDTH, RELU_LAYERS = 32, 4
WEIGHT_DECAYS = [0.0, 0.01, 0.02]
LEARNING_RATE, MOMENTUM = 0.02, 0.9
EPOCHS = [100, 1000, 4000, 12000]  # when to write a dump; training ends at the last
QUICK_EPOCHS = [10, 50, 150, 400]


# ---- the data ----------------------------------------------------------------------------------------------------

def simulated(seed, episodes):
    """States [N, 10] and expert torques [N, 2] of simulated reaches."""
    try:
        from simulate import simulate
    except ImportError as missing:
        sys.exit(f"record.py: no Python module {missing.name}; pip install mujoco, or take states and torques from a dump with "
                 "--data examples/arm/dumps/arm_wd0_epoch12000.h5")
    return simulate(seed, episodes, KEPT)


def from_dump(path, samples):
    """The first `samples` states [N, 10] and torques [N, 2] of a dump of this example, in the order of the reaches."""
    with h5py.File(path) as f:
        return f["layers/fc1/activations"][:samples], f["targets"][:samples]


def standardize(X):
    """Every column with mean 0 and variance 1. The two torques stay correlated, so the targets are not white."""
    return torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)


# ---- the network -------------------------------------------------------------------------------------------------

def make_network(inputs, outputs, seed):
    """Linear layers with ReLU between them, then a linear feature layer and a linear output.
    The features may take either sign, as in the theory, and as the targets are centred the last two layers need no
    bias: the features stay around 0, and not somewhere off the plane in which they vary."""
    torch.manual_seed(seed)
    network = torch.nn.Sequential()
    for i in range(RELU_LAYERS):
        network.add_module(f"fc{i + 1}", torch.nn.Linear(inputs if i == 0 else WIDTH, WIDTH))
        network.add_module(f"relu{i + 1}", torch.nn.ReLU())
    network.add_module(f"fc{RELU_LAYERS + 1}", torch.nn.Linear(WIDTH, WIDTH, bias=False))
    network.add_module(f"fc{RELU_LAYERS + 2}", torch.nn.Linear(WIDTH, outputs, bias=False))
    for _, layer in linear_layers(network):
        torch.nn.init.kaiming_normal_(layer.weight)
        if layer.bias is not None:
            torch.nn.init.zeros_(layer.bias)
    return network


def linear_layers(network):
    """(name, layer) of every linear layer, in the order of the network."""
    return [(name, module) for name, module in network.named_modules() if isinstance(module, torch.nn.Linear)]


def make_optimizer(network, weight_decay):
    """Gradient descent with momentum. PyTorch's SGD adds weight_decay * w to the gradient, which is the L2 penalty of
    the theory (AdamW would not be). Weights are decayed, biases are not: a free bias lets ReLU units stay active."""
    weights = [layer.weight for _, layer in linear_layers(network)]
    biases = [layer.bias for _, layer in linear_layers(network) if layer.bias is not None]
    groups = [{"params": weights, "weight_decay": weight_decay}, {"params": biases, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=LEARNING_RATE, momentum=MOMENTUM)


def train(network, X, Y, weight_decay, epochs, at_epoch):
    """Full-batch training on half the mean squared distance; calls at_epoch(epoch) after each of `epochs` epochs."""
    optimizer = make_optimizer(network, weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        loss = ((network(X) - Y) ** 2).sum(1).mean() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        at_epoch(epoch)


# ---- the dumps ---------------------------------------------------------------------------------------------------

def record_run(out, X, Y, weight_decay, epochs, seed):
    """Train once and write a dump at each of the epochs."""
    network = make_network(X.shape[1], Y.shape[1], seed)
    rec = collapscope.attach(
        network, out / "{run}_epoch{step:05d}.h5", data=[(X, Y)], at=epochs, compression="gzip",
        attributes={"run": f"arm_wd{weight_decay:g}", "weight_decay": weight_decay, "learning_rate": LEARNING_RATE,
                    "seed": seed, "model": f"MLP, {RELU_LAYERS} ReLU layers of width {WIDTH} and a linear feature layer",
                    "dataset": "two-joint arm, MuJoCo expert", "split": "train"})

    def at_epoch(epoch):
        path = rec.step(epoch)
        if path:
            with torch.no_grad():
                print(f"{path.name}  mean squared error {((network(X) - Y) ** 2).mean():.5f}", flush=True)

    train(network, X, Y, weight_decay, epochs[-1], at_epoch)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the dumps, made if missing")
    parser.add_argument("--data", type=Path, metavar="DUMP", help="take states and torques from this dump, without MuJoCo")
    parser.add_argument("--seed", type=int, default=0, help="for the simulation and the network (default 0)")
    parser.add_argument("--quick", action="store_true", help="few reaches and few epochs, some seconds in all")
    args = parser.parse_args()

    torch.set_num_threads(1)  # so that sums, and so results, do not depend on the number of cores
    started = time.perf_counter()
    episodes = EPISODES // 6 if args.quick else EPISODES
    states, torques = from_dump(args.data, episodes * KEPT) if args.data else simulated(args.seed, episodes)
    X, Y = standardize(states), standardize(torques)
    print("eigenvalues of the target covariance:", np.linalg.eigvalsh(np.cov(Y.numpy().T, bias=True)).round(3))
    for weight_decay in WEIGHT_DECAYS:
        record_run(args.out, X, Y, weight_decay, QUICK_EPOCHS if args.quick else EPOCHS, args.seed)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
