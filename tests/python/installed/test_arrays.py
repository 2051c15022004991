"""Arrays of every kind that an accumulator may get: taken, or refused with a message."""
import numpy as np
import pytest
import torch

import collapscope

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 6)).astype("f4"), RNG.normal(size=(50, 2)).astype("f4")


def new(**options):
    return collapscope.Accumulator({"fc": 6}, 2, **options)


class Mine(torch.Tensor):
    pass


class OnGpu:
    """An array that says that it lies on a GPU, and can be copied to NumPy."""

    def __init__(self, array):
        self.array, self.shape, self.ndim, self.dtype = array, array.shape, array.ndim, array.dtype

    def __len__(self):
        return len(self.array)

    def __getitem__(self, part):
        return OnGpu(self.array[part])

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, **_):
        raise BufferError("cannot be exported to the CPU")


class OfCupy(OnGpu):
    """CuPy copies by get() only."""

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def get(self):
        return self.array


def in_bfloat16(array):
    return torch.tensor(array).bfloat16().as_subclass(Mine)


def of_jax_in_bfloat16(array):
    jnp = pytest.importorskip("jax.numpy")
    return jnp.asarray(array, jnp.bfloat16)


@pytest.mark.parametrize("wrap", [OnGpu, OfCupy, in_bfloat16, of_jax_in_bfloat16, lambda a: torch.tensor(a).T.contiguous().T.as_subclass(Mine)])
def test_arrays_in_all_places(wrap):
    x, y = wrap(X), wrap(Y)
    weight = np.ones((2, 6), "f4")
    short = wrap in (in_bfloat16, of_jax_in_bfloat16)
    round_ = (lambda a: torch.tensor(a).bfloat16().float().numpy()) if short else np.asarray
    wanted = new(weights=weight)
    wanted.update(round_(X), round_(Y), round_(Y))
    for features, targets, guesses in ((x, y, y), (round_(X), y, round_(Y)), (x, round_(Y), y)):
        sums = new(weights=wrap(weight), device="cpu")
        sums.update(features, targets, guesses)
        for metric in ("nrc1", "nrc2", "model_mse"):
            np.testing.assert_allclose(sums.compute(wide=True)[metric], wanted.compute(wide=True)[metric], rtol=1e-12)
    classes = collapscope.Accumulator({"fc": 6}, classes=2)
    classes.update(x, wrap(np.eye(2, dtype="f4")[np.arange(50) % 2]))
    assert classes.rows == 50


def sparse(array):
    return torch.tensor(array).to_sparse()


def on_meta(array):
    return torch.tensor(array).to("meta")


@pytest.mark.parametrize("wrap, message", [
    (lambda a: np.ma.masked_greater(a, 0.5), "found a masked array with"), (lambda a: a + 5j, "found numbers of type complex"),
    (lambda a: a.astype(np.longdouble), "found numbers of type float128; expected floats or integers of at most 64 bits"),
    (lambda a: torch.tensor(a + 5j), "found numbers of type complex"), (sparse, "found a sparse tensor"), (on_meta, "on the meta device"),
    (lambda a: a.astype(object), "found numbers of type object"), (lambda a: a.astype(str), "found numbers of type str")])
def test_what_is_refused(wrap, message):
    for arrays in ((wrap(X), Y), (X, wrap(Y)), (X, Y, wrap(Y))):
        sums = new()
        with pytest.raises(collapscope.errors.AccumulatorError, match=message):
            sums.update(*arrays)
        sums.update(X, Y)  # it has left no trace
        assert sums.rows == 50
    with pytest.raises(collapscope.errors.AccumulatorError, match=message):
        new(weights=wrap(np.ones((2, 6), "f4") * 0.7))


def test_a_mask_that_masks_nothing():
    sums = new()
    sums.update(np.ma.masked_array(X), np.ma.masked_array(Y))
    assert sums.rows == 50


@pytest.mark.parametrize("option, message", [
    ({"signal_dim": 2.5}, "signal_dim: found 2.5"), ({"signal_dim": "3x"}, "signal_dim: found '3x'"), ({"signal_dim": -1}, "signal_dim: found -1"),
    ({"signal_dim": 0}, "signal_dim: found 0"), ({"signal_dim": True}, "signal_dim: found True"), ({"top": -1}, "top: found -1"),
    ({"threads": "2"}, "threads: found '2'"), ({"memory": "1GX"}, "memory: .1GX. is not a size"), ({"memory": 1.5}, "memory: found 1.5"),
    ({"precision": "x"}, "precision: found 'x'"),
    ({"device": "gpu0"}, "gpu0"), ({"device": 0}, "device: found 0"), ({"metrics": "nrc99"}, "nrc99"), ({"metrics": [1]}, "metrics: found 1"),
    ({"per_class": "yes"}, "per_class: found 'yes'")])
def test_options_are_checked_at_once(option, message):
    with pytest.raises(collapscope.errors.AccumulatorError, match=message):
        new(**option)
    with pytest.raises(ValueError, match=message):
        collapscope.Meter(torch.nn.Linear(6, 2), **option)


def test_sizes_and_weights():
    for features, targets in ((-3, 2), (2.5, 2), (6, 2.7), (6, "2")):
        with pytest.raises(collapscope.errors.AccumulatorError, match="expected a whole number from 1 on"):
            collapscope.Accumulator(features, targets)
    with pytest.raises(collapscope.errors.AccumulatorError, match="weight of 'fc': found a NaN or Inf in row 1"):
        new(weights=np.where(np.arange(2)[:, None] == 1, np.nan, np.ones((2, 6))))


def test_attributes_are_numbers_whatever_holds_them():
    sums = new()
    sums.update(X, Y)
    given = {"seed": np.int64(3), "weight_decay": np.float32(0.5), "nesterov": np.bool_(True), "lambda_w": torch.tensor(0.25), "none": None}
    found = sums.results(attributes=given)["checkpoints"][0]["attributes"]
    assert found == {"seed": 3, "weight_decay": 0.5, "nesterov": True, "lambda_w": 0.25}
    with pytest.raises(collapscope.errors.AccumulatorError, match="attribute 'sizes': found list"):
        sums.results(attributes={"sizes": [1, 2]})


def test_large_integers_among_attributes_are_exact():
    sums = new()
    sums.update(X, Y)
    given = {"seed": 2**63, "hash": np.uint64(2**64 - 1), "low": -2**63, "large": 2**53 + 1, "number": 2.0**63}
    found = sums.results(attributes=given)["checkpoints"][0]["attributes"]
    assert found == given and [name for name, value in found.items() if isinstance(value, float)] == ["number"]
    for odd in (2**64, -2**63 - 1):
        with pytest.raises(collapscope.errors.AccumulatorError, match=f"attribute 'seed': found {odd}; expected an integer of 64 bits, or a float"):
            sums.results(attributes={"seed": odd})


def test_files_of_accumulators_are_merged(tmp_path):
    whole = new()
    for number in range(2):
        part = new()
        for sums in (part, whole):
            sums.update(X[number * 25:(number + 1) * 25], Y[number * 25:(number + 1) * 25])
        part.save(tmp_path / f"{number}.h5")
    merged = collapscope.Accumulator.load(tmp_path / "0.h5")
    merged.merge(collapscope.Accumulator.load(tmp_path / "1.h5"))
    assert merged.rows == 50
    assert merged.compute(wide=True)["nrc1"][0] == pytest.approx(whole.compute(wide=True)["nrc1"][0], rel=1e-12)
