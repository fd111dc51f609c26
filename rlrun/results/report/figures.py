"""Learning curves, performance profiles and probabilities of improvement of one environment.

The data can be read back from the axes of the returned figure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rlrun import stats
from rlrun.results.certainty import compare
from rlrun.results.grouping import Variant
from rlrun.results.report.canvas import INK, blank, count_steps, legend, look, style
from rlrun.results.report.curves import JoinedCurve

Places = Mapping[str, int]  # label -> index of its look


def learning_curves(
    title: str,
    curves: Sequence[tuple[str, JoinedCurve]],
    places: Places,
    score: str,
    reference: tuple[str, float] | None = None,
    steps: str = "environment steps",
    behind: JoinedCurve | None = None,
) -> Figure:
    """Draw the IQM over seeds with its shaded 95 % interval, if any, a line for each label.

    With a single curve its seeds are drawn too, or instead of them what is ``behind`` it.
    ``reference`` is a label and a score, and ``steps`` is what the x axis counts.
    """
    with style():
        figure, axes = blank(title, f"{steps} of each seed", score)
        lines = []
        for label, curve in curves:
            line = look(places[label])
            middle, low, high = stats.interval_curve(curve.values)
            thin = behind or curve
            if len(curves) == 1 and (behind is not None or len(curve.seeds) > 1):
                axes.plot(thin.steps, thin.values.T, color=line.colour, linewidth=0.6, alpha=0.45)
            axes.fill_between(curve.steps, low, high, color=line.colour, alpha=0.16, linewidth=0)
            lines += axes.plot(curve.steps, middle, label=label, **line.on(len(curve.steps)))
        if reference is not None:
            name, value = reference
            lines.append(axes.axhline(value, color=INK, linewidth=1, linestyle=":", label=name))
        axes.margins(x=0.01)
        count_steps(axes)
        if len(lines) > 1:
            legend(figure, lines)
    return figure


def profile(title: str, variants: Sequence[Variant], places: Places) -> Figure:
    """Draw performance profiles: the fraction of seeds that score more than each value."""
    scores = {each.label: np.sort(each.final["per_seed"]) for each in variants if each.final}
    low = min(values[0] for values in scores.values())
    high = max(values[-1] for values in scores.values())
    margin = 0.03 * (high - low) or 1.0
    thresholds = np.linspace(low - margin, high + margin, 200)
    with style():
        figure, axes = blank(title, "final return τ", "fraction of seeds above τ")
        lines: list[Line2D] = []
        for label, values in scores.items():
            line = look(places[label])
            curve = stats.performance_profile([values], thresholds)
            axes.fill_between(
                thresholds, curve.low, curve.high, color=line.colour, alpha=0.12, linewidth=0
            )
            lines += axes.plot(thresholds, curve.fraction, label=label, **line.on(len(thresholds)))
        axes.set_ylim(-0.03, 1.03)
        axes.margins(x=0)
        legend(figure, lines)
    return figure


def improvement(title: str, variants: Sequence[Variant], places: Places) -> Figure:
    """Draw the probability that a seed of the first variant scores more than one of each other.

    Those without an interval, as of few seeds, have the result of an exact rank test instead.
    """
    first, *others = [variant for variant in variants if variant.final]
    assert first.final is not None
    with style():
        height = 1.0 + 0.42 * len(others)
        figure, axes = blank(title, "probability that one of its seeds scores more", "", height)
        for y, variant in enumerate(others):
            assert variant.final is not None
            better = compare([first.final["per_seed"]], [variant.final["per_seed"]])
            colour = look(places[variant.label]).colour
            if better.ci95 is not None:
                axes.plot(
                    better.ci95,
                    [y, y],
                    color=colour,
                    linewidth=5,
                    alpha=0.35,
                    solid_capstyle="butt",
                )
            axes.plot([better.chance], [y], color=colour, marker="o", linestyle="")
            label = textwrap.shorten(variant.label, 80)
            if better.ci95 is None:
                label = f"{textwrap.shorten(variant.label, 40)} ({better.certainty})"
            axes.text(0, y - 0.22, label, va="bottom")
        axes.axvline(0.5, color=INK, linewidth=1, linestyle=":")
        axes.set_yticks([])
        axes.set_ylim(len(others) - 0.5, -0.9)
        axes.set_xlim(-0.02, 1.02)
        axes.spines["left"].set_visible(False)
    return figure
