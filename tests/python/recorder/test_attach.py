"""attach: which steps are recorded, under which names, and which loaders are refused."""
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
    (dict(every=3), [3, 6]), (dict(at=[1, 5, 99]), [1, 5]), (dict(at=[1], every=4), [1, 4]), ({}, list(range(1, 8)))])
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
    (lambda: iter(loader()), "which can be read once")])
def test_refused_loaders(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", data())


def test_a_shuffling_loader_that_is_wanted(tmp_path):
    rec = collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", loader(shuffle=True), allow_random=True)
    rec.step(1), rec.step(2)
    assert len(rec.files) == 2


def test_other_targets_than_before_are_warned_of(tmp_path):
    targets = [torch.zeros(5, 2), torch.zeros(5, 2), torch.ones(5, 2)]
    rec = collapscope.attach(nn.Linear(4, 2), tmp_path / "{step}.h5", lambda: [(torch.randn(5, 4), targets.pop(0))])
    rec.step(), rec.step()
    with pytest.warns(UserWarning, match="3.h5: targets: found other values, or another order, than in .*1.h5"):
        rec.step()


@pytest.mark.parametrize("name, options, message", [
    ("a.h5", dict(every=1), r"found no \{step\} in the name"),
    ("a.h5", dict(at=[1, 2]), r"found no \{step\} in the name"),
    ("{run}_{step}.h5", {}, r"found \{run\} in the name; expected step or one of the attributes \(none\)"),
    ("{step}.h5", dict(every=0), "every: found 0; expected a whole number")])
def test_refused_names(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        collapscope.attach(nn.Linear(4, 2), tmp_path / name, loader(), **options)


def test_batches_that_are_no_pairs(tmp_path):
    with pytest.raises(ValueError, match=r"found a batch of type tuple of length 3; expected a pair"):
        collapscope.record(nn.Linear(4, 2), tmp_path / "a.h5", [(torch.zeros(3, 4),) * 3])
