"""A meter between its calls: in a `with` block, after errors, and beside the training's random numbers."""
import contextlib
import copy
import pickle

import pytest
import torch

import collapscope
from collapscope import _looks
from in_two_ranks import in_two_ranks
from test_meter import batches, mlp

X, Y = batches((5,), samples=64, size=64)[0]


def digest(meter):
    return meter.results()["provenance"]["digest"]


def wanted(times=1):
    meter = collapscope.Meter(mlp())
    for _ in range(times):
        meter.update(X, Y)
    return digest(meter)


def test_blocks_of_a_batch_and_of_a_loop():
    model = mlp().eval()
    meter = collapscope.Meter(model)
    for _ in range(2):
        with torch.no_grad(), meter:
            result = model(X)
        meter.update(y=Y, predictions=result)
    assert digest(meter) == wanted(2)
    meter.reset()
    with torch.no_grad(), meter as same:
        for _ in range(2):
            result = model(X)
            meter.update(y=Y, predictions=result)
    assert same is meter and digest(meter) == wanted(2)
    meter.reset()
    with meter:  # passes that the meter runs itself
        meter.update(X, Y)
        meter.update(X, Y)
        assert meter.compute([(X, Y), (X, Y)], wide=True)["nrc1_centered"].notna().all()
    meter.update(X, Y)
    assert meter.samples == 192 and not any(module._forward_pre_hooks for module in model.modules())


def test_a_block_that_fails():
    model = mlp()
    meter = collapscope.Meter(model)
    with pytest.raises(RuntimeError, match="of the training"), meter:
        model(X)
        raise RuntimeError("of the training")
    assert not any(module._forward_pre_hooks for module in model.modules())
    with pytest.raises(ValueError, match="found no forward pass; expected x, or a call of the model itself inside `with meter:`; compiled graphs"):
        meter.update(y=Y)
    with pytest.raises(ValueError, match="found 2 forward passes inside `with meter:`; expected one, and update()"), meter:
        model(X), model(X)
    with meter, pytest.raises(ValueError, match="inside another one"):
        with meter:
            pass
    meter.update(X, Y)
    assert digest(meter) == wanted()


def test_a_first_batch_that_does_not_fit_leaves_no_trace():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 2))
    image, labels = torch.randn(8, 1, 8, 8), torch.arange(8) % 2
    meter = collapscope.Meter(net, task="classification", layers="0", output=lambda result: None)
    for _ in range(2):
        with pytest.raises(ValueError, match="found neither logits nor a linear layer"):
            meter.update(image, labels)
    meter = collapscope.Meter(net, pool="keep")
    for _ in range(2):
        with pytest.raises(ValueError, match="expected rows"):
            meter.update(image, torch.randn(8, 2))
    assert meter.samples == 0
    meter = collapscope.Meter(mlp())
    meter.update(X, Y)
    with pytest.raises(ValueError, match="NaN or Inf"):
        meter.update(X, Y * float("nan"))
    meter.update(X, Y)
    assert digest(meter) == wanted(2)


def dies():
    yield X[:32], Y[:32]
    raise RuntimeError("the loader dies")


@pytest.mark.parametrize("loader, error", [(lambda: [(X[:5], Y[:5])], "found 5 samples"), (dies, "the loader dies"),
                                           (lambda: [(X * 2, Y)], "found other rows"), (lambda: [(X, Y), (X, Y)], "second look"),
                                           (lambda: [(X * float("nan"), Y)], "NaN or Inf")])
def test_a_second_look_that_fails(loader, error):
    meter = collapscope.Meter(mlp())
    meter.update(X, Y)
    before = meter.compute()
    with pytest.raises((ValueError, RuntimeError), match=error):
        meter.compute(loader())
    assert meter.samples == 64 and meter.compute().equals(before)
    assert meter.compute([(X, Y)], wide=True)["nrc1_centered"].notna().all()
    meter.update(X, Y)
    assert meter.samples == 128


