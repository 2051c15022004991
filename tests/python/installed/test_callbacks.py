"""Callbacks: what they log is what `measure` gives. Lightning and transformers are used where they are installed, else stood in for."""
import contextlib
import importlib
import pickle
import sys
import types
import warnings

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


def test_the_trainer_still_logs_its_own_numbers(monkeypatch):
    """Whoever logs through the Trainer takes from it that it logs at this step."""
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    control, logged = types.SimpleNamespace(should_log=True), []

    def log(numbers):
        logged.append(numbers)
        control.should_log = False

    trainer = types.SimpleNamespace(log=log, add_callback=lambda callback: None)
    callback = collapscope.callbacks.trainer(trainer, [{"input": x, "labels": y} for x, y in batches((5,))], every=1, metrics=["nrc1"])
    for wanted in (True, False):
        control.should_log = wanted
        callback.on_step_end(None, types.SimpleNamespace(global_step=1), control, model=mlp())
        assert control.should_log is wanted
    assert len(logged) == 2


def test_two_callbacks_have_names_of_their_own(monkeypatch):
    """Training data and test data: loggers average, or replace, what comes under one name."""
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    data = [{"input": x, "labels": y} for x, y in batches((5,))]
    logged, callbacks = [], []
    trainer = types.SimpleNamespace(log=logged.append, add_callback=callbacks.append, callback_handler=types.SimpleNamespace(callbacks=callbacks))
    for prefix in ("collapse", "collapse", "test"):
        collapscope.callbacks.trainer(trainer, data, every=1, metrics=["nrc1"], **({} if prefix == "collapse" else {"prefix": prefix}))
    collapscope.callbacks.trainer(trainer, data, every=1, metrics=["deep_nrc1"])
    for callback in callbacks[:2]:
        with pytest.raises(ValueError, match="prefix: found two callbacks that log nrc1 as 'collapse'; expected one prefix each, such as 'collapse_train'"):
            callback.on_train_begin(None, None, None, model=mlp())
    del callbacks[1]
    for callback in callbacks:
        callback.on_train_begin(None, None, None, model=mlp())
        callback.on_step_end(None, types.SimpleNamespace(global_step=1), None, model=mlp())
    assert [next(iter(numbers)).split("/")[0] for numbers in logged] == ["collapse", "test", "collapse"]
    with pytest.raises(ValueError, match="prefix: found ''"):
        collapscope.callbacks.trainer(trainer, data, prefix="")


def test_failures_hold_no_batches(monkeypatch):
    """A training that goes on after NaN would run out of memory."""
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    trainer = types.SimpleNamespace(log=lambda numbers: None, add_callback=lambda callback: None)
    callback = collapscope.callbacks.trainer(trainer, [{"input": x * float("nan"), "labels": y} for x, y in batches((5,))], every=1, on_error="warn")
    with pytest.warns(RuntimeWarning, match="collapse is not measured at step 1"):
        callback.on_step_end(None, types.SimpleNamespace(global_step=1), None, model=mlp())
    (step, error), = callback.failures
    assert step == 1 and "NaN or Inf" in str(error)
    while error is not None:
        assert error.__traceback__ is None
        error = error.__cause__ or error.__context__


def test_tables_that_scalars_refuses():
    tables = [collapscope.Meter(mlp(), attributes={"run": "a"}) for _ in range(2)]
    for meter in tables:
        meter.update(*batches((5,))[0])
    with pytest.raises(ValueError, match="scalars: found a wide table"):
        collapscope.scalars(tables[0].compute(wide=True), ["nrc1"])
    both = collapscope.load([meter.results(attributes={"step": step}) for step, meter in enumerate(tables)])
    assert both["step"].unique().tolist() == [0, 1] and both["run"].unique().tolist() == ["a"]
    with pytest.raises(ValueError, match="scalars: found a table of 2 checkpoints"):
        collapscope.scalars(both, ["nrc1"])
    assert tables[0].compute(attributes={"step": 7})["step"].unique().tolist() == [7]
    with pytest.raises(ValueError, match="attributes: found list"):
        tables[0].compute(attributes=["step"])


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


class Padded(torch.nn.Module):
    """Sees tokens with padding, as those of transformers."""

    def __init__(self, **config):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.inner, self.head = torch.nn.Embedding(9, 6), torch.nn.Linear(6, 5), torch.nn.Linear(5, 2)
        self.config = types.SimpleNamespace(**config)

    def forward(self, input_ids, attention_mask=None, labels=None):
        embedded = self.embed(input_ids)
        return self.head(torch.tanh(self.inner(embedded[:, 1:] if hasattr(self.config, "shortens") else embedded))[:, 0])


