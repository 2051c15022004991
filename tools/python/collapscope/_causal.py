"""Whether a model of transformers compares labels of tokens with the logits of the position before. Needs PyTorch."""
from __future__ import annotations

import contextlib

import torch

from . import _model

IGNORED = -100  # of transformers' losses


def shifts_labels(model, item) -> bool:
    """item: a batch as the model takes it, with labels. The model's own loss says it; where it has none, the model's name."""
    labels = torch.as_tensor(item["labels"])
    if labels.ndim != 2 or labels.is_floating_point():
        return False
    named = any(kind.__name__.endswith(("ForCausalLM", "LMHeadModel")) for kind in type(_model.unwrap(model)).__mro__)
    try:
        loss, logits = _result(model, item)
    except Exception:  # a model that takes no labels
        return named
    if loss is None or logits is None or logits.shape[:2] != labels.shape:
        return named
    labels = labels.to(logits.device)
    apart = {shift: abs(loss - _cross_entropy(logits, labels, shift)) for shift in (False, True)}
    if max(apart.values()) < 1e-6 * abs(loss):  # every token's label is the next one's, too
        return named
    return apart[True] < apart[False]


def shifted(labels, ignored: int | None):
    """The labels of each position: the next token, and none of the last."""
    labels = torch.as_tensor(labels)
    return torch.cat([labels[:, 1:], labels.new_full((len(labels), 1), IGNORED if ignored is None else ignored)], 1)


def _result(model, item):
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(_model.plain(model))
        modules = list(root.modules())
        for context in (_model.same_random(), _model.same_buffers(modules), _model.same_attributes(modules), _model.evaluating(modules)):
            stack.enter_context(context)
        device = _model.only_device(modules)
        result = root(**(dict(item) if device is None else _model.to_device(dict(item), device)))
        loss, logits = getattr(result, "loss", None), getattr(result, "logits", None)
        return None if loss is None else float(loss), logits


def _cross_entropy(logits, labels, shift: bool) -> float:
    if shift:
        logits, labels = logits[:, :-1], labels[:, 1:]
    return float(torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), labels.reshape(-1), ignore_index=IGNORED))
