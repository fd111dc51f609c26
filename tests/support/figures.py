"""The figures of a report, and the data of their axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rlrun.results.report.layout import DrawnFigure, draw
from rlrun.results.report.model import gather

CURVE = {50: [1.0, 2.0], 100: [3.0, 4.0]}


def drawn(folder: Path) -> dict[str, DrawnFigure]:
    return {each.name: each for each in draw(gather([folder]))}


def lines(figure: Figure) -> dict[str, tuple[list[float], list[float]]]:
    """The labelled lines of a figure: x and y."""
    named = {str(line.get_label()): line for line in figure.axes[0].get_lines()}
    return {label: points(line) for label, line in named.items() if label[0] != "_"}


def points(line: Line2D) -> tuple[list[float], list[float]]:
    x, y = (np.asarray(data, float).tolist() for data in line.get_data())
    return x, y
