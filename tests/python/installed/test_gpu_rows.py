"""Rows in a GPU's memory: folded there, by way of DLPack and the accumulator's stream. On the fake CUDA runtime of the build,
without PyTorch, whose tensors on a GPU need a real one."""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import collapscope
from collapscope import meter as collapscope_meter

BUILD = Path(os.environ.get("COLLAPSCOPE_BUILD", "none"))
FAKE, MODULE = BUILD / "fake_cuda", BUILD / "lib" / "collapscope" / "libcollapscope_cuda.so"

ON_GPU = r'''
import ctypes, json, sys
import numpy as np
import collapscope

cuda = ctypes.CDLL("libcudart.so.13")


class Tensor(ctypes.Structure):  # DLManagedTensor
    _fields_ = [("data", ctypes.c_void_p), ("device", ctypes.c_int32), ("number", ctypes.c_int32), ("ndim", ctypes.c_int32),
                ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("offset", ctypes.c_uint64), ("context", ctypes.c_void_p),
                ("deleter", ctypes.c_void_p)]


class OnGpu:
    """An array of the device, as a framework's."""
    streams = set()

    def __init__(self, array):
        self.shape, self.ndim, self.data, self.array = array.shape, array.ndim, ctypes.c_void_p(), array
        assert cuda.cudaMalloc(ctypes.byref(self.data), ctypes.c_size_t(array.nbytes)) == 0
        assert cuda.cudaMemcpy(self.data, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), 1) == 0
        self.sizes = (ctypes.c_int64 * 2)(*array.shape)
        self.tensor = Tensor(self.data, 2, 0, 2, 2, 8 * array.itemsize, 1, self.sizes, None, 0, None, None)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, part):
        assert part == slice(None)
        return self

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, stream=None, **options):
        self.streams.add(stream)
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(self.tensor), b"dltensor", None)

    def get(self):  # as CuPy's
        return self.array

    def free(self):
        assert cuda.cudaFree(self.data) == 0
'''

SAME_NUMBERS = r'''

def numbers(sums, batches, wrap):
    for pass_rows in (sums.update, sums.look):
        if pass_rows == sums.look:
            sums.begin_look()
        for features, targets in batches:
            rows = wrap(features)
            pass_rows({"fc": rows}, targets)
            if wrap is OnGpu:
                rows.free()  # the call has waited for what it took
    results = sums.results()
    return {"device": results["provenance"]["device"], "metrics": results["checkpoints"][0]["layers"][0]["metrics"]}


rng = np.random.default_rng(0)
found = {}
for task in ("targets", "classes"):
    weight = rng.normal(size=(3, 24))
    batches = []
    for rows in (300, 1, 999, 700):
        y = rng.normal(size=(rows, 3)) if task == "targets" else rng.integers(-1, 3, rows)
        base = y @ weight if task == "targets" else weight[y]
        batches.append(((base + 0.1 * rng.normal(size=(rows, 24)) + 5).astype("f4"), y))
    options = {"targets": 3} if task == "targets" else {"classes": 3, "ignore_label": -1}
    def made(**more):
        return collapscope.Accumulator({"fc": 24}, weights=weight, **options, **more)
    found[task] = {"gpu": numbers(made(), batches, OnGpu), "copied": numbers(made(device="cuda"), batches, np.asarray),
                   "cpu": numbers(made(device="cpu"), batches, np.asarray)}
found["streams"] = [stream is None or stream < 3 for stream in OnGpu.streams]
print(json.dumps(found))
'''


NO_ROOM = r'''
features = np.random.default_rng(0).normal(size=(64, 512)).astype("f4")
sums = collapscope.Accumulator({f"l{i}": 512 for i in range(12)}, 2)
rows = OnGpu(features)
for passed in (rows, rows, features):
    sums.update({f"l{i}": passed for i in range(12)}, features[:, :2].astype("f8"))
rows.free()
print(json.dumps({"device": sums.results()["provenance"]["device"], "rows": sums.rows}))
'''


