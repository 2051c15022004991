"""Figures over depth: deep NRC1–4, a heat map of layers and steps, and spectra."""
import math

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from ..errors import FigureError
from ..text import printable
from .axes import dress, floor_zone, plot_line
from .data import Results
from .layout import grid_columns, legend_below, line_handle, panels
from .names import collapsed_end, drawn
from .short import Labels
from .style import GREY, TEXT_WIDTH, UNNAMED, paper_style, text
from .ticks import Names, put_steps
from .training import _MOST_PANELS, _drawable, _with_legend, names_of, signal_dims, title_length

_DEEP = ("deep_nrc1", "deep_nrc2", "deep_nrc3", "deep_nrc4")


def deep(results, *, run=None, step="last", metrics=_DEEP, log=None, group_by=None, width=TEXT_WIDTH, columns=2):
    """Deep NRC1–4 over the layers, one line per run (Rangamani and Unal 2026).

    results: what `load` returns, or takes. run: name, glob, or list of those. step: a step, or "last": of each run.
    Runs that have died by then are left out. metrics: one panel each; those without a value are left out. log, group_by: as for
    `last_layer`. width: inches.
    Returns a matplotlib Figure. Raises FigureError when no metric has a value.
    """
    return _over_depth(results, run, step, metrics, dict.fromkeys(names_of(metrics), log), (), group_by, width, columns)


def separation(results, *, run=None, step="last", metrics=("nc1_trace", "ncc_accuracy"), group_by=None, width=TEXT_WIDTH, columns=2):
    """Of a classifier, over the layers: D of the law of data separation, on a logarithmic axis, and the accuracy of the nearest class
    mean (He and Su 2023; Galanti, György and Hutter 2021).

    The law says that D falls by the same factor from layer to layer: a dashed line is the least-squares fit of log D, with that
    factor beside it; of several runs the factors are listed in their colours. results, run, step, metrics, group_by, width: as for `deep`.
    Returns a matplotlib Figure. Raises FigureError when no metric has a value.
    """
    return _over_depth(results, run, step, metrics, {"nc1_trace": True}, ("nc1_trace",), group_by, width, columns)


def _over_depth(results, run, step, metrics, logs, fitted, group_by, width, columns):
    """A panel for each metric over the layers. logs: of each metric, as for `last_layer`. fitted: with a line through the logarithm."""
    with paper_style():
        results = Results(results, run)
        metrics = names_of(metrics)
        shown = [metric for metric in metrics if results.has(metric)]
        if not shown:
            results.of(metrics[0])  # says what is missing
        layers, looks, zone = results.layers(), results.looks_at(step), False
        names = Names(layers, width / grid_columns(columns, len(shown)) - 0.55)
        figure, axes = panels(len(shown), width=width, columns=columns, height=1.5 + names.height)
        place = {name: position for position, name in enumerate(layers)}
        for ax, metric in zip(axes, shown):
            rows = results.at_step(results.of(metric), step)
            if group_by is not None:
                rows, looks = results.together(rows, names_of(group_by), ["layer"])
            x = rows["layer"].map(place)
            fits = []
            for name, look in looks.items():
                chosen = rows["run"].eq(name) & rows["value"].notna()
                if chosen.any():
                    plot_line(ax, x[chosen], rows["value"][chosen], name, look, around=rows[chosen] if "spread" in rows else None)
                    if metric in fitted:
                        fits += _fit(ax, x[chosen], rows[chosen], look)
            ax.set_xlim(-0.3, len(layers) - 0.7)
            names.put_below(ax)
            dress(ax, metric, logs.get(metric), rows)
            _write_factors(ax, fits)
            zone |= floor_zone(ax, x, rows, looks)
        return _with_legend(figure, results, looks, zone, group_by)


