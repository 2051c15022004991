"""Files that were not written for us; the options name their parts."""
from __future__ import annotations

import h5py
import numpy as np

from dumps import Checkpoint, Layer, Numbers
from problems import features, problem, targets, weight_for
from registry import Case, case, cases


def put(file: h5py.File, path: str, numbers: Numbers) -> None:
    folder, _, name = path.rpartition("/")
    numbers.write(file.require_group(folder) if folder else file, name)


def transposed(weight: Numbers) -> Numbers:
    return Numbers(weight.values.T)


def write(case: Case, checkpoint: Checkpoint, paths: dict[str, str], flip: bool = False) -> None:
    """Writes the parts where the options say they are: `paths` has activations, targets, predictions and weight."""
    case.set(transpose_weight=flip, **paths)
    with case.create() as f:
        put(f, paths["targets"], checkpoint.targets)
        if checkpoint.predictions is not None:
            put(f, paths["predictions"], checkpoint.predictions)
        for layer in checkpoint.layers:
            star = "**" if "**" in paths["activations"] else "*"
            put(f, paths["activations"].replace(star, layer.name), layer.activations)
            if layer.weight is not None:
                put(f, paths["weight"].replace("{layer}", layer.name),
                    transposed(layer.weight) if flip else layer.weight)
    case.expects(checkpoint)


def network(case: Case, names: list[str], n: int = 2, square: bool = False) -> Checkpoint:
    """Layers with weights [n, d], or [d, d]: then only the option tells W from its transpose."""
    Y = targets(case.rng, 300, n)
    layers = []
    for i, name in enumerate(names):
        H = features(case.rng, Y, 7 + i)
        layers.append(Layer(name, Numbers(H), Numbers(weight_for(case.rng, H, Y, 7 + i if square else n))))
    return Checkpoint(Numbers(Y), layers, Numbers(Y + 0.1 * case.rng.normal(size=Y.shape)))


@cases("foreign/folders", as_ours=(False, False), transposed=(True, False), square=(False, True),
       square_transposed=(True, True))
def folders(case: Case, flip: bool, square: bool):
    """acts/*, labels/y, params/{layer}/kernel; both orientations of the weight."""
    checkpoint = network(case, ["dense2", "dense10"], square=square)
    write(case, checkpoint, {"activations": "acts/*", "targets": "labels/y", "predictions": "out/pred",
                             "weight": "params/{layer}/kernel"}, flip)


@cases("foreign/square_rank_1", as_ours=(False,), transposed=(True,))
def square_rank_1(case: Case, flip: bool):
    """A square weight of rank 1: its row and its column space differ, and so does nrc2."""
    p = problem(case.rng, N=300, d=6, n=2)
    W = np.outer([1, 2, -1, 0, 3, 1], [2, 0, 1, 1, -4, 1])
    checkpoint = Checkpoint(Numbers(p.Y), [Layer("fc", Numbers(p.H), Numbers(W))])
    write(case, checkpoint, {"activations": "acts/*", "targets": "y", "weight": "{layer}_w"}, flip)


@case("foreign/root")
def root(case: Case):
    """Everything at the root."""
    write(case, network(case, ["fc1", "fc2"]), {"activations": "act_*", "targets": "y", "predictions": "y_hat",
                                                "weight": "w_{layer}"})


@cases("foreign/star", inner=("model/*/features", "params/{layer}/w"), part=("model/h_*_in/x", "w_{layer}"),
       absolute=("/acts/*", "/w/{layer}"))
def star(case: Case, activations: str, weight: str):
    """One star within a component of the path."""
    write(case, network(case, ["l1", "l2", "l10"]), {"activations": activations, "targets": "/data/y", "weight": weight,
                                                     "predictions": "data/p"})


@case("foreign/double_star")
def double_star(case: Case):
    """Two stars go across components."""
    checkpoint = network(case, ["block/1/attn", "block/1/mlp", "block/12/attn", "stem"])
    write(case, checkpoint, {"activations": "net/**/act", "targets": "y", "predictions": "p",
                             "weight": "params/{layer}/kernel"})


@case("foreign/star_is_one_component")
def star_is_one_component(case: Case):
    """What lies deeper than the star reaches is not a layer."""
    checkpoint = network(case, ["a", "b"])
    write(case, checkpoint, {"activations": "acts/*", "targets": "y", "predictions": "p", "weight": "w/{layer}"})
    with h5py.File(f"{case.root}/{case.files[0]}", "a") as f:
        f["acts/deeper/c"] = np.zeros((300, 4), "f4")
        f["acts2/d"] = np.zeros((300, 4), "f4")


@case("foreign/some_weights")
def some_weights(case: Case):
    """A layer without the weight that the pattern names."""
    checkpoint = network(case, ["a", "b", "c"])
    checkpoint.layers[1].weight = None
    write(case, checkpoint, {"activations": "acts/*", "targets": "y", "predictions": "p", "weight": "w/{layer}"})


@case("foreign/only_features")
def only_features(case: Case):
    checkpoint = network(case, ["a"])
    checkpoint.predictions = checkpoint.layers[0].weight = None
    write(case, checkpoint, {"activations": "acts/*", "targets": "y"})


@cases("foreign/images", nhwc=("NHWC", None), nchw=("NCHW", None), nhwc_max=("NHWC", "max"), nchw_none=("NCHW", "none"))
def images(case: Case, layout: str, pool: str | None):
    """The layout by option."""
    Y = targets(case.rng, 300, 2)
    H = np.stack([features(case.rng, Y, 5, noise=0.3 + 0.1 * i) for i in range(6)], axis=1).reshape(300, 2, 3, 5)
    H = np.moveaxis(H, -1, 1) if layout == "NCHW" else H
    case.set(layout=layout, pool=pool)
    layer = Layer("conv1", Numbers(H, "float16"), Numbers(case.rng.normal(size=(4, 5, 3, 3))))
    checkpoint = Checkpoint(Numbers(Y), [layer])
    write(case, checkpoint, {"activations": "acts/*", "targets": "y", "weight": "w/{layer}"})


@case("foreign/types")
def types(case: Case):
    p = problem(case.rng, N=301, d=9, n=3)
    checkpoint = Checkpoint(
        Numbers(np.rint(p.Y * 5), "int32", big=True, storage="chunked"),
        [Layer("a", Numbers(p.H, "bfloat16_bits", storage="gzip"), Numbers(p.W, "float16")),
         Layer("b", Numbers(p.H, "float64", big=True, storage="extendible"), Numbers(p.W, "float64"))],
        Numbers(p.P * 5, "float64"))
    write(case, checkpoint, {"activations": "acts/*", "targets": "y", "predictions": "p", "weight": "w/{layer}"})