@pytest.mark.parametrize("pool", ["mean", "max", "last"])
def test_trainer_leaves_out_padding(monkeypatch, pool):
    """However long the batches are padded, the numbers are the same."""
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    lengths, y = torch.arange(32) % 5 + 3, torch.randn(32, 2)
    ids = torch.randint(1, 9, (32, 7))

    def logged(padded, **config):
        found = []
        of = types.SimpleNamespace(log=found.append, add_callback=lambda callback: None)
        mask = (torch.arange(padded)[None] < lengths[:, None]).long()
        batch = {"input_ids": torch.nn.functional.pad(ids, (0, padded - 7)) * mask, "attention_mask": mask, "labels": y}
        callback = collapscope.callbacks.trainer(of, [batch], every=1, metrics=["deep_nrc1"], pool=pool)
        callback.on_step_end(None, types.SimpleNamespace(global_step=1), None, model=Padded(**config))
        return found[0], batch

    short, batch = logged(7)
    assert short == pytest.approx(logged(20)[0], rel=1e-6)
    table = collapscope.measure(Padded(), [batch], batch=lambda b: {"x": b["input_ids"], "y": b["labels"], "mask": b["attention_mask"]}, pool=pool)
    assert short == collapscope.scalars(table, ["deep_nrc1"])
    with pytest.warns(RuntimeWarning, match="collapse is measured with padding: attention_mask is the encoder's alone"):
        padded = logged(7, is_encoder_decoder=True)[0]
    assert padded != short
    with pytest.warns(RuntimeWarning, match=r"with padding: .*layers/inner: found a sequence of shape \[32, 6\].*expected \[32, 7\], as the mask has"):
        logged(7, shortens=True)


class Causal(torch.nn.Module):
    """A language model as transformers has them: of labels that it shifts itself, or does not."""

    def __init__(self, shift=True):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head, self.shift = torch.nn.Embedding(7, 12), torch.nn.Linear(12, 7), shift

    def forward(self, input_ids, labels=None):
        logits = self.head(self.embed(input_ids))
        loss = None
        if labels is not None:
            pair = (logits[:, :-1], labels[:, 1:]) if self.shift else (logits, labels)
            loss = torch.nn.functional.cross_entropy(pair[0].flatten(0, 1), pair[1].flatten())
        return types.SimpleNamespace(loss=loss, logits=logits)


@pytest.mark.parametrize("shift", [True, False])
def test_trainer_with_a_language_model(monkeypatch, shift):
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    model, ids = Causal(shift), torch.randint(0, 7, (24, 9))
    labels = ids.clone()
    labels[3, 5:] = -100
    logged, options = [], {"task": "classification", "pool": "none", "ignore_label": -100, "layers": "head"}
    of = types.SimpleNamespace(log=logged.append, add_callback=lambda callback: None)
    metrics = ["nc1", "model_accuracy", "model_cross_entropy"]
    callback = collapscope.callbacks.trainer(of, [{"input_ids": ids, "labels": labels}], every=1, metrics=metrics, **options)
    callback.on_train_begin(None, None, None, model=model)
    callback.on_step_end(None, types.SimpleNamespace(global_step=1), None, model=model)
    wanted = torch.cat([labels[:, 1:], torch.full((24, 1), -100)], 1) if shift else labels
    assert logged == [collapscope.scalars(collapscope.measure(model, [(ids, wanted)], **options), metrics)]
    assert logged[0]["collapse/model_cross_entropy"] == pytest.approx(model(ids, labels).loss.item(), rel=1e-5)


@pytest.mark.parametrize("options, message", [
    ({"every": 0}, "every: found 0"), ({"every": -1}, "every: found -1"), ({"metrics": ["nrc99"]}, "nrc99"), ({"nonsense": 1}, "argument 'nonsense'"),
    ({"wide": True}, "argument 'wide'"), ({"on_error": "log"}, "on_error: found 'log'"), ({"looks": 3}, "looks: found 3"),
    ({"pool": "avg"}, "pool: found 'avg'"), ({"dtype": "float8"}, "dtype: found 'float8'"), ({"output": 1}, "output: found 1"),
    ({"batch_first": 1}, "batch_first: found 1"), ({"class_names": ["a"]}, "class_names"),
    ({"signal_dim": 0}, "signal_dim: found 0"), ({"metrics": []}, "metrics: found none"), ({"batch": 1}, "batch: found 1")])
