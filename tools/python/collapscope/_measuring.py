"""What the callbacks share: the options of a measurement, checked at once, a trial of the first batch, and the numbers."""
from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping

import torch

from ._model import same_random
from ._options import SECOND_LOOK, metric_patterns, require_some_metric, whole
from ._shards import check_shards, generators_of, running
from .attach import arguments_of
from .errors import AccumulatorError, without_frames
from .meter import Meter, measure, scalars, share_of

METRICS = ("nrc1", "nrc2", "nrc3", "deep_nrc1", "deep_nrc2", "linear_mse")
# Of a classifier. The last one takes a second look, looks=2; without it the others are logged.
CLASS_METRICS = ("nc1", "nc2_equiangular", "nc3_self_duality", "nc4_disagreement")
OF_CLASSIFIERS = ("nc3_self_duality", "nc4_disagreement")  # of these: mean something where the rows of W are the classes'
_OF_METER = [name for name in inspect.signature(Meter.__init__).parameters if name not in ("self", "model", "metrics")]


class Measuring:
    """What a callback measures and when, checked at once."""

    def __init__(self, data, every, metrics, on_error, options: dict, prefix: str = "collapse"):
        """options: of `measure`, those that are not as they are by default."""
        if not isinstance(prefix, str) or not prefix:
            raise AccumulatorError(f"prefix: found {prefix!r:.80}; expected a text, such as 'collapse'")
        self.prefix = prefix
        self.data, self.every, self.options = data, whole(every, "every", 1), dict(options)
        self.batch, self.looks, self.shards = self.options.pop("batch", None), self.options.pop("looks", 1), self.options.pop("shards", None)
        if on_error not in ("raise", "warn"):
            raise AccumulatorError(f"on_error: found {on_error!r:.80}; expected 'raise' or 'warn'")
        if hasattr(data, "__next__"):
            raise AccumulatorError(f"data: found {type(data).__name__}, which can be read once; expected a loader or a list")
        if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
            raise AccumulatorError(f"data: found {type(data).__name__}; expected a loader or a list of batches")
        self.on_error, self.table, self.failures = on_error, None, []
        self.is_default = metrics is None
        suggested = CLASS_METRICS if options.get("task") == "classification" else METRICS
        self.metrics = metric_patterns(suggested if self.is_default else metrics)
        if not self.metrics:
            raise AccumulatorError("metrics: found none; expected names or globs of metrics, such as 'nrc*'")
        if self.looks not in (1, 2):
            raise AccumulatorError(f"looks: found {self.looks!r}; expected 1 or 2")
        if self.batch is not None and not callable(self.batch):
            raise AccumulatorError(f"batch: found {self.batch!r:.80}; expected a function of what the loader yields")
        check_shards("callback", self.shards)
        names_modules = {"layers", "exclude"} | ({"pool"} if isinstance(options.get("pool"), Mapping) else set())
        with same_random():  # the training's own numbers
            Meter(torch.nn.Linear(1, 1), metrics=self.metrics, **{name: value for name, value in self.options.items() if name not in names_modules})
        self.names = require_some_metric(options.get("task", "regression"), self.metrics)
        self._require_looks(self.names)

    def _require_looks(self, names: tuple[str, ...]) -> None:
        """Of metrics that take a second look: an error where all do and there is one look, a warning for those that were named."""
        if self.looks == 2 or self.is_default:
            return
        if names and all(name in SECOND_LOOK for name in names):
            raise AccumulatorError(f"metrics: found {', '.join(names)}, which take{'s' if len(names) == 1 else ''} a second look at the batches; "
                                   "expected looks=2")
        named = [name for name in map(str.strip, self.metrics.split(",")) if name in SECOND_LOOK]
        if named:
            warnings.warn(f"metrics: {', '.join(named)} will not be logged without looks=2, a second look at the batches", RuntimeWarning, stacklevel=4)

    def require_own_names(self, others: list[Measuring]) -> None:
        """Loggers average what comes under one name, or keep the later one."""
        for other in others:
            both = [name for name in self.names if name in other.names]
            if other is not self and other.prefix == self.prefix and both and _chosen(other.options) == _chosen(self.options):
                raise AccumulatorError(f"prefix: found two callbacks that log {both[0]} as {self.prefix!r}; expected one prefix each, such as "
                                       f"{self.prefix + '_train'!r} and {self.prefix + '_test'!r}")

    def check(self, model, batch=None) -> None:
        """Measures the first batch and throws it away. Raises ValueError for what does not fit, before a night has passed.

        batch: as of `numbers`. With on_error="warn" a NaN is no error here either."""
        meter = Meter(model, metrics=self.metrics, **self.options)
        meter._quiet = True  # the first measurement says which layers are left out
        share = share_of(self.data, self.shards, self.looks)
        with same_random(*generators_of(self.data)), running(self.data):
            for item in self.data:
                try:
                    meter.update(**arguments_of(item, batch or self.batch))
                except ValueError as error:
                    if self.on_error == "raise" or "NaN or Inf" not in str(error):
                        raise
                return
        if share is None:  # else the other ranks may have some
            raise AccumulatorError("data: found no batch; expected at least one")

    def numbers(self, model, step: int, batch=None, again=None) -> dict | None:
        """What is to be logged; None where it could not be measured, with on_error="warn".

        batch: instead of the caller's. again: of an error, whether to try once more."""
        try:
            self.table = measure(model, self.data, metrics=self.metrics, batch=batch or self.batch, looks=self.looks, shards=self.shards,
                                 **self.options)
        except Exception as error:  # whatever it is, the training is worth more
            if again is not None and again(error):
                return self.numbers(model, step, batch)
            if self.on_error == "raise":
                raise
            self.failures.append((step, without_frames(error)))
            warnings.warn(f"collapse is not measured at step {step}: {error}", RuntimeWarning, stacklevel=3)
            return None
        chosen = self.table
        if self.is_default:  # of a hidden layer's weight, row c is not class c's
            last = chosen["position"].max()
            chosen = chosen[~chosen["metric"].isin(OF_CLASSIFIERS) | (chosen["position"] == last)]
        return scalars(chosen, self.metrics, self.prefix)


def _chosen(options: dict) -> str:
    """Which layers, as they were named."""
    return repr([options.get(name) for name in ("layers", "exclude")])


class Measured:
    """What a callback tells of its measurements."""

    _measuring: Measuring

    @property
    def table(self):
        """Of the last one."""
        return self._measuring.table

    @property
    def failures(self):
        """What could not be measured, with on_error="warn": (epoch or step, error)."""
        return self._measuring.failures


def given(function, values: dict) -> dict:
    """The options of `measure` among a function's arguments that are not as they are by default."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in values.items()
            if name in (*_OF_METER, "batch", "looks", "shards") and value is not parameters[name].default}
