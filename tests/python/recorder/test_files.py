"""The file: complete or not there, in types and chunks that read fast; and what is refused."""
import gc
import os
import re
import signal
import subprocess
import sys
import warnings
import time

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import collapscope  # noqa: E402
from conftest import ROOT  # noqa: E402

CHUNK = 1 << 20


def linear(d=4, n=2):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(d, n))


def record(path, n=30, x=None, y=None, **options):
    x = torch.randn(n, 4) if x is None else x
    collapscope.record(linear(), path, [(x, torch.randn(len(x), 2) if y is None else y)], **options)
    return x


def names(folder):
    return sorted(os.listdir(folder))


def test_an_exception_leaves_nothing_and_the_old_file_stays(tmp_path):
    path = tmp_path / "new folder" / "dump.h5"
    record(path)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        with collapscope.Recorder(linear(), path) as rec:
            rec.add(torch.randn(3, 4), torch.randn(3, 2))
            assert len(names(path.parent)) == 2 and not any(name.endswith(".h5") for name in set(names(path.parent)) - {"dump.h5"})
            raise KeyboardInterrupt
    assert names(path.parent) == ["dump.h5"] and path.read_bytes() == before
    record(path, n=31)
    assert path.read_bytes() != before
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_nothing_recorded_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="found no samples; expected at least one"):
        with collapscope.Recorder(linear(), tmp_path / "dump.h5"):
            pass
    assert names(tmp_path) == []


CHILD = """
import sys, torch, collapscope
model = torch.nn.Linear(64, 2)
with collapscope.Recorder(model, sys.argv[1]) as rec:
    for i in range(10**9):
        rec.add(torch.randn(1000, 64), torch.randn(1000, 2))
        if i == 50:
            print("recording", flush=True)
"""


def test_a_kill_leaves_nothing_under_the_final_name(tmp_path, analyze):
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "dump.h5")], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "recording\n"
    time.sleep(0.1)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    left = names(tmp_path)
    assert len(left) == 1 and left[0].startswith(".dump.h5.") and left[0].endswith(".tmp")
    record(tmp_path / "dump.h5")  # what was left is in nobody's way, and no dump of the folder
    assert analyze(tmp_path)["0"]["samples"] == 30


def test_a_full_disk_is_an_error_that_leaves_nothing(tmp_path):
    """RLIMIT_FSIZE stands in for the disk."""
    code = ("import resource, signal, sys, torch, collapscope\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))\n"
            "with collapscope.Recorder(torch.nn.Linear(256, 2), sys.argv[1]) as rec:\n"
            "    try:\n"
            "        for _ in range(20): rec.add(torch.randn(1000, 256), torch.randn(1000, 2))\n"
            "    except OSError as error: sys.exit(f'error: {error}')\n")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "dump.h5")], capture_output=True, text=True)
    assert done.stderr == f"error: [Errno 27] cannot be written: File too large: '{tmp_path / 'dump.h5'}'\n"
    assert names(tmp_path) == []


@pytest.mark.parametrize("batch", [1000, 7])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_chunks_are_whole_rows_of_about_a_mebibyte(tmp_path, batch, compression):
    x, model = torch.randn(4100, 300), nn.Linear(300, 1)
    with collapscope.Recorder(model, tmp_path / "dump.h5", compression=compression) as rec:
        for part in x.split(batch):
            rec.add(part, part[:, 0])
    with h5py.File(tmp_path / "dump.h5") as f:
        dataset = f["layers/model/activations"]
        rows, columns = dataset.chunks
        assert columns == 300 and CHUNK - 1200 < rows * 1200 <= CHUNK
        assert dataset.compression == compression
        assert np.array_equal(dataset, x) and np.array_equal(f["targets"], x[:, 0])
        assert f["targets"].chunks is None or compression  # too small for a chunk of its own


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_stored_types(tmp_path, analyze, dtype):
    path = tmp_path / "dump.h5"
    x = record(path, n=300, dtype=dtype, y=torch.randint(0, 9, (300, 2)))
    with h5py.File(path) as f:
        dataset = f["layers/0/activations"]
        expected = x.to(getattr(torch, dtype))
        if dtype == "bfloat16":
            assert dataset.dtype == np.uint16 and dataset.attrs["dtype"] == "bfloat16"
            assert np.array_equal(dataset, expected.view(torch.int16).numpy().view(np.uint16))
        else:
            assert dataset.dtype == dtype and np.array_equal(dataset, expected)
        assert f["layers/0/weight"].dtype == np.float32 and f["targets"].dtype == np.int64
    assert analyze(path)["0"]["total_variance"] == pytest.approx(np.var(expected.double().numpy(), axis=0).sum(), rel=1e-8)


