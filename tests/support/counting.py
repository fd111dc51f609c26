"""Environments whose observations say where they are, to follow what agents are shown."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from rlrun.core.types import Array


class Counting(gym.Env[Array, Any]):
    """Observes its seed and ten times the step, which is the reward; three steps an episode."""

    action_space: gym.Space[Any] = gym.spaces.Discrete(3)
    observation_space: gym.Space[Any] = gym.spaces.Box(0, 1e12, (2,), np.float64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self._seed, self._time = (seed or 0) % 1000, 0
        return self._obs(), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        self._time += 1
        return self._obs(), float(self._time), self._time == 3, False, {}

    def _obs(self) -> Array:
        return np.array([self._seed, 10.0 * self._time])


class Steering(Counting):
    """With a continuous action."""

    action_space = gym.spaces.Box(np.array([0.0, -4.0]), np.array([10.0, 4.0]), dtype=np.float64)


class Switching(Counting):
    """With an action of two parts."""

    action_space = gym.spaces.MultiDiscrete([2, 3], start=[0, 5])
