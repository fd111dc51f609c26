"""How every figure looks, and its files: SVG for the page, SVG and PNG beside it.

Matplotlib is used by its objects: there is no current figure, and nothing global is changed but
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
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

WIDTH = 5.6  # inches: small, so that words stay readable where a page is narrow
HEIGHT = 3.1  # without the legend
INK, GRID, PAPER = "#24292f", "#d8dee4", "#ffffff"
PNG_DPI = 160
# Okabe and Ito 2008, for every kind of colour vision, without black and yellow, which are hard to
# see on a dark or a light page; what comes after these is dashed.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
DASHES = ("-", (0, (4, 1.6)))
MOST_LINES = len(COLOURS) * len(DASHES)
LEGEND_WIDTH = 76  # letters
Look = tuple[str, str | tuple[int, tuple[float, float]]]  # colour and dashes of a line

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # names of settings are text, whatever is in them
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
    "svg.fonttype": "none",  # words stay words: they can be searched, and the page sets their font
}


@contextmanager
def style(salt: str = "") -> Iterator[None]:
    """Matplotlib's settings for drawing and saving; names in an SVG are made from ``salt``.

    They start from Matplotlib's own defaults, so that nobody's matplotlibrc changes a report.
    """
    settings: Any = {
        key: value
        for key, value in mpl.rcParamsDefault.items()
        if not key.startswith(("backend", "interactive", "toolbar"))  # those are the process's
    }
    with mpl.rc_context(settings | _STYLE | {"svg.hashsalt": salt}):
        yield


def blank(title: str, x: str, y: str, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """A figure with one pair of axes; to be called within `style`."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    figure.suptitle(
        "\n".join(textwrap.wrap(title, 58)), x=0.01, ha="left", size=10.5, weight="bold"
    )
    axes.set_xlabel("\n".join(textwrap.wrap(x, 72)))
    axes.set_ylabel(y)
    return figure, axes


def look(place: int) -> Look:
    """Colour and dashes of the line at a place; they repeat after `MOST_LINES`."""
    return COLOURS[place % len(COLOURS)], DASHES[place // len(COLOURS) % len(DASHES)]


def legend(figure: Figure, lines: list[Line2D]) -> None:
    """Labels under the axes, in as many columns as their length allows; the figure grows."""
    labels = ["\n".join(textwrap.wrap(str(line.get_label()), LEGEND_WIDTH)) for line in lines]
    longest = max(map(len, labels), default=0)
    columns = max(1, min(4, LEGEND_WIDTH // (longest + 6)))
    columns = min(columns, len(lines))
    rows = -(-sum(label.count("\n") + 1 for label in labels) // columns)
    figure.set_figheight(figure.get_figheight() + 0.19 * rows + 0.08)
    figure.legend(
        lines, labels, loc="outside lower left", ncols=columns, handlelength=2.2, columnspacing=1.4
    )


def count_steps(axes: Axes) -> None:
    """Mark the x axis in thousands and millions of steps."""
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: short(x)))


def short(number: float) -> str:
    """20k for 20,000, 1.5M for 1,500,000."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= unit:
            return f"{number / unit:g}{name}"
    return f"{number:g}"


def files(figure: Figure, name: str) -> tuple[str, bytes]:
    """The figure as an SVG and as a PNG file; the same figure and name give the same bytes."""
    svg, png = io.StringIO(), io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_text(printable(text.get_text()))
    with style(name), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a page has more fonts
        figure.set_dpi(72)
        canvas: Any = FigureCanvasSVG(figure)  # what is called of it has no types
        figure.draw_without_rendering()  # finds where everything goes,
        figure.set_layout_engine("none")  # and that is slow enough to do it once
        canvas.print_svg(svg, metadata=nothing)
        figure.set_dpi(PNG_DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.print_png(png, metadata={"Software": None})
    return svg.getvalue(), png.getvalue()


def printable(text: str) -> str:
    """Text with a mark for each character that is none, or that a font cannot be asked for."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def inline(svg: str, title: str) -> str:
    """An SVG file as part of a page: no document of its own, and the page's colours."""
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r' xmlns(:xlink)?="[^"]*"', "", body, count=2)
    body = body.replace(" xlink:href=", " href=")
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # the same in every figure, and nobody asks for it
    body = re.sub(r' (width|height)="[\d.]+pt"', "", body, count=2)
    body = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), body)
    for colour, name in ((INK, "ink"), (GRID, "grid"), (PAPER, "paper")):
        body = body.replace(colour, f"var(--{name})")
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
