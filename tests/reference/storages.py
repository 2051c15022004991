"""Ways to store the same numbers in an HDF5 dataset.

Each entry of STORAGES is a function (group, name, raw, type): `raw` is an array of the bits as they are to lie in
the file, `type` their HDF5 type, so nothing is converted on the way.
"""
from __future__ import annotations

import os
import zlib
from typing import Callable

import h5py
import numpy as np
from h5py import h5d, h5p, h5s

STORAGES: dict[str, Callable] = {}


def storage(function: Callable) -> Callable:
    STORAGES[function.__name__] = function
    return function


def ragged_chunks(shape) -> tuple[int, ...]:
    """Chunks that divide no axis evenly and split each but the shortest."""
    return tuple([min(37, shape[0])] + [max(1, (extent * 2) // 5) for extent in shape[1:]])


def creation_plist() -> h5p.PropDCID:
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_obj_track_times(False)  # the same bytes every time
    return plist


def create_as(plist, group, name, raw, kind) -> None:
    write_all(h5d.create(group.id, name.encode(), kind, h5s.create_simple(raw.shape), plist), raw, kind)


def write_all(dataset: h5d.DatasetID, raw: np.ndarray, kind) -> None:
    dataset.write(h5s.ALL, h5s.ALL, raw, mtype=kind)


def create(group, name, raw, kind, **options) -> h5py.Dataset:
    dataset = group.create_dataset(name, shape=raw.shape, dtype=h5py.Datatype(kind), **options)
    write_all(dataset.id, raw, kind)
    return dataset


@storage
def contiguous(group, name, raw, kind):
    create(group, name, raw, kind)


@storage
def compact(group, name, raw, kind):
    """In the object header (at most 64 KiB)."""
    plist = creation_plist()
    plist.set_layout(h5d.COMPACT)
    create_as(plist, group, name, raw, kind)


@storage
def chunked(group, name, raw, kind):
    create(group, name, raw, kind, chunks=ragged_chunks(raw.shape))


@storage
def row_chunks(group, name, raw, kind):
    """Whole rows per chunk, uncompressed."""
    create(group, name, raw, kind, chunks=(min(100, raw.shape[0]),) + raw.shape[1:])


@storage
def early(group, name, raw, kind):
    """Chunks allocated when the dataset is made (with the newest format: the implicit chunk index)."""
    plist = creation_plist()
    plist.set_chunk(ragged_chunks(raw.shape))
    plist.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    create_as(plist, group, name, raw, kind)


@storage
def one_chunk(group, name, raw, kind):
    create(group, name, raw, kind, chunks=raw.shape)


@storage
def gzip(group, name, raw, kind):
    """Chunks as h5py chooses them."""
    create(group, name, raw, kind, compression="gzip")


@storage
def gzip_9(group, name, raw, kind):
    create(group, name, raw, kind, chunks=ragged_chunks(raw.shape), compression="gzip", compression_opts=9)


@storage
def gzip_shuffle_fletcher32(group, name, raw, kind):
    create(group, name, raw, kind, chunks=ragged_chunks(raw.shape), compression="gzip", shuffle=True, fletcher32=True)


@storage
def shuffle(group, name, raw, kind):
    create(group, name, raw, kind, chunks=ragged_chunks(raw.shape), shuffle=True)


@storage
def fletcher32(group, name, raw, kind):
    create(group, name, raw, kind, chunks=ragged_chunks(raw.shape), fletcher32=True)


@storage
def fletcher32_before_gzip(group, name, raw, kind):
    """The pipeline in an unusual order: the checksum is taken first, so it is compressed too."""
    plist = creation_plist()
    plist.set_chunk(ragged_chunks(raw.shape))
    plist.set_fletcher32()
    plist.set_shuffle()
    plist.set_deflate(4)
    create_as(plist, group, name, raw, kind)


@storage
def gzip_some_chunks(group, name, raw, kind):
    """Every other chunk is stored uncompressed, as its filter mask says."""
    rows = min(64, raw.shape[0])
    chunk = (rows,) + raw.shape[1:]
    dataset = group.create_dataset(name, shape=raw.shape, dtype=h5py.Datatype(kind), chunks=chunk, compression="gzip")
    for i, first in enumerate(range(0, raw.shape[0], rows)):
        block = np.zeros(chunk, raw.dtype)  # chunks at the edge are stored whole
        part = raw[first:first + rows]
        block[:len(part)] = part
        data = block.tobytes() if i % 2 else zlib.compress(block.tobytes())
        dataset.id.write_direct_chunk((first,) + (0,) * (raw.ndim - 1), data, filter_mask=i % 2)


@storage
def scaleoffset(group, name, raw, kind):
    """Integers in as many bits as each chunk needs."""
    create(group, name, raw, kind, chunks=ragged_chunks(raw.shape), scaleoffset=0)


@storage
def szip(group, name, raw, kind):
    create(group, name, raw, kind, chunks=raw.shape, compression="szip", compression_opts=("nn", 8))


@storage
def lzf(group, name, raw, kind):
    create(group, name, raw, kind, chunks=ragged_chunks(raw.shape), compression="lzf")


def write_in_pieces(group, name, raw, kind, maxshape, **options) -> None:
    dataset = group.create_dataset(name, shape=(0,) + raw.shape[1:], dtype=h5py.Datatype(kind), maxshape=maxshape,
                                   **options)
    first = 0
    while first < raw.shape[0]:
        piece = np.ascontiguousarray(raw[first:first + max(1, 53 + first // 3)])
        dataset.resize(first + len(piece), axis=0)
        target = dataset.id.get_space()
        target.select_hyperslab((first,) + (0,) * (raw.ndim - 1), piece.shape)
        dataset.id.write(h5s.create_simple(piece.shape), target, piece, mtype=kind)
        first += len(piece)


@storage
def extendible(group, name, raw, kind):
    """Grown as batches came; gzip."""
    write_in_pieces(group, name, raw, kind, (None,) + raw.shape[1:], chunks=True, compression="gzip")


@storage
def extendible_all(group, name, raw, kind):
    """Every axis unlimited, chunks larger than what is there."""
    chunk = tuple(min(2 * extent, extent + 1000) for extent in raw.shape)
    write_in_pieces(group, name, raw, kind, (None,) * raw.ndim, chunks=chunk)


@storage
def extendible_ragged(group, name, raw, kind):
    write_in_pieces(group, name, raw, kind, (None,) * raw.ndim, chunks=ragged_chunks(raw.shape), shuffle=True)


def virtual_layout(group, name, raw, kind, source: Callable[[int], tuple[h5py.Group, str]]) -> None:
    """A virtual dataset over three uneven blocks of rows; `source(i)` says where block i goes."""
    dtype = h5py.Datatype(kind).dtype
    layout = h5py.VirtualLayout(raw.shape, dtype)
    edges = [0, raw.shape[0] // 5, raw.shape[0] // 2, raw.shape[0]]
    for i, (first, last) in enumerate(zip(edges, edges[1:])):
        if first == last:
            continue
        where, path = source(i)
        (gzip if i == 1 else contiguous)(where, path, np.ascontiguousarray(raw[first:last]), kind)
        same = where.file == group.file
        layout[first:last] = h5py.VirtualSource(
            "." if same else os.path.basename(where.file.filename), f"{where.name.rstrip('/')}/{path}",
            shape=(last - first,) + raw.shape[1:], dtype=dtype)
        if not same:
            where.file.close()
    group.create_virtual_dataset(name, layout)


def sibling(group: h5py.Group, name: str) -> h5py.File:
    """A new file in the folder of the group's file."""
    return h5py.File(os.path.join(os.path.dirname(group.file.filename), name), "w")


def plain(group: h5py.Group) -> str:
    """The group's name without slashes."""
    return group.name.strip("/").replace("/", "_") or "root"


@storage
def virtual_files(group, name, raw, kind):
    """Virtual, one source file per block."""
    virtual_layout(group, name, raw, kind, lambda i: (sibling(group, f"{plain(group)}_{name}_part{i}.h5"), "data"))


@storage
def virtual_same_file(group, name, raw, kind):
    """Virtual, sources in the same file (".")."""
    store = group.file.require_group("store/" + plain(group))
    virtual_layout(group, name, raw, kind, lambda i: (store, f"{name}_{i}"))


@storage
def external_link(group, name, raw, kind):
    """An external link to a dataset of a file beside this one."""
    file_name = f"{plain(group)}_{name}.h5"
    with sibling(group, file_name) as other:
        chunked(other.create_group("some/where"), name, raw, kind)
    group[name] = h5py.ExternalLink(file_name, f"/some/where/{name}")


@storage
def soft_link(group, name, raw, kind):
    """A soft link to a dataset elsewhere in the file."""
    store = group.file.require_group("store/" + plain(group))
    gzip(store, name, raw, kind)
    group[name] = h5py.SoftLink(f"{store.name}/{name}")


@storage
def hard_link(group, name, raw, kind):
    """A second hard link to a dataset elsewhere in the file."""
    store = group.file.require_group("store/" + plain(group))
    contiguous(store, name, raw, kind)
    group[name] = store[name]
