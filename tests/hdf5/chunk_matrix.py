"""Every pipeline of filters, index of chunks and filter mask that h5py can write, many datasets in a file.

    chunk_matrix.py FOLDER

writes one file for each format of h5py's `libver`: `stored/NAME` in all ways, `expected/TYPE` as plain numbers, and
`targets`. NAME begins with TYPE and a dot. What h5py reads from each dataset is compared here with what was meant.
"""
import functools
import itertools
import os
import sys

import h5py
import numpy as np
from h5py import h5d, h5p, h5s

FORMATS = {"earliest": "earliest", "v108": ("v108", "v108"), "v110": ("v110", "v110"), "latest": "latest"}
SHAPE, CHUNK = (41, 10), (6, 4)  # seven times three chunks, those at both edges ragged

# What a filter needs to know is the same for the whole chunk and for the encoder's.
FILTERS = {
    "shuffle": lambda p: p.set_shuffle(),
    "gzip": lambda p: p.set_deflate(4),
    "lzf": lambda p: p.set_filter(32000, h5py.h5z.FLAG_OPTIONAL),
    "fletcher32": lambda p: p.set_fletcher32(),
    "szip": lambda p: p.set_szip(h5py.h5z.SZIP_NN_OPTION_MASK, 8),
    "scaleoffset": lambda p: p.set_scaleoffset(h5py.h5z.SO_INT, 0),
    "nbit": lambda p: p.set_filter(h5py.h5z.FILTER_NBIT, h5py.h5z.FLAG_OPTIONAL),
}
PIPELINES = [(), ("shuffle",), ("gzip",), ("shuffle", "gzip"), ("lzf",), ("shuffle", "lzf"), ("fletcher32",),
             ("shuffle", "gzip", "fletcher32"), ("shuffle", "lzf", "fletcher32"), ("fletcher32", "shuffle", "gzip"),
             ("gzip", "lzf"), ("szip",), ("nbit",), ("scaleoffset",)]
INDEXES = {"fixed": SHAPE, "growing": (h5s.UNLIMITED, SHAPE[1]), "growing_features": (SHAPE[0], h5s.UNLIMITED),
           "growing_both": (h5s.UNLIMITED, h5s.UNLIMITED), "single": SHAPE, "early": SHAPE}


def numbers():
    random = np.random.default_rng(7)
    noise = random.normal(size=SHAPE)
    noise[20:] = np.round(noise[20:])  # what lzf can shrink, and what it cannot
    return {"f2": noise.astype("<f2"), "f4": noise.astype("<f4"), "i2": np.round(1000 * noise).astype("<i2"),
            "i4big": np.round(1e6 * noise).astype(">i4")}


def properties(pipeline, chunk, early=False):
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_chunk(chunk)
    for name in pipeline:
        FILTERS[name](plist)
    if early:
        plist.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    return plist


@functools.cache
def encoded(content, kind, shape, pipeline):
    """The bytes that HDF5 stores for a chunk, and which filters it left out by itself."""
    block = np.frombuffer(content, kind).reshape(shape)
    with h5py.File("encoder", "w", driver="core", backing_store=False) as f:
        d = h5d.create(f.id, b"d", h5py.h5t.py_create(block.dtype), h5s.create_simple(block.shape),
                       properties(pipeline, block.shape))
        d.write(h5s.ALL, h5s.ALL, block)
        h5py.h5f.flush(f.id)
        mask, data = d.read_direct_chunk((0, 0))
        return mask, data


def write_masked(dataset, data, chunk, pipeline, masks):
    """Chunk by chunk, with the masks in turn."""
    turns = itertools.cycle(masks)
    for corner in itertools.product(*(range(0, n, c) for n, c in zip(data.shape, chunk))):
        block = np.zeros(chunk, data.dtype)
        part = data[tuple(slice(c, c + size) for c, size in zip(corner, chunk))]
        block[:part.shape[0], :part.shape[1]] = part
        wanted = next(turns)
        kept = [i for i in range(len(pipeline)) if not wanted >> i & 1]
        found, stored = encoded(block.tobytes(), data.dtype.str, chunk, tuple(pipeline[i] for i in kept))
        left_out = sum(1 << kept[i] for i in range(len(kept)) if found >> i & 1)
        dataset.write_direct_chunk(corner, stored, filter_mask=wanted | left_out)


def write(f, name, data, pipeline, index, masks):
    chunk = SHAPE if index == "single" else CHUNK
    space = h5s.create_simple(SHAPE, INDEXES[index])
    dataset = h5d.create(f["stored"].id, name.encode(), h5py.h5t.py_create(data.dtype), space,
                         properties(pipeline, chunk, early=index == "early"))
    if masks is None:
        dataset.write(h5s.ALL, h5s.ALL, data)
    else:
        write_masked(dataset, data, chunk, pipeline, masks)


def fits(kind, pipeline):
    if "scaleoffset" in pipeline:
        return kind.startswith("i")
    return not ("szip" in pipeline and kind == "f2")  # szip takes no 2-byte floats in h5py's tests of it


def write_all(f):
    f["targets"] = np.arange(float(SHAPE[0]))
    f.create_group("stored")
    for kind, data in numbers().items():
        f[f"expected/{kind}"] = data
        for pipeline, index in itertools.product(PIPELINES, INDEXES):
            if not fits(kind, pipeline) or (index == "early" and pipeline):
                continue
            every = list(range(2 ** len(pipeline)))
            ways = {"as_written": None}
            if index == "single":
                ways |= {f"mask{m}": [m] for m in every}
            else:
                ways |= {"masks": every, "masks_backwards": every[::-1]}
            for way, masks in ways.items():
                name = f"{kind}.{'+'.join(pipeline) or 'plain'}.{index}.{way}"
                write(f, name, data, pipeline, index, masks)


def check(f):
    for name, dataset in f["stored"].items():
        assert np.array_equal(dataset[...], f["expected"][name.split(".")[0]][...]), name


if __name__ == "__main__":
    for name, libver in FORMATS.items():
        path = os.path.join(sys.argv[1], f"{name}.h5")
        with h5py.File(path, "w", libver=libver) as f:
            write_all(f)
        with h5py.File(path) as f:
            check(f)
