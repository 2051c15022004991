"""collapscope: neural collapse of trained networks, from PyTorch to pictures.

    Recorder           activations of a model, as an HDF5 dump           (recorder.py)
    record, attach     the same of a loader, at chosen epochs            (attach.py)
    convert            npz, npy, pt and safetensors files as a dump      (convert.py)
    Meter              metrics of a model while it runs, without a dump  (meter.py)
    measure            a Meter from beginning to end                     (meter.py)
    callbacks          its numbers in the logs of a training             (callbacks.py)
    Accumulator        the same of arrays                                (accumulator.py)
    analyze            runs the program `collapscope` on dumps           (program.py)
    load               results as a table                                (results.py)
    load_classes       what they say of each class, likewise             (results.py)
    errors             the exceptions                                    (errors.py)
    plot               figures                                           (plot/)

Importing the package needs the standard library only; each name loads its module when it is first used. What needs a package
that is missing says so when it is called.
"""
import importlib
import sys
import types
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from . import callbacks, errors, plot
    from .accumulator import Accumulator
    from .attach import attach, record
    from .convert import convert
    from .meter import Meter, measure, scalars
    from .program import analyze
    from .recorder import Recorder
    from .results import load, load_classes

# Public name: its module, and its name there (None: the module itself).
_NAMES = {
    "Recorder": ("recorder", "Recorder"),
    "record": ("attach", "record"),
    "attach": ("attach", "attach"),
    "convert": ("convert", "convert"),
    "Accumulator": ("accumulator", "Accumulator"),
    "Meter": ("meter", "Meter"),
    "measure": ("meter", "measure"),
    "scalars": ("meter", "scalars"),
    "callbacks": ("callbacks", None),
    "load": ("results", "load"),
    "load_classes": ("results", "load_classes"),
    "analyze": ("program", "analyze"),
    "errors": ("errors", None),
    "plot": ("plot", None),
}

__all__ = ["__version__", "Recorder", "record", "attach", "convert", "Accumulator", "Meter", "measure", "scalars", "callbacks", "load", "load_classes",
           "analyze", "plot", "errors"]


class _Package(types.ModuleType):
    """Keeps `collapscope.convert` the function when the module of that name is imported, which would take its place."""

    def __setattr__(self, name, value):
        if isinstance(value, types.ModuleType) and _NAMES.get(name, (None, None))[1]:
            value = getattr(value, name)
        super().__setattr__(name, value)


class _Missing:
    """Stands in for a public name whose module cannot be imported, so that looking at the package never fails: using it raises
    the ImportError that importing it gave."""

    def __init__(self, name, error):
        self.__name__ = self.__qualname__ = name
        self.__module__ = __name__
        self.__doc__ = f"Not available: {error}."
        self._error = error

    def __repr__(self):
        return f"<collapscope.{self.__name__}: {self._error}>"

    def __call__(self, *_, **__):
        raise ImportError(str(self._error), name=getattr(self._error, "name", None)) from self._error

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self()


sys.modules[__name__].__class__ = _Package


def __getattr__(name):
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _NAMES[name]
    try:
        value = importlib.import_module(f"{__name__}.{module}")
    except Exception as error:  # PyTorch fails in many ways
        return _Missing(name, error)
    if attribute:
        value = getattr(value, attribute)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__():
    return sorted(__all__)
