"""Metrics of collapse in the logs of a training: for Lightning and for the Trainer of transformers.

Whatever logger the training has (TensorBoard, wandb, a file) gets the numbers, as "collapse/LAYER/METRIC". For a loop of your own:
`logger.log(collapscope.scalars(collapscope.measure(model, loader), ["nrc1"]))`.
"""
from __future__ import annotations

from .meter import measure, scalars

METRICS = ("nrc1", "nrc2", "nrc3", "deep_nrc1", "deep_nrc2", "linear_mse")


def _lightning():
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            return __import__(name, fromlist=["Callback"])
        except ImportError:
            continue
    raise ImportError("a callback for Lightning needs it, and it is not installed; expected pip install lightning", name="lightning")


def lightning(data, every: int = 1, metrics=METRICS, **options):
    """A callback for Lightning's Trainer that measures the module at the end of every `every`-th training epoch.

    data: yields the batches (x, y) to measure on, in a fixed order. metrics: names of those to log. options: as of measure.
    """

    class CollapseMeter(_lightning().Callback):
        table = None  # of the last epoch that was measured

        def on_train_epoch_end(self, trainer, module):
            if (trainer.current_epoch + 1) % every == 0:
                self.table = measure(module, data, metrics=",".join(metrics), **options)
                module.log_dict(scalars(self.table, metrics), rank_zero_only=True)

    return CollapseMeter()


def trainer(of, data, every: int = 500, metrics=METRICS, **options):
    """Adds a callback to a Trainer of transformers that measures its model every `every` steps. Returns the callback.

    of: the Trainer. data: yields the batches to measure on, in a fixed order; dicts with `labels` go to the model without them,
        and the labels are the targets. metrics, options: as of lightning.
    """
    try:
        from transformers import TrainerCallback
    except ImportError:
        raise ImportError("a callback for the Trainer of transformers needs it, and it is not installed; expected pip install "
                          "transformers", name="transformers") from None

    def of_dict(item):
        if not isinstance(item, dict):
            return item
        return {"x": {name: value for name, value in item.items() if name != "labels"}, "y": item["labels"]}

    class CollapseMeter(TrainerCallback):
        table = None

        def on_step_end(self, args, state, control, model=None, **_):
            if state.global_step % every == 0:
                self.table = measure(model, data, metrics=",".join(metrics), **{"batch": of_dict, **options})
                of.log(scalars(self.table, metrics))

    callback = CollapseMeter()
    of.add_callback(callback)
    return callback
