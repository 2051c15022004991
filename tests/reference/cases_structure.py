"""Names and order of layers, several checkpoints, runs, shards, attributes."""
from __future__ import annotations

import h5py
import numpy as np

import collapse_oracle as oracle
from dumps import Checkpoint, Layer, Numbers, mark
from problems import features, orthonormal, problem, targets, weight_for
from registry import Case, case, cases


def network(case: Case, names: list[str], attrs: list[dict] | None = None, N: int = 300, n: int = 2) -> Checkpoint:
    """A checkpoint with these layers in the order in which they must be reported."""
    Y = targets(case.rng, N, n)
    layers = []
    for i, name in enumerate(names):
        H = features(case.rng, Y, 6 + i)
        layers.append(Layer(name, Numbers(H), Numbers(weight_for(case.rng, H, Y, 7 + i)),
                            attrs=attrs[i] if attrs else {}))
    return Checkpoint(Numbers(Y), layers, Numbers(Y + 0.1 * case.rng.normal(size=Y.shape)))


def write_shuffled(case: Case, checkpoint: Checkpoint, **options) -> None:
    """Layers are written last first; the order in the file says nothing."""
    case.dump(Checkpoint(checkpoint.targets, checkpoint.layers[::-1], checkpoint.predictions, checkpoint.attrs),
              **options)


@cases("structure/names", dots=(["block.2.mlp", "block.10.attn", "block.10.mlp", "model.layers.3.mlp"],),
       slashes=(["encoder/2/attn", "encoder/2/mlp", "encoder/10/mlp", "head/out"],),
       natural=(["fc1", "fc2", "fc10", "fc100"],),
       zeros=(["layer007", "layer8", "layer09", "layer10"],),
       long_digits=(["x99999999999999999999", "x100000000000000000000"],),
       text=(["a layer", "couche d'\u00e9t\u00e9", "\u5c64"],),
       deep=(["a/b/c/d/e/f/g", "b"],))
def names(case: Case, wanted: list[str]):
    """Natural order by name."""
    checkpoint = network(case, wanted)
    write_shuffled(case, checkpoint)
    case.expects(checkpoint)


@cases("structure/index", plain=([0, 1, 2, 10], ["z", "y", "x2", "x1"]), negative=([-3, 0, 7], ["b", "a", "c"]),
       ties=([0, 0, 1, 1], ["fc2", "fc10", "a", "b"]))
def index(case: Case, indices: list[int], wanted: list[str]):
    """Order by index, then by name."""
    kinds = [np.int64, np.uint8, np.int32, np.int16] if min(indices) >= 0 else [np.int64, np.int32, np.int8]
    checkpoint = network(case, wanted, [{"index": kind(i)} for kind, i in zip(kinds, indices)])
    write_shuffled(case, checkpoint)
    case.expects(checkpoint)


@case("structure/creation_order")
def creation_order(case: Case):
    """A file that tracks the order of creation is reported in the same order as any other."""
    checkpoint = network(case, ["fc1", "fc2", "fc10"])
    write_shuffled(case, checkpoint, track_order=True)
    case.expects(checkpoint)


@case("structure/layer_in_layer")
def layer_in_layer(case: Case):
    """A group that is a layer and holds others."""
    checkpoint = network(case, ["encoder", "encoder/mlp", "encoder/mlp/out"])
    write_shuffled(case, checkpoint)
    case.expects(checkpoint)


@cases("structure/consecutive", noise=("noise",), balanced=("balanced",), nearly=("nearly",), zero=("zero",))
def consecutive(case: Case, kind: str):
    """Weights of layers that follow one another: W2^T W2 is W W^T of balanced ones."""
    Y = targets(case.rng, 300, 2)
    widths, layers, W = [6, 9, 9, 40, 2], [], None
    for i, (d, m) in enumerate(zip(widths, widths[1:])):
        H = features(case.rng, Y, d, noise=0.5 / 2**i)
        if kind == "noise" or W is None:
            W = case.rng.normal(size=(m, d)) * (kind != "zero")
        else:  # W W^T has as many eigenvalues as the next weight can take over
            w, V = oracle.sorted_eigh(W @ W.T)
            r = min(m, int(np.sum(w > 1e-10 * max(w[0], 1e-300))))
            W = orthonormal(case.rng, m, r) * np.sqrt(w[:r]) @ V[:, :r].T
            W += {"balanced": 0, "nearly": 1e-4, "zero": 0}[kind] * case.rng.normal(size=W.shape)
        layers.append(Layer(f"fc{i}", Numbers(H, "float64"), Numbers(W, "float64")))
    case.dump_and_expect(Checkpoint(Numbers(Y, "float64"), layers))


