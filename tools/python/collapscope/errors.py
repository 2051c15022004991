"""The exceptions of this package."""


class ResultsError(ValueError):
    """Not a results file that can be read; the message names file, object, found and expected."""


class ProgramError(RuntimeError):
    """The program could not be run or gave no results. `status`: its exit status, None if it was not run."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class FigureError(ValueError):
    """A figure that these results cannot give; the message says what is missing."""
