"""The callback for Lightning. A class of a module, so that strategies that start processes can send it to them."""
from __future__ import annotations

import contextlib

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback

from ._measuring import Measured, Measuring
from .attach import split_pair


class CollapseMeter(Measured, Callback):
    """Measures the module at the end of training epochs, and logs the numbers."""

    def __init__(self, measuring: Measuring):
        self._measuring = measuring

    def on_fit_start(self, trainer, module):
        self._measuring.require_own_names([one._measuring for one in getattr(trainer, "callbacks", []) if isinstance(one, CollapseMeter)])
        with _precision(trainer):
            self._measuring.check(module, self._batch(trainer))

    def on_train_epoch_end(self, trainer, module):
        if (trainer.current_epoch + 1) % self._measuring.every == 0:
            with _precision(trainer):
                numbers = self._measuring.numbers(module, trainer.current_epoch, self._batch(trainer))
            if numbers is not None:
                module.log_dict(numbers, rank_zero_only=True)

    def _batch(self, trainer):
        """A function of what the loader yields, which is first converted to the training's precision as Lightning's loops do it."""
        convert = getattr(getattr(trainer, "precision_plugin", None), "convert_input", None)
        own = self._measuring.batch or split_pair
        return own if convert is None else lambda item: own(convert(item))


def _precision(trainer):
    """The type of tensors that a forward makes, of "64-true", "bf16-true" and "16-true"."""
    context = getattr(getattr(trainer, "precision_plugin", None), "tensor_init_context", None)
    return contextlib.nullcontext() if context is None else context()
