"""Statistics over several environments: aggregates, probability of improvement, profiles.

All functions take scores by environment: a sequence of vectors `[seed]`, which may differ in
length, or a numpy array `[run, env]`. Scores of several environments must already be normalised to
one scale. Intervals are 95 % percentile intervals of the stratified bootstrap: the seeds of each
environment are resampled with replacement, the environments are not (Agarwal et al. 2021,
section 4.1). The interval does not depend on the order of the scores, and for one environment it
equals that of `rlrun.stats.seeds`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rlrun.stats.seeds import (
    FEWEST_SEEDS,
    RESAMPLES,
    FloatArray,
    finite_vector,
    percentiles,
    resample,
    trimmed_mean,
)

Scores = Sequence[ArrayLike] | FloatArray
Statistic = Callable[[Sequence[FloatArray]], FloatArray]


class Estimate(NamedTuple):
    """A value and its 95 % interval, None if some environment has fewer than `FEWEST_SEEDS`."""

    value: float
    ci95: tuple[float, float] | None


class Profile(NamedTuple):
    """Fraction of runs above each threshold, `[threshold]`, and its pointwise 95 % band.

    The band is NaN if some environment has fewer than `FEWEST_SEEDS`.
    """

    fraction: FloatArray
    low: FloatArray
    high: FloatArray


def mean(scores: Sequence[FloatArray]) -> FloatArray:
    """Return the mean over environments of the mean over seeds: each `[..., seed]` -> `[...]`."""
    average: FloatArray = _by_environment(scores).mean(axis=-1)
    return average


def median(scores: Sequence[FloatArray]) -> FloatArray:
    """Return the median over environments of the mean over seeds: each `[..., seed]` -> `[...]`.

    Common in the Atari literature. Scores in half of the environments do not affect it.
    """
    middle: FloatArray = np.median(_by_environment(scores), axis=-1)
    return middle


def interquartile_mean(scores: Sequence[FloatArray]) -> FloatArray:
    """Return the mean of the middle half of all runs: each `[..., seed]` -> `[...]`.

    Runs of all environments are pooled, so an environment with more seeds counts for more. Source:
    Agarwal et al. 2021, section 4.3.
    """
    return trimmed_mean(np.concatenate(scores, axis=-1))


def optimality_gap(scores: Sequence[FloatArray]) -> FloatArray:
    """Return the mean shortfall from a normalised score of 1: each `[..., seed]` -> `[...]`.

    The mean over environments of 1 - min(score, 1): less is better, and a score above 1 in one
    environment does not offset a shortfall in another (Agarwal et al. 2021, section 4.3).
    """
    return 1.0 - mean([np.minimum(each, 1.0) for each in scores])


def _by_environment(scores: Sequence[FloatArray]) -> FloatArray:
    return np.stack([each.mean(axis=-1) for each in scores], axis=-1)


def estimate(scores: Scores, statistic: Statistic = interquartile_mean) -> Estimate:
    """Return a statistic of this module and its interval.

    Raises ValueError if there is no environment, no seed, or a score that is not finite.
    """
    ordered = sorted(map(np.sort, _checked(scores)), key=_order)
    value = float(statistic(ordered))
    if any(each.size < FEWEST_SEEDS for each in ordered):
        return Estimate(value, None)
    rng = np.random.default_rng(0)
    drawn = [each[resample(rng, each.size, RESAMPLES)] for each in ordered]
    low, high = percentiles(statistic(drawn), 0.95)
    return Estimate(value, (float(low), float(high)))


def probability_of_improvement(x: Scores, y: Scores) -> Estimate:
    """Return the probability that a run of X scores more than a run of Y in a random environment.

    In each environment it is the fraction of pairs of seeds in which X is better, ties counted
    half (the U statistic of Mann and Whitney 1947 divided by the number of pairs). It is averaged
    over environments, which have the same order in `x` and `y`. Scores need no normalisation.
    Raises ValueError as `estimate` does, and if the numbers of environments differ. Source:
    Agarwal et al. 2021, section 4.3.
    """
    pairs = [(np.sort(a), np.sort(b)) for a, b in checked_pairs(x, y)]
    pairs.sort(key=lambda pair: (_order(pair[0]), _order(pair[1])))
    wins = [
        (a[:, None] > b).astype(np.float64) + 0.5 * (a[:, None] == b) for a, b in pairs
    ]  # [seed of x, seed of y] each
    value = float(np.mean([each.mean() for each in wins]))
    if any(size < FEWEST_SEEDS for each in wins for size in each.shape):
        return Estimate(value, None)
    rng = np.random.default_rng(0)
    drawn = [
        ((_counts(rng, len(each)) @ each) * _counts(rng, each.shape[1])).sum(-1) / each.size
        for each in wins
    ]
    low, high = percentiles(np.mean(drawn, axis=0), 0.95)
    return Estimate(value, (float(low), float(high)))


def performance_profile(scores: Scores, thresholds: ArrayLike) -> Profile:
    """Return the fraction of runs that score more than each threshold, `[threshold]`, and its band.

    The run-score distribution of Agarwal et al. 2021, section 4.2: the fraction of runs in each
    environment, averaged over environments. Raises ValueError as `estimate` does, and for
    thresholds that are not a vector of finite numbers.
    """
    grid = finite_vector(thresholds)
    ordered = sorted(map(np.sort, _checked(scores)), key=_order)
    above = [(each[:, None] > grid).astype(np.float64) for each in ordered]  # [seed, threshold]
    fraction = np.mean([each.mean(axis=0) for each in above], axis=0)
    if any(len(each) < FEWEST_SEEDS for each in above):
        missing = np.full_like(fraction, np.nan)
        return Profile(fraction, missing, missing)
    rng = np.random.default_rng(0)
    drawn = np.mean([_counts(rng, len(each)) @ each / len(each) for each in above], axis=0)
    low, high = percentiles(drawn.T, 0.95)
    return Profile(fraction, low, high)


def _counts(rng: np.random.Generator, count: int) -> FloatArray:
    """Return how often each of `count` seeds is drawn in each resample, [resample, seed]."""
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES)
    return drawn.astype(np.float64)


def checked_pairs(x: Scores, y: Scores) -> list[tuple[FloatArray, FloatArray]]:
    """Return the scores of X and Y by environment; raises ValueError if they cannot be compared."""
    first, second = _checked(x), _checked(y)
    if len(first) != len(second):
        raise ValueError(
            f"scores of the same environments are needed, but there are {len(first)} and "
            f"{len(second)}"
        )
    return list(zip(first, second, strict=True))


def _checked(scores: Scores) -> list[FloatArray]:
    """Return the scores by environment, `[seed]` each; raises ValueError as `estimate` does."""
    if isinstance(scores, np.ndarray):
        if scores.ndim != 2:
            raise ValueError(f"scores of shape [run, env] are needed, but it is {scores.shape}")
        scores = list(scores.T)
    if not len(scores):
        raise ValueError("the scores of at least one environment are needed")
    return [finite_vector(each) for each in scores]


def _order(values: FloatArray) -> tuple[float, ...]:
    """Return a sort key that makes the order of environments independent of the input order."""
    return (values.size, *values.tolist())
