"""Noise on continuous actions in [-1, 1], in units of that range's half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from rlrun.core.checks import at_least, positive
from rlrun.core.restore import restore_into
from rlrun.core.rng import Normals, Purpose
from rlrun.core.schedules import Linear, Schedule
from rlrun.core.types import Array, Spec, State


class ActionNoise(Protocol):
    """What is added to actions while learning; structural, as agents are."""

    def __call__(self, step: int) -> Array:
        """``[seed, env, ...]``, the next one."""
        ...

    def rate(self, step: int) -> Array:
        """``[seed]``, how much is explored now: the standard deviation of what is drawn."""
        ...

    def observe(self, last: Array) -> None:
        """Take in which episodes ended, ``[seed, env]``."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class OrnsteinUhlenbeck:
    """x - theta x + sigma N(0, 1) after x, from 0 at the start of an episode (Lillicrap 2016).

    With theta 1 nothing of x is left: then it is Gaussian noise, each independent.
    """

    def __init__(self, spec: Spec, seeds: Sequence[int], theta: float, sigma: Schedule) -> None:
        self._theta, self._sigma = theta, sigma
        self._streams = Normals(seeds, Purpose.EXPLORE)
        self._x = np.zeros((len(seeds), spec.num_envs, *spec.action.shape))

    def __call__(self, step: int) -> Array:
        drawn = self._streams.normal(self._x[0].size).reshape(self._x.shape)
        self._x = (1.0 - self._theta) * self._x + self._sigma(step) * drawn
        return self._x

    def rate(self, step: int) -> Array:
        return np.full(len(self._x), self._sigma(step))

    def observe(self, last: Array) -> None:
        self._x[last] = 0.0

    def state_dict(self) -> State:
        return {**self._streams.state_dict(), "x": self._x.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._streams.load_state_dict(state)
        restore_into(self._x, state["x"], "the noise")


def gaussian(
    spec: Spec,
    seeds: Sequence[int],
    horizon: int,
    *,
    start: float,
    end: float | None,
    fraction: float,
) -> OrnsteinUhlenbeck:
    """Independent noise whose standard deviation may fall in a straight line.

    Raises ValueError where a value is out of range.
    """
    return OrnsteinUhlenbeck(spec, seeds, 1.0, _line(start, end, fraction, horizon))


def ornstein_uhlenbeck(
    spec: Spec,
    seeds: Sequence[int],
    horizon: int,
    *,
    theta: float,
    start: float,
    end: float | None,
    fraction: float,
) -> OrnsteinUhlenbeck:
    """Noise that drifts: what sigma draws is forgotten by theta a step.

    Raises ValueError where a value is out of range.
    """
    positive(theta=theta)
    if theta > 1:
        raise ValueError(f"theta must be at most 1, got {theta}")
    return OrnsteinUhlenbeck(spec, seeds, theta, _line(start, end, fraction, horizon))


def _line(start: float, end: float | None, fraction: float, horizon: int) -> Schedule:
    at_least(0, start=start, end=end)
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must lie between 0 and 1, got {fraction}")
    return Linear(start, start if end is None else end, fraction * horizon)