def test_wrong_options_are_said_at_once(monkeypatch, options, message):
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    with pytest.raises((ValueError, TypeError), match=message):
        collapscope.callbacks.lightning(batches((5,)), **options)
    with pytest.raises((ValueError, TypeError), match=message):
        collapscope.callbacks.trainer(types.SimpleNamespace(add_callback=None), batches((5,)), **options)
    with pytest.raises(ValueError, match="data: found generator"):
        collapscope.callbacks.lightning(item for item in batches((5,)))


@pytest.mark.parametrize("task, metrics, message", [
    ("classification", "nrc1", "metrics: found 'nrc1', of which a classification has none; expected metrics of it, or task='regression'"),
    ("regression", ["nc1", "nc2_e*"], r"metrics: found 'nc1,nc2_e\*', of which a regression has none; .* or task='classification'"),
    ("classification", "nc4_disagreement", "found nc4_disagreement, which takes a second look at the batches; expected looks=2"),
    ("classification", "ncc_accuracy,nc1_unit", "which take a second look"), ("regression", "nrc1_centered", "expected looks=2")])
def test_metrics_that_never_have_a_value_are_said_at_once(monkeypatch, task, metrics, message):
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    with pytest.raises(ValueError, match=message):
        collapscope.callbacks.lightning(batches((5,)), metrics=metrics, task=task)
    if "looks=2" in message or "second" in message:
        collapscope.callbacks.lightning(batches((5,)), metrics=metrics, task=task, looks=2)
        collapscope.Meter(mlp(), task=task, metrics=metrics)
    else:
        with pytest.raises(ValueError, match=message):
            collapscope.Meter(mlp(), task=task, metrics=metrics)


def test_a_metric_that_is_not_logged_is_told(monkeypatch):
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    with pytest.warns(RuntimeWarning, match="metrics: nc4_disagreement will not be logged without looks=2"):
        collapscope.callbacks.lightning(batches((5,)), metrics="nc1,nc4_disagreement", **CLASSIFIER)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for metrics in (None, "nc*", "deep_nrc1_depth_slope", "target_rank", "model_accuracy"):
            collapscope.callbacks.lightning(batches((5,)), metrics=metrics, **({} if metrics in (None, "target_rank") else CLASSIFIER))


def test_wrong_layers_are_said_when_the_training_begins(monkeypatch):
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    callback = collapscope.callbacks.lightning(batches((5,)), layers="nothing", on_error="warn")
    with pytest.raises(ValueError, match="found no module 'nothing'"):
        callback.on_fit_start(None, mlp())


class OnlyNet(torch.nn.Module):
    """As LightningModules often are: without forward."""

    def __init__(self):
        super().__init__()
        self.net = mlp()


@pytest.mark.parametrize("on_error", ["raise", "warn"])
def test_what_does_not_fit_is_said_when_the_training_begins(monkeypatch, on_error):
    """With the first batch, and not after the first epoch or 500 steps."""
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    of, data = types.SimpleNamespace(add_callback=lambda callback: None), batches((5,))
    for model, given, options, message in (
            (OnlyNet(), data, {}, r'missing the required "forward" function'), (mlp(), [], {}, "data: found no batch"),
            (mlp(), [(x, y, y) for x, y in data], {}, "found a batch of type tuple of length 3"),
            (mlp(), data, {"batch": lambda item: {"x": item[0], "z": 1}}, "batch: found 'z'"),
            (mlp(), data, {"task": "classification"}, "targets: found float32"), (mlp(), batches((4,)), {}, "mat1 and mat2")):
        for callback in (collapscope.callbacks.lightning(given, every=50, on_error=on_error, **options),
                         collapscope.callbacks.trainer(of, given, on_error=on_error, **options)):
            before = torch.get_rng_state()
            with pytest.raises(Exception, match=message):
                if hasattr(callback, "on_fit_start"):
                    callback.on_fit_start(None, model)
                else:
                    callback.on_train_begin(None, None, None, model=model)
            assert torch.equal(torch.get_rng_state(), before)


def test_a_nan_when_the_training_begins(monkeypatch):
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    model = mlp()
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    collapscope.callbacks.lightning(batches((5,)), on_error="warn").on_fit_start(None, model)
    with pytest.raises(ValueError, match="NaN or Inf"):
        collapscope.callbacks.lightning(batches((5,))).on_fit_start(None, model)


