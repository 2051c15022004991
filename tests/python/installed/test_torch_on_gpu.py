"""Tensors of PyTorch on a real GPU: summed up there, in the order of PyTorch's streams. Skipped where PyTorch has no GPU."""
import numpy as np
import pytest
import torch

import collapscope

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch has no GPU here")

LOOSE = {"nrc3_gamma", "nrc3_gamma_over_lambda_min", "feature_rankme", "feature_effective_rank"}  # 1e-6, as the spec says


def metrics(results):
    return [layer["metrics"] for layer in results["checkpoints"][0]["layers"]]


def expect_same(found, expected):
    assert found["provenance"]["device"].startswith("cuda:") and expected["provenance"]["device"].startswith("cpu")
    for ours, theirs in zip(metrics(found), metrics(expected), strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            np.testing.assert_allclose(np.array(ours[name], float), np.array(value, float), err_msg=name,
                                       rtol=1e-6 if name in LOOSE else 2e-8, atol=2e-12)


def rows_of(task, count, features=96, seed=0):
    """Features near a map of the targets, or near their class's mean, far from the origin."""
    draw = torch.Generator().manual_seed(seed)
    weight = torch.randn(3, features, generator=draw)
    y = torch.randn(count, 3, generator=draw) if task == "targets" else torch.randint(0, 3, (count,), generator=draw)
    base = y @ weight if task == "targets" else weight[y]
    return base + 0.1 * torch.randn(count, features, generator=draw) + 5, y


def accumulated(task, batches, device=None, looks=2):
    sums = collapscope.Accumulator({"fc": batches[0][0].shape[1]}, device=device, **({"targets": 3} if task == "targets" else {"classes": 3}))
    for take in (sums.update, sums.look)[:looks]:
        if take == sums.look:
            sums.begin_look()
        for x, y in batches:
            take({"fc": x}, y)
    return sums.results()


@pytest.mark.parametrize("task", ["targets", "classes"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_numbers_are_the_cpus(task, dtype):
    batches = [(x.to("cuda", dtype), y.cuda()) for x, y in (rows_of(task, count, seed=count) for count in (300, 1, 999, 5000))]
    expect_same(accumulated(task, batches), accumulated(task, batches, "cpu"))


def test_rows_that_do_not_lie_one_after_the_other():
    x, y = rows_of("targets", 2000)
    wide = torch.randn(2000, 300, device="cuda")
    wide[:, 100:196] = x.cuda()
    for rows in (wide[:, 100:196], x.cuda().T.contiguous().T, x.cuda()[torch.arange(1999, -1, -1)].flip(0)):
        expect_same(accumulated("targets", [(rows, y)]), accumulated("targets", [(x, y)], "cpu"))


def test_an_accumulator_waits_for_the_stream_that_makes_the_rows():
    """And the stream for it: what comes after `update` may overwrite them."""
    x, y = rows_of("targets", 4000)
    side = torch.cuda.Stream()
    sums = collapscope.Accumulator({"fc": 96}, targets=3)
    with torch.cuda.stream(side):
        rows = torch.zeros(4000, 96, device="cuda")
        good, bad = x.cuda(), torch.full((4000, 96), 1e30, device="cuda")
        for _ in range(5):
            torch.cuda._sleep(50_000_000)
            rows.copy_(good)
            sums.update({"fc": rows}, y)
            rows.copy_(bad)
    expected = collapscope.Accumulator({"fc": 96}, targets=3, device="cpu")
    for _ in range(5):
        expected.update({"fc": x}, y)
    expect_same(sums.results(), expected.results())


def test_pytorchs_memory_and_device_are_left_alone():
    x, y = rows_of("targets", 3000)
    x = x.cuda()
    accumulated("targets", [(x, y)])
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated(), torch.cuda.current_device()
    accumulated("targets", [(x, y)])
    assert (torch.cuda.memory_allocated(), torch.cuda.current_device()) == before
    assert torch.equal(x, rows_of("targets", 3000)[0].cuda())


def test_a_nan_is_named():
    x, y = rows_of("targets", 100)
    x[41, 7] = torch.nan
    sums = collapscope.Accumulator({"fc": 96}, targets=3)
    with pytest.raises(ValueError, match="41"):
        sums.update({"fc": x.cuda()}, y)
        sums.results()


def perceptron(outputs):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128),
                               torch.nn.ReLU(), torch.nn.Linear(128, outputs))


def convolutions(outputs):
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 32, 3, padding=1), torch.nn.BatchNorm2d(32), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
                               torch.nn.Conv2d(32, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
                               torch.nn.Linear(64, outputs))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("make", [perceptron, convolutions])
def test_a_meter_of_a_model_on_the_gpu(make, task, autocast, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    model = make(4).cuda()
    torch.manual_seed(2)
    batches = [(torch.randn(n, 3, 16, 16, device="cuda"), torch.randn(n, 4) if task == "regression" else torch.randint(0, 4, (n,)))
               for n in (256, 256, 100)]
    results = {}
    for device in (None, "cpu"):
        meter = collapscope.Meter(model, task=task, device=device, autocast="bfloat16" if autocast else None)
        for x, y in batches:
            meter.update(x, y)
        meter.compute(batches)
        results[device] = meter.results()
    expect_same(results[None], results["cpu"])
