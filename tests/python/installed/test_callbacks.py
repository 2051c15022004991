"""Callbacks: what they log is what `measure` gives. Lightning and transformers are used where they are installed, else stood in for."""
import importlib
import sys
import types

import pytest
import torch

import collapscope
import test_meter_classes
from test_meter import batches, mlp


def stand_in(monkeypatch, name, base):
    try:
        importlib.import_module(name)
    except ImportError:
        module = types.ModuleType(name)
        setattr(module, base, type(base, (), {}))
        parents = name.split(".")[:-1]
        for depth in range(len(parents)):
            monkeypatch.setitem(sys.modules, ".".join(parents[:depth + 1]), types.ModuleType(parents[depth]))
        monkeypatch.setitem(sys.modules, name, module)


def test_measure():
    model, data = mlp(), batches((5,))
    once, twice = collapscope.measure(model, data, wide=True), collapscope.measure(model, data, looks=2, wide=True)
    assert once["nrc1_centered"].isna().all() and twice["nrc1_centered"].notna().all()
    assert once["nrc1"][1] == pytest.approx(twice["nrc1"][1])
    found = collapscope.scalars(collapscope.measure(model, data), ["nrc1", "target_dim", "evr"])
    assert found["collapse/2/nrc1"] == once["nrc1"][1] and found["collapse/target_dim"] == 2 and "collapse/0/evr[1]" in found


@pytest.mark.parametrize("make, names", [(lambda: collapscope.callbacks.lightning([]), ["lightning", "pytorch_lightning"]),
                                         (lambda: collapscope.callbacks.trainer(None, []), ["transformers"])])
def test_what_is_missing_is_named(monkeypatch, make, names):
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f"expected pip install {names[0]}"):
        make()


def test_lightning(monkeypatch):
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    data = batches((5,))
    callback = collapscope.callbacks.lightning(data, every=2, metrics=["nrc1"])
    logged = {}

    class Module(torch.nn.Sequential):
        def log_dict(self, numbers, **_):
            logged[trainer.current_epoch] = numbers

    module, trainer = Module(*mlp()), types.SimpleNamespace(current_epoch=0)
    for trainer.current_epoch in range(4):
        callback.on_train_epoch_end(trainer, module)
    assert list(logged) == [1, 3] and set(logged[1]) == {"collapse/0/nrc1", "collapse/2/nrc1", "collapse/4/nrc1"}


def test_trainer(monkeypatch):
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    data, logged, added = [{"input": x, "labels": y} for x, y in batches((5,))], [], []
    trainer = types.SimpleNamespace(log=logged.append, add_callback=added.append)
    model = mlp()
    callback = collapscope.callbacks.trainer(trainer, data, every=10, metrics=["nrc1"])
    assert added == [callback]
    for step in range(1, 21):
        callback.on_step_end(None, types.SimpleNamespace(global_step=step), None, model=model)
    assert len(logged) == 2 and logged[0]["collapse/4/nrc1"] > 0


CLASSIFIER = {"task": "classification"}


def test_measure_a_classifier():
    model, data = test_meter_classes.mlp(), test_meter_classes.batches()
    once = collapscope.measure(model, data, wide=True, **CLASSIFIER)
    twice = collapscope.measure(model, data, looks=2, wide=True, **CLASSIFIER)
    assert once["nc4_disagreement"].isna().all() and twice["nc4_disagreement"].notna().all()
    assert once["nc1"][2] == pytest.approx(twice["nc1"][2])
    found = collapscope.scalars(collapscope.measure(model, data, **CLASSIFIER), ["nc1", "nc4_disagreement", "model_accuracy"])
    assert set(found) == {"collapse/0/nc1", "collapse/2/nc1", "collapse/4/nc1", "collapse/model_accuracy"}


def test_lightning_with_a_classifier(monkeypatch):
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    logged = {}

    class Module(torch.nn.Sequential):
        def log_dict(self, numbers, **_):
            logged.update(numbers)

    module = Module(*test_meter_classes.mlp())
    for looks in (1, 2):
        logged.clear()
        callback = collapscope.callbacks.lightning(test_meter_classes.batches(), looks=looks, **CLASSIFIER)
        callback.on_train_epoch_end(types.SimpleNamespace(current_epoch=0), module)
        layers = {f"collapse/{layer}/{metric}" for layer in (0, 2, 4) for metric in ("nc1", "nc2_equiangular")}
        assert set(logged) == layers | {"collapse/4/nc3_self_duality"} | ({"collapse/4/nc4_disagreement"} if looks == 2 else set())
        assert logged["collapse/4/nc1"] == callback.table.query("layer == '4' and metric == 'nc1'")["value"].item()


def test_trainer_with_labels_of_tokens(monkeypatch):
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    data = [{"x": item["x"], "labels": item["y"]} for item in test_meter_classes.tokens()]
    logged = []
    trainer = types.SimpleNamespace(log=logged.append, add_callback=lambda callback: None)
    callback = collapscope.callbacks.trainer(trainer, data, every=1, metrics=["nc1", "model_accuracy"], pool="none", ignore_label=-100,
                                             exclude="block.self_attn", **CLASSIFIER)
    callback.on_step_end(None, types.SimpleNamespace(global_step=1), None, model=test_meter_classes.tagger())
    assert set(logged[0]) == {f"collapse/{layer}/nc1" for layer in ("embed", "block.linear1", "block.linear2", "head")} | {"collapse/model_accuracy"}
    pairs = [(item["x"], item["labels"]) for item in data]
    table = collapscope.measure(test_meter_classes.tagger(), pairs, pool="none", ignore_label=-100, exclude="block.self_attn", wide=True,
                                **CLASSIFIER)
    assert logged[0]["collapse/head/nc1"] == table["nc1"].iloc[-1]