def test_a_model_in_bfloat16_is_stored_so(tmp_path, analyze):
    model = linear().to(torch.bfloat16)
    x = torch.randn(50, 4, dtype=torch.bfloat16)
    collapscope.record(model, tmp_path / "dump.h5", [(x, torch.randn(50, 2))])
    with h5py.File(tmp_path / "dump.h5") as f:
        for name in ("layers/0/activations", "layers/0/weight", "layers/0/bias", "predictions"):
            assert f[name].attrs["dtype"] == "bfloat16"
    assert analyze(tmp_path / "dump.h5")["0"]["weight_rank"] == 2


def test_buffers_of_the_caller_may_be_used_again(tmp_path):
    x, y, all_x, all_y = torch.empty(5, 4), np.empty((5, 2)), [], []
    with collapscope.Recorder(linear(), tmp_path / "dump.h5") as rec:
        for i in range(4):
            x.normal_()
            y[:] = i
            all_x.append(x.clone()), all_y.append(y.copy())
            rec.add(x, y)
    with h5py.File(tmp_path / "dump.h5") as f:
        assert np.array_equal(f["layers/0/activations"], torch.cat(all_x)) and np.array_equal(f["targets"], np.concatenate(all_y))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_name_layer_and_sample(tmp_path, value):
    with collapscope.Recorder(linear(), tmp_path / "dump.h5") as rec:
        rec.add(torch.randn(10, 4), torch.randn(10, 2))
        x = torch.randn(10, 4)
        x[6, 1] = value
        with pytest.raises(ValueError, match=r"dump\.h5: layers/0/activations: sample 16 has a NaN or Inf"):
            rec.add(x, torch.randn(10, 2))
        with pytest.raises(ValueError, match=r"dump\.h5: layers/0/activations: sample 16 has a NaN or Inf \(as float32\)"):
            rec.add(x, torch.randn(10, 2), predictions=torch.randn(10, 2))
        rec.add(torch.randn(10, 4), torch.randn(10, 2))  # the refused batches have left no trace
    with h5py.File(tmp_path / "dump.h5") as f:
        assert f["layers/0/activations"].shape == (20, 4) and f["targets"].shape == (20, 2)
    collapscope.record(linear(), tmp_path / "allowed.h5", [(x, torch.randn(10, 2))], allow_nonfinite=True)
    with h5py.File(tmp_path / "allowed.h5") as f:
        assert np.array_equal(f["layers/0/activations"], x, equal_nan=True)


def test_numbers_too_large_for_the_type_are_refused(tmp_path):
    x = torch.randn(10, 4)
    x[3, 0] = 1e6
    with pytest.raises(ValueError, match=r"layers/0/activations: sample 3 has a NaN or Inf \(as float16\)"):
        record(tmp_path / "dump.h5", x=x, dtype="float16")
    assert names(tmp_path) == []


SMALL = {
    "rows that are not 0 become 0 in float16, which has no number below 6e-08; dtype='float32' keeps them": [
        lambda x: 1e-9 * x, lambda x: torch.where(torch.arange(len(x))[:, None] == 7, 1e-9, x), lambda x: 1e-9 * x[:, None].expand(-1, 5, -1)],
    "most rows have numbers below 6.1e-05, of which float16 keeps fewer digits; dtype='float32' keeps them": [
        lambda x: 1e-5 * x, lambda x: torch.where(torch.arange(len(x))[:, None] % 3 == 0, x, 1e-5 * x)],
    "": [lambda x: x, lambda x: 1e-3 * x, lambda x: torch.where(torch.arange(40) < 39, 1e-9, x), lambda x: torch.zeros_like(x),
         lambda x: torch.where(torch.arange(len(x))[:, None] % 3 > 0, x, 1e-5 * x)]}


@pytest.mark.parametrize("message, make", [(message, make) for message, makes in SMALL.items() for make in makes])
@pytest.mark.parametrize("of", [torch.float32, torch.float64, torch.bfloat16])
def test_numbers_too_small_for_float16_are_warned_of_once(tmp_path, message, make, of):
    torch.manual_seed(0)
    x, y = make(torch.randn(30, 40)).to(of), torch.randn(30, 3)
    model = nn.Linear(40, 3).to(of)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for dtype in ("float16", "float32", "bfloat16"):
            rec = collapscope.attach(model, tmp_path / f"{dtype}{{step}}.h5", [(x, y), (x, y)], dtype=dtype, pool="keep", output=lambda out: None)
            rec.step(1), rec.step(2)
    assert [str(one.message) for one in found] == [f"{tmp_path / 'float161.h5'}: layers/model/activations: {message}"] * (message != "")


