"""Accumulator of classifications: the numbers of the program and of the definitions, whatever the labels, arrays and batches."""
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import collapscope
from collapscope import program as collapscope_program
from collapscope.errors import AccumulatorError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "reference"))
from collapse_oracle import classification_metrics  # noqa: E402

D, K = 12, 7
LABELS = {
    "balanced": lambda rng: rng.permutation(np.repeat(np.arange(K), 300)),
    "imbalanced": lambda rng: rng.permutation(np.repeat(np.arange(K), [900, 500, 300, 100, 40, 9, 2])),
    "gaps": lambda rng: rng.choice([1, 2, 5], 1500),
    "single": lambda rng: rng.permutation(np.append(rng.integers(0, 6, 1000), 6)),
    "ignored": lambda rng: rng.choice([-100, 0, 1, 2, 3, 4, 5, 6], 18000, p=[0.3] + [0.1] * 7),
}
NO_ROWS = "needs a second look"


class Rows:
    """Two layers, the last one's classifier, labels and logits."""

    def __init__(self, kind, dtype="f4", spread=0.4):
        rng = np.random.default_rng(5)
        self.labels = LABELS[kind](rng)
        self.ignored = -100 if (self.labels < 0).any() else None
        means = rng.normal(size=(K, D))
        self.h = (means[np.maximum(self.labels, 0)] + spread * rng.normal(size=(len(self.labels), D)) + 3).astype(dtype)
        self.first = (self.h[:, :5] * 2 + rng.normal(size=(len(self.h), 5))).astype(dtype)
        self.weight, self.bias = means + 0.3 * rng.normal(size=(K, D)), rng.normal(size=K)
        self.logits = self.h.astype("f8") @ self.weight.T + self.bias

    def made(self, **options):
        return collapscope.Accumulator({"first": 5, "last": D}, classes=K, ignore_label=self.ignored, weights={"last": self.weight},
                                       biases={"last": self.bias}, kinds={"last": "linear"}, **options)

    def each(self, sizes, pass_, wrap=lambda array: array, logits=True, first=0, last=None):
        last, number = len(self.h) if last is None else last, 0
        while first < last:
            part = slice(first, min(first + sizes[number % len(sizes)], last))
            batch = ({"first": wrap(self.first[part]), "last": wrap(self.h[part])}, wrap(self.labels[part]))
            pass_(*batch, *([wrap(self.logits[part])] if logits else []))
            first, number = part.stop, number + 1

    def dump(self, path):
        with h5py.File(path, "w") as f:
            f.attrs.update(format="collapscope-dump", format_version=1, task="classification", run="r", step=2.0)
            f["targets"], f["predictions"] = self.labels, self.logits
            f["layers/first/activations"] = self.first
            f["layers/first"].attrs.update(index=0)
            f["layers/last/activations"], f["layers/last/weight"], f["layers/last/bias"] = self.h, self.weight, self.bias
            f["layers/last"].attrs.update(index=1, kind="linear")
        return path

    def program(self, path, looks, *options):
        ignored = [] if self.ignored is None else ["--ignore-label", str(self.ignored)]
        done = subprocess.run([collapscope_program.find_program(), "analyze", self.dump(path), "-q", "-o", "-", "--looks", str(looks),
                               *ignored, *options], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def oracle(self):
        kept = self.labels != self.ignored
        return classification_metrics(self.h[kept], self.labels[kept], self.weight, self.bias, self.logits[kept])


def same(found, wanted):
    assert found["provenance"]["digest"] == wanted["provenance"]["digest"]
    for part in ("targets", "layers", "depth", "samples", "task"):
        assert found["checkpoints"][0].get(part) == wanted["checkpoints"][0].get(part), part


def near(found, wanted, rtol=1e-8, atol=1e-12):
    for here, there in zip(found["checkpoints"][0]["layers"], wanted["checkpoints"][0]["layers"]):
        for metric, value in there["metrics"].items():
            other = here["metrics"][metric]
            assert (value is None) == (other is None), (here["name"], metric)
            if value is not None:
                np.testing.assert_allclose(other, value, rtol=rtol, atol=atol, err_msg=metric)
    for metric, value in wanted["checkpoints"][0]["targets"].items():
        assert found["checkpoints"][0]["targets"][metric] == (value if value is None else pytest.approx(value, rel=1e-10)), metric


def looked(rows, sums, sizes=(700,)):
    sums.begin_look()
    rows.each(sizes, sums.look, logits=False)
    return sums.results(run="r", step=2)


@pytest.mark.parametrize("kind", LABELS)
def test_the_bits_of_the_program_and_the_values_of_the_definitions(kind, tmp_path):
    rows = Rows(kind)
    sums = rows.made()
    rows.each([256, 1, 999], sums.update)
    assert sums.rows == (rows.labels != -100).sum()
    once = sums.results(run="r", step=2)
    same(once, rows.program(tmp_path / "a.h5", 1))
    twice = looked(rows, sums)
    same(twice, rows.program(tmp_path / "a.h5", 2))
    of_layer = {**twice["checkpoints"][0]["layers"][1]["metrics"], **twice["checkpoints"][0]["targets"]}
    compared = 0
    for metric, value in rows.oracle().items():
        if value is None:
            assert of_layer[metric] is None, metric
        else:
            np.testing.assert_allclose(of_layer[metric], value, rtol=1e-7, atol=1e-10, err_msg=metric)
            compared += 1
    assert compared > 25
    for metric in ("nc4_disagreement", "ncc_accuracy", "nc1_unit"):
        assert once["checkpoints"][0]["layers"][1]["metrics"][metric] is None and of_layer[metric] is not None
        assert once["checkpoints"][0]["layers"][1]["notes"][metric].startswith(NO_ROWS)


@pytest.mark.parametrize("wrap", [torch.from_numpy, np.asfortranarray, lambda a: torch.from_numpy(a).t().contiguous().t()])
def test_arrays_and_batches_change_no_bit(wrap, tmp_path):
    rows = Rows("imbalanced")
    sums = rows.made()
    rows.each([5000], sums.update, wrap)
    same(sums.results(run="r", step=2), rows.program(tmp_path / "a.h5", 1))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float64", ">i4", "one-hot",
                                   "torch.int32", "torch.bfloat16", "column"])
