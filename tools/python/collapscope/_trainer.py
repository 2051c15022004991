"""The callback for the Trainer of transformers: labels and masks of its batches."""
from __future__ import annotations

import warnings
from collections.abc import Mapping

from transformers import TrainerCallback

from ._causal import shifted, shifts_labels
from ._measuring import Measured, Measuring
from .attach import split_pair
from .errors import AccumulatorError


class CollapseMeter(Measured, TrainerCallback):
    """Measures the Trainer's model at some of its steps, and logs the numbers."""

    def __init__(self, of, measuring: Measuring):
        self._of, self._measuring = of, measuring
        self.shifts: bool | None = None  # whether the model shifts labels, once a batch was seen
        self.masks = True  # False: padding counts, and that was said

    def on_train_begin(self, args, state, control, model=None, **_):
        if model is None:
            return
        callbacks = getattr(getattr(self._of, "callback_handler", None), "callbacks", [])
        self._measuring.require_own_names([one._measuring for one in callbacks if isinstance(one, CollapseMeter)])
        try:
            self._measuring.check(model, self._batch(model))
        except ValueError as error:
            if not _is_of_mask(error):
                raise
            masks, self.masks = self.masks, False  # the first measurement says it: all ranks at once
            try:
                self._measuring.check(model, self._batch(model))
            finally:
                self.masks = masks

    def on_step_end(self, args, state, control, model=None, **_):
        if state.global_step % self._measuring.every == 0:
            numbers = self._measuring.numbers(model, state.global_step, self._batch(model), self._again_without_mask)
            if numbers is not None:
                is_to_log = getattr(control, "should_log", None)
                self._of.log(numbers)
                if is_to_log:
                    control.should_log = True  # the Trainer's own numbers of this step are still to come

    def _batch(self, model):
        return self._measuring.batch or (lambda item: self._arguments(model, item))

    def _arguments(self, model, item):
        if not isinstance(item, Mapping):
            return split_pair(item)
        if "labels" not in item:
            raise AccumulatorError(f"data: found a batch without labels ({', '.join(map(str, item))}); expected some, or batch=, a function "
                                   "that gives (x, y)")
        labels, options = item["labels"], self._measuring.options
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
        fits_not = self.masks and _is_of_mask(error)
        if fits_not:
            self._tell_of_padding(str(error))
        return fits_not

    def _tell_of_padding(self, why: str) -> None:
        if self.masks:
            warnings.warn(f"collapse is measured with padding: {why}; batch= gives x, y and mask for the layers= that it fits", RuntimeWarning,
                          stacklevel=3)
        self.masks = False


def _is_of_mask(error) -> bool:
    """Whether layers have other positions than the mask: of sound, of patches, of shortened sequences."""
    return any(words in str(error) for words in ("as the mask has", "no position that counts"))