def test_measuring_inside_the_block_of_another_meter():
    """As a callback does it in the evaluation."""
    model = mlp().eval()
    meter = collapscope.Meter(model)
    with torch.no_grad(), meter:
        collapscope.measure(model, [(X, Y)])
        predictions = model(X)
        inner = collapscope.Meter(model)
        inner.update(X, Y)
        meter.update(y=Y, predictions=predictions)
    assert digest(meter) == digest(inner) == wanted()


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, StopIteration])
def test_an_error_inside_a_block_comes_out_as_it_is(kind):
    """Also where a second pass was begun, which is an error by itself."""
    model = mlp().eval()
    meter = collapscope.Meter(model)
    with pytest.raises(kind, match="mine"):
        with torch.no_grad(), meter:
            model(X), model(X)
            raise kind("mine")
    assert not model._forward_hooks and not model[0]._forward_pre_hooks
    with pytest.raises(ValueError, match="found no forward pass"):
        meter.update(y=Y)
    with pytest.raises(ValueError, match="found 2 forward passes inside `with meter:`"):
        with torch.no_grad(), meter:
            model(X), model(X)
    meter.update(X, Y)
    assert digest(meter) == wanted()


def test_a_step_of_the_optimizer_before_the_update():
    """As of a training with one batch, whose next epoch begins with reset()."""
    model = mlp().eval()
    meter, optimizer = collapscope.Meter(model), torch.optim.SGD(model.parameters(), 0.1)
    found = []
    for epoch in range(2):
        before = copy.deepcopy(model)
        with meter:
            predictions = model(X)
            optimizer.zero_grad()
            (predictions - Y).square().mean().backward()
            meter.update(y=Y, predictions=predictions.detach())
            optimizer.step()
        found.append(digest(meter))
        meter.reset()
        meter.update(X, Y)
        assert digest(meter) != found[-1]
        meter.reset()
        alone = collapscope.Meter(before)
        alone.update(X, Y)
        assert digest(alone) == found[-1]
    for inside in (True, False):
        with meter:
            predictions = model(X)
            if inside:
                (predictions - Y).square().mean().backward()
                optimizer.step()
                with pytest.raises(ValueError, match=r"meter: layers/0/weight: found changed between the forward pass and update\(\); expected the "
                                                     r"weights of the pass: call update\(\) before optimizer.step\(\)"):
                    meter.update(y=Y, predictions=predictions.detach())
        with torch.no_grad():
            model[2].bias.data.mul_(1.001)
        if not inside:
            with pytest.raises(ValueError, match="layers/2/weight: found changed between"):
                meter.update(y=Y, predictions=predictions.detach())
    meter.update(X, Y)
    assert meter.samples == 64


def test_a_deep_copy_goes_on_by_itself():
    model = mlp()
    meter, asked = collapscope.Meter(model), collapscope.Meter(mlp())
    empty = copy.deepcopy(meter)
    for one in (meter, asked):
        one.update(X, Y)
    asked.results()  # ends a segment, as a copy does
    asked.update(X, Y)
    with meter:
        twin = copy.deepcopy(meter)
        assert all(len(module._forward_pre_hooks) < 2 for module in model.modules())
    assert twin.results()["checkpoints"] == meter.results()["checkpoints"] and twin.layers == meter.layers and empty.samples == 0
    twin.update(X, Y)
    with torch.no_grad(), twin, meter, copy.deepcopy(twin) as third:  # of the same model, each with hooks of its own
        result = model.eval()(X)
    third.update(y=Y, predictions=result)
    assert (meter.samples, twin.samples, third.samples) == (64, 128, 192)
    assert digest(meter) == wanted() and digest(twin) == digest(asked)
    meter.reset()
    empty.update(X, Y)
    assert digest(empty) == wanted() and digest(twin) == digest(asked)
    assert twin.compute([(X, Y), (X, Y)], wide=True)["nrc1_centered"].notna().all()
    with torch.no_grad():
        model[0].weight += 1
    with pytest.raises(ValueError, match="found changed after sample 128"):
        twin.update(X, Y)