class Converting:
    """As a precision plugin of Lightning."""

    def __init__(self, dtype):
        self.dtype = dtype

    def convert_input(self, batch):
        return tuple(part.to(self.dtype) for part in batch)

    @contextlib.contextmanager
    def tensor_init_context(self):
        before = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)
        yield
        torch.set_default_dtype(before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_lightning_in_another_precision(monkeypatch, dtype):
    """Batches are converted as Lightning's loops do it; what a forward makes has the type of the training."""
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    logged = {}

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp().to(dtype)

        def forward(self, x):
            return self.net(x + torch.zeros(5))

        def log_dict(self, numbers, **_):
            logged.update(numbers)

    module, trainer = Module(), types.SimpleNamespace(current_epoch=0, precision_plugin=Converting(dtype))
    callback = collapscope.callbacks.lightning(batches((5,)), metrics=["nrc1"], batch=lambda pair: {"x": pair[0], "y": pair[1]})
    callback.on_fit_start(trainer, module)
    callback.on_train_epoch_end(trainer, module)
    data = [(x.to(dtype), y.to(dtype)) for x, y in batches((5,))]
    assert logged["collapse/net.0/nrc1"] == collapscope.measure(module.net, data, wide=True)["nrc1"][0]


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "16-true", "bf16-mixed", "32-true"])
def test_precisions_of_lightning_itself(precision, tmp_path):
    pl = pytest.importorskip("lightning.pytorch")
    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(64, 5), torch.randint(0, 3, (64,))), 16)

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))

        def forward(self, x):
            return self.net(x)

        def training_step(self, pair, index):
            return torch.nn.functional.cross_entropy(self(pair[0]).float(), pair[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.01)

    callback = collapscope.callbacks.lightning(loader, looks=2, **CLASSIFIER)
    trainer = pl.Trainer(max_epochs=1, precision=precision, callbacks=[callback], accelerator="cpu", logger=False, enable_progress_bar=False,
                         enable_model_summary=False, enable_checkpointing=False, default_root_dir=tmp_path)
    trainer.fit(Module(), loader)
    assert trainer.callback_metrics["collapse/net.2/nc4_disagreement"] >= 0 and not callback.failures


def test_callbacks_can_be_sent_to_other_processes(monkeypatch):
    """As "ddp_spawn" does it."""
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    callback = pickle.loads(pickle.dumps(collapscope.callbacks.lightning(batches((5,)), metrics=["nrc1"])))
    module = mlp()
    logged = {}
    module.log_dict = lambda numbers, **_: logged.update(numbers)
    callback.on_train_epoch_end(types.SimpleNamespace(current_epoch=0), module)
    assert "collapse/0/nrc1" in logged


def test_a_nan_in_a_training(monkeypatch):
    stand_in(monkeypatch, "lightning.pytorch", "Callback")
    stand_in(monkeypatch, "transformers", "TrainerCallback")
    logged = []

    class Module(torch.nn.Sequential):
        def log_dict(self, numbers, **_):
            logged.append(numbers)

    module, now = Module(*mlp()), types.SimpleNamespace(current_epoch=0)
    callback = collapscope.callbacks.lightning(batches((5,)), metrics="nrc*", on_error="warn")
    callback.on_train_epoch_end(now, module)
    assert "collapse/0/nrc1" in logged[0]
    with torch.no_grad():
        module[0].weight.fill_(float("nan"))
    now.current_epoch = 1
    with pytest.warns(RuntimeWarning, match="not measured at step 1: .* has a NaN or Inf"):
        callback.on_train_epoch_end(now, module)
    assert len(logged) == 1 and callback.failures[0][0] == 1 and callback.table is not None
    with pytest.raises(ValueError, match="NaN or Inf"):
        collapscope.callbacks.lightning(batches((5,))).on_train_epoch_end(now, module)
    of = types.SimpleNamespace(log=logged.append, add_callback=lambda callback: None)
    callback = collapscope.callbacks.trainer(of, batches((5,)), every=1, on_error="warn")
    with pytest.warns(RuntimeWarning, match="not measured at step 7"):
        callback.on_step_end(None, types.SimpleNamespace(global_step=7), None, model=module)
    assert len(logged) == 1


def test_making_a_callback_moves_no_random_numbers():
    from collapscope._measuring import Measuring

    before = torch.get_rng_state()
    Measuring(batches((5,)), 1, None, "raise", {})
    assert torch.equal(torch.get_rng_state(), before)