def test_nan_is_not_lost_in_float16(tmp_path):
    x = torch.randn(6, 4)
    x[2] = torch.nan
    collapscope.record(nn.Linear(4, 2), tmp_path / "dump.h5", [(x, torch.randn(6, 2))], dtype="float16", allow_nonfinite=True)


def test_positions_that_float16_makes_zero(tmp_path):
    """A row that becomes 0 is a sample, or a position where each is one."""
    x = torch.randn(6, 4, 5, 5)
    x[2, :, 1, 3] = 1e-9
    model = nn.Sequential(nn.Conv2d(4, 2, 1))
    collapscope.record(model, tmp_path / "keep.h5", [(x, torch.randn(6, 2))], dtype="float16", pool="keep", output=lambda out: None)
    with pytest.warns(UserWarning, match="layers/0/activations: rows that are not 0 become 0"):
        collapscope.record(model, tmp_path / "none.h5", [(x, torch.randn(6, 2, 5, 5))], dtype="float16", pool="none")


def test_nan_in_padding_does_not_count(tmp_path):
    model = nn.Linear(3, 2)
    x = torch.randn(6, 5, 3)
    mask = torch.arange(5) < torch.tensor([1, 2, 3, 4, 5, 5])[:, None]
    x[~mask] = float("nan")
    for pool, expected in (("mean", torch.stack([s[m].mean(0) for s, m in zip(x, mask)])),
                           ("max", torch.stack([s[m].amax(0) for s, m in zip(x, mask)]))):
        collapscope.record(model, tmp_path / "dump.h5", [(x, mask)], pool=pool, output=lambda out: out[:, 0],
                           batch=lambda item: {"x": item[0], "y": torch.zeros(6, 2), "mask": item[1]})
        with h5py.File(tmp_path / "dump.h5") as f:
            np.testing.assert_allclose(f["layers/model/activations"], expected, rtol=1e-6)


class Branches(nn.Module):
    """Calls `sometimes` only for batches of ten, and `never` not at all."""

    def __init__(self):
        super().__init__()
        self.always, self.sometimes, self.never = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        x = self.always(x)
        return (self.sometimes(x) if len(x) == 10 else x)[:, :2]


def test_layers_that_are_not_called(tmp_path):
    x, y = torch.randn(10, 4), torch.randn(10, 2)
    with pytest.warns(UserWarning, match="left out, as the forward pass does not call them: never"):
        with collapscope.Recorder(Branches(), tmp_path / "a.h5") as rec:
            rec.add(x, y)
            with pytest.raises(ValueError, match="layers/sometimes: found no call in the batch from sample 10 on"):
                rec.add(x[:9], y[:9])
    with pytest.raises(ValueError, match="layers/never: found no call in the forward pass; expected one, as it was named"):
        collapscope.record(Branches(), tmp_path / "b.h5", [(x, y)], layers=["always", "never"])
    with pytest.raises(ValueError, match="layers/sometimes: found a call in the batch from sample 9 on"):
        with pytest.warns(UserWarning):
            collapscope.record(Branches(), tmp_path / "b.h5", [(x[:9], y[:9]), (x, y)])
    assert names(tmp_path) == ["a.h5"]


@pytest.mark.parametrize("layers, expected", [
    ("always", ["always"]), ("*s", ["always", "sometimes"]), (["sometimes", "al*"], ["always", "sometimes"]),
    (lambda name, module: name == "sometimes", ["sometimes"])])
def test_chosen_layers(tmp_path, layers, expected):
    with collapscope.Recorder(Branches(), tmp_path / "dump.h5", layers=layers) as rec:
        rec.add(torch.randn(10, 4), torch.randn(10, 2))
    assert rec.layers == expected


class Odd(nn.Module):
    """A layer that sees other samples than the rest, or no tensor."""

    def __init__(self, how):
        super().__init__()
        self.how, self.a, self.b = how, nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        if self.how == "keyword" and torch.__version__ < "2":
            pytest.skip("hooks see no keyword arguments before PyTorch 2")
        a = self.a(input=x) if self.how == "keyword" else self.a(x)
        return self.b(a.repeat(2, 1))[:len(x)] if self.how == "repeat" else self.b(a)


