"""attach: which steps are recorded, under which names, and which loaders are refused."""
import gc
import inspect

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset  # noqa: E402

import collapscope  # noqa: E402


def loader(**options):
    torch.manual_seed(0)
    return DataLoader(TensorDataset(torch.randn(20, 4), torch.randn(20, 2)), batch_size=8, **options)


@pytest.mark.parametrize("options, expected", [
    (dict(every=3), [3, 6]), (dict(at=np.array([1, 5, 99])), [1, 5]), (dict(at=[1], every=4), [1, 4]), ({}, list(range(1, 8)))])
@pytest.mark.parametrize("counted", [True, False])
def test_steps(tmp_path, options, expected, counted):
    model, data = nn.Linear(4, 2), loader()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    rec = collapscope.attach(model, tmp_path / "{run}_{step:03d}.h5", data=data, attributes={"run": "a"}, unit="step", **options)
    weights = {}
    for step in range(1, 8):
        model(torch.randn(3, 4)).sum().backward()
        optimizer.step()
        weights[step] = model.weight.detach().clone()
        found = rec.step(loss=0.5) if counted else rec.step(step, loss=0.5)
        assert (found is not None) == (step in expected)
    assert [path.name for path in rec.files] == [f"a_{step:03d}.h5" for step in expected]
    for step, path in zip(expected, rec.files):
        with h5py.File(path) as f:
            assert {key: f.attrs[key] for key in ("run", "step", "step_unit", "loss")} == {
                "run": "a", "step": step, "step_unit": "step", "loss": 0.5}
            assert np.array_equal(f["layers/model/weight"], weights[step])
            assert np.array_equal(f["layers/model/activations"], data.dataset.tensors[0])


@pytest.mark.parametrize("last, expected", [(False, ["e2.h5", "e4.h5"]), (True, ["e2.h5", "e4.h5", "e5.h5"])])
def test_the_last_step(tmp_path, last, expected):
    with collapscope.attach(nn.Linear(4, 2), tmp_path / "e{step}.h5", loader, every=2, last=last) as rec:
        for epoch in range(1, 6):
            rec.step(epoch)
    assert [path.name for path in rec.files] == expected
    with pytest.raises(RuntimeError):
        with collapscope.attach(nn.Linear(4, 2), tmp_path / "x{step}.h5", loader, every=2, last=last) as rec:
            rec.step(1)
            raise RuntimeError
    assert rec.files == []


def test_attributes_of_the_step_and_options_of_the_recorder(tmp_path):
    rec = collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", loader(), attributes=lambda step: {"learning_rate": 1 / step},
                             dtype="float16", samples=8, batch=lambda item: (item[0], item[1][:, :2]))
    with h5py.File(rec.step(4)) as f:
        assert f.attrs["learning_rate"] == 0.25 and f["layers/model/activations"].dtype == np.float16
        assert f["targets"].shape == (8, 2)


@pytest.mark.parametrize("data, message", [
    (lambda: loader(shuffle=True), "found a loader with RandomSampler, whose order differs"),
    (lambda: loader(sampler=SubsetRandomSampler(range(20))), "found a loader with SubsetRandomSampler"),
    (lambda: iter(loader()), "which can be read once"), (lambda: 3, "data: found int; expected a loader"),
    (lambda: [], "data: found no batch"), (lambda: [torch.randn(3, 4)], "found a batch of type Tensor; expected a pair")])
