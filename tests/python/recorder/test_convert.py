"""convert: every kind of file, as function and as command, against arrays in memory; and what is refused."""
import importlib
import json
import os
import signal
import struct
import subprocess
import sys
import warnings

import h5py
import numpy as np
import pytest
import torch

import collapscope


def main(*arguments):
    """The command, in this process."""
    return importlib.import_module("collapscope.convert").main([str(argument) for argument in arguments])


def numbers(dtype="float32"):
    """One checkpoint of 60 samples: two layers, of which fc10 comes after fc2."""
    rng = np.random.default_rng(0)
    return {"acts.fc2": rng.standard_normal((60, 5)).astype(dtype), "acts.fc10": rng.standard_normal((60, 4)).astype(dtype),
            "y": rng.standard_normal((60, 2)), "p": rng.standard_normal((60, 2)).astype("float32"),
            "fc2.weight": rng.standard_normal((4, 5)).astype("float32"), "fc10.weight": rng.standard_normal((2, 4)).astype("float32"),
            "fc10.bias": rng.standard_normal(2).astype("float32")}


SAMPLES = ("acts.fc2", "acts.fc10", "y", "p")


def parts(arrays):
    """Three shards of unequal length, each with the weights."""
    cuts = [0, 10, 45, 60]
    return [{name: value[a:b] if name in SAMPLES else value for name, value in arrays.items()} for a, b in zip(cuts, cuts[1:])]


