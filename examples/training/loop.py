"""A training loop of one's own that logs neural collapse while it trains: to TensorBoard where it is installed, and as CSV.

    python3 loop.py --out logs [--epochs 20]

Needs torch, pandas and scikit-learn (Debian: python3-NAME, with python3-sklearn), and the package collapscope (pip install './[record,plot]').
"""
import argparse
import csv
from pathlib import Path

import torch
from torch import nn

import collapscope
from digits import batches, classifier, digits

METRICS = ["nc1", "nc2_equiangular", "nc3_self_duality", "nc4_disagreement"]


def writer(folder):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the logs, made if missing")
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(0)
    X, y = digits()
    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-3)
    board = writer(args.out)
    with open(args.out / "collapse.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", "name", "value"])
        for epoch in range(1, args.epochs + 1):
            for batch in torch.randperm(len(X)).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(X[batch]), y[batch]).backward()
                optimizer.step()
            table = collapscope.measure(model, batches(X, y), looks=2, task="classification", layers=["4"], metrics=",".join(METRICS))
            for name, value in collapscope.scalars(table, METRICS).items():
                rows.writerow([epoch, name, value])
                if board is not None:
                    board.add_scalar(name, value, epoch)
    if board is not None:
        board.close()
    print(table[["layer", "metric", "value"]].dropna().to_string(index=False))


if __name__ == "__main__":
    main()
