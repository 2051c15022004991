"""A second look must have the rows of the first one: others, and another order, are errors; rounding is not."""
import numpy as np
import pytest
import torch

import collapscope

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(600, 6)) + 3, RNG.normal(size=(600, 2))


def looked(first, second, size=256, again=200, **options):
    """Of batches of `size` first, then of `again`."""
    sums = collapscope.Accumulator({"fc": 6}, **(options or {"targets": 2}))
    for start in range(0, 600, size):
        sums.update(first[0][start:start + size], first[1][start:start + size])
    sums.begin_look()
    for start in range(0, 600, again):
        sums.look(second[0][start:start + again], second[1][start:start + again])
    return sums


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rounding_passes_and_other_rows_do_not(dtype):
    x, y = torch.tensor(X).to(dtype), torch.tensor(Y)
    assert looked((x, y), (x, y)).compute(wide=True)["nrc1_centered"].notna().all()
    ulp = 1 + torch.finfo(dtype).eps
    rounded = torch.where(torch.rand(x.shape) < 0.5, x * ulp, x).to(dtype)
    assert looked((x, y), (rounded, y)).rows == 600
    order = torch.randperm(600)
    for other in (x + torch.randn(x.shape).to(dtype), x[order], x.flip(0), x * 2):
        with pytest.raises(collapscope.errors.AccumulatorError, match="features of 'fc': found other rows in the second look"):
            looked((x, y), (other, y))


def test_one_other_row_is_seen_and_the_first_look_stays():
    other = X.copy()
    other[599] += 1
    with pytest.raises(ValueError, match="features of 'fc': found other rows"):
        looked((X, Y), (other, Y))
    sums = collapscope.Accumulator({"fc": 6}, 2)
    sums.update(X, Y)
    before = sums.compute(wide=True)
    sums.begin_look()
    with pytest.raises(ValueError, match="found other rows"):
        sums.look(other, Y)
    after = sums.compute(wide=True)  # of one look, as if there had been no other
    assert after["nrc1_centered"].isna().all() and after["nrc1"].equals(before["nrc1"])
    sums.begin_look()
    sums.look(X[:5], Y[:5])
    sums.end_look()
    sums.update(X, Y)
    assert sums.rows == 1200


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("rows", [slice(7, 8), slice(None)])
def test_numbers_that_are_none_are_other_rows(bad, rows):
    x, y, labels = X.copy(), Y.copy(), np.arange(600) % 3
    x[rows, 2], y[rows, 1] = bad, bad
    for second, which in (((x, Y), "features of 'fc'"), ((X, y), "targets")):
        with pytest.raises(collapscope.errors.AccumulatorError, match=f"{which}: found other rows in the second look"):
            looked((X, Y), second)
    with pytest.raises(collapscope.errors.AccumulatorError, match="features of 'fc': found other rows in the second look"):
        looked((X, labels), (x, labels), classes=3)


def test_rows_that_are_not_compared_are_refused_all_the_same(tmp_path):
    """A saved accumulator does not know the order of its rows."""
    x, labels = X.copy(), np.arange(600) % 3
    x[7, 2] = np.nan
    for options, y in (({"targets": 2}, Y), ({"classes": 3}, labels)):
        sums = collapscope.Accumulator({"fc": 6}, **options)
        sums.update(X, y)
        sums.save(tmp_path / "sums")
        loaded = collapscope.Accumulator.load(tmp_path / "sums")
        loaded.begin_look()
        with pytest.raises(collapscope.errors.AccumulatorError, match="fc: found NaN or Inf"):
            loaded.look(x, y)
            loaded.compute()
        loaded.end_look()
        assert loaded.compute().equals(sums.compute())


@pytest.mark.parametrize("wrap", [np.asarray, torch.tensor, lambda x: np.asarray(x, "f2"), lambda x: torch.tensor(x).bfloat16()])
def test_ignored_rows_may_have_any_numbers(wrap):
    """What is in them, and whether it is the same again, does not count; the order of the others does."""
    labels, x, again = np.arange(600) % 3, X.copy(), X.copy()
    labels[::5] = -100
    x[::5], again[::5] = np.nan, np.inf
    options = {"classes": 3, "ignore_label": -100}
    assert looked((wrap(x), labels), (wrap(again), labels), **options).rows == 480
    with pytest.raises(collapscope.errors.AccumulatorError, match="features of 'fc': found other rows in the second look"):
        looked((wrap(x), labels), (wrap(again[::-1].copy()), labels), **options)


def test_other_targets_and_labels_are_seen():
    with pytest.raises(ValueError, match="targets: found other rows"):
        looked((X, Y), (X, Y[::-1]))
    labels = np.arange(600) % 3
    labels[::7] = -100
    options = {"classes": 3, "ignore_label": -100}
    assert looked((X, labels), (X, labels), **options).rows == int((labels >= 0).sum())
    changed = labels.copy()
    changed[[0, 1]] = changed[[1, 0]]
    with pytest.raises(ValueError, match="labels: found other rows"):
        looked((X, labels), (X, changed), **options)
    moved = X.copy()
    moved[0] += 5  # of a row that is left out
    assert looked((X, labels), (moved, labels), **options).rows == int((labels >= 0).sum())
    moved[1] += 5
    with pytest.raises(ValueError, match="features of 'fc': found other rows"):
        looked((X, labels), (moved, labels), **options)


def test_features_whose_rows_add_up_to_nothing():
    x = torch.nn.functional.layer_norm(torch.randn(600, 6), (6,))
    assert looked((x, Y), (x * (1 + 1e-7), Y)).rows == 600


def test_merged_accumulators_are_looked_at_in_their_order():
    parts = [collapscope.Accumulator({"fc": 6}, 2) for _ in range(3)]
    for number, sums in enumerate(parts):
        sums.update(X[number * 200:(number + 1) * 200], Y[number * 200:(number + 1) * 200])
    parts[0].merge(parts[1])
    parts[0].merge(parts[2])
    parts[0].begin_look()
    for start in range(0, 600, 150):
        parts[0].look(X[start:start + 150], Y[start:start + 150])
    assert parts[0].compute(wide=True)["nrc1_centered"].notna().all()
    parts[0].begin_look()
    with pytest.raises(ValueError, match="other rows"):
        parts[0].look(X[::-1], Y[::-1])
