"""`python -m collapscope plot`: figures from the shell."""
import argparse
import json
import os
import sys
import warnings

from .. import plot
from ..errors import FigureError, ResultsError
from ..results import load
from ..text import did_you_mean, printable
from .style import FORMATS, save

_FIGURES = ("last_layer", "neural_collapse", "explained_variance", "nrc3_over_gamma", "deep", "separation", "weight_decay", "heatmap", "spectrum")
# Options of each figure besides run and width; nrc3_over_gamma takes neither runs nor results.
_OPTIONS = {"last_layer": ("layer", "metrics", "log", "group_by"), "neural_collapse": ("layer", "metrics", "log", "group_by"),
            "separation": ("step", "metrics", "group_by"),
            "explained_variance": ("layer", "components"),
            "nrc3_over_gamma": ("layer",), "deep": ("step", "metrics", "log", "group_by"),
            "weight_decay": ("layer", "metrics", "by", "log"), "heatmap": ("metric", "log"),
            "spectrum": ("layer", "step", "log")}
_HELP = """Figures:
  last_layer          NRC1-3 of the last layer and the error over training
  neural_collapse     NC1-4 of a classifier's last layer over training
  explained_variance  the first components over training
  nrc3_over_gamma     NRC3 for all gamma, from the dumps (given, or those that the results name)
  deep                deep NRC1-4 over the layers
  separation          of a classifier the law of data separation and the nearest class mean over the layers
  weight_decay        the end of training over weight decay
  heatmap             a metric for every layer and step
  spectrum            explained variance over components
  all                 each of these that the results can give, into a folder

Examples:
  python -m collapscope plot deep results.json -o deep.pdf --run 'wd1e-3*'
  python -m collapscope plot all results.json -o figures/ --format svg
  python -m collapscope plot nrc3_over_gamma dumps/*_last.h5 -o gamma.pdf

Exit status: 0 all done; 2 no figure written."""


def main(argv):
    """Writes the figures asked for. Returns 0, or 2 with a line on standard error. Warnings are lines, too."""
    options = _parser().parse_args(argv)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: print(f"collapscope plot: {printable(message)}", file=sys.stderr)
        return _plot(options)


