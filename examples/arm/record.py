#!/usr/bin/env python3
"""Record dumps of a small network that learns to drive a robot arm.

The data: a two-joint planar arm (arm.xml) is simulated in MuJoCo. An expert controller reaches random targets, and
what it saw and did is kept as pairs (state -> two joint torques). No outside data is used.
The task is that of the Reacher experiments of Andriopoulos et al., "The Prevalence of Neural Collapse in Neural
Multivariate Regression" (NeurIPS 2024, arXiv 2409.04180): imitation learning with n = 2 targets.
The network: a ReLU network, trained three times from the same start by gradient descent on the squared error, with
weight decay 0, 0.01 and 0.02. At four epochs the inputs of all its linear layers are written to an HDF5 file.

    python record.py --out dumps            three runs, twelve files, 5 MB, about a minute on one core
    python record.py --out dumps --quick    the same in seconds: to see that it works, not to see collapse

Needs mujoco, torch, numpy and h5py.
"""
import argparse
import time
from pathlib import Path

import h5py
import mujoco
import numpy as np
import torch

EPISODES, STEPS, KEPT = 128, 80, 8  # simulated reaches, control steps of each (0.01 s), states kept of each
LINK = 0.5  # length of each link in arm.xml, metres
STIFFNESS, DAMPING = 40.0, 12.0  # of the expert's reach: joint acceleration per rad and per rad/s
JOINT_LOW, JOINT_HIGH = [-1.5, 0.4], [1.5, 2.4]  # shoulder and elbow angles that starts and targets are drawn from

WIDTH, RELU_LAYERS = 32, 4
WEIGHT_DECAYS = [0.0, 0.01, 0.02]
LEARNING_RATE, MOMENTUM = 0.02, 0.9
EPOCHS = [100, 1000, 4000, 12000]  # when to write a dump; training ends at the last
QUICK_EPOCHS = [10, 50, 150, 400]


# ---- the data ----------------------------------------------------------------------------------------------------

def fingertip(angles):
    """Where the fingertip [2] is at joint angles [2]."""
    shoulder, elbow = angles
    return LINK * np.array([np.cos(shoulder) + np.cos(shoulder + elbow), np.sin(shoulder) + np.sin(shoulder + elbow)])


def joint_angles(point):
    """The joint angles, elbow bent to the left, that put the fingertip on a point within reach."""
    elbow = np.arccos(np.clip(point @ point / (2 * LINK**2) - 1, -1, 1))
    shoulder = np.arctan2(point[1], point[0]) - elbow / 2  # links of equal length
    return np.array([shoulder, elbow])


def expert_torque(model, data, target):
    """Computed-torque control: a spring and a damper say how the joints should accelerate towards the target, and
    MuJoCo's inverse dynamics says which torques [2] do that (inertia, Coriolis forces and joint damping included)."""
    data.qacc[:] = STIFFNESS * (joint_angles(target) - data.qpos) - DAMPING * data.qvel
    mujoco.mj_inverse(model, data)
    return data.qfrc_inverse.copy()


def observe(data, target):
    """What the network sees [10]: cosines and sines of the joint angles, target position, joint velocities, vector
    from target to fingertip."""
    to_fingertip = data.site("fingertip").xpos[:2] - target
    return np.concatenate([np.cos(data.qpos), np.sin(data.qpos), target, data.qvel, to_fingertip])


def simulate(seed, episodes):
    """States [N, 10] and expert torques [N, 2] in newton metres, KEPT random moments of every reach."""
    rng = np.random.default_rng(seed)
    model = mujoco.MjModel.from_xml_path(str(Path(__file__).with_name("arm.xml")))
    data = mujoco.MjData(model)
    states, torques, misses = [], [], []
    for _ in range(episodes):
        mujoco.mj_resetData(model, data)
        data.qpos[:] = rng.uniform(JOINT_LOW, JOINT_HIGH)
        data.qvel[:] = rng.normal(size=2)
        target = fingertip(rng.uniform(JOINT_LOW, JOINT_HIGH))
        data.mocap_pos[0, :2] = target
        kept = set(rng.choice(STEPS, KEPT, replace=False))
        for step in range(STEPS):
            mujoco.mj_forward(model, data)
            torque = expert_torque(model, data, target)
            if step in kept:
                states.append(observe(data, target))
                torques.append(torque)
            data.ctrl[:] = torque
            mujoco.mj_step(model, data)
        misses.append(np.linalg.norm(fingertip(data.qpos) - target))
    print(f"{len(states)} samples of {episodes} reaches, which end {100 * np.mean(misses):.1f} cm from the target")
    return np.array(states), np.array(torques)


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