def test_a_deep_copy_of_an_accumulator():
    sums = collapscope.Accumulator(5, classes=2, ignore_label=-100, weights=torch.ones(2, 5))
    twins = [copy.deepcopy(sums)]
    sums.set_weights(torch.eye(5)[:2])  # before any row
    twins.append(copy.deepcopy(sums))
    labels = (Y[:, 0] > 0).long()
    for one in (*twins, sums):
        one.update(X, labels, Y)
    assert digest(twins[1]) == digest(sums) != digest(twins[0])
    twins.append(copy.deepcopy(sums))
    sums.reset()
    assert sums.rows == 0 and digest(twins[2]) == digest(twins[1])
    assert digest(copy.deepcopy(twins[2])) == digest(twins[1])
    twins[2].begin_look()
    with pytest.raises(ValueError, match="a second look has begun"):
        copy.deepcopy(twins[2])


class Augmented(torch.utils.data.Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i] + torch.randn(5), Y[i]


def test_random_numbers_stay():
    loader = torch.utils.data.DataLoader(Augmented(), batch_size=16)
    before = torch.get_rng_state()
    table = collapscope.measure(mlp(), loader, looks=2, wide=True)  # each look draws the same numbers
    assert table["nrc1_centered"].notna().all()
    model, state = mlp(), torch.get_rng_state()
    meter = collapscope.Meter(model)
    meter.update(X, Y)
    with pytest.raises(ValueError, match="found other rows"):
        meter.compute(loader)
    assert torch.equal(torch.get_rng_state(), state)
    torch.set_rng_state(before)
    collapscope.measure(model, loader)
    assert torch.equal(torch.get_rng_state(), before)


def test_scalars_that_there_are_none_of():
    """A name that was mistyped would log nothing, for ever."""
    table = collapscope.measure(torch.nn.Linear(3, 1), [(torch.randn(20, 3), torch.randn(20, 1))])
    with pytest.raises(ValueError, match="nrc9"):
        collapscope.scalars(table, ["nrc1", "nrc9"])


def test_globs_of_scalars():
    table = collapscope.measure(mlp(), [(X, Y)])
    found = collapscope.scalars(table, "deep_nrc1,nrc*")
    assert {"collapse/0/nrc1", "collapse/4/nrc3", "collapse/2/deep_nrc1"} <= set(found) and "collapse/2/deep_nrc2" not in found


def test_models_without_numbers():
    with pytest.raises(ValueError, match="scripted"):
        collapscope.Meter(torch.jit.script(torch.nn.Sequential(torch.nn.Linear(5, 2))))
    with pytest.raises(ValueError, match="meta device"):
        collapscope.Meter(torch.nn.Sequential(torch.nn.Linear(5, 2, device="meta")))


def hooks_on(model):
    return sum(len(module._forward_pre_hooks) + len(module._forward_hooks) for module in model.modules())


class Interrupt(BaseException):
    """As of Ctrl-C, or of a handler that raises."""


@contextlib.contextmanager
def interrupted(monkeypatch):
    """An update in here is interrupted when the sums have its rows, and before all else knows of them."""
    def raise_interrupt(*_):
        raise Interrupt

    with monkeypatch.context() as patch, pytest.raises(Interrupt):
        patch.setattr(_looks.Passes, "add", raise_interrupt)
        yield


@pytest.mark.parametrize("batches_before", [0, 1])
def test_an_interrupt_behind_the_sums_gives_the_meter_up(monkeypatch, batches_before):
    """Nobody can say whether the batch counts. Of the first one nothing stays."""
    meter = collapscope.Meter(mlp())
    for _ in range(batches_before):
        meter.update(X, Y)
    with interrupted(monkeypatch):
        meter.update(X, Y)
    if batches_before:
        for call in (lambda: meter.update(X, Y), meter.results):
            with pytest.raises(ValueError, match="given up after an error: Interrupt"):
                call()
        meter.reset()
    meter.update(X, Y)
    assert meter.samples == 64 and digest(meter) == wanted()


