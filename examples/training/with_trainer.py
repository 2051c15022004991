"""The Trainer of transformers logs neural collapse of all linear layers every 50 steps.

    python3 with_trainer.py --out logs [--steps 200]

Needs transformers with accelerate, pandas and scikit-learn, and the package collapscope (pip install './[record,plot]').
"""
import argparse
import json
from pathlib import Path

import torch
import transformers
from torch import nn
from transformers.modeling_outputs import SequenceClassifierOutput

import collapscope
from digits import classifier, digits


class Digits(nn.Module):
    """As the models of transformers: takes keywords, and returns a loss beside the logits where it gets labels."""

    def __init__(self):
        super().__init__()
        self.net = classifier()

    def forward(self, pixels, labels=None):
        logits = self.net(pixels)
        return SequenceClassifierOutput(loss=None if labels is None else nn.functional.cross_entropy(logits, labels), logits=logits)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the logs, made if missing")
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()

    transformers.set_seed(0)
    X, y = digits()
    arguments = transformers.TrainingArguments(
        output_dir=str(args.out), max_steps=args.steps, per_device_train_batch_size=64, learning_rate=1e-3, weight_decay=0.01,
        logging_strategy="no", save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True)
    trainer = transformers.Trainer(Digits(), arguments, train_dataset=[{"pixels": x, "labels": label} for x, label in zip(X, y)])
    data = [{"pixels": x, "labels": labels} for x, labels in zip(X.split(256), y.split(256))]
    collapscope.callbacks.trainer(trainer, data, every=50, task="classification", looks=2)
    trainer.train()
    log = args.out / "collapse.json"
    log.write_text(json.dumps([entry for entry in trainer.state.log_history if any(name.startswith("collapse/") for name in entry)]))
    print(log)


if __name__ == "__main__":
    main()
