#!/usr/bin/env python3
"""The whole program against its floor, measured in turn in the same run: reading the file's bytes once (inflating them
where they are compressed) and one bare product of the BLAS.

    bench/end_to_end.py [--features 64,128,512] [--types float32] [--storage contiguous,gzip] [--runs 5]
                        [--metrics PATTERNS] [--output FILE.json]

Storage: contiguous; chunked and gzip with h5py's automatic chunks, which split the features; gzip-rows with chunks of
whole rows. The floor is bare calls from this process: pread into warm memory, libdeflate from all threads, cblas_dsyrk.
The program is timed as a whole process, start-up and results included.
"""
import argparse
import concurrent.futures
import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

PROGRAM = os.path.join(os.path.dirname(__file__), "..", "build", "release", "bin", "collapscope")
BLOCK = 4 << 20
THREADS = len(os.sched_getaffinity(0))
ROW_MAJOR, UPPER, TRANSPOSED = 101, 121, 112
SINGLE, DOUBLE = (ctypes.c_float, "cblas_ssyrk"), (ctypes.c_double, "cblas_dsyrk")


def seconds_of(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_threads(work, tasks):
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work, tasks):
            pass


class Reading:
    """The bytes of a dataset: pread, and inflation where they are compressed, from all threads."""

    def __init__(self, path, data):
        self.file = os.open(path, os.O_RDONLY)
        if data.chunks is None:
            first, size = data.id.get_offset(), data.size * data.dtype.itemsize
            self.parts = [(at, min(BLOCK, first + size - at)) for at in range(first, first + size, BLOCK)]
        else:
            chunks = (data.id.get_chunk_info(i) for i in range(data.id.get_num_chunks()))
            self.parts = [(chunk.byte_offset, chunk.size) for chunk in chunks]
        self.inflates = data.compression == "gzip"
        plain = BLOCK if data.chunks is None else int(np.prod(data.chunks)) * data.dtype.itemsize
        self.stored = [np.zeros(max(size for _, size in self.parts), np.uint8) for _ in range(THREADS)]
        self.plain = [np.zeros(plain, np.uint8) for _ in range(THREADS)]
        if self.inflates:
            self.codec = ctypes.CDLL("libdeflate.so.0")
            self.codec.libdeflate_alloc_decompressor.restype = ctypes.c_void_p

    def share(self, worker):
        decompressor = ctypes.c_void_p(self.codec.libdeflate_alloc_decompressor()) if self.inflates else None
        stored, plain = self.stored[worker], self.plain[worker]
        for at, size in self.parts[worker::THREADS]:
            os.preadv(self.file, [memoryview(stored)[:size]], at)
            if self.inflates:
                status = self.codec.libdeflate_zlib_decompress(
                    decompressor, ctypes.c_void_p(stored.ctypes.data), ctypes.c_size_t(size),
                    ctypes.c_void_p(plain.ctypes.data), ctypes.c_size_t(plain.size), None)
                assert status == 0, status
        if self.inflates:
            self.codec.libdeflate_free_decompressor(decompressor)

    def __call__(self):
        in_threads(self.share, range(THREADS))


