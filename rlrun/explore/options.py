"""Exploration: the constructors here are the ``explore`` group, their arguments its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rlrun.core.checks import at_least, positive
from rlrun.core.schedules import Exponential, Linear
from rlrun.core.types import Spec
from rlrun.explore.noise import ActionNoise, gaussian, ornstein_uhlenbeck
from rlrun.explore.policies import EpsilonGreedy, Explore, Rate, ScheduleClock, Softmax


def linear(
    spec: Spec,
    seeds: Sequence[int],
    horizon: int,
    *,
    start: float,
    end: float,
    fraction: float,
    clock: ScheduleClock,
    over: int | None,
) -> EpsilonGreedy:
    """Epsilon falls in a straight line over ``fraction`` of the run, or ``over`` so much of clock.

    Raises ValueError where a value is not a probability or a fraction, or there is no ``over``
    though the clock counts episodes: nobody knows beforehand how many a run will have.
    """
    _check_probabilities(start=start, end=end)
    schedule = Linear(start, end, _length(horizon, fraction, clock, over))
    return EpsilonGreedy(spec, seeds, Rate(schedule, len(seeds), clock))


def exponential(
    spec: Spec,
    seeds: Sequence[int],
    *,
    start: float,
    end: float,
    decay: float,
    clock: ScheduleClock,
) -> EpsilonGreedy:
    """Epsilon comes nearer to ``end`` by a factor of e each ``decay`` steps or episodes.

    Raises ValueError where a value is not a probability, or ``decay`` not positive.
    """
    _check_probabilities(start=start, end=end)
    positive(decay=decay)
    return EpsilonGreedy(spec, seeds, Rate(Exponential(start, end, decay), len(seeds), clock))


def softmax(
    spec: Spec,
    seeds: Sequence[int],
    horizon: int,
    *,
    start: float,
    end: float,
    fraction: float,
    clock: ScheduleClock,
    over: int | None,
) -> Softmax:
    """The temperature changes in a straight line, as epsilon does in `linear`.

    Raises ValueError where a temperature is not positive.
    """
    positive(start=start, end=end)
    schedule = Linear(start, end, _length(horizon, fraction, clock, over))
    return Softmax(spec, seeds, Rate(schedule, len(seeds), clock))


def uniform(spec: Spec, seeds: Sequence[int]) -> EpsilonGreedy:
    """Every action as likely as the others, always: a purely random behaviour."""
    return EpsilonGreedy(spec, seeds, Rate(Linear(1.0, 1.0, 0), len(seeds), "steps"))


def bonus(spec: Spec, seeds: Sequence[int], *, k: float) -> EpsilonGreedy:
    """Always the best action by f(Q, N) = Q + k / (1 + N), which favours what was seldom tried.

    Raises ValueError where ``k`` is not positive.
    """
    positive(k=k)
    return EpsilonGreedy(spec, seeds, Rate(Linear(0.0, 0.0, 0), len(seeds), "steps"), k)


def _length(horizon: int, fraction: float, clock: ScheduleClock, over: int | None) -> float:
    """Ticks of the clock until the end of a line."""
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must lie between 0 and 1, got {fraction}")
    at_least(1, over=over)
    if clock == "episodes" and over is None:
        raise ValueError("clock=episodes needs over: in how many episodes the end is reached")
    return fraction * horizon if over is None else over


def _check_probabilities(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a probability between 0 and 1, got {value}")


CHOOSERS: dict[str, Callable[..., Explore]] = {
    "linear": linear,
    "exponential": exponential,
    "softmax": softmax,
    "uniform": uniform,
    "bonus": bonus,
}
"""For agents that have values of discrete actions: they take ``explore``."""
NOISES: dict[str, Callable[..., ActionNoise]] = {
    "gaussian": gaussian,
    "ornstein_uhlenbeck": ornstein_uhlenbeck,
}
"""For agents that have an actor of continuous actions: they take ``noise``."""
EXPLORE: dict[str, Callable[..., Explore | ActionNoise]] = {**CHOOSERS, **NOISES}
