"""Environments with known values: the one that a learner fails shows which part is wrong."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array

Reset = tuple[Array, dict[str, Any]]
Result = tuple[Array, float, bool, bool, dict[str, Any]]


class _Probe(gym.Env[Array, Any]):
    """An environment with one number, `_obs`, as observation, and two actions."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._obs = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        super().reset(seed=seed)
        self._obs = 0.0
        return self._observe(), {}

    def _coin(self) -> float:
        return 1.0 if self.np_random.random() < 0.5 else -1.0

    def _observe(self) -> Array:
        return np.array([self._obs], np.float32)

    def _end(self, reward: float) -> Result:
        return self._observe(), reward, True, False, {}


class Constant(_Probe):
    """One step, reward 1: every value is 1. Fails if the loss or the optimizer is wrong."""

    def step(self, action: Any) -> Result:
        return self._end(1.0)


class Observation(_Probe):
    """One step, reward ±1 as observed: values are ±1. Fails if the observation is lost."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        super().reset(seed=seed)
        self._obs = self._coin()
        return self._observe(), {}

    def step(self, action: Any) -> Result:
        return self._end(self._obs)


class Delay(_Probe):
    """Two steps, reward 1 at the second: values are gamma, then 1. Fails if discounting does."""

    def step(self, action: Any) -> Result:
        if self._obs == 1.0:
            return self._end(1.0)
        self._obs = 1.0
        return self._observe(), 0.0, False, False, {}


class Choice(_Probe):
    """One step, reward 1 for action 1 and -1 for action 0. Fails if actions are mixed up."""

    def step(self, action: Any) -> Result:
        return self._end(1.0 if action == 1 else -1.0)


class Match(Observation):
    """One step, reward 1 for the action that matches the observed sign, else -1."""

    def step(self, action: Any) -> Result:
        return self._end(1.0 if (action == 1) == (self._obs > 0) else -1.0)


class PixelMatch(Match):
    """Match, with the sign as an image: its right half is bright, or its left one.

    Fails if convolutions lose or mix up pixels.
    """

    SIDE = 12

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(0, 255, (self.SIDE, self.SIDE, 1), np.uint8)

    def _observe(self) -> Array:
        picture = np.zeros((self.SIDE, self.SIDE, 1), np.uint8)
        half = self.SIDE // 2
        picture[:, half:] = 255 * (self._obs > 0)
        picture[:, :half] = 255 * (self._obs < 0)
        return picture


class Endless(_Probe):
    """Reward 1 in every step, truncated after 10, never terminated: the value is 1/(1 - gamma).

    Fails if truncation is treated as termination: the value is then at most the sum of the
    remaining rewards. As in most environments with a limit, the time is not observed.
    """

    LIMIT = 10

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        self._time = 0
        return super().reset(seed=seed)

    def step(self, action: Any) -> Result:
        self._time += 1
        return self._observe(), 1.0, False, self._time >= self.LIMIT, {}