def _fit(ax, x, rows, look):
    """The least-squares line of log10 of what lies above its floor, where there are two layers at least. A list of (slope, its middle,
    colour)."""
    above = (rows["value"] > rows["floor"].fillna(0)) & (rows["value"] > 0)
    if above.sum() < 2:
        return []
    places = x[above].to_numpy(dtype=float)
    slope, start = np.polyfit(places, np.log10(rows["value"][above].to_numpy()), 1)
    ends = np.array([places.min(), places.max()])
    ax.plot(ends, 10 ** (start + slope * ends), color=look["color"], linewidth=0.8, linestyle=(0, (2, 2)), label="_fit")
    return [(slope, (ends.mean(), 10 ** (start + slope * ends.mean())), look["color"])]


def _write_factors(ax, fits):
    """The factor of one fit beside its line; those of several one below another, as many as there is room for."""
    texts = [(f"$\\times\\,10^{{{slope:.2f}}}$ a layer", colour) for slope, _, colour in fits]
    if len(fits) == 1:
        ax.annotate(texts[0][0], fits[0][1], xytext=(3, 3), textcoords="offset points", fontsize=6, color=texts[0][1])
        return
    line = 9.5  # points
    room = max(1, int(72 * ax.figure.get_figheight() * ax.get_position().height / line) - 1)
    if len(texts) > room:
        texts[room - 1:] = [(f"and {len(texts) - room + 1} more", GREY)]
    for number, (words, colour) in enumerate(texts):
        ax.annotate(words, (1, 1), xytext=(-2, -2 - line * number), xycoords="axes fraction", textcoords="offset points", ha="right",
                    va="top", fontsize=6, color=colour, bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.3})


def heatmap(results, metric="deep_nrc1", *, run=None, log=None, width=TEXT_WIDTH, columns=3):
    """A metric for every layer and step, one panel per run, one colour scale.

    The collapsed end is light, as on the report's page (of metrics without such an end, the high one); a logarithmic scale ends six
    decades below the highest value. Cells without a value are hatched, as are those of a run after its death; values below their floor
    are marked by a dot.
    results, run, log, width: as for `deep`. Returns a matplotlib Figure.
    """
    with paper_style():
        results = Results(results, run)
        rows = results.of(metric)
        if rows["component"].notna().any() or rows["scope"].eq("targets").any():
            raise FigureError(f"{printable(metric)} is not one number per layer: a heat map cannot show it")
        names, layers = results.runs, list(rows.sort_values("position", kind="stable")["layer"].unique())
        layers = [name for name in results.layers() if name in set(layers)]
        if len(names) > _MOST_PANELS:
            raise FigureError(f"{len(names)} runs are too many for one figure (at most {_MOST_PANELS}): choose with run=")
        columns = grid_columns(columns, len(names))
        rest = 8.5 / math.ceil(len(names) / columns)  # of a page
        height = min(max(0.75 + 0.14 * len(layers), 1.5), max(rest, 1.3))
        labels = Names(layers, height - 0.6)
        figure, axes = panels(len(names), width=width, columns=columns, height=height)
        norm = _norm(metric, rows, log)
        colours = matplotlib.colormaps["viridis_r" if collapsed_end(metric) == "low" else "viridis"]
        titles = Labels(names, title_length(width, columns, len(names)))
        all_steps = results.steps_of(metric)
        for ax, name in zip(axes, names):
            image = _cells(ax, rows[rows["run"] == name], all_steps[name], layers, norm, colours, width / columns - 0.45)
            ax.set_title(titles.of(name) + (" (dead)" if name in results.dead else ""))
            ax.set_xlabel(results.step_label)
            labels.put_beside(ax)
            if axes.index(ax) % columns:
                ax.set_yticklabels([])
                ax.set_ylabel("")
        bar = figure.colorbar(image, ax=axes, aspect=max(12, 12 * height), pad=0.02, fraction=0.05,
                              extend="min" if rows["value"].min() < norm.vmin else "neither")
        bar.set_label(drawn(metric).title)
        bar.outline.set_linewidth(0.6)
        return figure