def test_refused_loaders(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", data())


def test_a_shuffling_loader_that_is_wanted(tmp_path):
    rec = collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", loader(shuffle=True), allow_random=True)
    rec.step(1), rec.step(2)
    assert len(rec.files) == 2


def test_other_targets_than_before_are_warned_of(tmp_path):
    targets = [torch.zeros(5, 2), torch.zeros(5, 2), torch.zeros(5, 2), torch.ones(5, 2)]  # the first to check that all fits
    rec = collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", lambda: [(torch.randn(5, 4), targets.pop(0))])
    rec.step(), rec.step()
    with pytest.warns(UserWarning, match="3.h5: targets: found other values, or another order, than in .*1.h5"):
        rec.step()


def test_two_recorders_with_one_name_are_warned_of(tmp_path):
    model, pattern = nn.Linear(4, 2), tmp_path / "{step}.h5"
    first, second = collapscope.attach(model, pattern, loader()), collapscope.attach(model, pattern, loader())
    first.step(1), first.step(1), second.step(2)
    with pytest.warns(UserWarning, match="1.h5: another recorder of this process wrote this file, and it is replaced; .*test_{step}.h5") as found:
        second.step(1)
    assert len(found) == 1
    second.step(1)
    with pytest.warns(UserWarning, match="1.h5: another recorder"):
        first.step(1)
    first.step(2)
    del first, second, found  # the training is started again
    gc.collect()
    again = collapscope.attach(model, pattern, loader())
    again.step(1), again.step(2)
    (tmp_path / "1.h5").unlink()
    collapscope.attach(model, pattern, loader()).step(1)


@pytest.mark.parametrize("name, options, message", [
    ("a.h5", dict(every=1), r"found no \{step\} in the name"),
    ("a.h5", dict(at=[1, 2]), r"found no \{step\} in the name"),
    ("{run}_{step}.h5", {}, r"found \{run\} in the name; expected step or one of the attributes \(none\)"),
    ("{step:q}.h5", {}, "found a name that cannot be made: .*; expected a format string"),
    ("{step}.h5", dict(every=0), "every: found 0; expected a whole number"),
    ("{step}.h5", dict(at=["1"]), r"at: found \['1'\]; expected whole numbers"),
    ("{step}.h5", dict(at=[[1]]), r"at: found \[\[1\]\]; expected whole numbers"),
    ("{step}.h5", dict(at=5), r"at: found 5; expected a list of whole numbers"),
    ("{step}.h5", dict(at=[]), r"at: found no step, and neither every nor last; expected at least one"),
    ("{step}.h5", dict(every=True), "every: found True; expected a whole number"),
    ("{step}.h5", dict(unit=5), "unit: found 5; expected a text"),
    ("{step}.h5", dict(last="yes"), "last: found 'yes'; expected True or False"),
    ("{step}.h5", dict(check="x"), "check: found 'x'; expected True or False"),
    ("{step}.h5", dict(shards="yes"), "shards: found 'yes'; expected True"),
    ("{step}.h5", dict(batch_first=0), "batch_first: found 0; expected True, False or None"),
    ("{step}.h5", dict(attributes={"step": 0}), r"attributes: found 'step'; expected it in step\(\)"),
    ("{step}.h5", dict(attributes=lambda step: {"step": step}), r"attributes: found 'step'; expected it in step\(\)"),
    ("{step}.h5", dict(attributes=["a"]), r"attributes: found \['a'\]; expected a dict, or a function of the step"),
    ("{step}.h5", dict(attributes=lambda step: 3), "attributes: found 3; expected a dict, or a function of the step"),
    ("{step}.h5", dict(attributes={3: 4}), "attributes: found the name 3; expected a text"),
    ("{step}.h5", dict(attributes={"n": 10**30}), "attribute 'n': found 1000.*; expected an integer of 64 bits"),
    ("{step}.h5", dict(on_error="ignore"), "on_error: found 'ignore'; expected 'raise' or 'warn'"),
    ("{step}.h5", dict(samples=0), "samples: found 0; expected a whole number"),
    ("{step}.h5", dict(batch=3), "batch: found 3; expected a function"),
    ("{step}.h5", dict(layers="fc"), "layers: found no module 'fc' in Linear"),
    ("{step}.h5", dict(exclude="fc"), "exclude: found no module 'fc' in Linear"),
    ("{step}.h5", dict(dtype="float8"), "dtype: found 'float8'"),
    ("{step}.h5", dict(pool="median"), "pool: found 'median'"),
    ("{step}.h5", dict(compression="zip"), "compression: found 'zip'"),
    ("{step}.h5", dict(output="logits"), "output: found 'logits'; expected a function"),
    ("{step}.h5", dict(task="classification"), "targets: found float32 of shape"),
    ("{step}.h5", dict(attributes={"tags": [1]}), "attribute 'tags': found list"),
    ("{step}.h5", dict(batch=lambda item: item[0]), r"batch: found a function that gives Tensor; expected \(x, y\)"),
    ("{step}.h5", dict(batch=lambda item: {"x": item[0], "labels": item[1]}), "batch: found 'labels'; expected x, y, mask and predictions"),
    ("{step}.h5", dict(output=lambda out: out[:, 0]), r"predictions: found shape \[8\]; expected \[8, 2\]")])
def test_refused_names(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        collapscope.attach(nn.Linear(4, 2), tmp_path / name, loader(), **options)
    assert list(tmp_path.iterdir()) == []


def test_steps_that_are_no_numbers(tmp_path):
    rec = collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", loader(), every=np.int64(2))
    for step in ("early", "4", 2.5, True, float("nan")):
        with pytest.raises(ValueError, match="step: found .*; expected a whole number"):
            rec.step(step)
    assert [rec.step(step) for step in (np.int32(2), 4.0, torch.tensor(6))] == [tmp_path / f"{step}.h5" for step in (2, 4, 6)]


def test_batches_that_are_no_pairs(tmp_path):
    with pytest.raises(ValueError, match=r"found a batch of type tuple of length 3; expected a pair"):
        collapscope.record(nn.Linear(4, 2), tmp_path / "a.h5", [(torch.zeros(3, 4),) * 3])


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "dumps").write_text("a file")
    with pytest.raises(OSError, match="dumps"):
        collapscope.attach(nn.Linear(4, 2), tmp_path / "dumps" / "{step}.h5", loader())


def test_attaching_leaves_all_as_it_was(tmp_path):
    model, calls = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)), []
    generator = torch.Generator().manual_seed(1)
    data = loader(generator=generator)
    before = torch.get_rng_state(), generator.get_state(), {name: value.clone() for name, value in model.state_dict().items()}
    rec = collapscope.attach(model, tmp_path / "dumps" / "{run}_{step}", data, every=5, attributes=lambda step: calls.append(step) or {"run": "a"})
    assert calls == [5] and list((tmp_path / "dumps").iterdir()) == [] and rec.files == []
    rec.step(5)
    assert torch.equal(before[0], torch.get_rng_state()) and torch.equal(before[1], generator.get_state())
    assert all(torch.equal(value, before[2][name]) for name, value in model.state_dict().items())
    assert rec.files == [tmp_path / "dumps" / "a_5.h5"] and rec.files[0].exists()