def test_labels_of_any_type(dtype):
    rows = Rows("balanced")
    labels = {"one-hot": np.eye(K)[rows.labels], "torch.int32": torch.from_numpy(rows.labels).int(), "column": rows.labels[:, None],
              "torch.bfloat16": torch.from_numpy(rows.labels).bfloat16()}.get(dtype)
    labels = rows.labels.astype(dtype) if labels is None else labels
    found, wanted = collapscope.Accumulator(D, classes=K), collapscope.Accumulator(D, classes=K)
    found.update(rows.h, labels)
    wanted.update(rows.h, rows.labels)
    same(found.results(), wanted.results())


def test_jax():
    jnp = pytest.importorskip("jax.numpy")
    rows = Rows("balanced")
    found = []
    for array in (np.asarray, jnp.asarray):
        sums = collapscope.Accumulator(D, classes=K)
        sums.update(array(rows.h), array(rows.labels))
        found.append(sums.results()["provenance"]["digest"])
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_features(dtype):
    rows = Rows("balanced")
    stored = torch.from_numpy(rows.h).to(getattr(torch, dtype))
    found, exact = collapscope.Accumulator(D, classes=K), collapscope.Accumulator(D, classes=K)
    found.update(stored, rows.labels)
    exact.update(stored.double(), rows.labels)
    near(found.results(), exact.results())
    floors = [sums.compute(wide=False).set_index("metric")["floor"]["within_variance"] for sums in (found, exact)]
    assert floors[0] > 1e6 * floors[1]  # the type's rounding


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("cut", [0, 1, 333, 990])
def test_a_merge_of_any_split_is_the_whole(kind, cut, tmp_path):
    rows = Rows(kind)
    whole, first, second = rows.made(), rows.made(), rows.made()
    rows.each([1000], whole.update)
    rows.each([77], first.update, last=cut)
    rows.each([400], second.update, first=cut)
    second.save(tmp_path / "second.h5")
    again = collapscope.Accumulator.load(tmp_path / "second.h5")
    assert again.rows == second.rows and again.layers == ["first", "last"] and again.classes == K
    first.merge(again)
    assert first.rows == whole.rows
    near(first.results(), whole.results())
    near(looked(rows, first), looked(rows, whole))


