"""Where the programs, the cases and the CUDA libraries are: in a bundle, or in a checkout with a build."""
import glob
import importlib.util
import itertools
import os
import shutil
import tempfile

import bundled

NEEDED = ["libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcusolver.so.12", "libcusparse.so.12",
          "libnvJitLink.so.13"]
PROGRAMS = ("bin", "tests/core", "tests/oracle", "tests/fake_cuda", "bench/prove")


def toolkit_folders():
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    yield from (os.path.join(home, "lib64"), os.path.join(home, "lib"))


def python_folders():
    """Those of the nvidia-* packages that come with PyTorch, CuPy or JAX."""
    spec = importlib.util.find_spec("nvidia")
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield from sorted(glob.glob(os.path.join(place, "*", "lib")))


def cuda_folders():
    """The fewest folders that hold the CUDA libraries, and the names of those that are nowhere."""
    folders, missing = [], []
    given = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    everywhere = [folder for folder in (*given, *toolkit_folders(), *python_folders()) if folder]
    for name in NEEDED:
        found = [folder for folder in everywhere if os.path.exists(os.path.join(folder, name))]
        if not found:
            missing.append(name)
        elif not set(found) & set(folders):
            folders.append(found[0])
    return folders, missing


def driver_folders():
    """Where the driver is, if the loader does not find it by itself."""
    import ctypes
    try:
        ctypes.CDLL("libcuda.so.1")
        return []
    except OSError:
        return [folder for folder in ("/usr/local/nvidia/lib64", "/usr/local/nvidia/lib")
                if os.path.exists(os.path.join(folder, "libcuda.so.1"))]


class Places:
    def __init__(self, root, build=None, work=None, fake=None):
        """fake: a folder with a CUDA of our own (tests/fake_cuda), which takes the place of NVIDIA's."""
        self.root, self.fake = root, fake
        builds = [os.path.join(root, "build", name) for name in ([build] if build else ["portable", "release"])]
        self.folders = [os.path.join(place, part) for place in builds for part in PROGRAMS]
        if not build:
            self.folders.insert(0, os.path.join(bundled.unpacked(root) or root, "bin"))
        self.work = work or self.roomy_folder()
        os.makedirs(self.work, exist_ok=True)
        self._numbers = itertools.count()
        if fake:
            self.cuda, self.cuda_missing = [os.path.abspath(fake)], []
        else:
            self.cuda, self.cuda_missing = cuda_folders()
            self.cuda += driver_folders()

    def roomy_folder(self):
        """In memory where there is much of it: the disk is not what is measured."""
        shm = "/dev/shm"
        roomy = os.path.isdir(shm) and shutil.disk_usage(shm).free > 40 << 30
        return tempfile.mkdtemp(prefix="collapscope-", dir=shm if roomy else None)

    def scratch(self):
        """A folder of its own for every command."""
        path = os.path.join(self.work, "commands", str(next(self._numbers)))
        os.makedirs(path)
        return path

    def program(self, name):
        """The newest folder's executable of that name; None when it was not built."""
        for folder in self.folders:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        return None

    def environment(self):
        environment = dict(os.environ)
        given = environment.get("LD_LIBRARY_PATH", "")
        environment["LD_LIBRARY_PATH"] = ":".join([*self.cuda, *([given] if given else [])])
        if self.fake:  # what it finds out is for the tests of the fake
            environment.setdefault("FAKE_CUDA_PROTECT", "0")
        program = self.program("collapscope")
        for folder in ("lib", "lib/x86_64-linux-gnu", "lib64"):
            module = os.path.join(os.path.dirname(program or ""), "..", folder, "collapscope", "libcollapscope_cuda.so")
            if os.path.exists(module):
                environment.setdefault("COLLAPSCOPE_GPU_MODULE", os.path.abspath(module))
        return environment

    def cases(self):
        """The folder of reference cases, which the step `cases` makes."""
        return os.path.join(self.work, "cases")
