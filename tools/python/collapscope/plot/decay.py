"""The phase change: metrics at the end of training over weight decay."""
import numpy as np
import pandas
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from ..errors import FigureError
from ..text import did_you_mean, printable
from .axes import dress, floor_zone
from .data import Results
from .groups import number_of
from .layout import floor_handle, legend_below, line_handle, panels
from .style import TEXT_WIDTH, line_looks, paper_style, text
from .training import _drawable, names_of


_METRICS = ("nrc1", "nrc2", "nrc3", "model_mse", "nc1", "nc2_equiangular", "nc3_self_duality", "nc4_disagreement")


def weight_decay(results, *, run=None, layer=None, metrics=_METRICS, by="weight_decay",
                 log=None, width=TEXT_WIDTH, columns=4):
    """Metrics of each run's last checkpoint over its weight decay (Andriopoulos et al. 2024, §5).

    A small mark is a run; the line joins the means of runs of equal weight decay, a bar is one sample standard deviation, and n below
    a weight decay is their number. Where runs differ in `split` each has a line. Runs that died are left out. The axis is logarithmic,
    with 0 apart from it at the left; linear where the attribute has negative values. layer: a name, or a list of names (one line each);
    default the last. metrics: one panel each, those without a value are left out. by: the attribute. results, run, log, width: as for
    `last_layer`.
    Returns a matplotlib Figure. Raises FigureError when the runs have no such attribute.
    """
    with paper_style():
        results = Results(results, run)
        decays = _decays(results, by)
        layers = [layer] if layer is None or isinstance(layer, str) else list(layer)
        for name in layers:
            results.check_layer(name)
        metrics = names_of(metrics)
        shown = [metric for metric in metrics if any(_drawable(results, metric, name) for name in layers)]
        if not shown:
            results.at_layer(metrics[0], layers[0])  # says what is missing
        place = _places(set(decays.values()))
        figure, axes = panels(len(shown), width=width, columns=columns)
        splits = results.splits(results.frame.loc[results.frame["checkpoint"].isin(decays), "run"].unique())
        lines = [(name, split) for name in layers for split in splits]
        looks, zone = dict(zip(lines, line_looks(len(lines)))), False
        for ax, metric in zip(axes, shown):
            parts = []
            for name in layers:
                if not _drawable(results, metric, name):
                    continue
                rows = results.at_step(results.at_layer(metric, name))
                for split, runs in splits.items():
                    label = _label(name, split, len(layers), len(splits))
                    parts.append(_points(ax, rows[rows["run"].isin(runs)], decays, place, looks[name, split], label))
                if rows["scope"].eq("targets").all():
                    break  # the same for every layer
            _decay_axis(ax, place, by, _counts(parts))
            rows = pandas.concat(parts)
            dress(ax, metric, log, rows)
            zone |= floor_zone(ax, rows["place"], rows, {})
        entries = {_label(*line, len(layers), len(splits)): line_handle(look) for line, look in looks.items()} if len(lines) > 1 else {}
        if zone:
            entries["below the floor: rounding"] = floor_handle()
        legend_below(figure, entries)
        return figure


def _label(layer, split, layers, splits):
    """What a line is: the layer, the split, or both, where there are several."""
    parts = [layer or "last layer"] if layers > 1 or splits == 1 else []
    return ", ".join(parts + ([split or "no split"] if splits > 1 else []))


def _counts(parts):
    """{place: of how many runs the means there are}, as text; nothing where all are of one."""
    counts = pandas.concat([rows.groupby("place")["run"].nunique() for rows in parts]).groupby(level=0).agg(["min", "max"])
    texts = {at: f"{low}" if low == high else f"{low}–{high}" for at, low, high in counts.itertuples()}
    return texts if (counts["max"] > 1).any() else {}


def _decays(results, by):
    """{checkpoint: weight decay} of the last checkpoints of all runs that say it."""
    frame = results.at_step(results.frame.drop_duplicates("checkpoint"))
    decays = {checkpoint: number_of(results.attribute(checkpoint, by)) for checkpoint in frame["checkpoint"]}
    decays = {c: v for c, v in decays.items() if v is not None}
    if not decays:
        known = sorted({name for values in results.run_attributes.values() for name, value in values.items() if number_of(value) is not None})
        raise FigureError(f"no run has a number {printable(by)}{did_you_mean(by, known)} among its attributes (CSV has none: use the JSON results)")
    return decays


