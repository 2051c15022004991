#!/usr/bin/env python3
"""The core of collapscope's work on one layer, as an expert would stream it with PyTorch.

A reader thread fills pinned buffers, which are copied asynchronously; on the device rows become float64 about a
pilot, their scatter is summed by addmm_, rows stay there as stored if half of the memory holds them; then eigh, and
a second pass over the rows for nrc1. Prints JSON: the metrics; the seconds that the imports took, and each run.

    torch_stream.py DUMP [--layer NAME] [--device cuda|cpu] [--readers raw,raw,h5py] [--threads 4] [--block-mib 64]
"""
import time

BEGAN = time.perf_counter()

import argparse
import json
import os
import queue
import threading

import h5py
import numpy as np
import torch

DTYPES = {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64}


class Rows:
    """The rows of one dataset in blocks, read ahead into a ring of host buffers."""

    def __init__(self, dataset, block_rows, reader, threads, pinned):
        self.dataset, self.block_rows, self.reader, self.threads = dataset, block_rows, reader, threads
        self.count, self.width = dataset.shape
        self.row_bytes = self.width * dataset.dtype.itemsize
        shape = (block_rows, self.width)
        self.buffers = [torch.empty(shape, dtype=DTYPES[dataset.dtype.name], pin_memory=pinned) for _ in range(3)]
        self.descriptor = os.open(dataset.file.filename, os.O_RDONLY)
        self.offset = dataset.id.get_offset()
        if reader == "raw" and self.offset is None:
            raise SystemExit("--reader raw needs a contiguous dataset")

    def _read_share(self, view, first_byte):
        done = 0
        while done < len(view):
            done += os.preadv(self.descriptor, [view[done:]], first_byte + done)

    def _read(self, first, rows, buffer):
        if self.reader == "h5py":
            self.dataset.read_direct(buffer.numpy(), np.s_[first:first + rows], np.s_[0:rows])
            return
        view = memoryview(buffer.numpy().reshape(-1).view(np.uint8))[:rows * self.row_bytes]
        share = -(-len(view) // self.threads)
        at = self.offset + first * self.row_bytes
        readers = [threading.Thread(target=self._read_share, args=(view[i:i + share], at + i))
                   for i in range(0, len(view), share)]
        for thread in readers:
            thread.start()
        for thread in readers:
            thread.join()

    def blocks(self):
        """Yields (first row, rows, buffer, release); release(event) says when the buffer may be filled again."""
        filled, free = queue.Queue(), queue.Queue()
        for buffer in self.buffers:
            free.put((buffer, None))

        def read_all():
            try:
                for first in range(0, self.count, self.block_rows):
                    buffer, event = free.get()
                    if event is not None:
                        event.synchronize()
                    rows = min(self.block_rows, self.count - first)
                    self._read(first, rows, buffer)
                    filled.put((first, rows, buffer))
                filled.put(None)
            except Exception as error:  # to the consumer, who waits
                filled.put(error)

        threading.Thread(target=read_all, daemon=True).start()
        while (block := filled.get()) is not None:
            if isinstance(block, Exception):
                raise block
            yield (*block, lambda event, buffer=block[2]: free.put((buffer, event)))


class Job:
    def __init__(self, rows, targets, device):
        self.rows, self.device, self.cuda = rows, device, device.type == "cuda"
        self.y = torch.as_tensor(targets, dtype=torch.float64).reshape(rows.count, -1).to(device)
        self.copies = torch.cuda.Stream() if self.cuda else None
        dtype = rows.buffers[0].dtype
        total = rows.count * rows.row_bytes
        keeps = not self.cuda or total < torch.cuda.mem_get_info()[0] / 2
        shape = (rows.count if keeps else 3 * rows.block_rows, rows.width)
        self.store, self.keeps = torch.empty(shape, dtype=dtype, device=device), keeps

    def on_device(self):
        """Yields (first row, rows as stored, on the device), ready for the current stream."""
        computed = [None] * 3
        for number, (first, rows, buffer, release) in enumerate(self.rows.blocks()):
            at = first if self.keeps else number % 3 * self.rows.block_rows
            part = self.store[at:at + rows]
            if not self.cuda:
                part.copy_(buffer[:rows])
                release(None)
                yield first, part
                continue
            with torch.cuda.stream(self.copies):
                if not self.keeps and computed[number % 3] is not None:
                    self.copies.wait_event(computed[number % 3])
                part.copy_(buffer[:rows], non_blocking=True)
                copied = self.copies.record_event()
            release(copied)
            torch.cuda.current_stream().wait_event(copied)
            yield first, part
            computed[number % 3] = torch.cuda.current_stream().record_event()

    def kept(self):
        if not self.keeps:
            yield from self.on_device()
            return
        for first in range(0, self.rows.count, self.rows.block_rows):
            yield first, self.store[first:min(first + self.rows.block_rows, self.rows.count)]

    def wait(self):
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter()

    def run(self):
        n_rows, d = self.rows.count, self.rows.width
        float64 = {"dtype": torch.float64, "device": self.device}
        scatter, total, pilot = torch.zeros(d, d, **float64), torch.zeros(d, **float64), None
        y = self.y - self.y.mean(0)
        cross = torch.zeros(d, y.shape[1], **float64)
        begin = self.wait()
        for first, part in self.on_device():
            x = part.to(torch.float64)
            if pilot is None:
                pilot = x.mean(0)
            x -= pilot
            scatter.addmm_(x.T, x)
            cross.addmm_(x.T, y[first:first + len(x)])
            total += x.sum(0)
        first_pass = self.wait()
        shift = total / n_rows
        covariance = scatter / n_rows - torch.outer(shift, shift)
        cross /= n_rows
        values, vectors = torch.linalg.eigh(covariance)
        signal = vectors[:, -y.shape[1]:]
        decomposed = self.wait()
        outside = torch.zeros((), **float64)
        for _, part in self.kept():
            x = part.to(torch.float64)
            square = (x * x).sum(1)
            x -= (x @ signal) @ signal.T
            share = (x * x).sum(1) / square
            outside += torch.where(square > 0, share, 0).sum()
        values = values.flip(0)
        target_covariance = y.T @ y / n_rows
        metrics = {
            "nrc1": (outside / n_rows).item(),
            "deep_nrc1": (1 - values[:y.shape[1]].sum() / values.sum()).item(),
            "deep_nrc2": (cross.square().sum() / (covariance.norm() * target_covariance.norm())).item(),
            "evr": (values[:10] / values.sum()).tolist(),
        }
        end = self.wait()
        return metrics, {"first_pass": first_pass - begin, "eigh": decomposed - first_pass,
                         "second_pass": end - decomposed, "total": end - begin}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("--layer", help="default: the first")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--readers", default="h5py", help="h5py or raw, of each run, separated by commas")
    parser.add_argument("--threads", type=int, default=4, help="of the reader raw")
    parser.add_argument("--block-mib", type=int, default=64)
    args = parser.parse_args()
    imported = time.perf_counter()
    device = torch.device(args.device)
    if device.type == "cuda":  # context, cuBLAS, cuSOLVER
        square = torch.eye(64, dtype=torch.float64, device=device)
        torch.linalg.eigh(square @ square)
    runs = []
    with h5py.File(args.dump, "r") as file:
        dataset = file["layers"][args.layer or sorted(file["layers"])[0]]["activations"]
        block_rows = max(1, (args.block_mib << 20) // (dataset.shape[1] * dataset.dtype.itemsize))
        shape = list(dataset.shape)
        for reader in args.readers.split(","):
            began = time.perf_counter()
            rows = Rows(dataset, min(block_rows, dataset.shape[0]), reader, args.threads, device.type == "cuda")
            metrics, seconds = Job(rows, file["targets"][:], device).run()
            now = time.perf_counter()
            runs.append({"reader": reader, **seconds, "with_buffers": now - began})
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    print(json.dumps({"torch": torch.__version__, "device": name, "shape": shape, "metrics": metrics,
                      "import_seconds": imported - BEGAN, "runs": runs}))


if __name__ == "__main__":
    main()
