"""Accumulator: the numbers of the program, whatever the arrays and batches."""
import json
import subprocess

import h5py
import numpy as np
import pytest
import torch

import collapscope
from collapscope import program as collapscope_program

N, D, T = 20000, 24, 3


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    y = rng.normal(size=(N, T))
    h = (y @ rng.normal(size=(T, D)) + 0.1 * rng.normal(size=(N, D)) + 5).astype("f4")
    return h, y, rng.normal(size=(T, D))


def of_program(path, *options):
    done = subprocess.run([collapscope_program.find_program(), "analyze", str(path), "-q", "-o", "-", *options], capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def dump(rows, tmp_path_factory):
    h, y, weight = rows
    path = tmp_path_factory.mktemp("dump") / "a.h5"
    with h5py.File(path, "w") as f:
        f.attrs.update(format="collapscope-dump", format_version=1, task="regression", run="r", step=2.0)
        f["targets"] = y
        f["predictions"] = y + 0.25
        f["layers/fc/activations"], f["layers/fc/weight"] = h, weight
        f["layers/fc"].attrs.update(index=0, kind="linear")
    return path


def made(weight, **options):
    return collapscope.Accumulator({"fc": D}, T, weights={"fc": weight}, kinds={"fc": "linear"}, **options)


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("name, dtype, number, says", [
    ("targets", "int64", 2**53 + 1, "targets: found 9007199254740993 in row 7 of the batch, which float64 rounds"),
    ("targets", "int64", -(2**53) - 3, "targets: found -9007199254740995 in row 7"),
    ("predictions", "int64", 2**60 + 1, "predictions: found 1152921504606846977 in row 7"),
    ("fc", "int64", 2**53 + 1, "layer 'fc': found 9007199254740993 in row 7, which float64 rounds"),
])
def test_integers_that_float64_would_round_leave_no_trace(wrap, name, dtype, number, says):
    sums = collapscope.Accumulator({"fc": 3}, 2)
    given = {"fc": np.arange(60).reshape(20, 3), "targets": np.arange(40).reshape(20, 2), "predictions": np.arange(40).reshape(20, 2)}
    given = {key: values.astype(dtype) for key, values in given.items()}

    def update():
        sums.update({"fc": wrap(given["fc"])}, wrap(given["targets"]), wrap(given["predictions"]))

    given[name][7, 1] = number
    with pytest.raises(collapscope.errors.AccumulatorError, match=says):
        update()
    assert sums.rows == 0
    given[name][7, 1] = 2**60  # float64 holds this one
    update()
    assert sums.rows == 20


def test_labels_are_named_as_they_are():
    sums = collapscope.Accumulator({"fc": 3}, classes=2)
    labels = np.zeros(20, "uint64")
    labels[5] = 2**64 - 2
    with pytest.raises(collapscope.errors.AccumulatorError, match="labels: found 18446744073709551614 in row 5 of the batch"):
        sums.update({"fc": np.ones((20, 3))}, labels)


def fill(sums, rows, size, wrap=lambda array: array, pass_=None):
    h, y, _ = rows
    for first in range(0, N, size):
        part = slice(first, first + size)
        if pass_:
            pass_({"fc": wrap(h[part])}, wrap(y[part]))
        else:
            sums.update({"fc": wrap(h[part])}, wrap(y[part]), wrap(y[part] + 0.25))


@pytest.mark.parametrize("size, wrap", [(256, np.asarray), (N, torch.from_numpy), (999, torch.from_numpy), (5000, np.asfortranarray),
                                        (4096, lambda a: torch.from_numpy(a).requires_grad_())])
def test_the_bits_of_the_program(rows, dump, size, wrap):
    sums = made(rows[2])
    fill(sums, rows, size, wrap)
    found, wanted = sums.results(run="r", step=2), of_program(dump, "--looks", "1")
    assert found["provenance"]["digest"] == wanted["provenance"]["digest"]
    assert found["checkpoints"][0]["layers"] == wanted["checkpoints"][0]["layers"]
    assert found["checkpoints"][0]["targets"] == wanted["checkpoints"][0]["targets"]


def test_a_second_look_gives_what_one_cannot(rows, dump):
    sums = made(rows[2])
    fill(sums, rows, 1000)
    once = sums.compute(wide=True)
    assert np.isnan(once["nrc1_centered"][0])
    sums.begin_look()
    fill(sums, rows, 700, pass_=sums.look)
    assert sums.results(run="r", step=2)["provenance"]["digest"] == of_program(dump, "--looks", "2")["provenance"]["digest"]
    sums.begin_look()
    sums.look({"fc": rows[0][:9]}, rows[1][:9])
    with pytest.raises(collapscope.errors.AccumulatorError, match="has had 9 rows of 20000"):
        sums.compute()


def near(found, wanted, relative=1e-8):
    for metric, value in wanted["checkpoints"][0]["layers"][0]["metrics"].items():
        other = found["checkpoints"][0]["layers"][0]["metrics"][metric]
        assert (value is None) == (other is None), metric
        if value is not None:
            np.testing.assert_allclose(other, value, rtol=relative, atol=1e-12, err_msg=metric)


def test_halves_merged_and_saved(rows, tmp_path):
    whole, first, second = made(rows[2]), made(rows[2]), made(rows[2])
    fill(whole, rows, 1000)
    h, y, _ = rows
    first.update(h[:7777], y[:7777], y[:7777] + 0.25)
    second.update(h[7777:], y[7777:], y[7777:] + 0.25)
    second.save(tmp_path / "second.h5")
    again = collapscope.Accumulator.load(tmp_path / "second.h5")
    assert again.rows == N - 7777 and again.layers == ["fc"]
    first.merge(again)
    assert first.rows == N
    near(first.results(run="r"), whole.results(run="r"))
    merged = subprocess.run([collapscope_program.find_program(), "merge", tmp_path / "second.h5", "-q", "-o", "-"], capture_output=True, text=True)
    assert merged.returncode == 0, merged.stderr
    again = subprocess.run([collapscope_program.find_program(), "merge", tmp_path / "second.h5", "--dumps", "same", "-q", "-o", "-"],
                           capture_output=True, text=True)
    assert again.returncode == 2 and "were in memory; expected merge without it" in again.stderr
    assert json.loads(merged.stdout)["provenance"]["digest"] == second.results()["provenance"]["digest"]


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64", "int8"])
def test_types(kind):
    rng = np.random.default_rng(1)
    h, y = torch.from_numpy(np.round(rng.normal(size=(500, 6)) * 30)), rng.normal(size=(500, 2))
    exact, found = collapscope.Accumulator(6, 2), collapscope.Accumulator(6, 2)
    exact.update(h, y)
    found.update(h.to(getattr(torch, kind)), y)
    near(found.results(), exact.results())
    if kind == "bfloat16":
        from collapscope._tensors import to_numpy

        bits = collapscope.Accumulator(6, 2)
        bits.update(to_numpy(h.bfloat16()), y)
        assert bits.results()["provenance"]["digest"] == found.results()["provenance"]["digest"]


def test_jax():
    jnp = pytest.importorskip("jax.numpy")
    rng = np.random.default_rng(2)
    h, y = rng.normal(size=(300, 4)).astype("f4"), rng.normal(size=(300, 2)).astype("f4")
    found = []
    for array in (np.asarray, jnp.asarray):
        sums = collapscope.Accumulator(4, 2)
        sums.update(array(h), array(y))
        found.append(sums.results()["provenance"]["digest"])
    assert found[0] == found[1]


def test_what_does_not_fit_is_said():
    error = collapscope.errors.AccumulatorError
    with pytest.raises(error, match=r"weight of 'fc': found shape \[2, 4\]; expected \[rows, 3\]"):
        collapscope.Accumulator({"fc": 3}, 1, weights={"fc": np.ones((2, 4))})
    with pytest.raises(error, match="'nothing'"):
        collapscope.Accumulator({"fc": 3}, 1, weights={"nothing": np.ones((2, 3))})
    with pytest.raises(error, match="unknown metric|no metric"):
        collapscope.Accumulator(3, 1, metrics="nrc99").update(np.ones((2, 3)), np.ones(2))
    sums = collapscope.Accumulator({"a": 3, "b": 2}, 1)
    with pytest.raises(error, match="found no rows"):
        sums.compute()
    with pytest.raises(error, match="not so: 'b'"):
        sums.update({"a": np.ones((4, 3))}, np.ones(4))
    with pytest.raises(error, match="4 and 5 rows in one batch"):
        sums.update({"a": np.ones((4, 3)), "b": np.ones((5, 2))}, np.ones(4))
    with pytest.raises(error, match="targets: found 3 rows; expected 4"):
        sums.update({"a": np.ones((4, 3)), "b": np.ones((4, 2))}, np.ones(3))
    sums.update({"a": np.eye(4, 3), "b": np.eye(4, 2)}, np.arange(4.0))
    with pytest.raises(error, match="found float32 after float64"):
        sums.update({"a": np.eye(4, 3, dtype="f4"), "b": np.eye(4, 2)}, np.arange(4.0))
    bad = np.eye(4, 3)
    bad[2, 1] = np.nan
    with pytest.raises(error, match="NaN or Inf, first in row 6"):
        sums.update({"a": bad, "b": np.eye(4, 2)}, np.arange(4.0))
        sums.compute()
    sums.reset()
    sums.update({"a": np.eye(4, 3), "b": np.eye(4, 2)}, np.arange(4.0))
    assert sums.rows == 4


def test_the_floor_of_linear_mse_knows_small_directions():
    """Rounding of the eigenpairs moves the map along directions 1e-5 times as long as the largest, and its square times the targets counts."""
    draw = np.random.default_rng(0)
    d, rows = 32, 2000
    lengths = np.where(np.arange(d) < d // 2, 1, 2e-5)
    z = draw.standard_normal((rows, d))
    x = (z * lengths) @ np.linalg.qr(draw.standard_normal((d, d)))[0]
    y = 1000 * (z[:, -2:] + 1e-4 * draw.standard_normal((rows, 2)))
    sums = collapscope.Accumulator({"fc": d}, targets=2)
    sums.update({"fc": x}, y)
    sums.begin_look()
    sums.look({"fc": x}, y)
    layer = sums.results()["checkpoints"][0]["layers"][0]

    left = y - y.mean(0)
    basis = np.linalg.svd(x - x.mean(0), full_matrices=False)[0]
    for _ in range(2):
        left -= basis @ (basis.T @ left)
    true, found, floor = (left**2).mean(), layer["metrics"]["linear_mse"], layer["floors"]["linear_mse"]
    assert 1e-9 * true < abs(found - true) <= floor < 1e-2 * true


def test_targets_of_several_types_are_refused(tmp_path):
    """The floors take the rounding of one of them."""
    x = np.arange(8.0).reshape(4, 2)
    sums, other = (collapscope.Accumulator(2, targets=1) for _ in range(2))
    sums.update(x, x[:, 0])
    other.update(x, x[:, 0].astype("f2"))
    with pytest.raises(collapscope.errors.AccumulatorError, match="targets: found float16 after float64; expected one type in all batches"):
        sums.update(x, x[:, 0].astype("f2"))
    with pytest.raises(collapscope.errors.AccumulatorError, match="targets: found float16 after float64"):
        sums.merge(other)
    assert sums.rows == 4
    empty = collapscope.Accumulator(2, targets=1)
    empty.merge(other)
    empty.update(x, x[:, 0].astype("f2"))
    assert empty.rows == 8
    empty.save(tmp_path / "sums")
    for one in (empty, collapscope.Accumulator.load(tmp_path / "sums")):
        one.reset()
        with pytest.raises(collapscope.errors.AccumulatorError, match="targets: found float64 after float16"):
            one.update(x, x[:, 0])
    labels = collapscope.Accumulator(2, classes=4)
    for kind in ("i8", "u1", "f4"):
        labels.update(x, np.arange(4).astype(kind))
    assert labels.rows == 12