def test_sorted_labels_give_parts_without_some_classes(tmp_path):
    rows = Rows("balanced")
    order = np.argsort(rows.labels, kind="stable")
    for name in ("labels", "h", "first", "logits"):
        setattr(rows, name, getattr(rows, name)[order])
    parts = []
    for begin in range(0, len(order), 300):  # one class each
        parts.append(rows.made())
        rows.each([300], parts[-1].update, first=begin, last=begin + 300)
    for part in parts[1:]:
        parts[0].merge(part)
    near(parts[0].results(run="r"), rows.program(tmp_path / "a.h5", 1))


@pytest.mark.parametrize("kind", ["gaps", "ignored"])
def test_saved_sums_are_states_of_the_program(kind, tmp_path):
    rows = Rows(kind)
    sums = rows.made(per_class=True)
    rows.each([1000], sums.update)
    sums.save(tmp_path / "sums.h5")
    merged = subprocess.run([collapscope_program.find_program(), "merge", tmp_path / "sums.h5", "-q", "-o", "-"], capture_output=True, text=True)
    assert merged.returncode == 0, merged.stderr
    same(json.loads(merged.stdout), sums.results())
    assert json.loads(merged.stdout)["checkpoints"][0]["classes"] == sums.results()["checkpoints"][0]["classes"]
    again = collapscope.Accumulator.load(tmp_path / "sums.h5")
    same(again.results(), sums.results())
    near(looked(rows, again), looked(rows, sums))
    rows.each([1000], again.update)  # goes on
    assert again.rows == 2 * sums.rows


def test_each_class(tmp_path):
    rows = Rows("gaps")
    names = [f"class {c}" for c in range(K)]
    sums = rows.made(per_class=True)
    rows.each([1000], sums.update)
    found = collapscope.load_classes(sums.results(class_names=names))
    assert list(found["label"]) == [1, 2, 5] * 2 and list(found["name"][:3]) == ["class 1", "class 2", "class 5"]
    wanted = rows.program(tmp_path / "a.h5", 1, "--per-class")
    wanted["checkpoints"][0]["classes"].pop("names", None)
    known = sums.results()["checkpoints"][0]
    known["classes"].pop("names", None)
    assert known["classes"] == wanted["checkpoints"][0]["classes"]
    assert [layer["classes"] for layer in known["layers"]] == [layer["classes"] for layer in wanted["checkpoints"][0]["layers"]]


def test_collapsed_classes_take_the_second_look(tmp_path):
    rows = Rows("balanced", "f8", spread=1e-7)
    sums = rows.made()
    rows.each([1000], sums.update)
    once = sums.compute().query("layer == 'last' and metric == 'nc1'")
    assert not (once["value"] > once["floor"]).any()
    same(looked(rows, sums), rows.program(tmp_path / "a.h5", 2))
    assert looked(rows, sums)["checkpoints"][0]["layers"][1]["metrics"]["nc1"] == pytest.approx(rows.oracle()["nc1"], rel=1e-6)


