"""Metrics of collapse in the logs of a training: for Lightning and for the Trainer of transformers.

Whatever logger the training has (TensorBoard, wandb, a file) gets the numbers, as "collapse/LAYER/METRIC". For a loop of your own:
`logger.log(collapscope.scalars(collapscope.measure(model, loader), ["nrc1"]))`.
"""
from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping

from ._options import metric_patterns, require_options, whole
from .errors import AccumulatorError
from .meter import Meter, measure, scalars

METRICS = ("nrc1", "nrc2", "nrc3", "deep_nrc1", "deep_nrc2", "linear_mse")
# Of a classifier. The last one takes a second look, looks=2; without it the others are logged.
CLASS_METRICS = ("nc1", "nc2_equiangular", "nc3_self_duality", "nc4_disagreement")
OF_CLASSIFIERS = ("nc3_self_duality", "nc4_disagreement")  # of these: mean something where the rows of W are the classes'
_OF_METER = [name for name in inspect.signature(Meter.__init__).parameters if name not in ("self", "model", "metrics")]
_OF_ANALYSIS = ("signal_dim", "top", "precision", "memory", "device", "threads", "per_class")


class _Measuring:
    """What a callback measures and when, checked at once."""

    def __init__(self, data, every, metrics, on_error, options: dict):
        self.data, self.every, self.options = data, whole(every, "every", 1), options
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
        if options.get("looks", 1) not in (1, 2):
            raise AccumulatorError(f"looks: found {options['looks']!r}; expected 1 or 2")
        if options.get("batch") is not None and not callable(options["batch"]):
            raise AccumulatorError(f"batch: found {options['batch']!r:.80}; expected a function of what the loader yields")
        defaults = {name: inspect.signature(Meter.__init__).parameters[name].default for name in _OF_ANALYSIS}
        require_options(options.get("task", "regression"), classes=options.get("classes"), metrics=self.metrics,
                        **{name: options.get(name, default) for name, default in defaults.items()})

    def check(self, model) -> None:
        """Raises ValueError for what does not fit the model, before anything is measured."""
        Meter(model, metrics=self.metrics, **{name: value for name, value in self.options.items() if name not in ("batch", "looks")})

    def numbers(self, model, step: int, again=None, **more) -> dict | None:
        """What is to be logged; None where it could not be measured, with on_error="warn". again: of an error, whether to try once more."""
        try:
            self.table = measure(model, self.data, metrics=self.metrics, **{**more, **self.options})
        except Exception as error:  # whatever it is, the training is worth more
            if again is not None and again(error):
                return self.numbers(model, step, **more)
            if self.on_error == "raise":
                raise
            self.failures.append((step, error))
            warnings.warn(f"collapse is not measured at step {step}: {error}", RuntimeWarning, stacklevel=3)
            return None
        chosen = self.table
        if self.is_default:  # of a hidden layer's weight, row c is not class c's
            last = chosen["position"].max()
            chosen = chosen[~chosen["metric"].isin(OF_CLASSIFIERS) | (chosen["position"] == last)]
        return scalars(chosen, self.metrics)


class _Measured:
    """What a callback tells of its measurements."""

    _measuring: _Measuring

    @property
    def table(self):
        """Of the last one."""
        return self._measuring.table

    @property
    def failures(self):
        """What could not be measured, with on_error="warn": (epoch or step, error)."""
        return self._measuring.failures