@case("structure/weights_that_do_not_follow")
def not_consecutive(case: Case):
    """A convolution, other widths, and no weight in between."""
    Y = targets(case.rng, 300, 2)
    weights = [(5, 6), (4, 5, 3, 3), (5, 4), None, (7, 5), (2, 8)]
    layers = [Layer(f"m{i}", Numbers(features(case.rng, Y, d, noise=0.5 / (i + 1))),
                    shape and Numbers(case.rng.normal(size=shape)))
              for i, (d, shape) in enumerate(zip([6, 5, 4, 5, 5, 8], weights))]
    case.dump_and_expect(Checkpoint(Numbers(Y), layers))


@case("structure/no_weight")
def no_weight(case: Case):
    checkpoint = network(case, ["a", "b", "c"])
    checkpoint.layers[1].weight = None
    checkpoint.layers[2].weight = None
    checkpoint.layers[2].bias = Numbers(np.arange(3.0))
    case.dump_and_expect(checkpoint)


@case("structure/no_predictions")
def no_predictions(case: Case):
    checkpoint = network(case, ["a", "b"])
    checkpoint.predictions = None
    case.dump_and_expect(checkpoint)


@case("structure/only_targets_and_features")
def bare(case: Case):
    """The least a dump can be: no attribute at all."""
    p = problem(case.rng, N=300, d=8, n=2)
    checkpoint = Checkpoint(Numbers(p.Y), [Layer("fc", Numbers(p.H))])
    with case.create() as f:
        checkpoint.write(f)
    case.expects(checkpoint)


@case("structure/other_objects")
def other_objects(case: Case):
    """Things that are none of ours lie about in the file."""
    checkpoint = network(case, ["fc1", "fc2"])
    with case.create() as f:
        mark(f)
        checkpoint.write(f)
        f["comment"] = "written by hand"
        f["layers/fc1/gradient"] = np.zeros((3, 4))
        f["layers/fc1/settings"] = np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
        f["optimizer/state/fc1"] = np.arange(5)
        f.create_group("empty")
        f["layers/fc2/activations"].attrs["units"] = "none"
    case.expects(checkpoint)


@case("structure/attributes")
def attributes(case: Case):
    """Scalar attributes are carried into the results; others are left out."""
    kept = {"run": "baseline", "step": 7, "step_unit": "epoch", "seed": 12345678901, "learning_rate": 0.1,
            "weight_decay": 5e-4, "augmented": True, "frozen": False, "model": "r\u00e9seau", "negative": -3,
            "empty": ""}
    stored = dict(kept, seed=np.int64(kept["seed"]), learning_rate=np.float64(0.1), augmented=np.bool_(True),
                  frozen=np.bool_(False), negative=np.int16(-3), split=np.bytes_("validation"), half=np.float16(0.5),
                  single=np.float32(0.25), byte=np.uint8(200), large=np.uint32(4000000000),
                  big_endian=np.array(77, ">i4")[()])
    kept.update(split="validation", half=0.5, single=0.25, byte=200, large=4000000000, big_endian=77)
    checkpoint = network(case, ["fc1"])
    checkpoint.attrs = stored
    with case.create() as f:
        mark(f)
        checkpoint.write(f)
        f.attrs["classes"] = np.arange(4)
        f.attrs["history"] = np.array([0.5, 0.25])
        f.attrs["nothing"] = h5py.Empty("f8")
    case.expects(checkpoint, attributes=kept)


@cases("structure/task", text=("regression",), fixed=(np.bytes_("regression"),))
def task(case: Case, value):
    checkpoint = network(case, ["fc1"])
    checkpoint.attrs = {"task": value}
    case.dump_and_expect(checkpoint)


# --- several checkpoints ---------------------------------------------------------------------------------------------

def training(case: Case, steps: list, run: str = "", n: int = 2) -> list[Checkpoint]:
    """Checkpoints of one run, less noise with each; `fc2` is the last layer (m = n), `fc1` feeds it."""
    Y = targets(case.rng, 300, n)
    found = []
    for i, step in enumerate(steps):
        noise = 0.8 / (1 + i)
        H1, H2 = features(case.rng, Y, 9, noise), features(case.rng, Y, 9, noise)
        W2 = weight_for(case.rng, H2, Y, n) * (1 + 0.2 * i)
        layers = [Layer("fc1", Numbers(H1), Numbers(case.rng.normal(size=(9, 9)))),
                  Layer("fc2", Numbers(H2), Numbers(W2))]
        attrs = {} if step is None else {"step": step}
        attrs.update({"run": run} if run else {})
        found.append(Checkpoint(Numbers(Y), layers, Numbers(Y + 0.3 * noise * case.rng.normal(size=Y.shape)), attrs))
    return found