def _norm(metric, rows, log):
    """The colour scale: logarithmic where the panels of lines would be, over at most six decades."""
    values = rows["value"].dropna().to_numpy()
    low, high = drawn(metric).range or (values.min(), values.max())
    positive = values[values > 0]
    if log is None:
        below = (rows["value"] < rows["floor"]).any()
        log = not drawn(metric).range and positive.size and (values >= 0).all() and (
            below or positive.max() > 20 * positive.min())
    if log and positive.size:
        highest = max(positive.max(), rows["floor"].max() if rows["floor"].notna().any() else 0.0)
        return LogNorm(max(min(positive.min(), highest / 10), highest / 1e6), highest)
    return Normalize(min(low, values.min()), max(high, values.max()))


def _cells(ax, rows, steps, layers, norm, colours, inches):
    """The cells of one run; layers from top to bottom, steps from left to right at equal distances."""
    values = np.full((len(layers), len(steps)), np.nan)
    place = {name: i for i, name in enumerate(layers)}
    for layer, step, value, floor in zip(rows["layer"], rows["step"], rows["value"], rows["floor"]):
        if step == step:
            cell = place[layer], np.searchsorted(steps, step)
            values[cell] = value
            if value < floor:
                ax.plot(cell[1], cell[0], ".", color="black", markersize=3, label="_below_floor")
    ax.add_patch(Rectangle((-0.5, -0.5), len(steps), len(layers), facecolor="#f4f4f4", edgecolor=GREY, hatch="//////",
                           linewidth=0, zorder=0))
    shown = np.where(values < norm.vmin, norm.vmin, values)  # zeros, too, which have no logarithm
    image = ax.imshow(np.ma.masked_invalid(shown), norm=norm, cmap=colours, aspect="auto",
                      interpolation="nearest", zorder=1)
    put_steps(ax, steps, inches)
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(True)
    return image


def spectrum(results, *, run=None, layer=None, step="last", log=None, width=TEXT_WIDTH, columns=3):
    """Explained-variance ratios of a layer's components, one line per run; a vertical line ends the signal subspace, of runs that
    differ in it one for each.

    layer: a name, a list of names (one panel each), or "all" that have some; default the last. results, run, step, log, width: as for
    `deep`. Returns a matplotlib Figure.
    """
    with paper_style():
        results = Results(results, run)
        layers = [layer] if layer is None or isinstance(layer, str) else list(layer)
        if layer == "all":
            layers = [name for name in results.layers() if _drawable(results, "evr", name)]
            if not layers:
                results.of("evr")  # says what is missing
        if len(layers) > _MOST_PANELS:
            raise FigureError(f"{len(layers)} layers are too many for one figure (at most {_MOST_PANELS})")
        alone = len(layers) == 1
        figure, axes = panels(len(layers), width=min(width, 3.25) if alone else width, columns=columns,
                              height=2.0 if alone else 1.6)
        looks = results.looks_at(step)
        for ax, name in zip(axes, layers):
            rows = results.at_step(results.at_layer("evr", name), step)
            for key, look in looks.items():
                line = rows[rows["run"].eq(key) & rows["value"].notna()]
                if len(line):
                    plot_line(ax, line["component"], line["value"], key, look)
            ax.set_xlabel("Component")
            ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
            dress(ax, "evr", log)
            ax.set_title(", ".join(text(layer) for layer in rows["layer"].unique()[:3]))
            if axes.index(ax) % columns:
                ax.set_ylabel("")
            _end_signal(ax, signal_dims(results, name, step), looks)
        legend_below(figure, {name or UNNAMED: line_handle(look) for name, look in looks.items()}
                     if len(looks) > 1 else {})
        return figure


def _end_signal(ax, dims, looks):
    """A vertical line behind the last component of the signal: grey, or of several runs that differ each in the colour of its runs.
    dims: {run: k}."""
    for k in sorted(set(dims.values())):
        colours = {looks[run]["color"] for run in dims if dims[run] == k}
        ax.axvline(k + 0.5, color=colours.pop() if len(colours) == 1 and len(set(dims.values())) > 1 else GREY, linewidth=0.8,
                   linestyle=(0, (2, 2)), zorder=0.7, label="_signal_dim")
