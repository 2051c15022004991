#!/usr/bin/env python3
"""The same layer of the same dump through collapscope and through what people use today: time of the whole process,
peak memory, and the largest relative error of its metrics against a float64 reference that holds everything in memory.

    bench/compare.py [DUMP] [--layer NAME] [--runs 5] [--output FILE.json]

Without a dump, one is made: 200,000 x 512 float32, collapsed to a noise share of 1e-6, its mean ten times its spread.
Those that are not installed are left out.
"""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.join(os.path.dirname(__file__), "..", "build", "release", "bin", "collapscope")
METRICS = ["nrc1", "deep_nrc1", "deep_nrc2"]
BLOCK_BYTES = 64 << 20


def open_layer(path, name):
    import h5py
    file = h5py.File(path, "r")
    return file["layers"][name]["activations"], file["targets"][:].astype("float64")


def blocks(data):
    rows = max(1, BLOCK_BYTES // (8 * data.shape[1]))
    if data.chunks:  # whole chunks, so that none is inflated twice
        rows = -(-rows // data.chunks[0]) * data.chunks[0]
    for first in range(0, data.shape[0], rows):
        yield slice(first, min(first + rows, data.shape[0]))


def share_outside(rows, basis):
    import numpy as np
    square = np.einsum("ij,ij->i", rows, rows)
    rest = rows - (rows @ basis) @ basis.T
    return np.divide(np.einsum("ij,ij->i", rest, rest), square, out=np.zeros_like(square), where=square > 0).sum()


def by_numpy(path, layer):
    """Streamed, float64 sums about a pilot, two passes: as an expert would."""
    import numpy as np
    data, y = open_layer(path, layer)
    n, d = data.shape
    y = y.reshape(n, -1)
    y -= y.mean(0)
    scatter, cross, total, pilot = np.zeros((d, d)), np.zeros((d, y.shape[1])), np.zeros(d), None
    for part in blocks(data):
        x = data[part].astype(np.float64)
        pilot = x.mean(0) if pilot is None else pilot
        x -= pilot
        scatter += x.T @ x
        cross += x.T @ y[part]
        total += x.sum(0)
    covariance = scatter / n - np.outer(total / n, total / n)
    values, vectors = np.linalg.eigh(covariance)
    basis = vectors[:, -y.shape[1]:]
    nrc1 = sum(share_outside(data[part].astype(np.float64), basis) for part in blocks(data)) / n
    return {"nrc1": nrc1, "deep_nrc1": 1 - values[-y.shape[1]:].sum() / values.sum(),
            "deep_nrc2": (cross / n).ravel() @ (cross / n).ravel()
            / (np.linalg.norm(covariance) * np.linalg.norm(y.T @ y / n))}


def in_float32(path, layer):
    """All rows in memory, as they are stored: as scripts do."""
    import numpy as np
    data, y = open_layer(path, layer)
    x, y = data[:], y.reshape(len(data), -1).astype(np.float32)
    n = len(x)
    y = y - y.mean(0)
    centred = x - x.mean(0)
    covariance = centred.T @ centred / n
    values, vectors = np.linalg.eigh(covariance)
    basis = vectors[:, -y.shape[1]:]
    cross = centred.T @ y / n
    return {"nrc1": float(share_outside(x, basis) / n),
            "deep_nrc1": float(1 - values[-y.shape[1]:].sum() / values.sum()),
            "deep_nrc2": float((cross ** 2).sum() / (np.linalg.norm(covariance) * np.linalg.norm(y.T @ y / n)))}


def by_incremental_pca(path, layer):
    """scikit-learn's, of which only the signal's components are kept; it has no cross-covariance."""
    import numpy as np
    from sklearn.decomposition import IncrementalPCA
    data, y = open_layer(path, layer)
    k = y.reshape(len(y), -1).shape[1]
    pca = IncrementalPCA(n_components=k)
    square, total = 0.0, np.zeros(data.shape[1])
    for part in blocks(data):
        x = data[part].astype(np.float64)
        pca.partial_fit(x)
        square += (x * x).sum()
        total += x.sum(0)
    n = data.shape[0]
    nrc1 = sum(share_outside(data[part].astype(np.float64), pca.components_.T) for part in blocks(data)) / n
    variance = square / n - (total / n) @ (total / n)
    return {"nrc1": nrc1, "deep_nrc1": 1 - pca.explained_variance_.sum() * (n - 1) / n / variance}


def reference(path, layer):
    """Two passes over rows in memory; residuals are summed, not subtracted."""
    import numpy as np
    data, y = open_layer(path, layer)
    x, y = data[:].astype(np.float64), y.reshape(data.shape[0], -1)
    n = len(x)
    y = y - y.mean(0)
    mean = x.mean(0)
    mean += (x - mean).mean(0)
    covariance = np.zeros((x.shape[1], x.shape[1]))
    cross = np.zeros((x.shape[1], y.shape[1]))
    for part in blocks(data):
        centred = x[part] - mean
        covariance += centred.T @ centred / n
        cross += centred.T @ y[part] / n
    _, vectors = np.linalg.eigh(covariance)
    basis = vectors[:, -y.shape[1]:]
    outside = 0.0
    for part in blocks(data):
        centred = x[part] - mean
        outside += ((centred - (centred @ basis) @ basis.T) ** 2).sum() / n
    return {"nrc1": sum(share_outside(x[part], basis) for part in blocks(data)) / n,
            "deep_nrc1": outside / np.trace(covariance),
            "deep_nrc2": (cross ** 2).sum() / (np.linalg.norm(covariance) * np.linalg.norm(y.T @ y / n))}


OWN = {"numpy + h5py, streamed": by_numpy, "numpy, float32 in memory": in_float32,
       "IncrementalPCA": by_incremental_pca}
NEEDS = {"IncrementalPCA": "sklearn", "PyTorch, streamed": "torch"}


def command_of(name, program, path, layer):
    if name.startswith("collapscope"):
        asked = [] if name.endswith("all metrics") else ["--metrics", ",".join(METRICS)]
        return [program, "analyze", path, "--layers", layer, "--quiet", "-o", "-", *asked]
    if name.startswith("PyTorch"):
        script = os.path.join(os.path.dirname(__file__), "torch_stream.py")
        return [sys.executable, script, path, "--layer", layer, "--device", "cpu"]
    return [sys.executable, __file__, path, "--layer", layer, "--one", name]


def metrics_of(name, output):
    answer = json.loads(output)
    if name.startswith("collapscope"):
        return answer["checkpoints"][0]["layers"][0]["metrics"]
    return answer["metrics"]


def run(name, command):
    """Seconds, peak memory in bytes, metrics."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise SystemExit(f"{name} failed: {' '.join(command)}")
        output.seek(0)
        return seconds, usage.ru_maxrss * 1024, metrics_of(name, output.read())


def relative_error(found, expected):
    return max(abs(found[m] - expected[m]) / abs(expected[m]) for m in METRICS if m in found)


def compare(path, layer, program, runs):
    names = ["collapscope", "collapscope, all metrics", *OWN, "PyTorch, streamed"]
    names = [n for n in names if n not in NEEDS or importlib.util.find_spec(NEEDS[n])]
    expected = json.loads(subprocess.check_output(command_of("reference", program, path, layer)))["metrics"]
    times = {name: [] for name in names}
    rows = {}
    for _ in range(runs):  # in turn, so that a noisy minute is everybody's
        for name in names:
            seconds, memory, metrics = run(name, command_of(name, program, path, layer))
            times[name].append(seconds)
            rows[name] = {"peak_bytes": memory, "error": relative_error(metrics, expected),
                          "metrics": {m: metrics[m] for m in METRICS if m in metrics}}
    for name in names:
        rows[name]["seconds"] = statistics.median(times[name])
        rows[name]["ratio"] = statistics.median(t / own for t, own in zip(times[name], times["collapscope"]))
    return {"reference": expected, "runs": runs, "programs": rows}


def show(shape, dtype, result):
    print(f"{shape[0]} x {shape[1]} {dtype}, median of {result['runs']} runs, whole process\n")
    print("| | time | x collapscope | peak memory | largest relative error |\n|---|---|---|---|---|")
    for name, row in result["programs"].items():
        print(f"| {name} | {row['seconds']:.2f} s | {row['ratio']:.1f} | {row['peak_bytes'] / 2**20:.0f} MiB "
              f"| {row['error']:.0e} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump", nargs="?")
    parser.add_argument("--layer", help="default: the first")
    parser.add_argument("--program", default=PROGRAM)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=200000, help="of the dump that is made")
    parser.add_argument("--features", type=int, default=512, help="likewise")
    parser.add_argument("--storage", default="contiguous", help="likewise")
    parser.add_argument("--output")
    parser.add_argument("--most-error", type=float, help="fail when collapscope's is larger")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        work = reference if args.one == "reference" else OWN[args.one]
        print(json.dumps({"metrics": {k: float(v) for k, v in work(args.dump, args.layer).items()}}))
        return
    import h5py
    with tempfile.TemporaryDirectory() as folder:
        path = args.dump
        if path is None:
            path = os.path.join(folder, "planted.h5")
            subprocess.run([args.program, "synth", "planted", "-o", path, "-N", str(args.rows), "-d", str(args.features),
                            "--dtype", "float32", "--storage", args.storage, "--noise", "1e-6", "--offset", "10"],
                           check=True, stdout=subprocess.DEVNULL)
        with h5py.File(path, "r") as file:
            layer = args.layer or sorted(file["layers"])[0]
            data = file["layers"][layer]["activations"]
            shape, dtype = data.shape, data.dtype.name
        result = compare(path, layer, args.program, args.runs)
    result |= {"date": time.strftime("%Y-%m-%d"), "command": " ".join(sys.argv), "shape": shape, "dtype": dtype}
    show(shape, dtype, result)
    if args.most_error is not None and not result["programs"]["collapscope"]["error"] <= args.most_error:
        raise SystemExit(f"collapscope's error is larger than {args.most_error}")
    if args.output:
        with open(args.output, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