def _given(function, values: dict) -> dict:
    """The options of `measure` among a function's arguments that are not as they are by default."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in values.items() if name in (*_OF_METER, "batch", "looks") and value is not parameters[name].default}


def _lightning():
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            return __import__(name, fromlist=["Callback"])
        except ImportError:
            continue
    raise ImportError("a callback for Lightning needs it, and it is not installed; expected pip install lightning", name="lightning")


def lightning(data, every: int = 1, metrics=None, *, on_error: str = "raise", batch=None, looks: int = 1, layers=None,
              task: str = "regression", classes: int | None = None, ignore_label: int | None = None, class_names=None,
              attributes=None, exclude=None, pool="mean", dtype=None, output=None, batch_first=None, autocast=None,
              signal_dim=None, top: int = 10, precision: str = "float64", memory: int = 0, device: str | None = None, threads: int = 0, per_class: bool = False):
    """A callback for Lightning's Trainer that measures the module at the end of every `every`-th training epoch.

    data: yields the batches (x, y) to measure on, in a fixed order. metrics: names or globs of those to log; None: METRICS or, with
        task="classification", CLASS_METRICS, of which nc3 and nc4 of the last layer only. batch, looks, and all from layers on: as of measure.
    on_error: "raise", or "warn": what cannot be measured, as after a NaN, gives a warning, and training goes on; `failures` of the
        callback has the epochs, and why. Wrong options are an error in either case: at once, or when the training begins.
    """
    options = _given(lightning, locals())
    base = _lightning().Callback
    measuring = _Measuring(data, every, metrics, on_error, options)

    class CollapseMeter(_Measured, base):
        _measuring = measuring

        def on_fit_start(self, trainer, module):
            measuring.check(module)

        def on_train_epoch_end(self, trainer, module):
            if (trainer.current_epoch + 1) % measuring.every == 0:
                numbers = measuring.numbers(module, trainer.current_epoch)
                if numbers is not None:
                    module.log_dict(numbers, rank_zero_only=True)

    return CollapseMeter()


def trainer(of, data, every: int = 500, metrics=None, *, on_error: str = "raise", batch=None, looks: int = 1, layers=None,
            task: str = "regression", classes: int | None = None, ignore_label: int | None = None, class_names=None,
            attributes=None, exclude=None, pool="mean", dtype=None, output=None, batch_first=None, autocast=None,
            signal_dim=None, top: int = 10, precision: str = "float64", memory: int = 0, device: str | None = None, threads: int = 0, per_class: bool = False):
    """Adds a callback to a Trainer of transformers that measures its model every `every` steps. Returns the callback.

    of: the Trainer. data: yields the batches to measure on, in a fixed order; dicts with `labels` go to the model without them,
        and the labels are the targets. Causal language models compare the labels with the logits of one position before; so do the
        metrics, with task="classification", pool="none", ignore_label=-100. Positions that `attention_mask` leaves out do not count. Where
        it does not fit the layers, padding counts, and a warning says so. All else is as of lightning.
    """
    options = _given(trainer, locals())
    try:
        from transformers import TrainerCallback
    except ImportError:
        raise ImportError("a callback for the Trainer of transformers needs it, and it is not installed; expected pip install "
                          "transformers", name="transformers") from None
    measuring = _Measuring(data, every, metrics, on_error, options)

    class CollapseMeter(_Measured, TrainerCallback):
        _measuring = measuring
        shifts = None  # whether the model shifts labels, once a batch was seen
        masks = True  # False: padding counts, and that was said

        def on_train_begin(self, args, state, control, model=None, **_):
            if model is not None:
                measuring.check(model)

        def on_step_end(self, args, state, control, model=None, **_):
            if state.global_step % measuring.every == 0:
                numbers = measuring.numbers(model, state.global_step, self._again_without_mask, batch=lambda item: self._arguments(model, item))
                if numbers is not None:
                    of.log(numbers)

        def _arguments(self, model, item):
            if not isinstance(item, Mapping):
                return item
            if "labels" not in item:
                raise AccumulatorError(f"data: found a batch without labels ({', '.join(map(str, item))}); expected some, or batch=, a function "
                                       "that gives (x, y)")
            from ._causal import shifted, shifts_labels

            labels = item["labels"]
            if options.get("task") == "classification":
                if self.shifts is None:
                    self.shifts = shifts_labels(model, item)
                if self.shifts:
                    labels = shifted(labels, options.get("ignore_label"))
            takes_labels = getattr(getattr(model, "config", None), "is_encoder_decoder", False)  # the decoder's input is made of them
            return {"x": {name: value for name, value in item.items() if takes_labels or name != "labels"}, "y": labels, "mask": self._mask_of(model, item)}

        def _mask_of(self, model, item):
            """The attention_mask, where it leaves out any position: padding, whose features mean nothing."""
            mask = item.get("attention_mask")
            if getattr(mask, "ndim", 0) != 2 or bool((mask != 0).all()):
                return None
            if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
                self._tell_of_padding("attention_mask is the encoder's alone")
            return mask if self.masks else None

        def _again_without_mask(self, error) -> bool:
            """Where layers have other positions than the mask: of sound, of patches, of shortened sequences."""
            fits_not = self.masks and any(words in str(error) for words in ("as the mask has", "no position that counts"))
            if fits_not:
                self._tell_of_padding(str(error))
            return fits_not

        def _tell_of_padding(self, why: str) -> None:
            if self.masks:
                warnings.warn(f"collapse is measured with padding: {why}; batch= gives x, y and mask for the layers= that it fits", RuntimeWarning,
                              stacklevel=3)
            self.masks = False

    callback = CollapseMeter()
    of.add_callback(callback)
    return callback
