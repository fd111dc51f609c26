"""Noise on continuous actions, which are in [-1, 1]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rlrun.core.fields import Fraction, NonNegative, PerRow, Share
from rlrun.core.restore import restore_into
from rlrun.core.rng import Normals, Purpose
from rlrun.core.rows import Number, column
from rlrun.core.schedules import Linear, Schedule
from rlrun.core.types import Array, Spec, State


class ActionNoise(Protocol):
    """Noise that is added to actions while learning (a structural protocol)."""

    def __call__(self, step: int) -> Array:
        """Return the next noise, ``[seed, env, ...]``."""
        ...

    def rate(self, step: int) -> Array:
        """Return the current standard deviation of the random draws, ``[seed]``."""
        ...

    def observe(self, last: Array) -> None:
        """Reset the noise of the environments whose episodes ended, ``[seed, env]``."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class OrnsteinUhlenbeck:
    """The process x ← x - theta x + sigma N(0, 1), from 0 in each episode (Lillicrap et al. 2016).

    With theta 1 it is independent Gaussian noise.
    """

    def __init__(self, spec: Spec, seeds: Sequence[int], theta: Number, sigma: Schedule) -> None:
        self._sigma, self._streams = sigma, Normals(seeds, Purpose.EXPLORE)
        self._x = np.zeros((len(seeds), spec.num_envs, *spec.action.shape))
        self._theta = column(theta, self._x.ndim)

    def __call__(self, step: int) -> Array:
        normal = self._streams.normal(self._x[0].size).reshape(self._x.shape)
        self._x = (1.0 - self._theta) * self._x + column(self._sigma(step), self._x.ndim) * normal
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


@dataclass(frozen=True, kw_only=True)
class GaussianSettings:
    """Gaussian noise on continuous actions, independent at each step."""

    start: PerRow[NonNegative] = 0.1
    """Standard deviation at the start; actions go from -1 to 1."""
    end: PerRow[NonNegative | None] = None
    """Its value after that fraction of the run, reached linearly (null: constant)."""
    fraction: PerRow[Fraction] = 1.0
    """Fraction of the run until the end value is reached."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int) -> OrnsteinUhlenbeck:
        """Return the noise of these seeds in a run of ``horizon`` steps."""
        return OrnsteinUhlenbeck(spec, seeds, 1.0, self.schedule(horizon))

    def schedule(self, horizon: int) -> Schedule:
        """Return the standard deviation by step, in a run of ``horizon`` steps."""
        end = self.start if self.end is None else self.end
        return Linear(self.start, end, self.fraction * horizon)


@dataclass(frozen=True, kw_only=True)
class OrnsteinUhlenbeckSettings(GaussianSettings):
    """Ornstein-Uhlenbeck noise on continuous actions: x ← x - theta x + sigma N(0, 1)."""

    theta: PerRow[Share] = 0.15
    """Fraction of x that decays in a step."""
    start: PerRow[NonNegative] = 0.2
    """Sigma at the start; actions go from -1 to 1."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int) -> OrnsteinUhlenbeck:
        """Return the noise of these seeds in a run of ``horizon`` steps."""
        return OrnsteinUhlenbeck(spec, seeds, self.theta, self.schedule(horizon))
