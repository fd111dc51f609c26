"""The style of all figures, and their files: SVG inside the page, SVG and PNG next to it.

Matplotlib is used through its objects: there is no current figure, and global settings change only
within `style`.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

WIDTH = 5.6  # inches: small, so that text stays readable on a narrow page
HEIGHT = 3.1  # without the legend
INK, GRID, PAPER = "#24292f", "#d8dee4", "#ffffff"
PNG_DPI = 160
# Okabe and Ito 2008, for every kind of colour vision, without black and yellow, which are hard to
# see on a dark or a light page.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
# Without a dotted line, which marks a reference score.
DASHES = ("-", (0, (5, 1.6)), (0, (6, 1.4, 1, 1.4)), (0, (2, 1)))
MARKERS = ("", "o", "^")
MOST_LINES = len(DASHES) * len(MARKERS)
MARKED = 9  # markers along a line
LEGEND_WIDTH = 76  # characters


class Look(NamedTuple):
    """How a line is drawn: no two of `MOST_LINES` lines have the same dashes and marker.

    So they differ on paper, and for every reader, by more than their colour.
    """

    colour: str
    dashes: str | tuple[int, tuple[float, ...]]
    marker: str

    def on(self, points: int) -> dict[str, Any]:
        """Return the arguments of Matplotlib for a line through so many points."""
        return {
            "color": self.colour,
            "linestyle": self.dashes,
            "marker": self.marker if points > 1 else self.marker or "o",
            "markevery": max(1, points // MARKED),
            "markersize": 4,
        }


_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # names of settings are plain text
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "svg.fonttype": "none",  # keep text as text: it can be searched, and the page sets its font
}


@contextmanager
def style(salt: str = "") -> Iterator[None]:
    """Apply Matplotlib's settings for drawing and saving; ids in an SVG are derived from ``salt``.

    They start from Matplotlib's defaults, so that a user's matplotlibrc does not change a report.
    """
    settings: Any = {
        key: value
        for key, value in mpl.rcParamsDefault.items()
        if not key.startswith(("backend", "interactive", "toolbar"))  # belong to the process
    }
    with mpl.rc_context(settings | _STYLE | {"svg.hashsalt": salt}):
        yield


def blank(title: str, x: str, y: str, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes; call it within `style`."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    figure.suptitle(
        "\n".join(textwrap.wrap(title, 58)), x=0.01, ha="left", size=10.5, weight="bold"
    )
    axes.set_xlabel("\n".join(textwrap.wrap(x, 72)))
    axes.set_ylabel(y)
    return figure, axes


def look(place: int) -> Look:
    """Return the look of the line with an index; they repeat after `MOST_LINES`."""
    marker = MARKERS[place // len(DASHES) % len(MARKERS)]
    return Look(COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)], marker)


def legend(figure: Figure, lines: list[Line2D]) -> None:
    """Add a legend under the axes, in as many columns as its labels allow; the figure grows."""
    labels = ["\n".join(textwrap.wrap(str(line.get_label()), LEGEND_WIDTH)) for line in lines]
    longest = max(map(len, labels), default=0)
    columns = max(1, min(4, LEGEND_WIDTH // (longest + 8)))
    columns = min(columns, len(lines))
    rows = -(-sum(label.count("\n") + 1 for label in labels) // columns)
    figure.set_figheight(figure.get_figheight() + 0.19 * rows + 0.08)
    figure.legend(
        lines, labels, loc="outside lower left", ncols=columns, handlelength=3.6, columnspacing=1.4
    )


def count_steps(axes: Axes) -> None:
    """Label the x axis in thousands and millions of steps."""
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: short(x)))


def short(number: float) -> str:
    """Abbreviate a number: 20k for 20,000, 1.5M for 1,500,000."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= unit:
            return f"{number / unit:g}{name}"
    return f"{number:g}"


def files(figure: Figure, name: str) -> tuple[str, bytes]:
    """Return the figure as SVG and as PNG; the same figure and name give the same bytes."""
    svg, png = io.StringIO(), io.BytesIO()
    no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_text(printable(text.get_text()))
    with style(name), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a browser has more fonts
        figure.set_dpi(72)
        canvas: Any = FigureCanvasSVG(figure)  # its print methods are untyped
        figure.draw_without_rendering()  # computes the layout, which is slow,
        figure.set_layout_engine("none")  # so it is done once for both files
        canvas.print_svg(svg, metadata=no_metadata)
        figure.set_dpi(PNG_DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.print_png(png, metadata={"Software": None})
    return svg.getvalue(), png.getvalue()


def printable(text: str) -> str:
    """Replace each character that cannot be printed by U+FFFD."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def inline(svg: str, title: str) -> str:
    """Return an SVG file as an element of a page: without prolog, in the page's colours."""
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r' xmlns(:xlink)?="[^"]*"', "", body, count=2)
    body = body.replace(" xlink:href=", " href=")
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # unused, and not unique across figures
    body = re.sub(r' (width|height)="[\d.]+pt"', "", body, count=2)
    body = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), body)
    for colour, name in ((INK, "ink"), (GRID, "grid"), (PAPER, "paper")):
        body = body.replace(colour, f"var(--{name})")
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
