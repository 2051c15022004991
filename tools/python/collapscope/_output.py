"""The file under a dump while it is written: HDF5 1.10 crashes when writing fails, so here it never does.

After the first error all further writes vanish; the error is raised by `check`, outside of HDF5, and the file is given up.
"""
from __future__ import annotations

import os
from pathlib import Path


class Output:
    """A new file, for h5py's driver of Python file objects. Raises FileExistsError when the name is taken."""

    def __init__(self, path: Path, name: Path):
        """name: of the file when it is whole, for errors."""
        self.file, self.name = open(path, "xb+", buffering=0), name
        self.error: BaseException | None = None  # also an interrupt: HDF5 would lose it

    def check(self) -> None:
        """Raises what went wrong, if anything did."""
        if self.error is not None:
            raise self.error

    def _try(self, action) -> None:
        if self.error is None:
            try:
                action()
            except BaseException as error:
                if isinstance(error, OSError) and error.filename is None:
                    error.filename = str(self.name)
                self.error = error

    def write(self, data) -> int:
        self._try(lambda: self._write_all(memoryview(data)))
        return len(data)

    def _write_all(self, data: memoryview) -> None:
        while len(data):
            data = data[self.file.write(data):]

    def truncate(self, size: int) -> int:
        self._try(lambda: self.file.truncate(size))
        return size

    def flush(self) -> None:
        pass

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def read(self, size: int = -1) -> bytes:  # h5py asks whether there is one, and calls readinto
        return self.file.read(size)

    def readinto(self, buffer) -> int:
        view = memoryview(buffer)
        count = self.file.readinto(view)
        view[count:] = bytes(len(view) - count)
        return len(view)

    def sync(self) -> None:
        """Puts what was written on the disk."""
        self._try(lambda: os.fsync(self.file.fileno()))

    def close(self) -> None:
        self.file.close()
