"""Statistics over seeds: what a run may claim about its agent.

After Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice"
(https://arxiv.org/abs/2108.13264): the interquartile mean as the point estimate, because one lucky
or one failed seed does not move it, and a percentile bootstrap over the seeds as its interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


class Summary(TypedDict):
    """What `result.json` says of one evaluation; `ci95` is [low, high], or None for one seed."""

    per_seed: list[float]
    mean: float
    iqm: float
    ci95: list[float] | None


def _finite_vector(values: ArrayLike) -> FloatArray:
    """Check one value per seed, [seed]; raise ValueError where there is none or one is not finite.

    A failed seed must be seen, not averaged away: nothing here drops a NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"one value per seed is needed, but the shape is {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"the values must be finite, but they are {array.tolist()}")
    return array


def trimmed_mean(values: FloatArray) -> FloatArray:
    """Mean of the middle half along the last axis: [..., n] -> [...].

    int(0.25 * n) values are cut off at each end, so that up to 3 values it is the plain mean.
    """
    cut = values.shape[-1] // 4
    ordered = np.sort(values, axis=-1)
    middle: FloatArray = ordered[..., cut : values.shape[-1] - cut].mean(axis=-1)
    return middle


def iqm(values: ArrayLike) -> float:
    """Interquartile mean of one value per seed, [seed] (Agarwal et al. 2021, section 4.3).

    Raises ValueError where there is no value or one is not finite.
    """
    return float(trimmed_mean(_finite_vector(values)))


def bootstrap_ci(
    values: ArrayLike,
    statistic: Callable[[FloatArray], FloatArray] = trimmed_mean,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval (low, high) of a statistic of one value per seed, [seed].

    `statistic` reduces the last axis, [..., n] -> [...], and is called once, for all resamples
    together. The same values in any order give the same interval: the generator is created here
    from `seed`. Raises ValueError for fewer than 2 values (an interval of one value does not
    exist) and for values that are not finite. Source: Agarwal et al. 2021, section 4.1.
    """
    ordered = np.sort(_finite_vector(values))
    if ordered.size < 2:
        raise ValueError("an interval needs the values of 2 seeds or more")
    rng = np.random.default_rng(seed)
    drawn = rng.integers(ordered.size, size=(resamples, ordered.size))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(statistic(ordered[drawn]), (tail, 1.0 - tail))
    return float(low), float(high)


def summary(per_seed: ArrayLike) -> Summary:
    """Describe one value per seed, [seed]; raises ValueError where one is not finite."""
    values = _finite_vector(per_seed)
    return {
        "per_seed": values.tolist(),
        "mean": float(values.mean()),
        "iqm": iqm(values),
        "ci95": list(bootstrap_ci(values)) if values.size > 1 else None,
    }