@pytest.mark.parametrize("arguments, message", [
    (dict(how="repeat"), r"dump.h5: layers/b/activations: found 20 samples in a batch; expected 10, as the targets have"),
    (dict(y=torch.zeros(9, 2)), r"predictions: found shape \[10, 2\]; expected \[9, 2\] beside targets"),
    (dict(y=torch.zeros(10, 3)), r"predictions: found shape \[10, 2\]; expected \[10, 3\] beside targets"),
    (dict(y=torch.zeros(10, 2, 1)), r"targets: found float32 of shape \[10, 2, 1\]; expected \[N\] or \[N, n\]"),
    (dict(y=None), r"targets: found None; expected y of shape"),
    (dict(x=None), r"found no forward pass; expected x, or a call of the model itself inside `with rec.watch\(\):`; compiled graphs and"),
    (dict(mask=torch.zeros(10, 4)), r"mask: sample 0 has no position that counts"),
    (dict(mask=torch.zeros(10)), r"mask: found shape \[10\]; expected \[N, T\]"),
    (dict(task="classification"), r"targets: found float32 of shape \[10, 2\]; expected integers \[N\]"),
    (dict(task="sorting"), r"task: found 'sorting'; expected one of 'regression', 'classification'"),
    (dict(layers="c"), r"layers: found no module 'c' in Odd; expected one of a, b"),
    (dict(layers=lambda name, module: False), r"layers: found none of Odd that fits"),
    (dict(pool="median"), r"dump.h5: pool: found 'median'; expected one of mean, max, first, last, none, flatten, keep"),
    (dict(dtype="float8"), r"dtype: found 'float8'; expected one of None, 'float16'"),
    (dict(compression="zip"), r"compression: found 'zip'; expected None or 'gzip'"),
    (dict(attributes={"tags": [1, 2]}), r"attribute 'tags': found list; expected a string or a number"),
    *((dict(attributes={"step": step}), r"attribute 'step': found .*; expected a finite number") for step in ("001", float("nan"), True)),
    (dict(pool={"lienar": "max"}), r"pool: found no layer that fits 'lienar'.*; expected one of "),
    (dict(attributes={"config": "é" * 32769}), r"attribute 'config': found a text of 65538 bytes; expected at most 65536, which the program reads"),
    (dict(attributes={"format": "x"}), r"attribute 'format' is set by the format; expected another name"),
    (dict(output=lambda out: out[:, 0]), r"predictions: found shape \[10\]; expected \[10, 2\]"),
])
def test_refused(tmp_path, arguments, message):
    add = {"x": torch.randn(10, 4), "y": torch.zeros(10, 2)}
    add.update((key, arguments.pop(key)) for key in ("x", "y", "mask") if key in arguments)
    with pytest.raises(ValueError, match=message):
        with collapscope.Recorder(Odd(arguments.pop("how", "")), tmp_path / "dump.h5", **arguments) as rec:
            rec.add(**add)
    assert names(tmp_path) == []


def test_sequences_of_other_lengths_cannot_be_kept(tmp_path):
    with pytest.raises(ValueError, match=r"layers/model/activations: found float32 \[N, 6, 4\] from sample 3 on; expected float32 "
                                         r"\[N, 5, 4\], as before"):
        collapscope.record(nn.Linear(4, 2), tmp_path / "dump.h5", [(torch.randn(3, t, 4), torch.zeros(3, 2)) for t in (5, 6)],
                           pool="keep", output=lambda out: out[:, 0])


def test_training_while_recording_is_refused(tmp_path):
    model = linear()
    with pytest.raises(ValueError, match="layers/0/weight: found changed after sample 5; expected no training"):
        with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
            rec.add(torch.randn(5, 4), torch.randn(5, 2))
            model(torch.randn(5, 4)).sum().backward()
            torch.optim.SGD(model.parameters(), 0.1).step()
            rec.add(torch.randn(5, 4), torch.randn(5, 2))


def test_the_user_may_run_the_model(tmp_path):
    model, x, y = linear(), torch.randn(8, 4), torch.randn(8, 2)
    with collapscope.Recorder(model, tmp_path / "dump.h5") as rec:
        for part, target in zip(x.split(5), y.split(5)):
            with rec.watch():
                p = model(part)
            rec.add(y=target, predictions=p)
            model(part)  # not watched
        with pytest.raises(ValueError, match="mask: found in add"):
            rec.add(y=target, mask=torch.ones(3, 1))
    with h5py.File(tmp_path / "dump.h5") as f:
        assert np.array_equal(f["layers/0/activations"], x)
        assert f["predictions"].shape == (8, 2)
    with pytest.raises(ValueError, match="after the recording has ended"):
        rec.add(x, y)


