"""Meter of classifiers: what the program says of a dump of the same batches, without the dump."""
import copy
import json
import subprocess
import warnings

import pytest
import torch

import collapscope
from collapscope import program as collapscope_program
from in_two_ranks import in_two_ranks

K = 4


def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 8), torch.nn.ReLU(), torch.nn.Linear(8, K))


def tagger():
    """A label for every token."""
    torch.manual_seed(1)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = torch.nn.Linear(3, 8), torch.nn.Linear(8, K)
            self.block = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x):
            return self.head(self.block(self.embed(x)))

    return Model()


def convnet():
    torch.manual_seed(2)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 6, 3), torch.nn.ReLU(), torch.nn.Conv2d(6, 8, (2, 3), groups=2), torch.nn.ReLU(),
                               torch.nn.Flatten(), torch.nn.Linear(8 * 5 * 4, K))


def batches(samples=700, size=128, ignored=None):
    torch.manual_seed(4)
    y = torch.randint(0, K, (samples,))
    x = torch.randn(samples, 5) + 2 * torch.nn.functional.one_hot(y, 5)
    if ignored is not None:
        y[::7] = ignored
    return [(x[i:i + size], y[i:i + size]) for i in range(0, samples, size)]


def tokens(ignored=-100):
    torch.manual_seed(5)
    items = []
    for samples in (16, 16, 9):
        x, y = torch.randn(samples, 6, 3), torch.randint(0, K, (samples, 6))
        mask = torch.ones(samples, 6)
        mask[:, 5] = 0
        y[0, 2] = ignored
        items.append({"x": x, "y": y, "mask": mask})
    return items


def of_program(path, looks, *options):
    done = subprocess.run([collapscope_program.find_program(), "analyze", str(path), "-q", "-o", "-", "--looks", str(looks), *options],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def expect_bits_of_a_dump(model, data, path, batch=None, metered=None, **options):
    meter = collapscope.Meter(model, task="classification", attributes={"run": "r", "step": 1}, **{**options, **(metered or {})})
    before = copy.deepcopy(model.state_dict())
    for item in data:
        meter.update(**(dict(item) if batch else dict(zip("xy", item))))
    collapscope.record(model, path, data, batch=batch, task="classification", attributes={"run": "r", "step": 1}, **options)
    for looks, found in ((1, meter.results()), (2, meter.results(data, batch=batch))):
        wanted = of_program(path, looks)
        assert found["provenance"]["digest"] == wanted["provenance"]["digest"]
        for part in ("task", "samples", "attributes", "targets", "layers", "depth"):
            assert found["checkpoints"][0].get(part) == wanted["checkpoints"][0].get(part), part
    assert found["checkpoints"][0]["layers"][-1]["metrics"]["nc4_disagreement"] is not None
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    return meter


def test_the_bits_of_the_program(tmp_path):
    meter = expect_bits_of_a_dump(mlp(), batches(), tmp_path / "a.h5")
    table = meter.compute(wide=True)
    assert meter.samples == 700 and table["classes_empty"].iloc[-1] == 0 and table["nc3_self_duality"].notna().all()


def test_convolutions(tmp_path):
    torch.manual_seed(3)
    data = [(torch.randn(40, 1, 8, 8), torch.randint(0, K, (40,))) for _ in range(3)]
    table = expect_bits_of_a_dump(convnet(), data, tmp_path / "a.h5").compute(wide=True)
    assert table["weight_rank"].notna().all() and list(table["nc3_self_duality"].notna()) == [False, False, True]


def test_ignored_samples(tmp_path):
    meter = expect_bits_of_a_dump(mlp(), batches(ignored=-100), tmp_path / "a.h5", ignore_label=-100)
    assert meter.samples == 600


def test_a_batch_of_ignored_samples(tmp_path):
    data = batches()
    data[0] = (data[0][0], torch.full_like(data[0][1], -100))
    data[3] = (data[3][0], torch.full_like(data[3][1], -100))
    meter = expect_bits_of_a_dump(mlp(), data, tmp_path / "a.h5", ignore_label=-100)
    assert meter.samples == 700 - 2 * 128


def test_a_label_for_every_token(tmp_path):
    data = tokens()
    meter = expect_bits_of_a_dump(tagger(), data, tmp_path / "a.h5", batch=dict, pool="none", ignore_label=-100, exclude="block.self_attn")
    assert meter.samples == 41 * 5 - 3


def test_more_classes_than_occur(tmp_path):
    expect_bits_of_a_dump(mlp(), [(x, y % 3) for x, y in batches()], tmp_path / "a.h5", metered={"classes": 1000})


def test_how_many_classes_there_are():
    model, data = mlp(), batches()
    logits = collapscope.Meter(model, task="classification", layers="0")
    logits.update(*data[0])  # layer 0 has 16 outputs
    assert logits._writer.sums.classes == K
    weights = collapscope.Meter(model, task="classification", output=lambda logits: None)
    weights.update(*data[0])
    assert weights._writer.sums.classes == K
    convolution = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten())
    with pytest.raises(ValueError, match="classes: found neither logits nor a linear layer .* expected classes="):
        collapscope.Meter(convolution, task="classification", output=lambda logits: None).update(torch.randn(3, 1, 5, 5), torch.tensor([0, 1, 2]))
    for classes, task in ((0, "classification"), (2.5, "classification"), (3, "regression")):
        with pytest.raises(ValueError, match="classes: found"):
            collapscope.Meter(model, task=task, classes=classes)