def test_an_accumulator_that_was_interrupted_says_so(monkeypatch):
    sums, other = (collapscope.Accumulator(5, targets=2) for _ in range(2))
    for one in (sums, other):
        one.update(X, Y)
    with interrupted(monkeypatch):
        sums.update(X, Y)
    for call in (lambda: sums.update(X, Y), sums.results, sums.begin_look, lambda: other.merge(sums), lambda: sums.merge(other)):
        with pytest.raises(ValueError, match="given up: an update ended in its middle"):
            call()
    sums.reset()
    sums.update(X, Y)
    assert sums.results()["provenance"]["digest"] == other.results()["provenance"]["digest"]


def test_an_accumulator_that_refused_predictions_goes_on():
    sums = collapscope.Accumulator(5, targets=2)
    sums.update(X, Y, Y)
    with pytest.raises(ValueError, match="predictions"):
        sums.update(X, Y, torch.full((64, 2), 2**62 + 1))
    sums.update(X, Y, Y)
    assert sums.rows == 128 and sums.results()["checkpoints"]


def test_hooks_that_an_interrupt_leaves_do_nothing(monkeypatch):
    model = mlp()
    meter = collapscope.Meter(model)
    meter.update(X, Y)
    last = model[4]

    def interrupted(*arguments, **options):
        type(last).register_forward_pre_hook(last, *arguments, **options)
        raise Interrupt  # before anybody has its handle

    monkeypatch.setattr(last, "register_forward_pre_hook", interrupted, raising=False)
    with pytest.raises(Interrupt):
        meter.update(X, Y)
    monkeypatch.undo()
    assert hooks_on(model) == 1
    kept = [put.of.of.calls for put in last._forward_pre_hooks.values()]
    model(X)
    assert kept == [[]]
    meter.update(X, Y)
    assert hooks_on(model) == 0 and digest(meter) == wanted(2)


def test_copies_that_are_made_inside_a_block(tmp_path):
    """As of the best model so far, or of an average: their passes are none of the meter's."""
    model = mlp().eval()
    meter = collapscope.Meter(model)
    with torch.no_grad(), meter:
        best = copy.deepcopy(model)
        torch.save(model, tmp_path / "model.pt")
        best(X)
        result = model(X)
        best(X)
    meter.update(y=Y, predictions=result)
    assert digest(meter) == wanted()
    loaded = torch.load(tmp_path / "model.pt", weights_only=False)
    for other in (best, loaded):
        assert torch.equal(other(X), model(X))
        of_other = collapscope.Meter(other)
        of_other.update(X, Y)
        assert digest(of_other) == wanted() and hooks_on(other) == 0
    assert (tmp_path / "model.pt").stat().st_size < 20_000


class Noisy(torch.nn.Module):
    """Draws random numbers in eval mode, too: as dropout that stays on, or what a decoder samples."""

    def __init__(self, outputs=2):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = torch.nn.Linear(5, 16), torch.nn.Linear(16, outputs)

    def forward(self, x):
        return self.last(self.first(x) + torch.randn(len(x), 16))


@pytest.mark.parametrize("size", [64, 16, 1])
def test_random_numbers_of_the_model_go_on_from_batch_to_batch(size):
    parts = list(zip(X.split(size), Y.split(size)))
    model = Noisy()
    meter = collapscope.Meter(model)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    for number, (x, y) in enumerate(parts):
        meter.update(x, y)
        if number % 3 == 1:
            torch.rand(5)  # of the training
            with pytest.raises(ValueError, match="NaN or Inf"):
                meter.update(x, y * float("nan"))
    found = meter.compute(wide=True)
    torch.set_rng_state(before)
    rows, predictions = [], []
    model.last.register_forward_pre_hook(lambda module, args: rows.append(args[0]))
    with torch.no_grad():
        for x, _ in parts:
            predictions.append(model(x))
    sums = collapscope.Accumulator({"last": 16}, targets=2, weights={"last": model.last.weight})
    sums.update({"last": torch.cat(rows)}, Y, torch.cat(predictions))
    wanted = sums.compute(wide=True)
    for metric in ("total_variance", "deep_nrc1", "nrc1", "model_mse"):
        assert found[metric].iloc[-1] == pytest.approx(wanted[metric].iloc[-1], rel=1e-9), metric
    assert meter.compute(parts, wide=True)["nrc1_centered"].notna().all(), "the second look has the same numbers"
    after = torch.get_rng_state()
    meter.update(*parts[0])
    assert torch.equal(torch.get_rng_state(), after)