def test_predictions_may_be_left_out_but_not_now_and_then(tmp_path):
    x, y = torch.randn(8, 4), torch.randn(8, 2)
    collapscope.record(linear(), tmp_path / "dump.h5", [(x, y)], output=lambda out: None)
    with h5py.File(tmp_path / "dump.h5") as f:
        assert "predictions" not in f
    outputs = iter([None, y])
    with pytest.raises(ValueError, match="predictions: found from sample 8 on; expected in no batch"):
        collapscope.record(linear(), tmp_path / "dump.h5", [(x, y)] * 2, output=lambda out: next(outputs))
    outputs = iter([y, None])
    with pytest.raises(ValueError, match="predictions: found none from sample 8 on; expected some"):
        collapscope.record(linear(), tmp_path / "dump.h5", [(x, y)] * 2, output=lambda out: next(outputs))


def test_classification(tmp_path):
    labels = torch.randint(0, 3, (12,))
    collapscope.record(linear(n=3), tmp_path / "dump.h5", [(torch.randn(12, 4), labels)], task="classification")
    with h5py.File(tmp_path / "dump.h5") as f:
        assert f.attrs["task"] == "classification" and np.array_equal(f["targets"], labels) and f["predictions"].shape == (12, 3)


def test_a_recorder_that_is_never_closed_leaves_nothing(tmp_path):
    code = ("import os, sys, torch, collapscope\n"
            "rec = collapscope.Recorder(torch.nn.Linear(4, 2), sys.argv[1])\n"
            "rec.add(torch.randn(5, 4), torch.randn(5, 2))\n"
            "child = os.fork()\n"
            "if child: os.waitpid(child, 0)\n"
            "else: sys.exit()\n"  # runs what is to be run at exit, but the file is not the child's
            "assert len(os.listdir(os.path.dirname(sys.argv[1]))) == 1\n")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "dump.h5")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("RuntimeWarning") == 1  # the child says nothing
    assert "dump.h5: a recorder was not closed, so there is no file; expected `with collapscope.Recorder(...) as rec:`" in done.stderr
    assert names(tmp_path) == []


def test_a_recorder_that_is_forgotten_warns(tmp_path):
    rec = collapscope.Recorder(linear(), tmp_path / "dump.h5")
    rec.add(torch.randn(5, 4), torch.randn(5, 2))
    with pytest.warns(RuntimeWarning, match="dump.h5: a recorder was not closed"):
        del rec
        gc.collect()
    record(tmp_path / "closed.h5")
    gc.collect()
    assert names(tmp_path) == ["closed.h5"]


@pytest.mark.parametrize("name, expected", [("dump", "dump.h5"), ("wd0.001", "wd0.001.h5"), ("wd1.5e-3", "wd1.5e-3.h5"), ("a.hdf5", "a.hdf5"),
                                            ("a.h5", "a.h5"), ("step.10", "step.10.h5"), ("run.v2", "run.v2.h5"),
                                            ("resnet50.seed0", "resnet50.seed0.h5"),
                                            ("B.H5", "B.H5")])
def test_a_name_without_an_ending_gets_one(tmp_path, name, expected):
    with collapscope.Recorder(linear(), tmp_path / name) as rec:
        rec.add(torch.randn(5, 4), torch.randn(5, 2))
    assert names(tmp_path) == [expected] and rec.path == tmp_path / expected


def test_a_batch_that_is_half_stored_ends_the_recording(tmp_path, monkeypatch):
    from collapscope import _dump

    rec = collapscope.Recorder(linear(), tmp_path / "dump.h5")
    rec.add(torch.randn(5, 4), torch.randn(5, 2))
    append = _dump.Rows.append
    monkeypatch.setattr(_dump.Rows, "append", lambda rows, values: append(rows, values) if rows.name == "targets" else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rec.add(torch.randn(5, 4), torch.randn(5, 2))
    monkeypatch.undo()
    for _ in range(2):
        with pytest.raises(ValueError, match="dump.h5: given up after an error: division by zero"):
            rec.close()
        with pytest.raises(ValueError, match="dump.h5: given up after an error"):
            rec.add(torch.randn(5, 4), torch.randn(5, 2))
    assert names(tmp_path) == []


def test_the_program_finds_every_ending_in_a_folder():
    """As src and docs have them; the program of this test may be older."""
    from collapscope._dump import ENDINGS

    listed = re.search(r"InputKind dump_files\(\) { return {{(.*?)}", (ROOT / "tools" / "inputs.cpp").read_text())[1]
    assert tuple(re.findall(r'"(.*?)"', listed)) == ENDINGS
    for page in ("analyze.md", "record.md"):
        assert all(f"`{ending}`" in (ROOT / "docs" / page).read_text() for ending in ENDINGS)