def test_weights_may_come_late():
    rows = Rows("balanced")
    late = collapscope.Accumulator({"first": 5, "last": D}, classes=K, kinds={"last": "linear"})
    rows.each([1000], late.update)
    assert np.isnan(late.compute(wide=True)["nc3_self_duality"][1])
    early = rows.made()
    rows.each([1000], early.update)
    found = late.compute({"last": rows.weight}, {"last": rows.bias}, wide=True)
    assert found["nc3_self_duality"][1] == early.compute(wide=True)["nc3_self_duality"][1]
    same(looked(rows, late), looked(rows, early))
    with pytest.raises(AccumulatorError, match=r"weight of 'last': found shape \[7, 5\]; expected \[rows, 12\]"):
        late.set_weights({"last": rows.weight[:, :5]})
    with pytest.raises(AccumulatorError, match="bias of 'last': found 7 numbers beside a weight of 3 rows"):
        late.set_weights({"last": rows.weight[:3]}, {"last": rows.bias})
    with pytest.raises(AccumulatorError, match="bias of 'last': found one without a weight"):
        late.compute(biases={"last": rows.bias})


def test_labels_that_do_not_fit_are_named():
    rows = np.ones((4, 3))

    def refused(message, labels, **options):
        sums = collapscope.Accumulator(3, classes=4, **options)
        with pytest.raises(AccumulatorError, match=message):
            sums.update(rows, labels)
        sums.update(rows, [0, 1, 2, 3])  # nothing of it is in the sums
        assert sums.rows == 4

    refused(r"labels: found 4 in row 2 of the batch; expected 0 to 3, as there are 4 classes \(classes=\); ignore_label=", [0, 1, 4, 2])
    refused("labels: found -100 in row 0 .*; ignore_label=", np.array([-100, 1, 0, 2]))
    refused("labels: found -1 in row 3 .* or the ignored label -100", np.array([-100, 1, 0, -1]), ignore_label=-100)
    refused(r"labels: found 18446744073709551615 in row 1 of the batch; expected labels below 2\^63", np.array([0, 2**64 - 1, 0, 0], "u8"))
    refused("labels: found 0.5 in row 1 of the batch; expected whole numbers", np.array([0, 0.5, 1, 2]))
    refused("labels: found nan in row 3", np.array([0, 1, 1, np.nan]))
    refused(r"labels: found shape \[4, 5\]; expected \[rows\]", np.zeros((4, 5)))
    refused(r"labels: found shape \[\]; expected \[rows\]", 3)
    refused("labels: found 2 ones in row 1 of the batch; expected one-hot", np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]))
    refused("labels: found 0 ones in row 2", np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]))
    refused("labels: found 0.25 in row 0", np.full((4, 4), 0.25))
    refused("labels: found numbers of type <U1; expected integers", np.array(list("abcd")))
    refused("labels: found 3 rows; expected 4", [0, 1, 2])