def test_nothing_is_tried_without_check(tmp_path):
    model = nn.Linear(4, 2)
    model.register_forward_hook(lambda *args: pytest.fail("ran"))
    collapscope.attach(model, tmp_path / "{step}.h5", loader(), check=False)
    with pytest.raises(ValueError, match="dtype"):  # what costs nothing is
        collapscope.attach(model, tmp_path / "{step}.h5", loader(), check=False, dtype="float8")


def test_a_divergence_does_not_end_the_training(tmp_path):
    model = nn.Linear(4, 2)
    rec = collapscope.attach(model, tmp_path / "{step}.h5", loader(), on_error="warn")
    rec.step(1)
    weight = model.weight.detach().clone()
    with torch.no_grad():
        model.weight[0, 0] = float("nan")
    for step in (2, 3):
        with pytest.warns(RuntimeWarning, match=rf"step {step} is not recorded: .*{step}.h5: predictions: sample 0 has a NaN or Inf"):
            assert rec.step(step) is None
    with torch.no_grad():
        model.weight.copy_(weight)
    assert rec.step(4) == tmp_path / "4.h5"
    assert [path.name for path in rec.files] == ["1.h5", "4.h5"] == sorted(path.name for path in tmp_path.iterdir())
    assert [step for step, _ in rec.failures] == [2, 3] and all(isinstance(error, ValueError) for _, error in rec.failures)
    strict = collapscope.attach(model, tmp_path / "{step}.h5", loader())
    with torch.no_grad():
        model.weight[0, 0] = float("inf")
    with pytest.raises(ValueError, match="NaN or Inf"):
        strict.step(5)


def test_layers_are_warned_of_once(tmp_path):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.unused, self.attention = nn.Linear(4, 2), nn.Linear(2, 2), nn.MultiheadAttention(2, 1)

        def forward(self, x):
            return self.fc(x)

    with pytest.warns(UserWarning) as found:
        rec = collapscope.attach(Model(), tmp_path / "{step}.h5", loader())
    assert ["unused" in str(w.message) for w in found] == [True, False] and "attention (MultiheadAttention)" in str(found[1].message)
    rec.step(1)
    rec.step(2)


def test_signatures_say_every_option():
    """What an editor shows: no hidden **options, and the same ones everywhere."""
    def options(function):
        parameters = inspect.signature(function).parameters
        assert not {p.kind for p in parameters.values()} & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
        return {name: p.default for name, p in parameters.items() if p.default is not inspect.Parameter.empty}

    of_recorder, of_record, of_attach = map(options, (collapscope.Recorder, collapscope.record, collapscope.attach))
    assert of_recorder.items() <= of_record.items() <= of_attach.items()


def test_names_with_numbers_get_their_ending(tmp_path):
    rec = collapscope.attach(nn.Linear(4, 2), tmp_path / "wd{weight_decay}_{step:.3f}", loader(), attributes={"weight_decay": 0.5})
    assert rec.step(2) == tmp_path / "wd0.5_2.000.h5" and rec.files[0].exists()
