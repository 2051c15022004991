"""Every way to lay a dataset out in a file, for float32 (and where it matters, other types)."""
from __future__ import annotations

import h5py

from dumps import Checkpoint, Layer, Numbers
from problems import problem
from registry import Case, case, cases
from storages import STORAGES

ALL = [x for x in STORAGES if x not in ("scaleoffset", "szip", "lzf")]
CHUNKED = ["chunked", "row_chunks", "early", "one_chunk", "gzip", "gzip_9", "gzip_shuffle_fletcher32", "fletcher32",
           "extendible", "extendible_all", "extendible_ragged"]


def small(case: Case, storage: str, everything: bool = False, kind: str = "float32", N: int = 311) -> Checkpoint:
    """Two layers; all datasets in this storage, or only the activations."""
    p = problem(case.rng, N=N, d=11, n=2)
    rest = storage if everything else "contiguous"
    layers = [Layer("fc1", Numbers(p.H[:, :7], kind, storage=storage), None, attrs={"index": 0}),
              Layer("fc2", Numbers(p.H, kind, storage=storage), Numbers(p.W, storage=rest), attrs={"index": 1})]
    return Checkpoint(Numbers(p.Y, storage=rest), layers, Numbers(p.P, storage=rest))


@cases("storage/activations", **{x: (x,) for x in ALL})
def activations(case: Case, storage: str):
    case.dump_and_expect(small(case, storage))


@cases("storage/everything", **{x: (x,) for x in ALL if x not in ("early",)})
def everything(case: Case, storage: str):
    """Targets, predictions and weights are stored so, too."""
    case.dump_and_expect(small(case, storage, everything=True))


@cases("storage/newest", **{x: (x,) for x in CHUNKED})
def newest(case: Case, storage: str):
    """The newest file format that HDF5 1.10 reads: other chunk indices, other headers."""
    case.dump_and_expect(small(case, storage), libver=("v110", "v110"))


@cases("storage/user_block", contiguous=("contiguous",), chunked=("chunked",), gzip=("gzip",), compact=("compact",))
def user_block(case: Case, storage: str):
    """Addresses count from behind a user block."""
    case.dump_and_expect(small(case, storage), userblock_size=2048)


@cases("storage/filters", szip=("szip",), lzf=("lzf",))
def filters(case: Case, name: str):
    """Filters that the reader may lack."""
    case.needs_filter(name)
    case.dump_and_expect(small(case, name))


@cases("storage/virtual_types", float16=("float16",), bfloat16_bits=("bfloat16_bits",), int16=("int16",),
       float64=("float64",))
def virtual_types(case: Case, kind: str):
    p = problem(case.rng, N=300, d=8, n=2)
    scale = 1000 if kind == "int16" else 1
    layer = Layer("fc", Numbers(p.H * scale, kind, storage="virtual_files"), Numbers(p.W))
    case.dump_and_expect(Checkpoint(Numbers(p.Y, storage="virtual_same_file"), [layer]))


@case("storage/large_gzip")
def large_gzip(case: Case):
    """Many chunks along both axes, more rows than one tile."""
    p = problem(case.rng, N=12000, d=48, n=3)
    layers = [Layer("plain", Numbers(p.H, storage="gzip"), Numbers(p.W), attrs={"index": 0}),
              Layer("half", Numbers(p.H, "float16", storage="gzip_shuffle_fletcher32"), attrs={"index": 1})]
    case.dump_and_expect(Checkpoint(Numbers(p.Y, storage="gzip"), layers, Numbers(p.P, storage="extendible")))


@case("storage/group_links")
def group_links(case: Case):
    """Whole layers behind a soft link and behind an external link."""
    p = problem(case.rng, N=300, d=8, n=2)
    checkpoint = Checkpoint(Numbers(p.Y), [Layer("fc1", Numbers(p.H), Numbers(p.W)),
                                           Layer("fc2", Numbers(p.H[:, ::-1], storage="gzip"))])
    case.dump(checkpoint)
    folder = f"{case.root}/{case.name}"
    with h5py.File(f"{folder}/dump.h5", "a") as f, h5py.File(f"{folder}/beside.h5", "w") as beside:
        f.move("layers/fc1", "hidden/one")
        f["layers/fc1"] = h5py.SoftLink("/hidden/one")
        f.copy("layers/fc2", beside, "two")
        del f["layers/fc2"]
        f["layers/fc2"] = h5py.ExternalLink("beside.h5", "/two")
    case.expects(checkpoint)
