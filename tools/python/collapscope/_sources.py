"""Files that hold arrays by name, one kind each: npz, folders of npy, pt, safetensors, and the index of several of these."""
from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path

import numpy as np

from ._dump import ENDINGS as HDF5_ENDINGS
from .errors import optional

ENDINGS = {".npz": "npz", ".pt": "pt", ".pth": "pt", ".bin": "pt", ".ckpt": "pt", ".safetensors": "safetensors"}
INDEX = ".index.json"  # of weights in several files, as transformers write it
MAX_INDEX = 100_000_000  # bytes


def fingerprint(values: np.ndarray) -> tuple:
    """The same for arrays of the same numbers, type and shape, and for no others."""
    return values.dtype.str, values.shape, hashlib.blake2b(np.ascontiguousarray(values)).digest()


def the_one(place: str, found: list) -> np.ndarray:
    """The array of a name, of (where it is, array) of all that have it. Raises ValueError unless these are the same."""
    (where, values), *others = found
    for other, more in others:
        if fingerprint(more) != fingerprint(values):
            raise ValueError(f"{place}: found twice with different numbers, {where} and {other}; expected one array of this name: rename one of "
                             "them, or leave it out")
    return values


class Npy:
    """A set of .npy files, named by their stems, or by their paths in a folder. Mapped, not read."""

    def __init__(self, files: dict[str, Path], path):
        self.files, self.path = files, path

    @classmethod
    def folder(cls, path: Path) -> "Npy":
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".npy")
        if not found:
            raise ValueError(f"{path}: found no .npy file; expected some in a folder")
        files: dict[str, Path] = {}
        for file in found:
            name = file.relative_to(path).with_suffix("").as_posix()
            if files.setdefault(name, file) != file:
                raise ValueError(f"{file}: found {files[name].name}, too; expected one array of the name {name!r}")
        return cls(files, path)

    def __iter__(self):
        return iter(self.files)

    def __getitem__(self, name: str) -> np.ndarray:
        refuse_pointer(self.files[name])
        try:
            return np.load(self.files[name], mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{self.files[name]}: found no array: {error}; expected an .npy file of numbers") from None


class Npz:
    """An .npz file; an array is read when asked for."""

    keeps_order = True  # of the arrays as they were given

    def __init__(self, path: Path):
        self.path = path
        try:
            self.arrays = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: found no arrays: {error}; expected an .npz file") from None
        if not isinstance(self.arrays, np.lib.npyio.NpzFile):
            raise ValueError(f"{path}: found a single array; expected an .npz file")
        self.members = set(self.arrays.zip.namelist())

    def __iter__(self):
        return iter(self.arrays.files)

    def __getitem__(self, name: str) -> np.ndarray:
        member = f"{name}.npy"  # NumPy takes "a.npy" for the member of "a"
        try:
            return self.arrays[member if member in self.members else name]
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{self.path}: {name}: {error}; expected an array of numbers") from None


class Torch:
    """What torch.save wrote: tensors in dicts and lists, with names joined by dots; a bare tensor has the file's stem.

    trust: also files that run code when they are loaded, as any pickle can."""

    keeps_order = True

    def __init__(self, path: Path, trust: bool):
        optional("torch", "reading PyTorch files", "record")
        import torch

        self.path = path
        options = {} if trust else {"weights_only": True}
        if trust and int(torch.__version__.split(".")[0]) >= 2:
            options = {"weights_only": False}
        try:
            content = torch.load(path, map_location="cpu", **options)
        except Exception as error:  # unpicklers fail in every way
            hint = "" if trust else ", or trust=True (--trust) for a file whose maker you trust"
            raise ValueError(f"{path}: torch.load: {str(error).splitlines()[0] if str(error) else type(error).__name__}; "
                             f"expected tensors in dicts and lists{hint}") from None
        self.tensors = self._by_name(flat(content))  # name -> (where it is, tensor) of all that have it
        if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):  # a checkpoint of Lightning
            self.tensors = {**self._by_name(flat(content["state_dict"])), **self.tensors}
        self.batches = self._by_name(lists_of(content))
        self.lists = {name: found[0][1] for name, found in self.batches.items()}

    def _by_name(self, found) -> dict[str, list]:
        result: dict[str, list] = {}
        for keys, value in found:
            where = "".join(f"[{key!r}]" for key in keys)
            result.setdefault(".".join(map(str, keys)) or self.path.stem, []).append((where, value))
        return result

    def __iter__(self):
        return iter(self.tensors)

    def __contains__(self, name) -> bool:
        return name in self.tensors or name in self.lists

    def __getitem__(self, name: str) -> np.ndarray:
        from ._tensors import to_numpy

        place = f"{self.path}: {name}"
        return the_one(place, [*((where, to_numpy(tensor, place)) for where, tensor in self.tensors.get(name, ())),
                               *((where, self._joined(name, tensors)) for where, tensors in self.batches.get(name, ()))])

    def _joined(self, name: str, tensors) -> np.ndarray:
        from ._tensors import to_numpy

        parts = [to_numpy(part, f"{self.path}: {name}") for part in tensors]
        if len({(part.dtype, part.shape[1:]) for part in parts}) > 1 or not all(part.ndim for part in parts):
            found = ", ".join(f"{part.dtype} {list(part.shape)}" for part in parts[:3])
            raise ValueError(f"{self.path}: {name}: found a list of {len(parts)} tensors ({found}, ...); expected batches, which differ "
                             f"in their number of samples only, or the name of one of them, such as {name + '.0'!r}")
        return np.concatenate(parts)