def run_on_fake(script, **settings):
    environment = {**os.environ, "LD_LIBRARY_PATH": str(FAKE), "COLLAPSCOPE_GPU_MODULE": str(MODULE), "FAKE_CUDA_STRICT": "1",
                   "FAKE_CUDA_PROTECT": "0", **settings}
    done = subprocess.run([sys.executable, "-c", ON_GPU + script], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_fake = pytest.mark.skipif(not FAKE.exists() or not MODULE.exists(), reason="COLLAPSCOPE_BUILD names no build with the fake CUDA runtime")


EMULATED = r'''
features = np.random.default_rng(0).normal(size=(500, 40)).astype("f4")
sums = collapscope.Accumulator({"fc": 40}, 2, device="cuda", precision="float64-emulated")
sums.update({"fc": features}, features[:, :2].astype("f8"))
print(json.dumps(sums.results()["provenance"]))
'''


@needs_fake
def test_emulated_float64_is_a_gpus():
    assert run_on_fake(EMULATED)["precision"] == "float64-emulated (55 bits)"


def test_a_cpu_has_no_emulated_float64():
    with pytest.raises(collapscope.errors.AccumulatorError, match="expected a GPU"):
        sums = collapscope.Accumulator({"fc": 2}, 1, precision="float64-emulated")
        sums.update({"fc": np.ones((3, 2))}, np.ones((3, 1)))


@needs_fake
def test_a_gpu_without_room_leaves_the_sums_to_the_cpu():
    found = run_on_fake(NO_ROOM, FAKE_CUDA_MEMORY="300000000")
    assert found["device"].startswith("cpu") and found["rows"] == 3 * 64


@needs_fake
def test_rows_stay_on_their_gpu():
    found = run_on_fake(SAME_NUMBERS)
    for task in ("targets", "classes"):
        assert found[task]["gpu"]["device"].startswith("cuda:0") and found[task]["cpu"]["device"].startswith("cpu")
        assert found[task]["gpu"] == found[task]["copied"]
        for name, value in found[task]["cpu"]["metrics"].items():
            other = found[task]["gpu"]["metrics"][name]
            np.testing.assert_allclose(np.array(other, float), np.array(value, float), rtol=1e-8, atol=1e-12, err_msg=name)
    assert found["streams"] and not any(found["streams"]), "the accumulator's own stream has to wait"


def tokens(seed):
    torch.manual_seed(seed)
    x, y = torch.randn(40, 6, 5), torch.randint(-1, 3, (40, 6))
    mask = torch.rand(40, 6) < 0.7
    mask[:, 0] = True
    return x, y, mask


def of_meter(model, batches, **options):
    meter = collapscope.Meter(model, **options)
    for x, y, mask in batches:
        meter.update(x, y, mask=mask)
    return meter.results()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [None, "bfloat16", "float16"])
def test_a_meter_keeps_tensors_where_they_are(monkeypatch, dtype):
    """Here that is the CPU, and the way is that of a GPU's tensors."""
    torch.manual_seed(3)
    cases = [(torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 2)),
              [(torch.randn(50, 1, 8, 8), torch.randn(50, 2), None) for _ in range(3)], {}),
             (torch.nn.Sequential(torch.nn.Linear(5, 9), torch.nn.Tanh(), torch.nn.Linear(9, 3)), [tokens(1), tokens(2)],
              {"task": "classification", "pool": "none", "ignore_label": -1}),
             (torch.nn.Sequential(torch.nn.Linear(5, 9), torch.nn.Tanh(), torch.nn.Linear(9, 3)),
              [(torch.randn(64, 5), torch.randint(-1, 3, (64,)), None) for _ in range(3)], {"task": "classification", "ignore_label": -1})]
    for model, batches, options in cases:
        expected = of_meter(model, batches, dtype=dtype, device="cpu", **options)
        kept = []
        with monkeypatch.context() as patch:
            patch.setattr(collapscope_meter, "_on_gpu", lambda rows: kept.append(rows.shape) or True)
            found = of_meter(model, batches, dtype=dtype, **options)
        assert kept and found["checkpoints"] == expected["checkpoints"]


def test_a_meter_names_the_nan_of_a_tensor_that_stays(monkeypatch):
    monkeypatch.setattr(collapscope_meter, "_on_gpu", lambda rows: True)
    meter = collapscope.Meter(torch.nn.Linear(5, 2))
    meter.update(torch.zeros(4, 5), torch.zeros(4, 2))
    x = torch.zeros(4, 5)
    x[2, 1] = torch.nan
    with pytest.raises(ValueError, match=r"layers/model/activations: sample 6 has a NaN or Inf \(as float32\)"):
        meter.update(x, torch.zeros(4, 2), predictions=torch.zeros(4, 2))
    assert meter.samples == 4
    meter.update(torch.ones(4, 5), torch.zeros(4, 2))
    assert meter.results()["checkpoints"][0]["samples"] == 8