def test_what_does_not_fit_is_said():
    with pytest.raises(AccumulatorError, match="found neither targets= nor classes=; expected targets=n for a regression"):
        collapscope.Accumulator(3)
    with pytest.raises(AccumulatorError, match="found both targets= and classes="):
        collapscope.Accumulator(3, 2, classes=2)
    for classes in (0, -1, 2.5, "ten"):
        with pytest.raises(AccumulatorError, match="classes: found"):
            collapscope.Accumulator(3, classes=classes)
    with pytest.raises(AccumulatorError, match="classes: found 1000000000000; expected at most 67108864"):
        collapscope.Accumulator(3, classes=10**12)
    with pytest.raises(AccumulatorError, match="ignore_label: found -100 for a regression"):
        collapscope.Accumulator(3, 2, ignore_label=-100)
    with pytest.raises(AccumulatorError, match="ignore_label: found 0.5 for a classification"):
        collapscope.Accumulator(3, classes=2, ignore_label=0.5)
    sums = collapscope.Accumulator(3, classes=4, ignore_label=9)
    sums.update(np.eye(4, 3), [9, 9, 9, 9])
    with pytest.raises(AccumulatorError, match="found no rows"):
        sums.compute()
    sums.update(np.eye(4, 3), [0, 1, 2, 9])
    sums.begin_look()
    with pytest.raises(AccumulatorError, match="found the label 3, which did not occur before"):
        sums.look(np.eye(4, 3), [0, 1, 2, 3])
    for other in (collapscope.Accumulator(3, 4), collapscope.Accumulator(3, classes=5, ignore_label=9), collapscope.Accumulator(3, classes=4)):
        with pytest.raises(AccumulatorError, match="found an accumulator whose"):
            sums.merge(other)
    fresh = collapscope.Accumulator(3, classes=4)
    fresh.update(np.eye(4, 3), [0, 1, 2, 3], np.ones((4, 4)))
    with pytest.raises(AccumulatorError, match="found logits of 5 columns; expected 4, as before"):
        fresh.update(np.eye(4, 3), [0, 1, 2, 3], np.ones((4, 5)))
    with pytest.raises(AccumulatorError, match="predictions must come with all batches or with none"):
        fresh.update(np.eye(4, 3), [0, 1, 2, 3])
    with pytest.raises(AccumulatorError, match="predictions: found NaN or Inf, first in row 6"):
        fresh.update(np.eye(4, 3), [0, 1, 2, 3], np.where(np.arange(4) == 2, np.nan, 1)[:, None] + np.zeros(4))
    bad = np.eye(5, 3)
    bad[3, 1] = np.inf
    named = collapscope.Accumulator(3, classes=4, ignore_label=9)
    named.update(np.eye(4, 3), [0, 9, 2, 3])
    with pytest.raises(AccumulatorError, match="NaN or Inf, first in row 7"):  # of all that came
        named.update(bad, [9, 0, 9, 1, 2])
        named.compute()
    parts = [collapscope.Accumulator(3, classes=4, ignore_label=9) for _ in range(2)]
    for part in parts:
        part.update(np.eye(4, 3), [0, 9, 2, 3])
    parts[0].merge(parts[1])
    with pytest.raises(AccumulatorError, match="NaN or Inf, first in row 11"):
        parts[0].update(bad, [9, 0, 9, 1, 2])
        parts[0].compute()
    named.reset()
    named.update(bad, [0, 1, 2, 9, 3])  # what is left out is not looked at
    assert named.rows == 4 and named.results()["checkpoints"][0]["targets"]["samples_ignored"] == 1


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy])
def test_many_logits_go_part_by_part(monkeypatch, wrap):
    rows = Rows("ignored")
    whole, parts = rows.made(), rows.made()
    rows.each([5000], whole.update, wrap)
    monkeypatch.setattr("collapscope.accumulator.MOST_LOGITS", 700 * K)
    rows.each([5000], parts.update, wrap)
    same(parts.results(), whole.results())
    rows.logits[4000, 3] = np.nan
    with pytest.raises(AccumulatorError, match="predictions: found NaN or Inf, first in row 4000 of the batch"):
        rows.each([5000], parts.update, wrap)
    same(parts.results(), whole.results())  # nothing of it is in the sums


def test_logits_without_a_column_for_a_label():
    sums = collapscope.Accumulator(3, classes=4)
    sums.update(np.eye(4, 3), [0, 1, 2, 3], np.ones((4, 2)))
    checkpoint = sums.results()["checkpoints"][0]
    assert checkpoint["targets"]["model_accuracy"] is None
    assert sums.compute().set_index("metric")["note"]["model_accuracy"] == "labels name no columns of the predictions"


def test_one_class():
    sums = collapscope.Accumulator(3, classes=4)
    sums.update(np.random.default_rng(0).normal(size=(50, 3)), np.full(50, 2))
    table = sums.compute().set_index("metric")
    assert np.isnan(table["value"]["nc1"]) and table["note"]["nc1"] and table["value"]["classes"] == 1
