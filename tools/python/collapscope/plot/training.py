"""Figures over training: the last layer's metrics, and the explained variance of its components."""
import numbers

from ..errors import FigureError
from .axes import dress, dress_steps, floor_zone, plot_line
from .data import Results
from .layout import death_handle, floor_handle, grid_columns, legend_below, line_handle, panels, spread_handle
from .short import Labels
from .style import TEXT_WIDTH, UNNAMED, line_looks, paper_style

_MOST_PANELS = 24


def last_layer(results, *, run=None, layer=None, metrics=("nrc1", "nrc2", "nrc3", "model_mse"), log=None, group_by=None,
               width=TEXT_WIDTH, columns=4):
    """NRC1–3 of the last layer and the model's error over training, one line per run (Andriopoulos et al. 2024, Fig. 2).

    results: what `load` returns, or takes. run: name, glob, or list of those. layer: name, default the last of each
    checkpoint. metrics: one panel each; those without a value are left out. log: y axes logarithmic, default where values
    span decades. What lies below the floor of a metric is hatched: there a value is rounding. width: inches.
    group_by: an attribute, or several: a line for the mean of the runs that have the same, with a band of one sample standard deviation
    and their number n. A cross ends the line of a run that died; means leave it out.
    Returns a matplotlib Figure. Raises FigureError when no metric has a value.
    """
    with paper_style():
        results = Results(results, run)
        results.check_layer(layer)
        metrics = names_of(metrics)
        shown = [metric for metric in metrics if _drawable(results, metric, layer)]
        if not shown:
            results.at_layer(metrics[0], layer)  # says what is missing
        figure, axes = panels(len(shown), width=width, columns=columns)
        looks, zone = results.looks(), False
        for ax, metric in zip(axes, shown):
            rows = results.at_layer(metric, layer)
            if group_by is not None:
                rows, looks = results.together(rows, names_of(group_by), ["step"])
            zone |= _lines(ax, rows, "run", looks, metric, log, results)
        return _with_legend(figure, results, looks, zone, group_by)


def neural_collapse(results, *, run=None, layer=None, metrics=("nc1", "nc2_equiangular", "nc3_self_duality", "nc4_disagreement"),
                    log=None, group_by=None, width=TEXT_WIDTH, columns=4):
    """NC1–4 of a classifier's last layer over training, one line per run (Papyan, Han and Donoho 2020, Fig. 2–7).

    All as for `last_layer`.
    """
    return last_layer(results, run=run, layer=layer, metrics=metrics, log=log, group_by=group_by, width=width, columns=columns)


def explained_variance(results, *, run=None, layer=None, components=5, width=TEXT_WIDTH, columns=3):
    """Explained-variance ratios of the first components over training, one panel per run (Andriopoulos et al., Fig. 3).

    Components beyond the signal dimension k are dashed. results, run, layer, width: as for `last_layer`.
    components: how many, at most what `--top` kept. Returns a matplotlib Figure.
    """
    with paper_style():
        results = Results(results, run)
        if not isinstance(components, numbers.Integral) or isinstance(components, bool) or components < 1:
            raise FigureError(f"components: found {components!r:.80}; expected a whole number from 1 on")
        rows = results.at_layer("evr", layer)
        rows = rows[rows["component"] <= components]
        names = [name for name in results.runs if rows.loc[rows["run"] == name, "value"].notna().any()]
        if len(names) > _MOST_PANELS:
            raise FigureError(f"{len(names)} runs are too many for one figure (at most {_MOST_PANELS}): choose with run=")
        figure, axes = panels(len(names), width=width, columns=columns, height=1.6)
        titles = Labels(names, title_length(width, columns, len(names)))
        signal = signal_dims(results, layer)
        looks = dict(zip(range(1, components + 1), line_looks(components)))
        for ax, name in zip(axes, names):
            _lines(ax, rows[rows["run"] == name], "component", _dashed_beyond(signal.get(name), looks), "evr", False, results)
            ax.set_title(titles.of(name) + (" (dead)" if name in results.dead else ""))
            ax.set_ylim(-0.03 * rows["value"].max(), 1.05 * rows["value"].max())
            if axes.index(ax) % columns:
                ax.set_ylabel("")
        looks = _dashed_beyond(max(map(signal.get, names)) if set(names) <= set(signal) else None, looks)  # as in one panel at least
        shown = {f"component {component}": line_handle(looks[component])
                 for component in sorted(rows["component"].dropna().unique())}
        legend_below(figure, shown)
        return figure


def _dashed_beyond(signal, looks):
    """Those looks of components, dashed beyond the signal dimension; None: of unknown dimension."""
    return {component: {**look, "linestyle": "-" if signal is None or component <= signal else (0, (3, 1.5))} for component, look in looks.items()}


def signal_dims(results, layer, step=None):
    """{run: its signal dimension k at a layer}: at a step, as for `deep`, or the largest of its checkpoints."""
    if not _drawable(results, "signal_dim", layer):
        return {}
    rows = results.at_layer("signal_dim", layer)
    return (rows if step is None else results.at_step(rows, step)).groupby("run")["value"].max().dropna().to_dict()


def _drawable(results, metric, layer):
    try:
        return results.at_layer(metric, layer)["value"].notna().any()
    except FigureError:
        return False


def names_of(by):
    return [by] if isinstance(by, str) else list(by)


def title_length(width, columns, count):
    """Characters that the title of a panel has room for."""
    return max(int(width / grid_columns(columns, count) / 0.064) - 7, 8)


def _lines(ax, rows, by, looks, metric, log, results):
    """Lines of rows over their steps, one for each value of the column `by`; whether floors are in sight."""
    for key, look in looks.items():
        line = rows if rows["scope"].eq("targets").all() and by != "run" else rows[rows[by] == key]
        line = line[line["value"].notna() & line["step"].notna()]
        if len(line):
            plot_line(ax, line["step"], line["value"], str(key), look, around=line if "spread" in line else None,
                      died=by == "run" and key in results.dead)
    dress_steps(ax, rows["step"], results.step_label)
    dress(ax, metric, log, rows)
    return floor_zone(ax, rows["step"], rows, looks, by)


def _with_legend(figure, results, looks, zone, group_by=None):
    """The legend of runs, where there is more than one, and of what is drawn besides lines."""
    entries = {name or UNNAMED: line_handle(look) for name, look in looks.items()} if len(looks) > 1 or group_by is not None else {}
    if zone:
        entries["below the floor: rounding"] = floor_handle()
    if _drawn_label(figure, "_death"):
        entries["the run died"] = death_handle()
    if _drawn_label(figure, "_spread"):
        entries["± one standard deviation"] = spread_handle()
    legend_below(figure, entries)
    return figure


def _drawn_label(figure, label):
    return any(artist.get_label() == label for ax in figure.axes for artist in [*ax.get_lines(), *ax.collections])
