"""Statistics over the seeds of one environment: interquartile mean and its interval.

The interquartile mean is the point estimate, because one lucky or one failed seed does not move it,
and a percentile bootstrap over the seeds gives its interval (Agarwal et al. 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

RESAMPLES = 2000
FEWEST_SEEDS = 5
"""Fewest seeds with an interval: the bootstrap of fewer is far too narrow."""
MOST_FOR_MEAN = 3
"""Most seeds whose interquartile mean is their mean, and is called so."""
BLOCK = 2**21  # numbers processed at once: 16 MB


class Summary(TypedDict):
    """One evaluation in `result.json`; `ci95` is [low, high], None below `FEWEST_SEEDS`."""

    per_seed: list[float]
    mean: float
    iqm: float
    ci95: list[float] | None


def finite_vector(values: ArrayLike) -> FloatArray:
    """Return one value per seed, [seed]; raise ValueError if there is none or one is not finite.

    A failed seed must show in the result, not be averaged away: nothing here drops a NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"one value per seed is needed, but the shape is {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"the values must be finite, but they are {array.tolist()}")
    return array


def trimmed_mean(values: FloatArray) -> FloatArray:
    """Return the mean of the middle half along the last axis: [..., n] -> [...].

    int(0.25 * n) values are cut off at each end: none of up to `MOST_FOR_MEAN` values.
    """
    return _middle(np.sort(values, axis=-1))


def _middle(ordered: FloatArray) -> FloatArray:
    cut = ordered.shape[-1] // 4
    middle: FloatArray = ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1)
    return middle


def iqm(values: ArrayLike) -> float:
    """Return the interquartile mean of one value per seed, [seed].

    Raises ValueError if there is no value or one is not finite. Source: Agarwal et al. 2021,
    section 4.3.
    """
    return float(trimmed_mean(finite_vector(values)))


def resample(rng: np.random.Generator, count: int, resamples: int) -> NDArray[np.intp]:
    """Draw indices of `count` values with replacement, [resamples, count], each row sorted.

    Sorted values indexed by a sorted row are sorted too, so the resamples need no sorting.
    """
    drawn = rng.integers(count, size=(resamples, count), dtype=np.intp)
    drawn.sort(axis=-1)
    return drawn


@lru_cache(maxsize=4)
def _positions(count: int, resamples: int, seed: int) -> NDArray[np.intp]:
    """Return the indices of `bootstrap_ci`; cached, since a run's logger reuses the same ones."""
    drawn = resample(np.random.default_rng(seed), count, resamples)
    drawn.flags.writeable = False
    return drawn


def percentiles(values: FloatArray, confidence: float) -> FloatArray:
    """Return the ends of the central `confidence` interval along the last axis: [2, ...]."""
    tail = (1.0 - confidence) / 2.0
    ends: FloatArray = np.quantile(values, (tail, 1.0 - tail), axis=-1)
    return ends


def bootstrap_ci(
    values: ArrayLike,
    statistic: Callable[[FloatArray], FloatArray] = trimmed_mean,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval (low, high) of a statistic over seeds, [seed].

    `statistic` reduces the last axis, [..., n] -> [...], and is called once for all resamples. The
    interval does not depend on the order of the values: the generator is created from `seed`.
    Raises ValueError for fewer than `FEWEST_SEEDS` values and for values that are not finite.
    Source: Agarwal et al. 2021, section 4.1.
    """
    ordered = np.sort(finite_vector(values))
    if ordered.size < FEWEST_SEEDS:
        raise ValueError(
            f"an interval needs the values of at least {FEWEST_SEEDS} seeds, got {ordered.size}"
        )
    drawn = ordered[_positions(ordered.size, resamples, seed)]
    low, high = percentiles(statistic(drawn), confidence)
    return float(low), float(high)


def interval_curve(values: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the interquartile mean and the ends of its 95 % interval over time, `[time]` each.

    `values` are `[seed, time]`; each column gives the results of `iqm` and `bootstrap_ci`. A
    column in which a seed has no finite value is NaN in all three; below `FEWEST_SEEDS` both ends
    are NaN. Raises ValueError if there is no seed or the shape is wrong.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] == 0:
        raise ValueError(f"values of shape [seed, time] are needed, but it is {array.shape}")
    seeds, times = array.shape
    whole = np.isfinite(array).all(axis=0)
    columns = np.ascontiguousarray(np.sort(array[:, whole], axis=0).T)  # [time, seed]
    curves = np.full((3, times), np.nan)
    curves[0, whole] = _middle(columns)
    if seeds >= FEWEST_SEEDS and len(columns):
        cut = seeds // 4
        drawn = _positions(seeds, RESAMPLES, 0)[:, cut : seeds - cut]
        step = max(1, BLOCK // drawn.size)
        ends = [
            percentiles(np.take(columns[i : i + step], drawn, axis=1).mean(-1), 0.95)
            for i in range(0, len(columns), step)
        ]
        curves[1:, whole] = np.concatenate(ends, axis=1)
    return curves[0], curves[1], curves[2]


def summary(per_seed: ArrayLike) -> Summary:
    """Summarise one value per seed, [seed]; raises ValueError if one is not finite."""
    values = finite_vector(per_seed)
    return {
        "per_seed": values.tolist(),
        "mean": float(values.mean()),
        "iqm": iqm(values),
        "ci95": list(bootstrap_ci(values)) if values.size >= FEWEST_SEEDS else None,
    }
