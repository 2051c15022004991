"""Meter: what the program says of a dump of the same batches, without the dump."""
import copy
import inspect
import json
import subprocess

import pytest
import torch

import collapscope
from collapscope import program as collapscope_program
from in_two_ranks import in_two_ranks


def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))


def convnet():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 6, 3), torch.nn.ReLU(), torch.nn.Flatten(),
                               torch.nn.Linear(6 * 4 * 4, 2))


def transformer():
    torch.manual_seed(2)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = torch.nn.Linear(3, 8), torch.nn.Linear(8, 2)
            self.block = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x):
            return self.head(self.block(self.embed(x)).mean(1))

    return Model()


def normed():
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(5, 9)), torch.nn.Tanh(),
                               torch.nn.utils.weight_norm(torch.nn.Linear(9, 2)))


def batches(shape, samples=700, size=128):
    torch.manual_seed(4)
    x, y = torch.randn(samples, *shape), torch.randn(samples, 2)
    return [(x[i:i + size], y[i:i + size]) for i in range(0, samples, size)]


def of_program(path, looks):
    done = subprocess.run([collapscope_program.find_program(), "analyze", str(path), "-q", "-o", "-", "--looks", str(looks)],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make, shape", [(mlp, (5,)), (convnet, (1, 8, 8)), (transformer, (6, 3)), (normed, (5,))])
def test_the_bits_of_the_program(make, shape, tmp_path):
    model, data = make(), batches(shape)
    options = {"exclude": "block.self_attn"} if make is transformer else {}
    meter = collapscope.Meter(model, attributes={"run": "r", "step": 1, "weight_decay": 0.5}, **options)
    before = copy.deepcopy(model.state_dict())
    for x, y in data:
        meter.update(x, y)
    collapscope.record(model, tmp_path / "a.h5", data, attributes={"run": "r", "step": 1, "weight_decay": 0.5}, **options)
    for looks, found in ((1, meter.results()), (2, meter.results(data))):
        wanted = of_program(tmp_path / "a.h5", looks)
        assert [layer["name"] for layer in found["checkpoints"][0]["layers"]] == [layer["name"] for layer in wanted["checkpoints"][0]["layers"]]
        assert found["provenance"]["digest"] == wanted["provenance"]["digest"]
        for part in ("attributes", "targets", "layers", "depth"):
            assert found["checkpoints"][0].get(part) == wanted["checkpoints"][0].get(part), part
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_epochs_of_a_training(tmp_path):
    model, data = mlp(), batches((5,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    meter = collapscope.Meter(model, layers=["2", "4"], metrics="nrc1,deep_nrc1,model_mse")
    seen = []
    for _ in range(3):
        for x, y in data:
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
        for x, y in data:
            meter.update(x, y)
        table = meter.compute(wide=True)
        seen.append(table["model_mse"][0])
        with torch.no_grad():
            error = torch.cat([model(x) - y for x, y in data])
        assert seen[-1] == pytest.approx(float((error ** 2).mean()), rel=1e-5)
        meter.reset()
    assert list(table["layer"]) == ["2", "4"] and len(set(seen)) == 3


@pytest.mark.parametrize("columns, outputs", [((), (1,)), ((1,), ())])
def test_predictions_of_one_target_in_either_shape(columns, outputs):
    """Targets [N] and a model that returns [N, 1], and the other way round: in every batch."""
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(5, 1), torch.nn.Unflatten(1, (1,)) if outputs else torch.nn.Flatten(0))
    x, y = torch.randn(60, 5), torch.randn(60)
    table = collapscope.measure(model, [(x[i:i + 20], y[i:i + 20].reshape(-1, *columns)) for i in range(0, 60, 20)])
    found = table[table["metric"] == "model_mse"]["value"].item()
    assert found == pytest.approx(torch.mean((model(x).reshape(-1) - y) ** 2).item(), rel=1e-5)


def test_weights_that_change_are_noticed():
    model, data = mlp(), batches((5,))
    meter = collapscope.Meter(model)
    meter.update(*data[0])
    with torch.no_grad():
        model[0].weight += 1
    with pytest.raises(ValueError, match="changed after sample 128"):
        meter.update(*data[1])
    with pytest.raises(ValueError, match="found no samples"):
        collapscope.Meter(model).compute()
    with pytest.raises(ValueError, match="a second look; expected the 128"):
        fresh = collapscope.Meter(model)
        fresh.update(*data[0])
        fresh.results([(data[0][0][:5], data[0][1][:5])])


def test_a_pass_that_was_run_outside():
    model, data = mlp(), batches((5,))
    inside, outside = collapscope.Meter(model), collapscope.Meter(model)
    model.eval()
    for x, y in data:
        inside.update(x, y)
        with torch.no_grad(), outside.watch():
            result = model(x)
        outside.update(y=y, predictions=result)
    assert inside.results()["provenance"]["digest"] == outside.results()["provenance"]["digest"]


TWO_RANKS = """
from test_meter import batches, mlp
meter = collapscope.Meter(torch.nn.parallel.DistributedDataParallel(mlp()))
for number, (x, y) in enumerate(batches((5,))):
    if number % 2 == rank:
        meter.update(x, y)
meter.gather()
print(meter.samples, meter.results()["provenance"]["digest"], meter.compute(wide=True)["nrc1"][1])
"""


def test_two_ranks(tmp_path):
    first, second = (lines[0].split() for lines in in_two_ranks(tmp_path, TWO_RANKS))
    assert first == second and first[0] == "700"
    meter = collapscope.Meter(mlp())
    for x, y in batches((5,)):
        meter.update(x, y)
    assert float(first[2]) == pytest.approx(meter.compute(wide=True)["nrc1"][1], rel=1e-9)


def test_editors_see_every_option():
    """With the default that Meter has."""
    of_meter = inspect.signature(collapscope.Meter).parameters
    for function in (collapscope.measure, collapscope.callbacks.lightning, collapscope.callbacks.trainer):
        parameters = inspect.signature(function).parameters
        assert not any(found.kind is found.VAR_KEYWORD for found in parameters.values())
        for name, option in of_meter.items():
            if name != "model":
                assert parameters[name].default == option.default, (function.__name__, name)
