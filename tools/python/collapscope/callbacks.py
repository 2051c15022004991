"""Metrics of collapse in the logs of a training: for Lightning and for the Trainer of transformers.

Whatever logger the training has (TensorBoard, wandb, a file) gets the numbers, as "collapse/LAYER/METRIC". For a loop of your own:
`logger.log(collapscope.scalars(collapscope.measure(model, loader), ["nrc1"]))`.
"""
from __future__ import annotations

from .meter import measure, scalars

METRICS = ("nrc1", "nrc2", "nrc3", "deep_nrc1", "deep_nrc2", "linear_mse")
# Of a classifier. The last one takes a second look, looks=2; without it the others are logged.
CLASS_METRICS = ("nc1", "nc2_equiangular", "nc3_self_duality", "nc4_disagreement")
OF_CLASSIFIERS = ("nc3_self_duality", "nc4_disagreement")  # of these: mean something where the rows of W are the classes'


def _measured(model, data, metrics, options: dict):
    """The table, and what of it is to be logged. metrics: None: what the task suggests."""
    suggested = CLASS_METRICS if options.get("task") == "classification" else METRICS
    table = measure(model, data, metrics=",".join([metrics] if isinstance(metrics, str) else metrics or suggested), **options)
    chosen = table
    if metrics is None:  # of a hidden layer's weight, row c is not class c's
        last = table["position"].max()
        chosen = table[~table["metric"].isin(OF_CLASSIFIERS) | (table["position"] == last)]
    return table, scalars(chosen, metrics or suggested)


def _lightning():
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            return __import__(name, fromlist=["Callback"])
        except ImportError:
            continue
    raise ImportError("a callback for Lightning needs it, and it is not installed; expected pip install lightning", name="lightning")


def lightning(data, every: int = 1, metrics=None, **options):
    """A callback for Lightning's Trainer that measures the module at the end of every `every`-th training epoch.

    data: yields the batches (x, y) to measure on, in a fixed order. metrics: names of those to log; None: METRICS or, with
        task="classification", CLASS_METRICS, of which nc3 and nc4 of the last layer only. options: as of measure.
    """

    class CollapseMeter(_lightning().Callback):
        table = None  # of the last epoch that was measured

        def on_train_epoch_end(self, trainer, module):
            if (trainer.current_epoch + 1) % every == 0:
                self.table, numbers = _measured(module, data, metrics, options)
                module.log_dict(numbers, rank_zero_only=True)

    return CollapseMeter()


def trainer(of, data, every: int = 500, metrics=None, **options):
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
                self.table, numbers = _measured(model, data, metrics, {"batch": of_dict, **options})
                of.log(numbers)

    callback = CollapseMeter()
    of.add_callback(callback)
    return callback