def safetensors(path, arrays, types=None):
    """Writes a safetensors file."""
    names = {"float32": "F32", "float64": "F64", "float16": "F16", "int64": "I64", "uint16": "BF16"}
    header, blob = {"__metadata__": {"format": "pt"}}, b""
    for name, value in arrays.items():
        data = np.ascontiguousarray(value).tobytes()
        header[name] = {"dtype": names[str(value.dtype)], "shape": list(value.shape), "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob)
    return path


def as_npz(folder, index, arrays):
    np.savez(folder / f"{index}.npz", **arrays)
    return folder / f"{index}.npz"


def as_npy(folder, index, arrays):
    shard = folder / str(index)
    shard.mkdir()
    for name, value in arrays.items():
        np.save(shard / f"{name}.npy", value)
    return shard


def as_pt(folder, index, arrays):
    torch = pytest.importorskip("torch")
    nested = {"acts": {}}
    for name, value in arrays.items():
        place, key = (nested["acts"], name[5:]) if name.startswith("acts.") else (nested, name)
        place[key] = torch.from_numpy(np.ascontiguousarray(value))
    torch.save(nested, folder / f"{index}.pt")
    return folder / f"{index}.pt"


def as_safetensors(folder, index, arrays):
    return safetensors(folder / f"{index}.safetensors", arrays)


def check(path, arrays, predictions=True):
    with h5py.File(path) as f:
        assert list(f["layers"]) == ["fc10", "fc2"]
        assert [f[f"layers/{name}"].attrs["index"] for name in ("fc2", "fc10")] == [0, 1]
        for layer in ("fc2", "fc10"):
            found = f[f"layers/{layer}/activations"]
            assert found.dtype == arrays[f"acts.{layer}"].dtype and np.array_equal(found, arrays[f"acts.{layer}"])
            assert np.array_equal(f[f"layers/{layer}/weight"], arrays[f"{layer}.weight"])
        assert np.array_equal(f["layers/fc10/bias"], arrays["fc10.bias"]) and "bias" not in f["layers/fc2"]
        assert np.array_equal(f["targets"], arrays["y"]) and f["targets"].dtype == np.float64
        assert ("predictions" in f) == predictions and (not predictions or np.array_equal(f["predictions"], arrays["p"]))


@pytest.mark.parametrize("write", [as_npz, as_npy, as_pt, as_safetensors])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_shards_of_every_kind(tmp_path, analyze, same_as_oracle, write, dtype):
    arrays = numbers(dtype)
    sources = [write(tmp_path, index, shard) for index, shard in enumerate(parts(arrays))]
    out = tmp_path / "dumps" / "out.h5"
    collapscope.convert(sources, out, targets="y", predictions="p", activations="acts.*", attributes={"run": "a", "step": 1})
    check(out, arrays)
    results = analyze(out)
    for layer in ("fc2", "fc10"):
        same_as_oracle(results[layer], arrays[f"acts.{layer}"], arrays["y"], arrays[f"{layer}.weight"], arrays["p"])


def test_the_command_does_the_same(tmp_path, capsys):
    arrays = numbers()
    sources = [as_npz(tmp_path, index, shard) for index, shard in enumerate(parts(arrays))]
    out = tmp_path / "out.h5"
    assert main(*sources, "-o", out, "--activations", "acts.*", "--targets", "y", "--predictions", "p", "--attribute", "step=10",
                "--attribute", "run=a b", "--attribute", "weight_decay=1e-3", "--attribute", "note=nan") == 0
    check(out, arrays)
    with h5py.File(out) as f:
        assert (f.attrs["step"], f.attrs["run"], f.attrs["weight_decay"], f.attrs["note"]) == (10, "a b", 1e-3, "nan")
    assert main(*sources, "-o", tmp_path / "names.h5", "--activations", "acts.*", "--targets", "y", "--attribute", "run=1.10",
                "--attribute", "version=001", "--attribute", "date=2024_01_05", "--attribute", "scale=-1.5") == 0
    with h5py.File(tmp_path / "names.h5") as f:
        assert [f.attrs[name] for name in ("run", "version", "date", "scale")] == ["1.10", "001", "2024_01_05", -1.5]
        assert f.attrs["complete"]
    assert main(*sources, "-o", tmp_path / "no.h5", "--activations", "acts.*", "--targets", "labels") == 2
    assert "0.npz: found no array 'labels'; expected it among acts.fc2, acts.fc10, y" in capsys.readouterr().err
    assert not (tmp_path / "no.h5").exists()
    done = subprocess.run([sys.executable, "-m", "collapscope.convert", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--activations" in done.stdout


def test_loose_npy_files_are_one_shard(tmp_path):
    arrays = numbers()
    folder = as_npy(tmp_path, 0, arrays)
    collapscope.convert(sorted(folder.iterdir()), tmp_path / "out.h5", targets="y", predictions="p", activations="acts.*")
    check(tmp_path / "out.h5", arrays)


def test_weights_of_other_files_by_name_and_transposed(tmp_path):
    arrays = numbers()
    source = as_npz(tmp_path, 0, {name: arrays[name] for name in SAMPLES})
    first = safetensors(tmp_path / "a.safetensors", {"params/fc2/kernel": np.ascontiguousarray(arrays["fc2.weight"].T),
                                                     "bias of fc10": arrays["fc10.bias"]})
    second = safetensors(tmp_path / "b.safetensors", {"params/fc10/kernel": np.ascontiguousarray(arrays["fc10.weight"].T)})
    out = tmp_path / "out.h5"
    options = dict(targets="y", predictions="p", activations={"fc2": "acts.fc2", "fc10": "acts.fc10"}, weights=[first, second],
                   bias={"fc10": "bias of fc10"})
    collapscope.convert(source, out, weight="params/{layer}/kernel", transpose=True, **options)
    check(out, arrays)
    collapscope.convert(source, out, weight={"fc2": "params/fc2/kernel", "fc10": "params/fc10/kernel"}, transpose=["fc*"], **options)
    check(out, arrays)
    assert main(source, "-o", out, "--activations", "fc2=acts.fc2", "--activations", "fc10=acts.fc10", "--targets", "y",
                "--predictions", "p", "--weights", first, "--weights", second, "--weight", "params/{layer}/kernel", "--transpose", "*",
                "--bias", "fc10=bias of fc10") == 0
    check(out, arrays)
    with pytest.raises(ValueError, match=r"layers/fc2/weight: found shape \[5, 4\]; expected \[m, d\] to fit activations of shape "
                                         r"\[N, 5\], or transpose"):
        collapscope.convert(source, out, weight="params/{layer}/kernel", **options)
    with pytest.raises(ValueError, match=r"a.safetensors: found no weight of the pattern '\{layer\}.w', such as 'fc2.w'; expected it among"):
        collapscope.convert(source, out, weight="{layer}.w", **options)
    with pytest.raises(ValueError, match=r"found no array 'x'"):
        collapscope.convert(source, out, weight={"fc2": "x"}, **options)
    with pytest.raises(ValueError, match=r"weight: found layer 'fc3'; expected one of fc2, fc10"):
        collapscope.convert(source, out, weight={"fc3": "x"}, **options)
    options["weights"] = [first]
    with pytest.warns(UserWarning, match="found no weight of fc10"):
        collapscope.convert(source, out, weight="params/{layer}/kernel", transpose=True, **options)


def bfloat16(values):
    """Bits of numbers that bfloat16 holds exactly."""
    bits = values.astype(np.float32).view(np.uint32)
    assert not (bits & 0xFFFF).any()
    return (bits >> 16).astype(np.uint16)


@pytest.mark.parametrize("kind", ["safetensors", "pt", "npz"])
def test_bfloat16(tmp_path, analyze, kind):
    rng = np.random.default_rng(1)
    values = rng.integers(-128, 128, (50, 3)) / 16
    bits, y = bfloat16(values), rng.standard_normal((50, 1))
    path = tmp_path / f"a.{kind}"
    if kind == "safetensors":
        safetensors(path, {"h": bits, "y": y})
    elif kind == "pt":
        torch = pytest.importorskip("torch")
        torch.save({"h": torch.from_numpy(values).to(torch.bfloat16), "y": torch.from_numpy(y)}, path)
    else:
        np.savez(path, h=bits.view("V2"), y=y)  # as numpy saves ml_dtypes' arrays, of JAX
    collapscope.convert(path, tmp_path / "out.h5", targets="y", activations={"fc": "h"})
    with h5py.File(tmp_path / "out.h5") as f:
        assert f["layers/fc/activations"].attrs["dtype"] == "bfloat16" and np.array_equal(f["layers/fc/activations"], bits)
    assert analyze(tmp_path / "out.h5")["fc"]["total_variance"] == pytest.approx(values.var(0).sum(), rel=1e-10)
    collapscope.convert(path, tmp_path / "wide.h5", targets="y", activations={"fc": "h"}, dtype="float32")
    with h5py.File(tmp_path / "wide.h5") as f:
        assert np.array_equal(f["layers/fc/activations"], values)


def test_rounding_to_bfloat16(tmp_path):
    """To nearest, ties to even; NaN and Inf stay what they are."""
    from collapscope._dump import to_bfloat16

    exact = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8 - 2**-20, 3.4e38, np.inf, -np.inf], np.float32)
    expected = [0x3F80, 0x3F80, 0x3F82, 0xBF81, 0x7F80, 0x7F80, 0xFF80]
    assert to_bfloat16(exact).view("<u2").tolist() == expected
    nan = np.array([0x7FFFFFFF, 0x7F800001], np.uint32).view(np.float32)
    assert to_bfloat16(nan).view("<u2").tolist() == [0x7FC0, 0x7FC0]
    np.savez(tmp_path / "a.npz", h=exact.reshape(7, 1), y=np.arange(7.0))
    with pytest.raises(ValueError, match=r"layers/fc/activations: sample 4 has a NaN or Inf \(as bfloat16\)"):
        collapscope.convert(tmp_path / "a.npz", tmp_path / "out.h5", targets="y", activations={"fc": "h"}, dtype="bfloat16")


def test_images_and_sequences_with_their_attributes(tmp_path, analyze):
    rng = np.random.default_rng(2)
    np.savez(tmp_path / "a.npz", **{"h/conv": rng.standard_normal((9, 4, 4, 3)), "h/fc": rng.standard_normal((9, 2)), "y": np.arange(9),
                                    "conv.weight": rng.standard_normal((5, 3, 2, 2))})
    collapscope.convert(tmp_path / "a.npz", tmp_path / "out.h5", targets="y", activations="h/{layer}", layout="NHWC", pool="none", task="regression",
                        weight={"conv": "conv.weight"})
    results = analyze(tmp_path / "out.h5", "--metrics", "samples,features")
    assert (results["conv"]["samples"], results["conv"]["features"], results["fc"]["samples"]) == (144, 3, 9)


def test_a_large_array_is_copied_in_pieces(tmp_path, monkeypatch):
    """Never more than a piece of a mapped file at once; what is not mapped is seen by the sizes of the pieces."""
    module = importlib.import_module("collapscope.convert")
    monkeypatch.setattr(module, "PIECE_BYTES", 1000)
    arrays = numbers()
    folder = as_npy(tmp_path, 0, arrays)
    pieces = []
    stored = module.stored
    monkeypatch.setattr(module, "stored", lambda values, dtype: pieces.append(values.nbytes) or stored(values, dtype))
    collapscope.convert(folder, tmp_path / "out.h5", targets="y", predictions="p", activations="acts.*")
    check(tmp_path / "out.h5", arrays)
    assert max(pieces) <= 1000 and len(pieces) > 4


@pytest.mark.parametrize("change, message", [
    (dict(activations="features.*"), r"0.npz: found no array that fits 'features.\*'; expected at least one among acts.fc2"),
    (dict(activations="acts"), r"found the pattern 'acts'; expected one \* or \{layer\}"),
    (dict(activations="*.*"), r"found the pattern '\*\.\*'; expected one \* or \{layer\}"),
    (dict(weight="w.{layer}"), r"0.npz: found no weight of the pattern 'w.\{layer\}', such as 'w.fc2'; expected it among acts.fc2"),
    (dict(bias="b.{layer}"), r"0.npz: found no bias of the pattern 'b.\{layer\}', such as 'b.fc2'; expected it among"),
    (dict(transpose="conv*"), r"out.h5: transpose: found no layer that fits 'conv\*'; expected one of fc2, fc10"),
    (dict(activations={"fc": "h"}), r"0.npz: found no array 'h'; expected it among"),
    (dict(targets="acts.fc"), r"found no array 'acts.fc'"),
    (dict(predictions="acts.fc2"), r"predictions: found shape \[10, 5\]; expected \[10, 2\] beside targets"),
    (dict(dtype="int8"), r"dtype: found 'int8'; expected float16, bfloat16, float32, float64 or None"),
    (dict(task="classification"), r"0.npz: y: found float64 of shape \[10, 2\]; expected labels: integers \[N\]")])
def test_refused(tmp_path, change, message):
    sources = [as_npz(tmp_path, index, shard) for index, shard in enumerate(parts(numbers()))]
    options = {"targets": "y", "activations": "acts.*", **change}
    with pytest.raises(ValueError, match=message):
        collapscope.convert(sources, tmp_path / "out.h5", **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.npz", "1.npz", "2.npz"]


def test_shards_that_do_not_fit_are_named(tmp_path):
    shards = parts(numbers())
    options = dict(targets="y", activations="acts.*")

    def run(change):
        arrays = dict(shards[1])
        change(arrays)
        collapscope.convert([as_npz(tmp_path, 0, shards[0]), as_npz(tmp_path, 1, arrays)], tmp_path / "out.h5", **options)

    with pytest.raises(ValueError, match=r"1.npz: acts.fc10: found 34 samples; expected 35, as y has"):
        run(lambda a: a.update({"acts.fc10": a["acts.fc10"][1:]}))
    with pytest.raises(ValueError, match=r"1.npz: found no array 'acts.fc10'"):
        run(lambda a: a.pop("acts.fc10"))
    with pytest.raises(ValueError, match=r"1.npz: found layer 'fc3', which the first shard lacks"):
        run(lambda a: a.update({"acts.fc3": a["acts.fc2"]}))
    with pytest.raises(ValueError, match=r"layers/fc2/activations: found float32 \[N, 4\] from sample 10 on; expected float32 \[N, 5\]"):
        run(lambda a: a.update({"acts.fc2": a["acts.fc2"][:, 1:]}))
    with pytest.raises(ValueError, match=r"layers/fc2/activations: found float16 \[N, 5\] from sample 10 on"):
        run(lambda a: a.update({"acts.fc2": a["acts.fc2"].astype("float16")}))
    with pytest.raises(ValueError, match=r"layers/fc2/activations: sample 13 has a NaN or Inf"):
        run(lambda a: a["acts.fc2"].__setitem__((3, 1), np.nan))
    with pytest.raises(ValueError, match=r"layers/fc2/activations: found numbers of type <U3; expected float16"):
        run(lambda a: a.update({"acts.fc2": np.full((35, 5), "abc")}))
    assert not (tmp_path / "out.h5").exists() and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["out", "out.txt", "out.npz", "wd0.001", "-", "folder", "folder.h5"])
def test_the_dump_has_the_name_that_was_asked_for(tmp_path, name):
    source = as_npz(tmp_path, 0, numbers())
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(ValueError, match=r"expected a name that ends in .h5, such as "):
        collapscope.convert(source, tmp_path / name, targets="y", activations="acts.*")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.npz", "folder", "folder.h5"]


def test_arrays_without_samples(tmp_path):
    arrays = {name: value[:0] if name in SAMPLES else value for name, value in numbers().items()}
    empty = as_npz(tmp_path, 0, arrays)
    options = dict(targets="y", activations="acts.*")
    with pytest.raises(ValueError, match=r"0.npz: y: found no samples; expected at least one"):
        collapscope.convert(empty, tmp_path / "out.h5", **options)
    collapscope.convert([empty, as_npz(tmp_path, 1, numbers())], tmp_path / "out.h5", **options)  # one shard of several may have none
    with h5py.File(tmp_path / "out.h5") as f:
        assert f["targets"].shape == (60, 2)


def test_tensors_of_other_kinds_are_named(tmp_path):
    warnings.filterwarnings("ignore", message="TypedStorage is deprecated")  # torch.load of a quantized tensor, in new versions
    rows = torch.ones(4, 3)
    kinds = {"sparse": rows.to_sparse()}
    if hasattr(torch, "quantize_per_tensor"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # new versions of PyTorch say that it will go
            kinds["quantized"] = torch.quantize_per_tensor(rows, 0.1, 0, torch.qint8)
    if hasattr(torch, "float8_e4m3fn"):
        kinds["float8_e4m3fn"] = rows.to(torch.float8_e4m3fn)
    for kind, tensor in kinds.items():
        torch.save({"y": torch.ones(4), "acts": {"a": tensor}}, tmp_path / "a.pt")
        with pytest.raises(ValueError, match=rf"a.pt: acts.a: found a .*{kind}"):
            collapscope.convert(tmp_path / "a.pt", tmp_path / "out.h5", targets="y", activations="acts.*", trust=True)


def test_labels_that_are_whole_floats(tmp_path):
    labels = np.arange(60) % 3
    options = dict(targets="y", activations="acts.*", task="classification")
    for dtype in ("float16", "float32", "float64"):
        collapscope.convert(as_npz(tmp_path, 0, {**numbers(), "y": labels.astype(dtype)}), tmp_path / "out.h5", **options)
        with h5py.File(tmp_path / "out.h5") as f:
            assert f["targets"].dtype == np.int64 and (f["targets"][:] == labels).all()
    for other in (labels[:, None], labels[:, None].astype("float32"), np.eye(3)[labels], np.eye(3, dtype="int8")[labels]):
        collapscope.convert(as_npz(tmp_path, 0, {**numbers(), "y": other}), tmp_path / "out.h5", **options)
        with h5py.File(tmp_path / "out.h5") as f:
            assert f["targets"].shape == (60,) and (f["targets"][:] == labels).all()
    for wrong, text in ((0.5, "0.5"), (np.nan, "nan")):
        bad = labels.astype("float32")
        bad[7] = wrong
        with pytest.raises(ValueError, match=rf"0.npz: y: found {text} for sample 7; expected whole numbers as class labels"):
            collapscope.convert(as_npz(tmp_path, 0, {**numbers(), "y": bad}), tmp_path / "out.h5", **options)


def test_options_that_mean_nothing_are_told(tmp_path):
    arrays = numbers()
    arrays["acts.fc2"] = np.zeros((60, 3, 5), "float32")
    source = as_npz(tmp_path, 0, arrays)
    rows = as_npz(tmp_path, 1, numbers())
    whole = as_npz(tmp_path, 2, {name: value.astype("int32") if name.startswith("acts") else value for name, value in numbers().items()})
    options = dict(targets="y", activations="acts.*")
    for path, given, note in ((rows, dict(pool="max"), "pool 'max': no activations are sequences or images"),
                              (rows, dict(layout="NTD"), "layout 'NTD': no activations have 3 axes"),
                              (source, dict(layout="NCHW"), "layout 'NCHW': no activations have 4 axes"),
                              (whole, dict(dtype="float16"), "dtype 'float16': no activations are floats"),
                              (rows, dict(transpose="fc10", weight={}, bias=None), "transpose 'fc10': no such layer has a weight")):
        with pytest.warns(UserWarning, match=note):
            collapscope.convert(path, tmp_path / "out.h5", **options, **given)
        with h5py.File(tmp_path / "out.h5") as f:
            assert not {"layout", "pool"} & set(f["layers/fc2"].attrs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        collapscope.convert(source, tmp_path / "out.h5", **options, pool="max", layout="NTD")


def test_a_layer_is_named_once(tmp_path, capsys):
    source = as_npz(tmp_path, 0, numbers())
    command = [source, "-o", tmp_path / "out.h5", "--targets", "y", "--activations", "a=acts.fc2"]
    assert main(*command, "--activations", "a=acts.fc10") == 2
    assert "--activations: found layer 'a' twice" in capsys.readouterr().err
    assert main(*command, "--attribute", "run=x", "--attribute", "run=y") == 2
    assert "--attribute: found 'run' twice" in capsys.readouterr().err


class Evil:
    """A pickle that would run code."""

    def __reduce__(self):
        import os

        return os.mkdir, (Evil.folder,)


def test_no_file_runs_code(tmp_path):
    torch = pytest.importorskip("torch")
    Evil.folder = str(tmp_path / "ran")
    options = dict(targets="y", activations="acts.*")
    torch.save({"y": torch.zeros(3), "x": Evil()}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a.pt: torch.load: .*expected tensors in dicts and lists, or trust=True"):
        collapscope.convert(tmp_path / "a.pt", tmp_path / "out.h5", **options)
    np.savez(tmp_path / "a.npz", y=np.array([Evil()], dtype=object))
    with pytest.raises(ValueError, match=r"a.npz: y: .*; expected an array of numbers"):
        collapscope.convert(tmp_path / "a.npz", tmp_path / "out.h5", targets="y", activations={"fc": "y"})
    np.save(tmp_path / "y.npy", np.array([Evil()], dtype=object))
    with pytest.raises(ValueError, match=r"y.npy: found no array: "):
        collapscope.convert(tmp_path / "y.npy", tmp_path / "out.h5", targets="y", activations={"fc": "y"})
    assert not (tmp_path / "ran").exists()


def test_trusted_pt_files(tmp_path):
    torch = pytest.importorskip("torch")
    arrays = numbers()
    torch.save({**arrays, "note": Trusted()}, tmp_path / "a.pt")
    collapscope.convert(tmp_path / "a.pt", tmp_path / "out.h5", targets="y", predictions="p", activations="acts.*", trust=True)
    check(tmp_path / "out.h5", arrays)


class Trusted:
    """Not a tensor."""


@pytest.mark.parametrize("name, content, message", [
    ("a.npz", b"no zip", r"a.npz: found no arrays"), ("a.npy", b"no array", r"a.npy: found no array"),
    ("a.txt", b"", r"a.txt: found the ending '.txt'; expected .npz"), ("a.safetensors", b"abc", r"a.safetensors: found a header"),
    *[(f"a.{kind}", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
       f"a.{kind}: found a pointer of Git LFS; expected the file itself, which `git lfs pull` brings")
      for kind in ("npz", "npy", "pt", "safetensors")],
    ("a.h5", b"", r"a.h5: found the ending '.h5'; .*; HDF5 files are read by collapscope analyze itself"),
    ("a.index.json", b'{"weight_map": {"a": "../b.safetensors"}}', "a.index.json: found no index of weights"),
    ("a.index.json", b'[1]', "a.index.json: found no index of weights")])
def test_damaged_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        collapscope.convert(tmp_path / name, tmp_path / "out.h5", targets="a", activations={"fc": "a"})
    assert main(tmp_path / "missing.npz", "-o", tmp_path / "out.h5", "--targets", "y", "--activations", "*") == 2
    with pytest.raises(ValueError, match="found no .npy file"):
        (tmp_path / "folder").mkdir()
        collapscope.convert(tmp_path / "folder", tmp_path / "out.h5", targets="a", activations={"fc": "a"})


def test_a_layer_may_stand_several_times_in_a_name(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"y": rng.standard_normal(8), **{f"net/{i}/acts_{i}": rng.standard_normal((8, 3)) for i in (1, 12)},
              **{f"net/{i}/weight_of_{i}": rng.standard_normal((2, 3)) for i in (1, 12)}, "net/1/acts_2": np.ones((8, 3))}
    np.savez(tmp_path / "a.npz", **arrays)
    collapscope.convert(tmp_path / "a.npz", tmp_path / "out.h5", targets="y", activations="net/{layer}/acts_{layer}",
                        weight="net/{layer}/weight_of_{layer}")
    with h5py.File(tmp_path / "out.h5") as f:
        assert sorted(f["layers"]) == ["1", "12"]
        assert all(np.array_equal(f[f"layers/{i}/weight"], arrays[f"net/{i}/weight_of_{i}"]) for i in (1, 12))


def test_weights_in_several_files_with_an_index(tmp_path):
    arrays = numbers()
    source = as_npz(tmp_path, 0, {name: arrays[name] for name in SAMPLES})
    folder = tmp_path / "model"
    folder.mkdir()
    parts = {"model-00001-of-00002.safetensors": ["fc2.weight"], "model-00002-of-00002.safetensors": ["fc10.weight", "fc10.bias"]}
    for name, held in parts.items():
        safetensors(folder / name, {key: arrays[key] for key in held})
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {key: name for name, held in parts.items() for key in held}}))
    options = dict(targets="y", predictions="p", activations="acts.*")
    for weights in (index, folder):
        collapscope.convert(source, tmp_path / "out.h5", weights=weights, **options)
        check(tmp_path / "out.h5", arrays)
    with pytest.warns(UserWarning, match=r"found no weight of fc10; .*model.safetensors.index.json lists the files of all weights"):
        collapscope.convert(source, tmp_path / "out.h5", weights=folder / "model-00001-of-00002.safetensors", **options)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(OSError, match="model-00002-of-00002.safetensors"):
        collapscope.convert(source, tmp_path / "out.h5", weights=index, **options)


def test_a_checkpoint_of_lightning(tmp_path):
    torch = pytest.importorskip("torch")
    arrays = numbers()
    source = as_npz(tmp_path, 0, {name: arrays[name] for name in SAMPLES})
    weights = {name: torch.from_numpy(value) for name, value in arrays.items() if name not in SAMPLES}
    torch.save({"epoch": 3, "state_dict": weights}, tmp_path / "last.ckpt")
    for weight, bias in (("{layer}.weight", "{layer}.bias"), ("state_dict.{layer}.weight", {"fc10": "state_dict.fc10.bias"})):
        collapscope.convert(source, tmp_path / "out.h5", targets="y", predictions="p", activations="acts.*", weight=weight, bias=bias,
                            weights=tmp_path / "last.ckpt")
        check(tmp_path / "out.h5", arrays)


def test_lists_of_batches(tmp_path):
    torch = pytest.importorskip("torch")
    arrays = {name: torch.from_numpy(value) for name, value in numbers().items()}
    torch.save({"acts": [*arrays["acts.fc2"].split(25)], "y": [*arrays["y"].split(25)], "fc.weight": arrays["fc2.weight"]}, tmp_path / "a.pt")
    collapscope.convert(tmp_path / "a.pt", tmp_path / "out.h5", targets="y", activations={"fc": "acts"})
    with h5py.File(tmp_path / "out.h5") as f:
        assert np.array_equal(f["layers/fc/activations"], arrays["acts.fc2"]) and np.array_equal(f["targets"], arrays["y"])
    torch.save({"acts": [arrays["acts.fc2"], arrays["acts.fc10"]], "y": arrays["y"]}, tmp_path / "b.pt")
    with pytest.raises(ValueError, match=r"b.pt: acts: found a list of 2 tensors \(float32 \[60, 5\], float32 \[60, 4\], ...\); expected "
                                         r"batches, which differ in their number of samples only, or .* such as 'acts.0'"):
        collapscope.convert(tmp_path / "b.pt", tmp_path / "no.h5", targets="y", activations={"fc": "acts"})
    collapscope.convert(tmp_path / "b.pt", tmp_path / "two.h5", targets="y", activations="acts.*")
    with h5py.File(tmp_path / "two.h5") as f:
        assert sorted(f["layers"]) == ["0", "1"]


def test_a_pattern_that_fits_a_list_of_batches(tmp_path):
    torch = pytest.importorskip("torch")
    arrays = {name: torch.from_numpy(value) for name, value in numbers().items()}
    torch.save({"acts": {"fc2": [*arrays["acts.fc2"].split(25)], "fc10": arrays["acts.fc10"]}, "y": [*arrays["y"].split(25)]}, tmp_path / "a.pt")
    collapscope.convert(tmp_path / "a.pt", tmp_path / "out.h5", targets="y", activations="acts.*")
    with h5py.File(tmp_path / "out.h5") as f:
        assert sorted(f["layers"]) == ["fc10", "fc2"] and np.array_equal(f["layers/fc2/activations"], arrays["acts.fc2"])


@pytest.mark.parametrize("options, message", [
    (dict(layout="XYZ"), "layout: found 'XYZ'; expected one of NTD, NCHW"), (dict(pool="avg"), "pool: found 'avg'; expected one of mean, max"),
    (dict(attributes={"step": "001"}), "attribute 'step': found '001'; expected a finite number")])
def test_options_that_the_program_would_refuse(tmp_path, options, message):
    source = as_npz(tmp_path, 0, numbers())
    with pytest.raises(ValueError, match=message):
        collapscope.convert(source, tmp_path / "out.h5", targets="y", activations="acts.*", **options)
    assert not (tmp_path / "out.h5").exists()


def test_a_shard_that_is_given_twice(tmp_path):
    source = as_npz(tmp_path, 0, numbers())
    (tmp_path / "link.npz").symlink_to(source)
    for sources in ([source, source], [source, tmp_path / "link.npz"]):
        with pytest.raises(ValueError, match="found twice among the shards; expected each once"):
            collapscope.convert(sources, tmp_path / "out.h5", targets="y", activations="acts.*")


def test_the_bias_beside_a_weight_of_another_name(tmp_path):
    """It is half of a classifier, and nobody asks for it by name."""
    arrays = {"y": np.arange(6) % 3, "acts.fc": np.random.default_rng(0).standard_normal((6, 2)), "net.fc.weight": np.eye(3, 2),
              "net.fc.bias": np.arange(3.0), "other": np.ones(3)}
    np.savez(tmp_path / "a.npz", **arrays)

    def bias_of(**options):
        collapscope.convert(tmp_path / "a.npz", tmp_path / "a.h5", targets="y", activations="acts.*", task="classification", **options)
        with h5py.File(tmp_path / "a.h5") as f:
            return f["layers/fc/bias"][()].tolist() if "bias" in f["layers/fc"] else None

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bias_of(weight="net.{layer}.weight") == bias_of(weight={"fc": "net.fc.weight"}) == [0, 1, 2]
        assert bias_of(weight="net.{layer}.weight", bias=None) is None
        assert bias_of(weight={"fc": "net.fc.weight"}, bias={"fc": "net.fc.bias"}) == [0, 1, 2]
    with pytest.warns(UserWarning, match=r"a.npz: net.fc.bias: left out, though it lies beside the weight of 'fc'"):
        assert bias_of(weight="net.{layer}.weight", bias={}) is None


@pytest.mark.parametrize("kernel, bias", [("params/head/kernel", "params/head/bias"), ("head.kernel", "head.bias"),
                                          ("weight_net/head/kernel", "weight_net/head/bias"), ("head_kernel.weight", "head_kernel.bias")])
def test_the_bias_beside_a_kernel(tmp_path, kernel, bias):
    """As JAX and Keras name them."""
    np.savez(tmp_path / "a.npz", **{"y": np.arange(6) % 3, "acts/head": np.random.default_rng(0).standard_normal((6, 2)), kernel: np.eye(2, 3),
                                    bias: np.arange(3.0)})
    collapscope.convert(tmp_path / "a.npz", tmp_path / "a.h5", targets="y", activations="acts/*", task="classification",
                        weight=kernel.replace("head", "{layer}"), transpose=True)
    with h5py.File(tmp_path / "a.h5") as f:
        assert f["layers/head/bias"][()].tolist() == [0, 1, 2]


def test_targets_and_predictions_are_no_layers(tmp_path):
    draw = np.random.default_rng(0)
    for shard in ("a", "b"):
        (tmp_path / shard).mkdir()
        for name in ("y", "pred", "fc"):
            np.save(tmp_path / shard / f"{name}.npy", draw.standard_normal((5, 2)))
    collapscope.convert([tmp_path / "a", tmp_path / "b"], tmp_path / "out.h5", targets="y", predictions="pred", activations="*")
    with h5py.File(tmp_path / "out.h5") as f:
        assert list(f["layers"]) == ["fc"] and len(f["layers/fc/activations"]) == 10


def test_the_order_of_layers(tmp_path):
    """Their places say which is the last one. Files that keep an order give it; of others it is said."""
    draw = np.random.default_rng(0)
    arrays = {"y": draw.standard_normal((5, 1)), **{f"acts.{name}": draw.standard_normal((5, 2)) for name in ("stem", "block10", "block9", "head")}}

    def order_of(source, **options):
        collapscope.convert(source, tmp_path / "out.h5", targets="y", **{"activations": "acts.*", **options})
        with h5py.File(tmp_path / "out.h5") as f:
            return sorted(f["layers"], key=lambda layer: f["layers"][layer].attrs["index"])

    np.savez(tmp_path / "a.npz", **arrays)
    torch.save({name: torch.tensor(array) for name, array in arrays.items()}, tmp_path / "a.pt")
    (tmp_path / "npy").mkdir()
    for name, array in arrays.items():
        np.save(tmp_path / "npy" / f"{name}.npy", array)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert order_of(tmp_path / "a.npz") == order_of(tmp_path / "a.pt") == ["stem", "block10", "block9", "head"]
        assert order_of(tmp_path / "npy", activations="acts.block*") == ["9", "10"]
        assert order_of(tmp_path / "npy", activations={"b": "acts.stem", "a": "acts.head"}) == ["b", "a"]
    with pytest.warns(UserWarning, match="layers are taken in the order of their names, as such files keep none: block9, block10, head, stem;"):
        assert order_of(tmp_path / "npy") == ["block9", "block10", "head", "stem"]


@pytest.mark.parametrize("weight, scale", [("fc.weight", "fc.SCB"), ("fc.qweight", "fc.scales"), ("fc/weight", "fc/weight_scale"),
                                           ("fc.weight", "fc.weight.absmax"), ("fc.weight", None)])
def test_quantized_weights(tmp_path, weight, scale):
    """As `analyze --weights` says of them."""
    arrays = {**numbers(), weight: np.arange(20, dtype="int8").reshape(4, 5)}
    source = as_npz(tmp_path, 0, {name: arrays[name] for name in SAMPLES})
    np.savez(tmp_path / "w.npz", **{weight: arrays[weight], **({scale: np.ones(4)} if scale else {})})

    def run():
        collapscope.convert(source, tmp_path / "out.h5", targets="y", activations={"fc": "acts.fc2"}, weights=tmp_path / "w.npz",
                            weight={"fc": weight})

    if scale:
        with pytest.raises(ValueError, match=f"w.npz: {weight}: found int8 integers beside {scale}, so they are quantized; expected the weight "
                                             "itself: dequantize it before saving"):
            run()
    else:
        with pytest.warns(UserWarning, match="w.npz: fc.weight: integers, stored as they are; of a quantized weight they would lack its") as said:
            run()
        assert said[0].filename == __file__  # the line names the caller's
        with h5py.File(tmp_path / "out.h5") as f:
            assert np.array_equal(f["layers/fc/weight"], arrays[weight])


def test_integer_targets_of_which_nobody_says_the_task(tmp_path, analyze):
    """They may be labels: a line says how to make them that, also afterwards."""
    arrays = {name: value for name, value in numbers().items() if name != "p"}
    labels = as_npz(tmp_path, 0, {**arrays, "y": np.arange(60) % 3})
    out, options = tmp_path / "out.h5", dict(targets="y", activations="acts.*")
    with pytest.warns(UserWarning, match="0.npz: y: integers of shape .N. are measured as targets of a regression; task='classification' here, or "):
        collapscope.convert(labels, out, **options)
    assert "nc1" in analyze(out, "--task", "classification")["fc2"] and "nrc1" in analyze(out)["fc2"]
    collapscope.convert(labels, out, task="regression", **options)
    with h5py.File(out) as f:
        assert f.attrs["task"] == "regression"
    collapscope.convert(as_npz(tmp_path, 1, numbers()), out, **options)
    with h5py.File(out) as f:
        assert f.attrs["task"] == "regression"


def test_the_axes_of_one_dimensional_convolutions(tmp_path, analyze, same_as_oracle):
    """Where a sequence is as long as it has channels, nobody can tell which is which."""
    rng = np.random.default_rng(3)
    y, weight = rng.standard_normal((40, 2)), rng.standard_normal((6, 8, 3))
    out, options = tmp_path / "out.h5", dict(targets="y", activations="acts.*")

    def source(rows):
        np.savez(tmp_path / "a.npz", y=y, **{"acts.c": rows, "c.weight": weight})
        return tmp_path / "a.npz"

    rows = rng.standard_normal((40, 8, 8))
    with pytest.raises(ValueError, match=r"layers/c/activations: found shape \[N, 8, 8\], of which either axis may be the 8 inputs of a "
                                         r"weight with a window; expected layout NCL, where the channels come first, or NTD"):
        collapscope.convert(source(rows), out, **options)
    collapscope.convert(source(rows), out, layout="NCL", **options)
    same_as_oracle(analyze(out)["c"], rows.mean(2), y, weight, y)
    with pytest.raises(ValueError, match=r"expected \[m, d\] to fit activations of shape \[N, 8, 12\], or layout NCL"):
        collapscope.convert(source(rng.standard_normal((40, 8, 12))), out, **options)
    for rows, layout in ((rows, "NTD"), (rng.standard_normal((40, 12, 8)), None)):
        with pytest.warns(UserWarning, match=r"layers/c/weight: taken as \[m, C, k\], as PyTorch has it; \[k, C, m\], as Keras and"):
            collapscope.convert(source(rows), out, layout=layout, **options)
        same_as_oracle(analyze(out)["c"], rows.mean(1), y, weight, y)


def test_two_arrays_of_one_name(tmp_path):
    torch = pytest.importorskip("torch")
    rows, y = torch.randn(6, 3), torch.randn(6, 1)
    options = dict(targets="y", activations="acts.*")

    def stored(content):
        torch.save({"y": y, **content}, tmp_path / "a.pt")
        collapscope.convert(tmp_path / "a.pt", tmp_path / "out.h5", **options)
        with h5py.File(tmp_path / "out.h5") as f:
            return {layer: f[f"layers/{layer}/activations"][()] for layer in f["layers"]}

    for content, places in (({"acts.fc": rows, "acts": {"fc": rows + 1}}, r"\['acts.fc'\] and \['acts'\]\['fc'\]"),
                            ({"acts": {0: rows, "0": rows + 1}}, r"\['acts'\]\[0\] and \['acts'\]\['0'\]"),
                            ({"acts.fc": rows, "acts": {"fc": [rows + 1]}}, r"\['acts.fc'\] and \['acts'\]\['fc'\]"),
                            ({"acts.fc": [rows], "acts": {"fc": [rows + 1]}}, r"\['acts.fc'\] and \['acts'\]\['fc'\]")):
        with pytest.raises(ValueError, match=rf"a.pt: acts\.\w+: found twice with different numbers, {places}; expected one array of this name"):
            stored(content)
    for content in ({"acts.fc": rows, "acts": {"fc": rows.clone()}}, {"acts.fc": rows, "other.x": rows, "other": {"x": y}}):
        assert np.array_equal(stored(content)["fc"], rows)
    arrays = {"y": y.numpy(), "acts.a": rows.numpy(), "acts.a.npy": 2 * rows.numpy()}
    np.savez(tmp_path / "a.npz", **arrays)
    collapscope.convert(tmp_path / "a.npz", tmp_path / "out.h5", **options)
    with h5py.File(tmp_path / "out.h5") as f:
        assert all(np.array_equal(f[f"layers/{name}/activations"], arrays[f"acts.{name}"]) for name in ("a", "a.npy"))


def test_checkpoints_are_no_shards(tmp_path):
    first, second = (as_npz(tmp_path, index, shard) for index, shard in enumerate(parts(numbers())[:2]))
    options = dict(targets="y", activations="acts.*")
    collapscope.convert([first, second], tmp_path / "out.h5", **options)
    for name in ("fc2.weight", "fc10.bias"):
        arrays = dict(parts(numbers())[1])
        arrays[name] = arrays[name] + 1
        other = as_npz(tmp_path, 2, arrays)
        with pytest.raises(ValueError, match=rf"2.npz: {name}: found other numbers, or another type, than in .*0.npz, as checkpoints of their own have; "
                                             "expected shards, which hold other samples of one checkpoint: convert checkpoints one by one, or say"):
            collapscope.convert([first, other], tmp_path / "no.h5", **options)
        collapscope.convert([first, other], tmp_path / "out.h5", weights=first, **options)
        arrays.pop(name)
        collapscope.convert([first, as_npz(tmp_path, 3, arrays)], tmp_path / "out.h5", **options)
    assert not (tmp_path / "no.h5").exists()


def test_a_weight_that_two_files_have(tmp_path):
    arrays = numbers()
    source = as_npz(tmp_path, 0, {name: arrays[name] for name in SAMPLES})
    weights = {name: value for name, value in arrays.items() if name not in SAMPLES}
    options = dict(targets="y", predictions="p", activations="acts.*")
    same, other = as_npz(tmp_path, 1, weights), as_safetensors(tmp_path, 2, {**weights, "fc2.weight": weights["fc2.weight"] + 1})
    collapscope.convert(source, tmp_path / "out.h5", weights=[same, as_safetensors(tmp_path, 3, weights)], **options)
    check(tmp_path / "out.h5", arrays)
    with pytest.raises(ValueError, match="1.npz: fc2.weight: found twice with different numbers, .*1.npz and .*2.safetensors; expected one array of"):
        collapscope.convert(source, tmp_path / "no.h5", weights=[same, other], **options)


def test_normalizations_have_no_weight(tmp_path):
    """As the recorder stores them: a scale maps no features."""
    arrays = {**numbers(), "fc10.weight": np.ones(4, "float32"), "fc10.bias": np.ones(4, "float32")}
    source = as_npz(tmp_path, 0, arrays)
    for options in ({}, dict(weights=source), dict(weight="{layer}.weight", bias={})):
        with pytest.warns(UserWarning, match="0.npz: found no weight of fc10; fc10 has a vector, which is no weight"):
            collapscope.convert(source, tmp_path / "out.h5", targets="y", activations="acts.*", **options)
        with h5py.File(tmp_path / "out.h5") as f:
            assert set(f["layers/fc10"]) == {"activations"} and "weight" in f["layers/fc2"]
    with pytest.raises(ValueError, match=r"0.npz: fc10.weight: found a weight of shape \[4\]"):
        collapscope.convert(source, tmp_path / "out.h5", targets="y", activations="acts.*", weight={"fc10": "fc10.weight"})


def test_layers_without_a_weight_or_bias_beside_others(tmp_path):
    arrays = numbers()
    arrays["fc2.wieght"] = arrays.pop("fc2.weight")
    source, options = as_npz(tmp_path, 0, arrays), dict(targets="y", activations="acts.*")
    with pytest.warns(UserWarning, match="0.npz: found no weight of fc2$"):
        collapscope.convert(source, tmp_path / "out.h5", **options)
    with pytest.warns(UserWarning, match="1.npz: found no bias of fc2$"):
        collapscope.convert(as_npz(tmp_path, 1, numbers()), tmp_path / "out.h5", bias="*.bias", **options)


def test_a_second_call_has_the_weight_of_the_module(tmp_path):
    """As `analyze --weights` has it."""
    arrays = numbers()
    arrays = {**{name: arrays[name] for name in ("y", "acts.fc10", "fc10.weight", "fc10.bias")}, "acts.fc10#2": arrays["acts.fc10"]}
    collapscope.convert(as_npz(tmp_path, 0, arrays), tmp_path / "out.h5", targets="y", activations="acts.*")
    with h5py.File(tmp_path / "out.h5") as f:
        for part in ("weight", "bias"):
            assert all(np.array_equal(f[f"layers/{layer}/{part}"], arrays[f"fc10.{part}"]) for layer in ("fc10", "fc10#2"))


@pytest.mark.parametrize("name, values, message", [
    ("fc10.bias", np.ones((1, 2)), r"fc10.bias: found a bias of shape \[1, 2\]; expected \[2\], as the weight has shape \[2, 4\]"),
    ("fc10.bias", np.ones(3), r"fc10.bias: found a bias of shape \[3\]; expected \[2\], as the weight has shape \[2, 4\]"),
    ("fc10.weight", np.ones((2, 4)) * 1j, "fc10.weight: found numbers of type complex128; expected float16, bfloat16, float32"),
    ("acts.fc2", np.arange(60), r"acts.fc2: found shape \[60\]; expected activations of shape \[N, d\], \[N, T, d\] or of images; a single feature")])
def test_what_the_program_would_refuse(tmp_path, name, values, message):
    source = as_npz(tmp_path, 0, {**numbers(), name: values})
    with pytest.raises(ValueError, match=f"0.npz: {message}"):
        collapscope.convert(source, tmp_path / "out.h5", targets="y", activations="acts.*")
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize("layers, message", [
    ({".": 0, "a": 1}, "the layer '.', which HDF5 would name ''"), ({"a//b": 0, "a/b": 1}, "the layer 'a//b', which HDF5 would name 'a/b'"),
    ({"./x": 0}, "the layer './x', which HDF5 would name 'x'"), ({"a/": 0}, "the layer 'a/', which HDF5 would name 'a'"),
    ({"x/activations": 0, "x": 1}, "the layer 'x/activations', which would be the activations of the layer 'x'"),
    ({"a/b": 0, "a/b/bias/c": 1}, "the layer 'a/b/bias/c', which would be the bias of the layer 'a/b'")])
def test_names_that_are_others_in_hdf5(tmp_path, layers, message):
    rows = np.random.default_rng(0).standard_normal((6, 3))
    source = as_npz(tmp_path, 0, {"y": rows[:, 0], **{f"acts.{layer}": rows for layer in layers}})
    with pytest.raises(ValueError, match=rf"out.h5: found {message}; expected activations=\{{layer: name\}}, which gives it another name"):
        collapscope.convert(source, tmp_path / "out.h5", targets="y", activations="acts.*")
    collapscope.convert(source, tmp_path / "out.h5", targets="y", activations={f"l{number}": f"acts.{layer}" for layer, number in layers.items()})


def test_any_other_name_is_one_of_a_layer(tmp_path, analyze):
    rows = np.random.default_rng(0).standard_normal((6, 3))
    names = ["a\nb", "a", "a/b", "activations", "a/c/weight", "..", "ü ✓", "#2"]
    source = as_npz(tmp_path, 0, {"y": rows[:, 0], **{f"acts.{layer}": rows for layer in names}})
    collapscope.convert(source, tmp_path / "out.h5", targets="y", activations="acts.*")
    assert len(analyze(tmp_path / "out.h5")) == 1 + len(names)


def test_weights_and_biases_are_no_layers(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"y": rng.standard_normal((4, 2)), "fc": rng.standard_normal((4, 3)), "fc.weight": rng.standard_normal((4, 3)), "fc.bias": np.ones(4)}
    source, options = as_npz(tmp_path, 0, arrays), dict(targets="y", activations="*")
    collapscope.convert(source, tmp_path / "out.h5", **options)
    with h5py.File(tmp_path / "out.h5") as f:
        assert list(f["layers"]) == ["fc"] and set(f["layers/fc"]) == {"activations", "bias", "weight"}
    weights = as_npz(tmp_path, 1, {"fc": arrays["fc.weight"]})
    source = as_npz(tmp_path, 0, {name: arrays[name] for name in ("y", "fc")})
    collapscope.convert(source, tmp_path / "out.h5", weights=weights, weight="{layer}", **options)
    with h5py.File(tmp_path / "out.h5") as f:
        assert list(f["layers"]) == ["fc"] and np.array_equal(f["layers/fc/weight"], arrays["fc.weight"])


def test_labels_of_positions(tmp_path, analyze):
    """They are none of one-hot rows, of which argmax would make one label for a sample."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (20, 4))
    source = as_npz(tmp_path, 0, {"y": labels, "acts.a": rng.standard_normal((20, 4, 5)), "p": rng.standard_normal((20, 3))})
    options = dict(targets="y", activations="acts.*", task="classification")
    collapscope.convert(source, tmp_path / "out.h5", pool="none", **options)
    results = analyze(tmp_path / "out.h5")
    assert results[""]["classes"] == 3 and results["a"]["samples"] == 80
    with pytest.raises(ValueError, match=r"0.npz: y: found int64 of shape \[20, 4\]; expected labels: integers \[N\] or one-hot rows \[N, K\], or "
                                         r"integers \[N, T\] of positions with pool 'none'"):
        collapscope.convert(source, tmp_path / "no.h5", **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing(request, tmp_path, monkeypatch, capsys, number):
    """As batch systems end a job."""
    module = importlib.import_module("collapscope.convert")
    before = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    of_the_tests = signal.signal(number, before)  # which may ignore it, as under nohup
    request.addfinalizer(lambda: signal.signal(number, of_the_tests))
    copy = module.copy_rows

    def stopped(*arguments):
        copy(*arguments)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(module, "copy_rows", stopped)
    source = as_npz(tmp_path, 0, numbers())
    assert main(source, "-o", tmp_path / "out.h5", "--activations", "acts.*", "--targets", "y") == 2
    assert capsys.readouterr().err == f"collapscope convert: {tmp_path / 'out.h5'}: stopped, and not written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["0.npz"] and signal.getsignal(number) is before


def test_an_array_that_does_not_fit_the_memory(tmp_path, monkeypatch, capsys):
    module = importlib.import_module("collapscope._sources")

    def too_large(self, name):
        raise MemoryError("Unable to allocate 1 TiB")

    monkeypatch.setattr(module.Npz, "__getitem__", too_large)
    source = as_npz(tmp_path, 0, numbers())
    assert main(source, "-o", tmp_path / "out.h5", "--activations", "acts.*", "--targets", "y") == 2
    said = capsys.readouterr().err
    assert "0.npz: fc2.weight: found too little memory for this array (Unable to allocate 1 TiB); expected more, or smaller shards" in said
    assert [path.name for path in tmp_path.iterdir()] == ["0.npz"]


def test_the_words_of_the_command(tmp_path, capsys):
    """Not those of Python, its warnings or of the function."""
    arrays = numbers()
    arrays["acts.fc2"][3] = np.nan
    source, out = as_npz(tmp_path, 0, arrays), tmp_path / "out.h5"
    options = ("--activations", "acts.*", "--targets", "y")

    def said(*arguments, status=2):
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            assert main(*arguments) == status
        return capsys.readouterr().err

    assert "sample 3 has a NaN or Inf (as float32); expected finite numbers, or --allow-nonfinite" in said(source, "-o", out, *options)
    del arrays["fc2.weight"]
    lacking = as_npz(tmp_path, 1, arrays)
    assert said(lacking, "-o", out, "--allow-nonfinite", *options, status=0) == f"collapscope convert: warning: {lacking}: found no weight of fc2\n"
    assert said(source, "-o", source / "x.h5", *options) == f"collapscope convert: {source}/x.h5: cannot be written: File exists\n"
    assert said(tmp_path / "a.npz", "-o", out, *options) == f"collapscope convert: {tmp_path / 'a.npz'}: No such file or directory\n"


def test_a_file_with_names_of_classes(tmp_path, capsys):
    source, names, out = as_npz(tmp_path, 0, {**numbers(), "y": np.arange(60) % 3}), tmp_path / "names.txt", tmp_path / "out.h5"
    command = (source, "-o", out, "--activations", "acts.*", "--targets", "y", "--task", "classification", "--class-names", names)

    def stored(text):
        names.write_bytes(text)
        assert main(*command) == 0
        with h5py.File(out) as f:
            return [name.decode() for name in f["class_names"]]

    assert stored("\ufeffcat\r\ndog\r\nbird\r\n".encode()) == stored(b"cat\ndog\nbird") == ["cat", "dog", "bird"]
    assert stored("a\x0bb\nc\x85d\ne\u2028f\n".encode()) == ["a\x0bb", "c\x85d", "e\u2028f"]
    names.write_bytes("café\n".encode("latin1"))
    assert main(*command) == 2
    assert f"{names}: found 0xe9 at byte 3; expected text in UTF-8" in capsys.readouterr().err


def test_endings_in_upper_case(tmp_path):
    arrays = numbers()
    as_npz(tmp_path, 0, arrays).rename(tmp_path / "A.NPZ")
    as_pt(tmp_path, 1, arrays).rename(tmp_path / "A.PT")
    as_safetensors(tmp_path, 2, arrays).rename(tmp_path / "A.SafeTensors")
    folder = as_npy(tmp_path, 3, arrays)
    for file in list(folder.iterdir()):
        file.rename(file.with_suffix(".NPY"))
    for source in (tmp_path / "A.NPZ", tmp_path / "A.PT", tmp_path / "A.SafeTensors", folder, sorted(folder.iterdir())):
        collapscope.convert(source, tmp_path / "out.h5", targets="y", predictions="p", activations="acts.*")
        check(tmp_path / "out.h5", arrays)
    np.save(folder / "y.npy", arrays["y"] + 1)
    with pytest.raises(ValueError, match=r"y.npy: found y.NPY, too; expected one array of the name 'y'"):
        collapscope.convert(folder, tmp_path / "out.h5", targets="y", activations="acts.*")


def test_a_type_for_some_of_the_activations(tmp_path):
    arrays = numbers()
    arrays["acts.fc2"] = arrays["acts.fc2"].astype("int16")
    with pytest.warns(UserWarning, match="dtype 'float16': activations of fc2 are integers and stay as they are"):
        collapscope.convert(as_npz(tmp_path, 0, arrays), tmp_path / "out.h5", targets="y", activations="acts.*", dtype="float16")
    with h5py.File(tmp_path / "out.h5") as f:
        assert f["layers/fc2/activations"].dtype == "int16" and f["layers/fc10/activations"].dtype == "float16"


def test_labels_without_a_name(tmp_path):
    source = as_npz(tmp_path, 0, {**numbers(), "y": np.arange(60) % 3})
    options = dict(targets="y", activations="acts.*", task="classification")
    collapscope.convert(source, tmp_path / "out.h5", class_names=["a", "b", "c"], **options)
    with pytest.warns(UserWarning, match="out.h5: class_names: found 2 for labels up to 2: the others have none"):
        collapscope.convert(source, tmp_path / "out.h5", class_names=["a", "b"], **options)


def test_what_float16_loses_and_probabilities_are_told(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 8))
    np.savez(tmp_path / "a.npz", **{"y": np.arange(60) % 3, "p": np.full((60, 3), 1 / 3), "acts.ok": rows, "acts.small": rows * 1e-9})
    options = dict(targets="y", activations="acts.*", task="classification", predictions="p")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        collapscope.convert(tmp_path / "a.npz", tmp_path / "out.h5", dtype="float16", **options)
    said = [str(one.message) for one in found]
    assert len(said) == 2 and "a.npz: p: found probabilities" in said[0]
    assert "out.h5: layers/small/activations: rows that are not 0 become 0 in float16" in said[1]
    with pytest.warns(UserWarning, match="found probabilities") as found:
        collapscope.convert(tmp_path / "a.npz", tmp_path / "out.h5", dtype="float32", **options)
    assert len(found) == 1


def test_no_weights_where_none_are_wanted(tmp_path):
    collapscope.convert(as_npz(tmp_path, 0, numbers()), tmp_path / "out.h5", targets="y", activations="acts.*", weight=None)
    with h5py.File(tmp_path / "out.h5") as f:
        assert not any("weight" in layer or "bias" in layer for layer in f["layers"].values())