def _places(decays):
    """{weight decay: position}: itself, and for 0 a place to the left of all others on their logarithmic axis; itself where there are
    negative ones."""
    if min(decays) < 0:
        return {d: d for d in sorted(decays)}
    positive = sorted(d for d in decays if d > 0)
    if not positive:
        return {0.0: 1.0}
    ratio = max((positive[-1] / positive[0]) ** 0.3, 2.0)
    return {d: d if d > 0 else positive[0] / ratio for d in sorted(decays)}


def _points(ax, rows, decays, place, look, label):
    """Marks and mean line of one layer; a 0 that stands apart is not joined with the others. Returns the rows drawn and their `place`."""
    rows = rows[rows["checkpoint"].isin(decays) & rows["value"].notna()]
    decay = rows["checkpoint"].map(decays)
    x = decay.map(place).to_numpy(float)
    means = rows["value"].groupby(decay.to_numpy()).mean()
    apart = means.index == 0 if min(place) >= 0 else np.zeros(len(means), dtype=bool)
    if len(rows) > len(means):
        ax.plot(x, rows["value"].to_numpy(), linestyle="", marker=look["marker"], markersize=2.4, alpha=0.55,
                color=look["color"], label=f"_runs {label}")
        spreads = rows["value"].groupby(decay.to_numpy()).std()
        lower = np.where(means - spreads < 0.1 * means, np.maximum(means - spreads, rows["value"].groupby(decay.to_numpy()).min()), means - spreads)
        ax.vlines([place[value] for value in means.index], lower, means + spreads, color=look["color"], linewidth=0.8, label=f"_spread {label}")
    joined = means[~apart]
    ax.plot(joined.index.to_numpy(float), joined.to_numpy(), label=label, **look)
    if apart.any():
        ax.plot([place[0.0]], [means[0.0]], label=f"_zero {label}", **{**look, "linestyle": ""})
    return rows.assign(place=x)


def _decay_axis(ax, place, by, counts):
    """A logarithmic axis with 0 in front, and the break between them; a linear one of negative values. counts: of `_counts`."""
    ax.set_xlabel(text(by.replace("_", " ").capitalize()))
    said = {at: f"\nn {count}" for at, count in counts.items()}
    positions = sorted(place.values())
    if min(place) < 0:
        ticks = positions if len(positions) <= 5 else MaxNLocator(nbins=5).tick_values(positions[0], positions[-1])
        ax.set_xticks(ticks, [f"{tick:g}{said.get(tick, '')}" for tick in ticks])
        ax.margins(x=0.08)
        return
    positive = sorted(d for d in place if d > 0)
    if not positive:
        ax.set_xticks([1.0], ["0" + said.get(1.0, "")])
        return
    ax.set_xscale("log")
    pad = max((positions[-1] / positions[0]) ** 0.08, 1.15)
    ax.set_xlim(positions[0] / pad, positions[-1] * pad)
    ticks = _ticks(positive)
    names = {tick: _decay_name(tick) + said.get(tick, "\n" if said else "") for tick in ticks}
    if 0.0 in place:
        names[place[0.0]] = "0" + said.get(place[0.0], "")
        cut = np.sqrt(place[0.0] * positive[0])
        for shift in (-0.02, 0.02):  # the break: two strokes through the axis
            ax.plot([_moved(ax, cut, shift - 0.012), _moved(ax, cut, shift + 0.012)], [-0.03, 0.03], clip_on=False,
                    transform=ax.get_xaxis_transform(), color="black", linewidth=0.6, label="_break", zorder=5)
    ax.xaxis.set_major_locator(FixedLocator(sorted(names)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: names.get(value, "")))
    ax.xaxis.set_minor_locator(FixedLocator([d for d in positive if d not in names]))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _ticks(positive):
    """The weight decays themselves while few, else powers of ten."""
    if len(positive) <= 3:
        return positive
    low, high = int(np.ceil(np.log10(positive[0]) - 1e-9)), int(np.floor(np.log10(positive[-1]) + 1e-9))
    return [10.0 ** p for p in range(low, high + 1, max(1, (high - low + 3) // 4))] or [positive[0], positive[-1]]


def _decay_name(value):
    power = np.log10(value)
    if abs(power - round(power)) < 1e-9 and value < 0.01:
        return f"$10^{{{round(power)}}}$"
    return f"{value:g}"


def _moved(ax, x, share):
    """x, moved by a share of the axis' length."""
    low, high = ax.get_xlim()
    return x * (high / low) ** share