def flat(value, keys=()):
    """(keys, tensor) of everything in nested dicts and lists."""
    import torch

    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    if isinstance(value, (torch.Tensor, np.ndarray)):
        yield keys, value
    for key, item in items:
        yield from flat(item, (*keys, key))


def lists_of(value, keys=()):
    """(keys, tensors) of every list of tensors in nested dicts: batches of one array, if they are asked for."""
    import torch

    if isinstance(value, dict):
        for key, item in value.items():
            yield from lists_of(item, (*keys, key))
    elif isinstance(value, (list, tuple)) and value and all(isinstance(item, (torch.Tensor, np.ndarray)) for item in value):
        yield keys, value


class Index:
    """Weights in several files, and the index that says which is where; a file is opened when asked for."""

    def __init__(self, path: Path, trust: bool):
        self.path, self.trust, self.open = path, trust, {}
        if path.stat().st_size > MAX_INDEX:
            raise ValueError(f"{path}: found {path.stat().st_size} bytes; expected an index of weights")
        try:
            self.files = json.loads(path.read_text("utf-8"))["weight_map"]
            good = all(isinstance(file, str) and file and Path(file).name == file for file in self.files.values())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            good = False
        if not good:
            raise ValueError(f"{path}: found no index of weights; expected a weight_map of names and files of the same folder")

    def __iter__(self):
        return iter(self.files)

    def __getitem__(self, name: str) -> np.ndarray:
        file = self.files[name]
        if file not in self.open:
            self.open[file] = open_source(self.path.with_name(file), self.trust)
        try:
            return self.open[file][name]
        except KeyError:
            raise ValueError(f"{self.path.with_name(file)}: found no tensor {name!r}; expected one, as {self.path.name} lists it") from None


def listed(names) -> str:
    names = list(names)
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "none"


def require_there(source, name: str) -> None:
    if name not in source:
        raise ValueError(f"{source.path}: found no array {name!r}; expected it among {listed(source)}")


def get(source, name: str) -> np.ndarray:
    require_there(source, name)
    try:
        return source[name]
    except MemoryError as error:
        raise MemoryError(f"{source.path}: {name}: found too little memory for this array ({error}); expected more, or smaller shards, or .npy or "
                          ".safetensors files, which are read in pieces") from None


def refuse_pointer(path: Path) -> None:
    """Raises ValueError for a file that only says where Git LFS has the real one, FileNotFoundError where there is none."""
    with open(path, "rb") as file:
        if file.read(24) == b"version https://git-lfs.":
            raise ValueError(f"{path}: found a pointer of Git LFS; expected the file itself, which `git lfs pull` brings")


def open_source(path, trust: bool = False):
    """The arrays of one file or folder, by name. Raises ValueError for a kind that is not known, or damaged content."""
    path = Path(path)
    if path.is_dir():
        return folder(path, trust)
    refuse_pointer(path)
    if path.name.endswith(INDEX):
        return Index(path, trust)
    ending = path.suffix.lower()
    if ending == ".npy":
        return Npy({path.stem: path}, path)
    kind = ENDINGS.get(ending)
    if kind == "npz":
        return Npz(path)
    if kind == "pt":
        return Torch(path, trust)
    if kind == "safetensors":
        from ._safetensors import SafeTensors

        return SafeTensors(path)
    hint = ""
    if ending in HDF5_ENDINGS:
        hint = "; HDF5 files are read by collapscope analyze itself, with --activations, --targets and --weight"
    raise ValueError(f"{path}: found the ending {path.suffix!r}; expected .npz, .npy, .pt, .pth, .bin, .ckpt or .safetensors, the "
                     f"{INDEX} of several, or a folder of .npy files{hint}")


def folder(path: Path, trust: bool):
    """The .npy files of a folder, or the weights in several files that an index lists."""
    indexes = sorted(path.glob(f"*{INDEX}"))
    if len(indexes) == 1 and not any(file.suffix.lower() == ".npy" for file in path.rglob("*")):
        return Index(indexes[0], trust)
    return Npy.folder(path)


def index_beside(path) -> str:
    """What to do with one file of several: a sentence, or nothing."""
    path = Path(path)
    beside = sorted(path.parent.glob(f"*{INDEX}")) if path.suffix.lower() in ENDINGS and path.is_file() else []
    return f"; {beside[0]} lists the files of all weights, give that one" if beside else ""


def shards(paths: list) -> list:
    """Functions that open the shards, in order. Loose .npy files are one shard together: one array each."""
    loose = [Path(path) for path in paths if Path(path).suffix.lower() == ".npy" and not Path(path).is_dir()]
    if loose and len(loose) != len(paths):
        raise ValueError(f"{loose[0]}: found .npy files among shards of other kinds; expected only .npy files, or folders "
                         "of them")
    if loose:
        files = {path.stem: path for path in loose}
        if len(files) != len(loose):
            raise ValueError(f"{loose[0].parent}: found .npy files of the same name; expected a folder for each shard")
        for path in loose:
            os.stat(path)
        return [lambda trust: Npy(files, loose[0].parent)]
    return [lambda trust, path=path: open_source(path, trust) for path in paths]
