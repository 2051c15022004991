"""Figures of results, for papers. Each function takes what `collapscope.load` returns or takes, and returns a Figure.

    last_layer          NRC1–3 and the error over training, one line per run
    neural_collapse     NC1–4 of a classifier over training, one line per run
    explained_variance  the first components over training, one panel per run
    nrc3_over_gamma     NRC3 for all gamma, from a dump
    deep                deep NRC1–4 over the layers, one line per run
    separation          of a classifier the law of data separation and the nearest class mean over the layers
    weight_decay        the end of training over weight decay
    heatmap             a metric for every layer and step
    spectrum            explained variance over components

`save(figure, "x.pdf")` writes PDF, SVG and PNG. Needs matplotlib and pandas; does not touch pyplot or its settings.
"""
from ..errors import optional

for _package in ("matplotlib", "pandas"):
    optional(_package, "drawing figures", "plot")

from .decay import weight_decay
from .depth import deep, heatmap, separation, spectrum
from .gamma import nrc3_over_gamma
from .style import save
from .training import explained_variance, last_layer, neural_collapse

__all__ = ["last_layer", "neural_collapse", "explained_variance", "nrc3_over_gamma", "deep", "separation", "weight_decay", "heatmap", "spectrum", "save"]
