"""Where the programs, the cases and the CUDA libraries are: in a bundle, or in a checkout with a build."""
import ctypes
import glob
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

NEEDED = ["libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcusolver.so.12", "libcusparse.so.12",
          "libnvJitLink.so.13"]


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
    try:
        ctypes.CDLL("libcuda.so.1")
        return []
    except OSError:
        return [folder for folder in ("/usr/local/nvidia/lib64", "/usr/local/nvidia/lib")
                if os.path.exists(os.path.join(folder, "libcuda.so.1"))]


class Places:
    def __init__(self, root, build, work):
        self.root = root
        self.folders = [os.path.join(root, "bin")]
        self.case_folders = [os.path.join(root, "cases")]
        for name in [build] if build else ["portable", "release"]:
            base = os.path.join(root, "build", name)
            self.folders += [os.path.join(base, part) for part in ("bin", "tests/core", "tests/oracle", "bench/prove")]
            self.case_folders.append(os.path.join(base, "tests/oracle/cases"))
        self.work = work or self.roomy_folder()
        os.makedirs(self.work, exist_ok=True)
        self.case_folders.append(os.path.join(self.work, "cases"))
        self.cuda, self.cuda_missing = cuda_folders()
        self.cuda += driver_folders()

    def roomy_folder(self):
        """In memory where there is much of it: the disk is not what is measured."""
        shm = "/dev/shm"
        roomy = os.path.isdir(shm) and shutil.disk_usage(shm).free > 40 << 30
        return tempfile.mkdtemp(prefix="collapscope-", dir=shm if roomy else None)

    def program(self, name):
        """The newest folder's executable of that name; None when it was not built."""
        for folder in self.folders:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK):
                return path
        return None

    def environment(self):
        environment = dict(os.environ)
        given = environment.get("LD_LIBRARY_PATH", "")
        environment["LD_LIBRARY_PATH"] = ":".join([*self.cuda, *([given] if given else [])])
        program = self.program("collapscope")
        for folder in ("lib", "lib/x86_64-linux-gnu", "lib64"):
            module = os.path.join(os.path.dirname(program or ""), "..", folder, "collapscope", "libcollapscope_cuda.so")
            if os.path.exists(module):
                environment.setdefault("COLLAPSCOPE_GPU_MODULE", os.path.abspath(module))
        return environment

    def cases(self):
        """The folder of reference cases; makes them when there are none."""
        for folder in self.case_folders:
            if os.path.exists(os.path.join(folder, "cases.json")):
                return folder
        subprocess.run([sys.executable, os.path.join(self.root, "tests/reference/make_cases.py"), folder], check=True,
                       stdout=subprocess.DEVNULL, timeout=240)
        return folder