class Product:
    """X^T X of N rows, a few thousand at a time: the BLAS at its best, reading nothing else."""

    def __init__(self, rows, features, kind):
        number, name = kind
        self.call, self.number = getattr(ctypes.CDLL("libopenblas.so.0"), name), number
        block = min(rows, max(1, (1 << 22) // features))
        self.x = np.random.default_rng(1).standard_normal((block, features)).astype(np.dtype(number))
        self.sum = np.zeros((features, features), self.x.dtype)
        self.rows = rows

    def __call__(self):
        d = self.x.shape[1]
        for first in range(0, self.rows, len(self.x)):
            count = min(len(self.x), self.rows - first)
            self.call(ROW_MAJOR, UPPER, TRANSPOSED, d, count, self.number(1), ctypes.c_void_p(self.x.ctypes.data), d,
                      self.number(1), ctypes.c_void_p(self.sum.ctypes.data), d)


def write_dump(args, folder, rows, features, kind, storage):
    path = os.path.join(folder, "planted.h5")
    command = [args.program, "synth", "planted", "-o", path, "-N", str(rows), "-d", str(features), "--dtype", kind,
               "--storage", storage.split("-")[0], "--noise", "0.1"]
    if storage != "contiguous":
        chunk = h5py_chunks(rows, features, kind)
        if storage == "gzip-rows":
            chunk = (max(1, min(rows, (1 << 20) // (features * np.dtype(kind).itemsize))), features)
        command += ["--chunk", str(chunk[0]), str(chunk[1])]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def h5py_chunks(rows, features, kind):
    with h5py.File("chunks", "w", driver="core", backing_store=False) as file:
        return file.create_dataset("x", (rows, features), kind, chunks=True).chunks


def default_rows(features, kind):
    """About 256 MiB, and no more than some seconds of product."""
    return int(min((256 << 20) // (features * np.dtype(kind).itemsize), 1.5e11 // features**2))


def measure(args, features, kind, storage):
    rows = args.rows or default_rows(features, kind)
    with tempfile.TemporaryDirectory() as folder:
        path = write_dump(args, folder, rows, features, kind, storage)
        command = [args.program, "analyze", path, "--quiet", "-o", os.path.join(folder, "results.json"),
                   *args.analyze.split()]
        if args.metrics:
            command += ["--metrics", args.metrics]
        with h5py.File(path, "r") as file:
            (layer,) = file["layers"].values()
            reading = Reading(path, layer["activations"])
        product = Product(rows, features, SINGLE if args.single else DOUBLE)
        parts = {"read": reading, "product": product, "ours": lambda: subprocess.run(command, check=True)}
        for work in parts.values():
            work()
        times = {name: [] for name in parts}
        for _ in range(args.runs):
            for name, work in parts.items():
                times[name].append(seconds_of(work))
    ratios = [ours / (read + bare) for ours, read, bare in zip(times["ours"], times["read"], times["product"])]
    row = {"features": features, "rows": rows, "type": kind, "storage": storage, "ratio": statistics.median(ratios),
           "ratio_least": min(ratios), "ratio_most": max(ratios)}
    return row | {f"{name}_seconds": statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=PROGRAM)
    parser.add_argument("--features", default="64,128,512,2048,4096")
    parser.add_argument("--types", default="float32")
    parser.add_argument("--storage", default="contiguous,chunked,gzip,gzip-rows")
    parser.add_argument("--rows", type=int, default=0, help="default: about 256 MiB of them")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--metrics", help="default: all")
    parser.add_argument("--analyze", default="", help="more options of collapscope analyze, in one string")
    parser.add_argument("--single", action="store_true", help="the floor's product is cblas_ssyrk")
    parser.add_argument("--output")
    args = parser.parse_args()
    blas = ctypes.CDLL("libopenblas.so.0")
    blas.openblas_get_corename.restype = ctypes.c_char_p
    kernels = blas.openblas_get_corename().decode()
    print(f"{THREADS} threads; OpenBLAS {kernels} kernels; medians of {args.runs}\n")
    print("| d | rows | type | storage | read | product | ours | ours / floor | spread |\n|---|---|---|---|---|---|---|---|---|")
    results = []
    for features in map(int, args.features.split(",")):
        for kind in args.types.split(","):
            for storage in args.storage.split(","):
                row = measure(args, features, kind, storage)
                results.append(row)
                print("| {features} | {rows} | {type} | {storage} | {read_seconds:.3f} s | {product_seconds:.3f} s | "
                      "{ours_seconds:.3f} s | **{ratio:.2f}** | {ratio_least:.2f}-{ratio_most:.2f} |".format(**row),
                      flush=True)
    if args.output:
        with open(args.output, "w", encoding="utf-8") as file:
            json.dump({"date": time.strftime("%Y-%m-%d"), "command": " ".join(sys.argv), "threads": THREADS,
                       "machine": platform.machine(), "blas_kernels": kernels, "results": results}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
