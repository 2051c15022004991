"""Metrics of collapse in the logs of a training: for Lightning and for the Trainer of transformers.

Whatever logger the training has (TensorBoard, wandb, a file) gets the numbers, as "collapse/LAYER/METRIC". For a loop of your own:
`logger.log(collapscope.scalars(collapscope.measure(model, loader), ["nrc1"]))`.
"""
from __future__ import annotations

from ._measuring import CLASS_METRICS, METRICS, Measuring, given

__all__ = ["CLASS_METRICS", "METRICS", "lightning", "trainer"]


def _require(package: str, where: tuple, what: str) -> None:
    for name in where:
        try:
            __import__(name)
            return
        except ImportError:
            continue
    raise ImportError(f"a callback for {what} needs it, and it is not installed; expected pip install {package}", name=package)


def lightning(data, every: int = 1, metrics=None, *, prefix: str = "collapse", on_error: str = "raise", batch=None, looks: int = 1, shards: bool | None = None, layers=None,
              task: str = "regression", classes: int | None = None, ignore_label: int | None = None, class_names=None,
              attributes=None, exclude=None, pool="mean", dtype=None, output=None, batch_first=None, autocast=None,
              signal_dim=None, top: int = 10, precision: str = "float64", memory: int | str = 0, device: str | None = None, threads: int = 0, per_class: bool = False):
    """A callback for Lightning's Trainer that measures the module at the end of every `every`-th training epoch.

    data: yields the batches (x, y) to measure on, in a fixed order. metrics: names or globs of those to log; None: METRICS or, with
        task="classification", CLASS_METRICS, of which nc3 and nc4 of the last layer only. batch, looks, shards, and all from layers on: as
        of measure. Batches are converted to the Trainer's precision, as Lightning does it, before `batch` gets them.
    prefix: of the names in the logs. Two callbacks, as of training and of test data, need one each.
    on_error: "raise", or "warn": what cannot be measured, as after a NaN, gives a warning, and training goes on; `failures` of the
        callback has the epochs, and why. Wrong options are an error in either case: at once, or when the training begins. Then the
        first batch is measured and thrown away.
    """
    measuring = Measuring(data, every, metrics, on_error, given(lightning, locals()), prefix)
    _require("lightning", ("lightning.pytorch", "pytorch_lightning"), "Lightning")
    from ._lightning import CollapseMeter

    return CollapseMeter(measuring)


def trainer(of, data, every: int = 500, metrics=None, *, prefix: str = "collapse", on_error: str = "raise", batch=None, looks: int = 1, shards: bool | None = None, layers=None,
            task: str = "regression", classes: int | None = None, ignore_label: int | None = None, class_names=None,
            attributes=None, exclude=None, pool="mean", dtype=None, output=None, batch_first=None, autocast=None,
            signal_dim=None, top: int = 10, precision: str = "float64", memory: int | str = 0, device: str | None = None, threads: int = 0, per_class: bool = False):
    """Adds a callback to a Trainer of transformers that measures its model every `every` steps. Returns the callback.

    of: the Trainer. data: yields the batches to measure on, in a fixed order; dicts with `labels` go to the model without them,
        and the labels are the targets. Causal language models compare the labels with the logits of one position before; so do the
        metrics, with task="classification", pool="none", ignore_label=-100. Positions that `attention_mask` leaves out do not count. Where
        it does not fit the layers, padding counts, and a warning says so. All else is as of lightning.
    """
    measuring = Measuring(data, every, metrics, on_error, given(trainer, locals()), prefix)
    _require("transformers", ("transformers",), "the Trainer of transformers")
    from ._trainer import CollapseMeter

    callback = CollapseMeter(of, measuring)
    of.add_callback(callback)
    return callback
