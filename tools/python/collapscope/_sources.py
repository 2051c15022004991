"""Files that hold arrays by name, one kind each: npz, folders of npy, pt, safetensors."""
from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

ENDINGS = {".npz": "npz", ".pt": "pt", ".pth": "pt", ".bin": "pt", ".safetensors": "safetensors"}


class Npy:
    """A set of .npy files, named by their stems, or by their paths in a folder. Mapped, not read."""

    def __init__(self, files: dict[str, Path], path):
        self.files, self.path = files, path

    @classmethod
    def folder(cls, path: Path) -> "Npy":
        found = sorted(path.rglob("*.npy"))
        if not found:
            raise ValueError(f"{path}: found no .npy file; expected some in a folder")
        return cls({file.relative_to(path).with_suffix("").as_posix(): file for file in found}, path)

    def __iter__(self):
        return iter(self.files)

    def __getitem__(self, name: str) -> np.ndarray:
        try:
            return np.load(self.files[name], mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{self.files[name]}: found no array: {error}; expected an .npy file of numbers") from None


class Npz:
    """An .npz file; an array is read when asked for."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.arrays = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: found no arrays: {error}; expected an .npz file") from None
        if not isinstance(self.arrays, np.lib.npyio.NpzFile):
            raise ValueError(f"{path}: found a single array; expected an .npz file")

    def __iter__(self):
        return iter(self.arrays.files)

    def __getitem__(self, name: str) -> np.ndarray:
        try:
            return self.arrays[name]
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{self.path}: {name}: {error}; expected an array of numbers") from None


class Torch:
    """What torch.save wrote: tensors in dicts and lists, with names joined by dots; a bare tensor has the file's stem.

    trust: also files that run code when they are loaded, as any pickle can."""

    def __init__(self, path: Path, trust: bool):
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
        self.tensors = {name or path.stem: tensor for name, tensor in flat(content, "")}

    def __iter__(self):
        return iter(self.tensors)

    def __getitem__(self, name: str) -> np.ndarray:
        from ._tensors import to_numpy

        return to_numpy(self.tensors[name])


def flat(value, name: str):
    """(dotted name, tensor) of everything in nested dicts and lists."""
    import torch

    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    if isinstance(value, (torch.Tensor, np.ndarray)):
        yield name, value
    for key, item in items:
        yield from flat(item, f"{name}.{key}" if name else str(key))


def open_source(path, trust: bool = False):
    """The arrays of one file or folder, by name. Raises ValueError for a kind that is not known, or damaged content."""
    path = Path(path)
    if path.is_dir():
        return Npy.folder(path)
    os.stat(path)  # FileNotFoundError names the file
    if path.suffix == ".npy":
        return Npy({path.stem: path}, path)
    kind = ENDINGS.get(path.suffix)
    if kind == "npz":
        return Npz(path)
    if kind == "pt":
        return Torch(path, trust)
    if kind == "safetensors":
        from ._safetensors import SafeTensors

        return SafeTensors(path)
    raise ValueError(f"{path}: found the ending {path.suffix!r}; expected .npz, .npy, .pt, .pth, .bin or .safetensors, or "
                     "a folder of .npy files")


def shards(paths: list) -> list:
    """Functions that open the shards, in order. Loose .npy files are one shard together: one array each."""
    loose = [Path(path) for path in paths if Path(path).suffix == ".npy" and not Path(path).is_dir()]
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
