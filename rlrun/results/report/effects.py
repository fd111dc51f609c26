"""What a setting does to the score: the final scores against each value that was tried."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from rlrun import stats
from rlrun.results.grouping import Plain, Variant, differing, flat
from rlrun.results.report.canvas import Look, blank, legend, look, printable, style
from rlrun.results.report.model import EnvSection

MOST_GROUPS = 6  # lines of a figure; with more of them all points are in one group
MOST_TICKS = 8  # that are marked each, and not by round numbers
MOST_KEYS = 8  # figures of an agent in an environment

Effect = tuple[str, str, list[Variant]]  # agent, key, those settings of it that have a score


def effects(part: EnvSection) -> tuple[list[Effect], list[str]]:
    """What to draw of an environment: by agent, each key in which its settings differ.

    The second list is of the keys, with their agent, for which there is no room.
    """
    drawn: list[Effect] = []
    left_out: list[str] = []
    for agent in dict.fromkeys(setting.agent for setting in part.settings):
        settings = [each for each in part.settings if each.agent == agent and each.final]
        keys = differing(setting.runs[0] for setting in settings)
        drawn += [(agent, key, settings) for key in keys[:MOST_KEYS]]
        left_out += [f"{agent} {key}" for key in keys[MOST_KEYS:]]
    return drawn, left_out


def effect(title: str, key: str, settings: Sequence[Variant], score: str) -> Figure:
    """Final scores against the values of ``key``: a point for each seed, a line through the IQM.

    Rows that differ in nothing but ``key`` are joined by a line; if there are many such lines all
    settings that share a value are taken together.
    """
    values = [flat(setting.runs[0].settings).get(key) for setting in settings]
    groups = [""] * len(settings) if is_together(key, settings) else _groups(key, settings)
    is_line = 2 * len(set(values)) <= len(settings) or not is_together(key, settings)
    places, names = _axis(values)
    with style():
        figure, axes = blank(title, key, score)
        lines: list[Line2D] = []
        names_of_groups = list(dict.fromkeys(groups))
        for number, group in enumerate(names_of_groups):
            members = [i for i, other in enumerate(groups) if other == group]
            found: dict[float, list[float]] = {}
            for i in members:
                final = settings[i].final
                assert final is not None
                found.setdefault(places[i], []).extend(final["per_seed"])
            shift = number - (len(names_of_groups) - 1) / 2 if names else 0.0
            lines.append(_draw(axes, found, look(number), shift * 0.09, is_line))
            lines[-1].set_label(group)
        _scale(axes, places, names)
        if len(names_of_groups) > 1:
            legend(figure, lines)
    return figure


def is_together(key: str, settings: Sequence[Variant]) -> bool:
    """Whether too much else differs for a line of its own for each combination of it."""
    return len(set(_groups(key, settings))) > MOST_GROUPS


def _groups(key: str, settings: Sequence[Variant]) -> list[str]:
    """What tells each setting from others but for ``key``, as words."""
    others = [other for other in differing(r.runs[0] for r in settings) if other != key]
    values = [flat(setting.runs[0].settings) for setting in settings]
    return [" ".join(f"{k}={told[k]}" for k in others if k in told) for told in values]


def _draw(
    axes: Axes, found: dict[float, list[float]], style: Look, shift: float, is_line: bool
) -> Line2D:
    """The scores at each place, and their IQM; the line of these is returned."""
    colour, dashes = style
    for place, scores in found.items():
        axes.plot(
            [place + shift] * len(scores), scores, "o", color=colour, alpha=0.4, markersize=3.5
        )
    order = sorted(found)
    middle = [stats.iqm(found[place]) for place in order]
    (line,) = axes.plot(
        [place + shift for place in order],
        middle,
        color=colour,
        linestyle=dashes if is_line else "",
        marker="D",
        markersize=5,
        markerfacecolor="none",
    )
    return line


def _axis(values: Sequence[Plain | None]) -> tuple[list[float], list[str] | None]:
    """Where on the axis each value is; with the names of the places 0, 1, ... if these are words.

    A few numbers are words, too, where they are too close together on their axis to be told apart
    (.9, .99, .999), or a zero stands among values that span decades.
    """
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(values) and all(map(math.isfinite, numbers)):
        ticks = sorted(set(numbers))
        if not _is_crowded(ticks):
            return numbers, None
        return [float(ticks.index(number)) for number in numbers], [f"{t:g}" for t in ticks]
    words = ["none" if value is None else str(value) for value in values]
    names = list(dict.fromkeys(sorted(words)))
    return [float(names.index(word)) for word in words], names


def _is_crowded(ticks: Sequence[float]) -> bool:
    """Whether some of a few numbers in order could not be told apart on their axis."""
    if len(ticks) > MOST_TICKS:
        return False
    if _spans(ticks):
        if ticks[0] <= 0:
            return True
        ticks = [math.log(tick) for tick in ticks]
    gaps = [b - a for a, b in pairwise(ticks)]
    return bool(gaps) and min(gaps) < 0.07 * (ticks[-1] - ticks[0])


def _spans(numbers: Sequence[float]) -> bool:
    """Whether positive numbers among these are a factor of ten or more apart."""
    positive = [number for number in numbers if number > 0]
    return bool(positive) and max(positive) >= 10 * min(positive)


def _scale(axes: Axes, places: Sequence[float], names: list[str] | None) -> None:
    if names is not None:
        width = max(4, 56 // len(names))
        fitting = [
            textwrap.fill(printable(name), width, max_lines=3, placeholder="...") for name in names
        ]
        axes.set_xticks(range(len(names)), fitting)
        axes.set_xlim(-0.5, len(names) - 0.5)
        return
    if _spans(places):
        axes.set_xscale("log")
    ticks = sorted(set(places))
    if len(ticks) <= MOST_TICKS:
        axes.set_xticks(ticks)
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