def _plot(options):
    try:
        source = [json.load(sys.stdin) if path == "-" else path for path in options.results]
        if options.figure == "all":
            return _all(source, options)
        _refuse_unknown(options)
        save(_figure(options.figure, source, options), options.output)
        return 0
    except (FigureError, ResultsError, ImportError, OSError, ValueError) as error:
        print(f"collapscope plot: {_message(error)}", file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser(prog="python -m collapscope plot", epilog=_HELP,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", metavar="FIGURE", type=_figure_name)
    parser.add_argument("results", metavar="RESULTS", nargs="+",
                        help="JSON or CSV of `collapscope analyze`, several are joined; - reads JSON from standard input")
    parser.add_argument("-o", "--output", metavar="FILE", required=True,
                        help="FILE.pdf, FILE.svg or FILE.png; for `all` a folder, made if need be")
    parser.add_argument("--run", action="append", metavar="GLOB", help="only runs of this name; may be repeated")
    parser.add_argument("--layer", action="append", metavar="NAME",
                        help="this layer instead of the last; spectrum and weight_decay take several, spectrum also all")
    parser.add_argument("--step", help="this step instead of the last of each run")
    parser.add_argument("--metric", "--metrics", action="extend", metavar="NAME", dest="metrics", type=lambda names: names.split(","),
                        help="this metric, one panel each; may be repeated, or have commas; heatmap takes one")
    parser.add_argument("--by", metavar="ATTRIBUTE", help="weight_decay over another attribute, e.g. learning_rate")
    parser.add_argument("--group-by", metavar="ATTRIBUTES", dest="group_by", type=lambda names: names.split(","),
                        help="lines are means over the runs that have the same of these, e.g. weight_decay")
    parser.add_argument("--components", type=int, metavar="N", help="of explained_variance (default: 5)")
    parser.add_argument("--log", action=argparse.BooleanOptionalAction, help="log or linear, whatever the values span")
    parser.add_argument("--width", type=float, metavar="INCHES", help="default: 5.5, a page's text; 3.25 is a column's")
    parser.add_argument("--format", choices=FORMATS, default="pdf", help="of the files of `all` (default: pdf)")
    return parser


def _figure_name(name):
    known = (*_FIGURES, "all")
    name = name.replace("-", "_")
    if name not in known:
        raise argparse.ArgumentTypeError(f"invalid choice: {printable(name)!r}{did_you_mean(name, known)}; choose from {', '.join(known)}")
    return name


def _refuse_unknown(options):
    """Says which option a figure does not have, instead of leaving it out silently."""
    known = _OPTIONS[options.figure]
    for name in ("layer", "step", "metrics", "by", "group_by", "components", "log", "run"):
        has = name in known or (name == "metrics" and "metric" in known) or (
            name == "run" and options.figure != "nrc3_over_gamma")
        if getattr(options, name) is not None and not has:
            raise FigureError(f"{options.figure} has no option --{'metric' if name == 'metrics' else name.replace('_', '-')}")


def _figure(name, source, options):
    """The Figure `name` with those of the options that it has."""
    keywords = {} if name == "nrc3_over_gamma" else {"run": options.run}
    for option in _OPTIONS[name]:
        value = getattr(options, "metrics" if option == "metric" else option)
        if value is not None:
            keywords[option] = _one(value, f"{name} takes one --{option}") if option == "metric" or (
                option == "layer" and (name not in ("spectrum", "weight_decay") or len(value) == 1)) else value
    if options.width is not None:
        keywords["width"] = options.width
    if name == "nrc3_over_gamma":
        source = _dumps(source, options.run)
    return getattr(plot, name)(source, **keywords)


def _one(values, message):
    if len(values) > 1:
        raise FigureError(message)
    return values[0]


def _dumps(source, run):
    """The dumps among the sources, and of results the dumps, with the id of the checkpoint, of the last checkpoint of each run."""
    from .data import Results

    dumps = [path for path in source if not isinstance(path, dict) and _is_hdf5(path)]
    results = [path for path in source if path not in dumps]
    if results:
        frame = Results(results, run)
        last = frame.at_step(frame.frame.drop_duplicates("checkpoint")).drop_duplicates("dump")
        last = last[last["path"].fillna("") != ""].sort_values("run", key=lambda names: names.map(frame.runs.index))
        if last.empty and not dumps:
            raise FigureError("the results name no dumps, from which NRC3 is computed: those of a Meter or an Accumulator have none; give dumps")
        dumps += zip(last["path"], last["id"])
    return dumps


def _is_hdf5(path):
    with open(path, "rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


def _all(source, options):
    """Every figure that the results can give; a line on standard error for each that they cannot."""
    frame = load(source)
    os.makedirs(options.output, exist_ok=True)
    written = 0
    for name in _figures_of(frame):
        given = source if name == "nrc3_over_gamma" else frame
        try:
            save(_figure(name, given, options), os.path.join(options.output, f"{name}.{options.format}"))
            written += 1
        except (FigureError, ImportError, OSError, ValueError) as error:
            print(f"collapscope plot: no {name}: {_message(error)}", file=sys.stderr)
    return 0 if written else 2


def _figures_of(frame):
    """Those of what the results are of: regression, classification or both."""
    known = set(frame["metric"])
    classifies = any(name.startswith(("nc1", "nc2", "nc3", "nc4", "ncc")) for name in known)
    regresses = not classifies or any(name.startswith("nrc") for name in known)
    return [name for name in _FIGURES if classifies or name not in ("neural_collapse", "separation") if regresses or name not in (
        "last_layer", "nrc3_over_gamma")]


def _message(error):
    if isinstance(error, OSError) and error.filename is not None:
        return f"{printable(error.filename)}: {error.strerror}"
    return printable(error).replace("\\x0a", "\n")
