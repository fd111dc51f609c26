"""Figures of the effect of a setting: final scores against each value that was tried."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from rlrun import stats
from rlrun.results.grouping import Plain, Variant, differing, flat
from rlrun.results.report.canvas import Look, blank, legend, look, printable, style
from rlrun.results.report.model import EnvSection
from rlrun.tuning.history import Scale

MOST_GROUPS = 6  # lines of a figure; with more groups all points are in one
MOST_TICKS = 8  # values that get a tick each; more get round numbers
MOST_KEYS = 8  # figures of an agent in an environment

Effect = tuple[str, str, list[Variant]]  # agent, key, and the agent's variants with a score


def effects(part: EnvSection) -> tuple[list[Effect], list[str]]:
    """Return an environment's effects: for each agent, the keys in which its variants differ.

    The second list names those for which there is no room, as "agent key".
    """
    drawn: list[Effect] = []
    left_out: list[str] = []
    for agent in dict.fromkeys(variant.agent for variant in part.variants):
        variants = [each for each in part.variants if each.agent == agent and each.score]
        keys = differing(variant.runs[0] for variant in variants)
        drawn += [(agent, key, variants) for key in keys[:MOST_KEYS]]
        left_out += [f"{agent} {key}" for key in keys[MOST_KEYS:]]
    return drawn, left_out


def effect(
    title: str, key: str, variants: Sequence[Variant], score: str, scale: Scale | None = None
) -> Figure:
    """Draw final scores against the values of ``key``: a point for each seed, a line through IQMs.

    ``scale`` is that of an interval in which a search chose the values; None if they were listed.

    A line joins variants that differ only in ``key``; if there would be more than `MOST_GROUPS`
    lines, all variants that share a value are pooled.
    """
    values = [flat(variant.runs[0].settings).get(key) for variant in variants]
    groups = [""] * len(variants) if is_together(key, variants) else _groups(key, variants)
    is_line = 2 * len(set(values)) <= len(variants) or not is_together(key, variants)
    places, names = _axis(values, scale)
    with style():
        figure, axes = blank(title, key, score)
        lines: list[Line2D] = []
        names_of_groups = list(dict.fromkeys(groups))
        for number, group in enumerate(names_of_groups):
            members = [i for i, other in enumerate(groups) if other == group]
            scores: dict[float, list[float]] = {}
            for i in members:
                known = variants[i].score
                assert known is not None
                scores.setdefault(places[i], []).extend(known["per_seed"])
            shift = number - (len(names_of_groups) - 1) / 2 if names else 0.0
            lines.append(_draw(axes, scores, look(number), shift * 0.09, is_line))
            lines[-1].set_label(group)
        _scale(axes, places, names, scale)
        if len(names_of_groups) > 1:
            legend(figure, lines)
    return figure


def is_together(key: str, variants: Sequence[Variant]) -> bool:
    """Return whether all variants are pooled, since too many groups differ in other keys."""
    return len(set(_groups(key, variants))) > MOST_GROUPS


def _groups(key: str, variants: Sequence[Variant]) -> list[str]:
    """Return, for each variant, its ``key=value`` words of the other keys that differ."""
    others = [other for other in differing(r.runs[0] for r in variants) if other != key]
    values = [flat(variant.runs[0].settings) for variant in variants]
    return [" ".join(f"{k}={each[k]}" for k in others if k in each) for each in values]


def _draw(
    axes: Axes, scores: dict[float, list[float]], style: Look, shift: float, is_line: bool
) -> Line2D:
    """Draw the scores by x position and their IQMs; return the line of the IQMs."""
    colour = style.colour
    for place, values in scores.items():
        axes.plot(
            [place + shift] * len(values), values, "o", color=colour, alpha=0.4, markersize=3.5
        )
    order = sorted(scores)
    middle = [stats.iqm(scores[place]) for place in order]
    (line,) = axes.plot(
        [place + shift for place in order],
        middle,
        color=colour,
        linestyle=style.dashes if is_line else "",
        marker="D",
        markersize=5,
        markerfacecolor="none",
    )
    return line


def _axis(
    values: Sequence[Plain | None], scale: Scale | None
) -> tuple[list[float], list[str] | None]:
    """Return the x position of each value, and the tick labels if the axis is categorical.

    Words have positions 0, 1, ... So have a few numbers that would be too close together to
    distinguish (.9, .99, .999), or that span decades and include zero, unless a search chose them.
    """
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(values) and all(map(math.isfinite, numbers)):
        ticks = sorted(set(numbers))
        if scale is not None or not _is_crowded(ticks):
            return numbers, None
        return [float(ticks.index(number)) for number in numbers], [f"{t:g}" for t in ticks]
    words = ["none" if value is None else str(value) for value in values]
    names = list(dict.fromkeys(sorted(words)))
    return [float(names.index(word)) for word in words], names


def _is_crowded(ticks: Sequence[float]) -> bool:
    """Return whether sorted ticks, at most `MOST_TICKS`, are too close to be distinguished."""
    if len(ticks) > MOST_TICKS:
        return False
    if _spans(ticks):
        if ticks[0] <= 0:
            return True
        ticks = [math.log(tick) for tick in ticks]
    gaps = [b - a for a, b in pairwise(ticks)]
    return bool(gaps) and min(gaps) < 0.07 * (ticks[-1] - ticks[0])


def _spans(numbers: Sequence[float]) -> bool:
    """Return whether the positive numbers span a factor of ten or more."""
    positive = [number for number in numbers if number > 0]
    return bool(positive) and max(positive) >= 10 * min(positive)


def _scale(
    axes: Axes, places: Sequence[float], names: list[str] | None, scale: Scale | None
) -> None:
    if names is not None:
        width = max(4, 56 // len(names))
        fitting = [
            textwrap.fill(printable(name), width, max_lines=3, placeholder="...") for name in names
        ]
        axes.set_xticks(range(len(names)), fitting)
        axes.set_xlim(-0.5, len(names) - 0.5)
        return
    if scale == "log" or (scale is None and _spans(places)):
        axes.set_xscale("log")
        if max(places) < 1000 * min(places):  # else a tick for each decade suffices
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    ticks = sorted(set(places))
    if len(ticks) <= MOST_TICKS and scale is None:
        axes.set_xticks(ticks)
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
