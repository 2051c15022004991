"""The look of the figures: the size and type of a paper's, colours that all see and that print in grey, safe text."""
import os
import tempfile

import matplotlib
import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..errors import FigureError
from ..text import printable, shortened

TEXT_WIDTH = 5.5  # inches, the text of NeurIPS; ICML's column has 3.25
FORMATS = ("pdf", "svg", "png")

# Okabe and Ito's colours, darker where paper swallows them, as on the report's page; markers and dashes tell lines apart in grey.
COLOURS = ("#0072b2", "#d55e00", "#00825f", "#b3508c", "#8a6d00", "#2a8fc4", "#5b4bb7")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1)))
GREY = "#767676"
UNNAMED = "(no name)"

_STYLE = {
    "font.family": "serif",
    "font.serif": ["STIXGeneral", "DejaVu Sans"],  # both come with matplotlib; the second for what the first lacks
    "mathtext.fontset": "stix",
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "legend.fontsize": 8,
    "xtick.labelsize": 7, "ytick.labelsize": 7,
    "lines.linewidth": 1.1, "lines.markersize": 3.2, "lines.markeredgewidth": 0.0,
    "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.axisbelow": True, "grid.color": "#e2e2e2", "grid.linewidth": 0.5,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.minor.width": 0.4, "ytick.minor.width": 0.4,
    "xtick.major.size": 2.5, "ytick.major.size": 2.5, "xtick.minor.size": 1.5, "ytick.minor.size": 1.5,
    "legend.frameon": False, "legend.handlelength": 2.2, "legend.columnspacing": 1.4,
    "hatch.linewidth": 0.4, "savefig.dpi": 300, "figure.dpi": 150,
    "pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "collapscope", "text.usetex": False,
}


def paper_style():
    """Context in which figures are made and drawn: matplotlib's defaults and ours, nothing of the user's matplotlibrc."""
    return matplotlib.style.context(["default", _STYLE])


class PaperFigure(Figure):
    """A Figure that is always drawn in our style, also by a user's `savefig` and in a notebook."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        FigureCanvasAgg(self)

    def draw(self, renderer):
        with paper_style():
            super().draw(renderer)

    def savefig(self, *args, **kwargs):
        with paper_style():
            super().savefig(*args, **kwargs)

    def _repr_png_(self):
        import io
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=150)
        return out.getvalue()


def save(figure, path):
    """Writes a figure as PDF, SVG or PNG (300 dpi), by the name's ending; equal figures give equal bytes.

    Text stays text (PDF: embedded TrueType). The file is complete or not there. Raises FigureError for other endings.
    """
    path = os.fspath(path)
    kind = os.path.splitext(path)[1][1:].lower()
    if kind not in FORMATS:
        raise FigureError(f"{printable(path)}: a figure ends in .pdf, .svg or .png, not in {printable('.' + kind)!r}")
    metadata = {"pdf": {"CreationDate": None, "Producer": "collapscope", "Creator": None}, "svg": {"Date": None},
                "png": {"Software": None}}[kind]
    folder, name = os.path.split(path)
    # mkstemp makes files for the owner only; the umask says what a new file should be.
    handle, temporary = tempfile.mkstemp(prefix=f".{name[:64]}.", dir=folder or ".")
    try:
        with os.fdopen(handle, "wb") as file:
            figure.savefig(file, format=kind, metadata=metadata)
            file.flush()
            mask = os.umask(0)
            os.umask(mask)
            os.fchmod(file.fileno(), 0o666 & ~mask)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def text(name, most=40):
    """A name from a file as matplotlib shall draw it: as it is, no formula, no invisible character, not too long."""
    return shortened(printable(name), most).replace("$", r"\$")


def line_looks(count):
    """Colour, marker and dashes for each of `count` lines; beyond the colours there are, from dark to light."""
    return [{"color": _colour(i, count), "marker": MARKERS[i % len(MARKERS)], "linestyle": DASHES[i % len(DASHES)]} for i in range(count)]


def group_looks(groups):
    """{name: look} of names in groups: a colour for each group, a marker and dashes for each of its members."""
    return {name: {"color": _colour(place, len(groups)), "marker": MARKERS[i % len(MARKERS)], "linestyle": DASHES[i % len(DASHES)]}
            for place, members in enumerate(groups) for i, name in enumerate(members)}


def _colour(place, count):
    return COLOURS[place] if count <= len(COLOURS) else matplotlib.colormaps["viridis"](0.85 * place / (count - 1))