def test_a_label_that_is_none_leaves_no_trace():
    model, data = mlp(), batches()
    meter = collapscope.Meter(model, task="classification")
    meter.update(*data[0])
    wrong = data[1][1].clone()
    wrong[3] = K
    with pytest.raises(ValueError, match=r"labels: found 4 in row 3 of the batch; expected 0 to 3, as there are 4 classes \(classes=\)"):
        meter.update(data[1][0], wrong)
    meter.update(*data[1])
    other = collapscope.Meter(model, task="classification")
    for item in data[:2]:
        other.update(*item)
    assert meter.results()["provenance"]["digest"] == other.results()["provenance"]["digest"]
    with pytest.raises(ValueError, match="expected integers"):
        meter.update(data[1][0], data[1][1] + 0.5)


def test_a_pass_that_was_run_outside_and_a_reset():
    model, data = mlp(), batches()
    inside, outside = collapscope.Meter(model, task="classification"), collapscope.Meter(model, task="classification")
    model.eval()
    for _ in range(2):
        inside.reset()
        outside.reset()
        for x, y in data:
            inside.update(x, y)
            with torch.no_grad(), outside.watch():
                logits = model(x)
            outside.update(y=y, predictions=logits)
        assert inside.results()["provenance"]["digest"] == outside.results()["provenance"]["digest"]
        with torch.no_grad():
            right = torch.cat([model(x).argmax(1) == y for x, y in data]).double().mean()
        assert inside.compute(wide=True)["model_accuracy"][0] == pytest.approx(float(right))


def test_each_class():
    meter = collapscope.Meter(mlp(), task="classification", class_names=["cat", "dog", "bird", "fish"], per_class=True)
    for item in batches():
        meter.update(*item)
    table = collapscope.load_classes(meter.results())
    assert list(table["name"][:4]) == ["cat", "dog", "bird", "fish"] and table["samples"][:4].sum() == 700


def test_wrapped_models(tmp_path):
    expect_bits_of_a_dump(torch.nn.DataParallel(mlp()), batches(), tmp_path / "a.h5")


@pytest.mark.skipif(not hasattr(torch, "compile"), reason="needs torch.compile, of PyTorch 2")
def test_compiled_models(tmp_path):
    expect_bits_of_a_dump(torch.compile(mlp(), backend="eager"), batches(), tmp_path / "a.h5")


def test_mixed_precision(tmp_path):
    expect_bits_of_a_dump(mlp(), batches(), tmp_path / "a.h5", autocast="bfloat16")


TWO_RANKS = """
from test_meter_classes import batches, mlp
meter = collapscope.Meter(torch.nn.parallel.DistributedDataParallel(mlp()), task="classification")
for number, (x, y) in enumerate(batches()):
    if number % 2 == rank:
        meter.update(x, y % (2 if rank else 4))
meter.gather()
table = meter.compute(wide=True)
print(meter.samples, meter.results()["provenance"]["digest"], table["nc1"][1], table["model_cross_entropy"][0])
"""


def test_two_ranks(tmp_path):
    first, second = (lines[0].split() for lines in in_two_ranks(tmp_path, TWO_RANKS))
    assert first == second and first[0] == "700"
    whole = collapscope.Meter(mlp(), task="classification")
    parts = [collapscope.Meter(mlp(), task="classification") for _ in range(2)]
    for number, (x, y) in enumerate(batches()):
        y = y % (2 if number % 2 else 4)
        whole.update(x, y)
        parts[number % 2].update(x, y)
    for name, at in (("nc1", 1), ("model_cross_entropy", 0)):
        assert float(first[2 if name == "nc1" else 3]) == pytest.approx(whole.compute(wide=True)[name][at], rel=1e-9)
    parts[0].merge(parts[1])
    assert parts[0].samples == 700
    assert parts[0].compute(wide=True)["nc1"][1] == pytest.approx(whole.compute(wide=True)["nc1"][1], rel=1e-9)


def test_two_classes_with_one_logit():
    data = [(x, y % 2) for x, y in batches()]
    model = torch.nn.Sequential(torch.nn.Linear(5, 6), torch.nn.ReLU(), torch.nn.Linear(6, 1))
    with pytest.raises(ValueError, match="predictions: found one logit .*classes=2, and output=lambda result: None"):
        collapscope.Meter(model, task="classification").update(*data[0])
    meter = collapscope.Meter(model, task="classification", classes=2, output=lambda result: None)
    for x, y in data:
        meter.update(x, y)
    assert meter.compute(wide=True)["nc1"].notna().all()


def test_what_a_recorder_warns_of():
    """Once for all batches, of rows that float16 makes 0, of probabilities and of statistics that move."""
    nn = torch.nn
    model = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 5), nn.Threshold(0, 1e-9), nn.Linear(5, K), nn.Softmax(-1))
    torch.nn.init.constant_(model[1].bias, -100)
    meter = collapscope.Meter(model, task="classification", dtype="float16")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for x, y in batches():
            with meter:
                predictions = model(x)
            meter.update(y=y, predictions=predictions.detach())
    assert [str(one.message).split(": ")[:3] for one in found] == [
        ["meter", "layers/3/activations", "rows that are not 0 become 0 in float16, which has no number below 6e-08; dtype='float32' keeps them"],
        ["meter", "predictions", "found probabilities, rows >= 0 with the sum 1; expected logits, as model_cross_entropy is the one of their "
         "softmax. output= picks what comes before the model's softmax, or takes the logarithm"],
        ["meter", "0.running_mean (BatchNorm1d)", "found changed after sample 128, so that these are features of several networks; expected no "
         "training while they are recorded and model.eval(), as passes in training mode move such values"]]
