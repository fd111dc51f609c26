"""The ``explore`` group: settings classes, each of which builds its explorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlrun.core.fields import Count, Fraction, PerRow, Positive
from rlrun.core.rows import Number
from rlrun.core.schedules import Exponential, Linear
from rlrun.core.types import Spec
from rlrun.explore.noise import GaussianSettings, OrnsteinUhlenbeckSettings
from rlrun.explore.policies import EpsilonGreedy, Rate, ScheduleClock, Softmax


@dataclass(frozen=True, kw_only=True)
class _LineSettings:
    """A value that changes linearly: over a fraction of the run, or a number of steps."""

    fraction: PerRow[Fraction] = 0.16
    """Fraction of the run until the end value is reached."""
    clock: ScheduleClock = "steps"
    """steps or episodes; each seed counts its own episodes."""
    over: PerRow[Count | None] = None
    """Number of steps (or episodes) until end is reached, instead of a fraction of the run."""

    def __post_init__(self) -> None:
        if self.clock == "episodes" and self.over is None:
            raise ValueError(
                "clock=episodes needs over: the number of episodes until the end is reached"
            )

    def length(self, horizon: int) -> Number:
        """Return the number of steps or episodes until the end value is reached.

        ``horizon`` is the length of the run in steps.
        """
        return self.fraction * horizon if self.over is None else self.over


@dataclass(frozen=True, kw_only=True)
class LinearSettings(_LineSettings):
    """Epsilon-greedy; epsilon decays linearly."""

    start: PerRow[Fraction] = 1.0
    """Epsilon at the start."""
    end: PerRow[Fraction] = 0.05
    """Epsilon after that fraction of the run."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int) -> EpsilonGreedy:
        """Return the explorer of these seeds in a run of ``horizon`` steps."""
        schedule = Linear(self.start, self.end, self.length(horizon))
        return EpsilonGreedy(spec, seeds, Rate(schedule, len(seeds), self.clock))


@dataclass(frozen=True, kw_only=True)
class ExponentialSettings:
    """Epsilon-greedy; epsilon decays exponentially."""

    start: PerRow[Fraction] = 1.0
    """Epsilon at the start."""
    end: PerRow[Fraction] = 0.05
    """The value it approaches."""
    decay: PerRow[Positive] = 2500
    """Steps (or episodes) in which the distance to the end falls by a factor of e."""
    clock: ScheduleClock = "steps"
    """steps or episodes; each seed counts its own episodes."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int) -> EpsilonGreedy:
        """Return the explorer of these seeds."""
        schedule = Exponential(self.start, self.end, self.decay)
        return EpsilonGreedy(spec, seeds, Rate(schedule, len(seeds), self.clock))


@dataclass(frozen=True, kw_only=True)
class SoftmaxSettings(_LineSettings):
    """Actions in proportion to exp(Q / temperature); the temperature changes linearly."""

    start: PerRow[Positive] = 1.0
    """Temperature at the start, in units of reward."""
    end: PerRow[Positive] = 0.1
    """Temperature after that fraction of the run."""
    fraction: PerRow[Fraction] = 0.5

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int) -> Softmax:
        """Return the explorer of these seeds in a run of ``horizon`` steps."""
        schedule = Linear(self.start, self.end, self.length(horizon))
        return Softmax(spec, seeds, Rate(schedule, len(seeds), self.clock))


@dataclass(frozen=True, kw_only=True)
class UniformSettings:
    """Uniformly random actions, always."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int) -> EpsilonGreedy:
        """Return the explorer of these seeds."""
        return EpsilonGreedy(spec, seeds, Rate(Linear(1.0, 1.0, 0), len(seeds), "steps"))


@dataclass(frozen=True, kw_only=True)
class BonusSettings:
    """Always the best action by f(Q, N) = Q + k / (1 + N), where N counts visits of the pair."""

    k: PerRow[Positive] = 1.0
    """Bonus of an action never tried, in units of reward."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int) -> EpsilonGreedy:
        """Return the explorer of these seeds; agents that count visits add the bonus."""
        return EpsilonGreedy(spec, seeds, Rate(Linear(0.0, 0.0, 0), len(seeds), "steps"), self.k)


CHOOSERS = {
    "linear": LinearSettings,
    "exponential": ExponentialSettings,
    "softmax": SoftmaxSettings,
    "uniform": UniformSettings,
    "bonus": BonusSettings,
}
"""Explorers of discrete actions, for agents with a constructor parameter ``explore``."""
NOISES = {
    "gaussian": GaussianSettings,
    "ornstein_uhlenbeck": OrnsteinUhlenbeckSettings,
}
"""Noise on continuous actions, for agents with a constructor parameter ``noise``."""
EXPLORE = {**CHOOSERS, **NOISES}