def train(network, X, Y, weight_decay, epochs, at_checkpoint):
    """Full-batch training on half the mean squared distance; calls at_checkpoint(epoch) at the given epochs."""
    optimizer = make_optimizer(network, weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs[-1])
    for epoch in range(1, epochs[-1] + 1):
        loss = ((network(X) - Y) ** 2).sum(1).mean() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if epoch in epochs:
            at_checkpoint(epoch)


# ---- the dumps ---------------------------------------------------------------------------------------------------

@torch.no_grad()
def layer_inputs(network, X):
    """Predictions [N, n], and for every linear layer its name in the network, the layer, and its input [N, d]."""
    inputs = {}

    def keep(layer, args):
        inputs[layer] = args[0].numpy()

    named = linear_layers(network)
    hooks = [layer.register_forward_pre_hook(keep) for _, layer in named]
    predictions = network(X).numpy()
    for hook in hooks:
        hook.remove()
    return predictions, [(name, layer, inputs[layer]) for name, layer in named]


def write_dump(path, network, X, Y, attributes):
    """One checkpoint as one HDF5 file, in the layout that collapscope reads."""
    predictions, layers = layer_inputs(network, X)
    packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
    with h5py.File(path, "w") as f:
        f.attrs.update({"format": "collapscope-dump", "format_version": 1, "task": "regression", **attributes})
        f["targets"] = Y.numpy()
        f["predictions"] = predictions
        for index, (name, layer, activations) in enumerate(layers):
            group = f.create_group(f"layers/{name}")
            group.attrs.update({"index": index, "kind": "linear"})
            group.create_dataset("activations", data=activations, **packed)
            group["weight"] = layer.weight.detach().numpy()
            if layer.bias is not None:
                group["bias"] = layer.bias.detach().numpy()


def record_run(out, X, Y, weight_decay, epochs, seed):
    """Train once and write a dump at each of the epochs."""
    network = make_network(X.shape[1], Y.shape[1], seed)
    run = f"arm_wd{weight_decay:g}"

    def at_checkpoint(epoch):
        path = out / f"{run}_epoch{epoch:05d}.h5"
        write_dump(path, network, X, Y, {
            "run": run, "step": epoch, "step_unit": "epoch", "weight_decay": weight_decay,
            "learning_rate": LEARNING_RATE, "seed": seed,
            "model": f"MLP, {RELU_LAYERS} ReLU layers of width {WIDTH} and a linear feature layer",
            "dataset": "two-joint arm, MuJoCo expert", "split": "train"})
        with torch.no_grad():
            mse = ((network(X) - Y) ** 2).mean().item()
        print(f"{path.name}  mean squared error {mse:.5f}")

    train(network, X, Y, weight_decay, epochs, at_checkpoint)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the dumps, made if missing")
    parser.add_argument("--seed", type=int, default=0, help="for the simulation and the network (default 0)")
    parser.add_argument("--quick", action="store_true", help="few reaches and few epochs, some seconds in all")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # so that sums, and so results, do not depend on the number of cores
    started = time.perf_counter()
    states, torques = simulate(args.seed, EPISODES // 6 if args.quick else EPISODES)
    X, Y = standardize(states), standardize(torques)
    print("eigenvalues of the target covariance:", np.linalg.eigvalsh(np.cov(Y.numpy().T, bias=True)).round(3))
    for weight_decay in WEIGHT_DECAYS:
        record_run(args.out, X, Y, weight_decay, QUICK_EPOCHS if args.quick else EPOCHS, args.seed)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
