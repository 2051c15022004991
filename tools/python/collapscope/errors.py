"""The exceptions of this package, and what it says where an optional package is missing."""
import importlib

PACKAGES = {"torch": "PyTorch"}  # names of modules that differ from those of packages


class ResultsError(ValueError):
    """Not a results file that can be read; the message names file, object, found and expected."""


class ProgramError(RuntimeError):
    """The program could not be run or gave no results. `status`: its exit status, None if it was not run."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class AccumulatorError(ValueError):
    """What an accumulator or a meter cannot take; the message names it, with what was found and expected."""


class FigureError(ValueError):
    """A figure that these results cannot give; the message says what is missing."""


def missing(name, what, extra):
    """The error for a module that cannot be imported; it names the extra that brings it."""
    package = PACKAGES.get(name, name)
    return ImportError(f"{what} needs {package}, which is not installed; expected pip install 'collapscope[{extra}]'", name=name)


def optional(name, what, extra):
    """Imports a module that an extra brings. Raises ImportError, which says what needs it and how to get it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.split(".")[0]:
            raise
        raise missing(name, what, extra) from None


def without_frames(error: BaseException) -> BaseException:
    """The error, and those that it comes from, without what they hold of the calls: batches, models."""
    left, seen = [error], set()
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            left += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return error