@pytest.mark.parametrize("first", ["refused", "ignored"])
def test_random_numbers_of_a_first_batch_that_does_not_count(first):
    labels = torch.arange(64) % 3
    parts = list(zip(X.split(16), labels.split(16)))
    meter = collapscope.Meter(Noisy(3), task="classification", ignore_label=-100)
    if first == "refused":
        with pytest.raises(ValueError, match=r"expected logits of shape \[7, K\]"):
            meter.update(parts[0][0], parts[0][1][:7])
    else:
        parts[0] = parts[0][0], torch.full((16,), -100)
    for x, y in parts:
        torch.rand(3)  # of a loader that augments
        meter.update(x, y)
    assert meter.compute(parts, wide=True)["nc4_disagreement"].notna().any()


def test_meters_and_recorders_that_are_copied_or_sent(tmp_path):
    """As to processes that a training starts."""
    with copy.deepcopy(collapscope.Recorder(mlp(), tmp_path / "dump.h5")) as recorder:
        recorder.add(X, Y)
    assert (tmp_path / "dump.h5").exists()
    for make in (lambda: collapscope.Meter(mlp()), lambda: pickle.loads(pickle.dumps(collapscope.Meter(mlp()))),
                 lambda: copy.deepcopy(collapscope.Meter(mlp()))):
        meter = make()
        meter.update(X, Y)
        assert digest(meter) == wanted()


def test_a_meter_that_was_given_up_is_not_merged(monkeypatch):
    meter, other = collapscope.Meter(mlp()), collapscope.Meter(mlp())
    for one in (meter, other):
        one.update(X, Y)
    with interrupted(monkeypatch):
        other.update(X, Y)
    for call in (lambda: meter.merge(other), lambda: other.merge(meter)):
        with pytest.raises(ValueError, match="given up after an error"):
            call()
    assert meter.samples == 64


NORMED = """
import warnings
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2))
x, y = torch.randn(64, 5), torch.randn(64, 2)
found = []
for differs in (False, True):
    model[1].running_mean += rank * differs
    meter = collapscope.Meter(model)
    meter.update(x, y)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        meter.gather()
    found += [meter.samples, *("with different buffers (1.running_mean" in str(one.message) for one in told)]
print(*found)
"""


def test_ranks_whose_running_statistics_differ_are_told(tmp_path):
    assert in_two_ranks(tmp_path, NORMED) == [["128 128 True"]] * 2


RANKS = """
from test_meter import batches, mlp
meter, (data,) = collapscope.Meter(mlp()), batches((5,), samples=64, size=64)
if {both} or rank == 0:
    meter.update(*data)
found = []
for _ in range(2):
    meter.gather()
    meter.gather()
    found += [meter.samples, meter.compute(wide=True)["nrc1"][1]]
    if {both}:
        found += [meter.compute([data] * (meter.samples // 64), wide=True)["nrc1_centered"].notna().all()]
    meter.update(*data)
empty = collapscope.Meter(mlp())
try:
    empty.gather()
except ValueError as error:
    found.append(str(error).split(";")[0].replace(" ", "_"))
print(*found)
"""


@pytest.mark.parametrize("both", [True, False])
def test_gathering_again_and_ranks_without_samples(tmp_path, both):
    first, second = (lines[0].split() for lines in in_two_ranks(tmp_path, RANKS.format(both=both)))
    assert first == second and first[-1] == "meter:_found_no_samples_on_any_rank"
    counts = [first[0], first[3 if both else 2]]
    assert counts == (["128", "256"] if both else ["64", "192"])
    assert not both or first[2] == first[5] == "True"