def add_final_gamma(entries: list[dict], run: list[Checkpoint]) -> None:
    """nrc3_final_gamma of every layer with m = n > 1; the run in order of its steps."""
    Y = run[0].targets.values.reshape(len(run[0].targets.values), -1)
    n = Y.shape[1]
    for i in range(len(run[0].layers)):
        weights = [x.layers[i].weight.values for x in run]
        values = oracle.nrc3_final_gamma(weights, Y) if n > 1 and weights[0].shape[0] == n else [None] * len(run)
        for entry, value in zip(entries, values):
            entry["layers"][i]["metrics"]["nrc3_final_gamma"] = value


@cases("structure/checkpoints", natural=(["1", "2", "10", "20"], [None] * 4),
       named=(["epoch_5", "epoch_20", "epoch_100"], [5, 20, 100]))
def checkpoints(case: Case, ids: list[str], steps: list):
    """Several checkpoints in one file, natural order by id (and by step, where they have one)."""
    found = training(case, steps)
    with case.create() as f:
        mark(f)
        for id, checkpoint in reversed(list(zip(ids, found))):
            checkpoint.write(f.create_group(f"checkpoints/{id}"))
    for id, checkpoint in zip(ids, found):
        case.expects(checkpoint, id=id)


@cases("structure/checkpoints_run", three=(["c", "a", "b"], [10, 20, 30]),
       fractions=(["3", "2", "1"], [0.5, 1.25, 7.0]))
def checkpoints_run(case: Case, ids: list[str], steps: list):
    """A run within one file: steps, not ids, give the order."""
    found = training(case, steps, run="one")
    with case.create() as f:
        mark(f)
        for id, checkpoint in zip(ids, found):
            checkpoint.write(f.create_group(f"checkpoints/{id}"))
    add_final_gamma([case.expects(checkpoint, id=id) for id, checkpoint in zip(ids, found)], found)


@cases("structure/run", n2=(2,), n3=(3,), n1=(1,))
def run(case: Case, n: int):
    """Four files of a run, given out of order."""
    steps = [0, 10, 200, 1000]
    found = training(case, steps, run="a", n=n)
    for i in (2, 0, 3, 1):
        case.dump(found[i], f"{'dbca'[i]}.h5")
    add_final_gamma([case.expects(x, f"{'dbca'[i]}.h5") for i, x in enumerate(found)], found)


@case("structure/two_runs")
def two_runs(case: Case):
    """Two runs; each is ordered by its steps, and has its own last gamma."""
    first, second = training(case, [1, 2, 3], "first"), training(case, [0, 5], "second")
    files = []
    for x in (first[1], first[0], first[2], second[1], second[0]):
        files.append(x)
        case.dump(x, f"{len(files)}.h5")
    for found in (first, second):
        entries = [case.expects(x, f"{1 + [y is x for y in files].index(True)}.h5") for x in found]
        add_final_gamma(entries, found)


@case("structure/files_without_run")
def files_without_run(case: Case):
    """Checkpoints that are no run stay in the order given."""
    for i, checkpoint in enumerate(training(case, [None, None, None])):
        case.dump(checkpoint, f"{'cab'[i]}.h5")
        case.expects(checkpoint)


# --- shards ----------------------------------------------------------------------------------------------------------

def write_shards(case: Case, whole: Checkpoint, edges: list[int]) -> None:
    case.set(shards=True)
    for i, (begin, end) in enumerate(zip(edges, edges[1:])):
        case.dump(whole.rows(begin, end), f"shard{i}.h5")
    case.expects(whole, "shard0.h5")


@cases("structure/shards", two=([0, 211, 300],), three=([0, 17, 290, 300],), one=([0, 300],),
       single_rows=([0, 1, 2, 300],), even=([0, 100, 200, 300],))
def shards(case: Case, edges: list[int]):
    write_shards(case, network(case, ["fc1", "fc2"]), edges)


@case("structure/shards/large")
def large_shards(case: Case):
    """Edges that are no edges of tiles; chunked."""
    p = problem(case.rng, N=7000, d=24, n=3)
    layer = Layer("fc", Numbers(p.H, storage="gzip"), Numbers(p.W))
    write_shards(case, Checkpoint(Numbers(p.Y), [layer], Numbers(p.P)), [0, 1033, 4000, 7000])


@case("structure/shards/sequences")
def shards_of_sequences(case: Case):
    """Every position a sample; offset features, so that the shards' means matter."""
    Y = targets(case.rng, 200, 2)
    H = np.stack([features(case.rng, Y, 6, offset=100) for _ in range(5)], axis=1)
    layers = [Layer(pool, Numbers(H, "float64"), attrs={"pool": pool, "index": i})
              for i, pool in enumerate(("none", "mean", "flatten"))]
    write_shards(case, Checkpoint(Numbers(Y), layers), [0, 77, 200])


@case("structure/shards/attributes")
def shards_with_attributes(case: Case):
    whole = network(case, ["fc1"])
    whole.attrs = {"run": "r", "step": 3, "lambda_w": 0.1, "lambda_h": 0.2}
    write_shards(case, whole, [0, 120, 300])
