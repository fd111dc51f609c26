"""Results of few and of many seeds in words: comparisons, and the name of an average."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rlrun import stats
from rlrun.results.grouping import Variant
from rlrun.stats.environments import Scores
from rlrun.terminal.final_table import number

SIGNIFICANT = 0.05


class Comparison(NamedTuple):
    """The probability that a seed of one setting ends better than one of another."""

    chance: float
    ci95: tuple[float, float] | None
    """None for few seeds."""
    certainty: str
    """The interval or, if there is none, the result of an exact rank test, in words."""


def compare(x: Scores, y: Scores) -> Comparison:
    """Compare the scores of two settings, by environment ``[seed]``; see `rlrun.stats`."""
    better = stats.probability_of_improvement(x, y)
    if better.ci95 is not None:
        ends = " to ".join(f"{end:.2f}" for end in better.ci95)
        return Comparison(*better, f"95 % interval: {ends}")
    p = stats.rank_test(x, y)
    verdict = "too few seeds to tell; " if p > SIGNIFICANT else ""
    return Comparison(*better, f"{verdict}exact rank test: p = {p:.2g}")


def are_means(variants: Iterable[Variant]) -> bool:
    """Return whether the interquartile means of all variants are means, as of up to 3 seeds."""
    return all(variant.num_scores <= stats.MOST_FOR_MEAN for variant in variants)


def average(iqm: float, seeds: int) -> str:
    """Format an interquartile mean of scores, with a note if it is the mean, as of few seeds."""
    return f"{number(iqm)} (mean)" if seeds <= stats.MOST_FOR_MEAN else number(iqm)
