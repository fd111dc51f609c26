"""An exact rank test of two settings, for as few seeds as have no bootstrap interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rlrun.stats.environments import Scores, checked_pairs
from rlrun.stats.seeds import FloatArray

_Distribution = tuple[NDArray[np.int64], FloatArray]  # values and their probabilities, [value] each


def rank_test(x: Scores, y: Scores) -> float:
    """Return the two-sided p-value of the hypothesis that X and Y do not differ.

    The statistic is the probability of improvement, so for one environment this is the test of
    Mann and Whitney (1947). p is exact, with ties too: the fraction of all divisions of each
    environment's scores into groups of these sizes for which the statistic is at least as far from
    0.5. Three seeds against three have p = 0.1 at best. Raises ValueError as
    `probability_of_improvement` does. Meant for few seeds in one of the groups: its time grows
    with the squared number of seeds in the smaller one.
    """
    pairs = checked_pairs(x, y)
    scale = math.lcm(*(a.size * b.size for a, b in pairs))  # the average in whole numbers
    observed = 0
    whole: _Distribution = np.zeros(1, np.int64), np.ones(1)
    for a, b in pairs:
        weight = scale // (a.size * b.size)
        observed += weight * int(np.sign(a[:, None] - b).sum())
        values, chances = _under_no_difference(a, b)
        whole = _sum(whole, (weight * values, chances))
    values, chances = whole
    return min(1.0, float(chances[abs(values) >= abs(observed)].sum()))


def _under_no_difference(a: FloatArray, b: FloatArray) -> _Distribution:
    """Return the distribution of pairs won minus pairs lost by the first of two groups.

    Every division of the scores into groups of these sizes is equally likely.
    """
    size, other = sorted((a.size, b.size))
    _, place, counts = np.unique(np.concatenate([a, b]), return_inverse=True, return_counts=True)
    ranks = (2 * np.cumsum(counts) - counts + 1)[place]  # twice the mean rank of tied scores
    most = int(np.sort(ranks)[-size:].sum())
    ways = np.zeros((size + 1, most + 1))  # to choose so many scores, by the sum of their ranks
    ways[0, 0] = 1.0
    for rank in ranks.tolist():
        ways[1:, rank:] += ways[:-1, : most + 1 - rank]
    sums: NDArray[np.int64] = np.flatnonzero(ways[size]).astype(np.int64)
    won: NDArray[np.int64] = sums - size * (size + 1) - size * other  # minus the pairs lost
    chances: FloatArray = ways[size, sums] / math.comb(size + other, size)
    return (won if a.size == size else -won), chances


def _sum(x: _Distribution, y: _Distribution) -> _Distribution:
    """Return the distribution of the sum of two independent numbers."""
    values, place = np.unique(np.add.outer(x[0], y[0]), return_inverse=True)
    chances = np.multiply.outer(x[1], y[1]).ravel()
    return values, np.bincount(place.ravel(), chances).astype(np.float64)
