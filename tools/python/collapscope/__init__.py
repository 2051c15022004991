"""collapscope: neural collapse of trained networks, from PyTorch to pictures.

    Recorder           activations of a model, as an HDF5 dump           (recorder.py)
    record, attach     the same of a loader, at chosen epochs            (attach.py)
    convert            npz, npy, pt and safetensors files as a dump      (convert.py)
    analyze            runs the program `collapscope` on dumps           (program.py)
    load               results as a table                                (results.py)
    plot               figures                                           (plot/)

Importing the package needs the standard library only; each name loads its module when it is first used.
"""
import importlib
import sys
import types

from ._version import __version__

# Public name: its module, and its name there (None: the module itself).
_NAMES = {
    "Recorder": ("recorder", "Recorder"),
    "record": ("attach", "record"),
    "attach": ("attach", "attach"),
    "convert": ("convert", "convert"),
    "load": ("results", "load"),
    "analyze": ("program", "analyze"),
    "plot": ("plot", None),
}

__all__ = ["__version__", *_NAMES]


class _Package(types.ModuleType):
    """Keeps `collapscope.convert` the function when the module of that name is imported, which would take its place."""

    def __setattr__(self, name, value):
        if isinstance(value, types.ModuleType) and _NAMES.get(name, (None, None))[1]:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name):
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _NAMES[name]
    value = importlib.import_module(f"{__name__}.{module}")
    if attribute:
        value = getattr(value, attribute)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__():
    return sorted(__all__)
