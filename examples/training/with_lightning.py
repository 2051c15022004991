"""Lightning's Trainer logs neural collapse of all linear layers at the end of every second epoch.

    python3 with_lightning.py --out logs [--epochs 6]

Needs lightning, pandas and scikit-learn, and the package collapscope (pip install './[record,plot]').
"""
import argparse
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import nn

import collapscope
from digits import batches, classifier, digits


class Digits(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = classifier()

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, _):
        x, y = batch
        return nn.functional.cross_entropy(self(x), y)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the logs")
    parser.add_argument("--epochs", type=int, default=6)
    args = parser.parse_args()

    L.seed_everything(0)
    X, y = digits()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=64, shuffle=True)
    collapse = collapscope.callbacks.lightning(batches(X, y), every=2, task="classification", looks=2)
    trainer = L.Trainer(max_epochs=args.epochs, accelerator="cpu", callbacks=[collapse], logger=CSVLogger(args.out),
                        enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False, log_every_n_steps=10)
    trainer.fit(Digits(), loader)
    print(Path(trainer.logger.log_dir) / "metrics.csv")


if __name__ == "__main__":
    main()
