"""A small environment with several choices at once: ``env=tests.support.choices:Choices-v0``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array


class Choices(gym.Env[Array, Any]):
    """Reward 1 for each part of the action that is as asked for; episodes of about ten steps."""

    def __init__(self, sizes: tuple[int, ...] = (3, 2, 4)) -> None:
        self._sizes = np.array(sizes)
        self.action_space = spaces.MultiDiscrete(list(sizes))
        self.observation_space = spaces.Box(0, max(sizes), (len(sizes),), np.float32)
        self._wanted = np.zeros(len(sizes), np.int64)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self._ask(), {}

    def step(self, action: Any) -> Any:
        reward = float((np.asarray(action) == self._wanted).sum())
        coin = self.np_random.random()
        return self._ask(), reward, coin < 0.07, 0.07 < coin < 0.1, {}

    def _ask(self) -> Array:
        self._wanted = self.np_random.integers(self._sizes)
        return self._wanted.astype(np.float32)


gym.register("Choices-v0", "tests.support.choices:Choices")


class Aim(gym.Env[Array, Any]):
    """One step, two numbers to choose: the reward is highest at half of what is seen, and at -1/4.

    They lie between 0 and 4, so that the numbers -1 to 1 of an agent have to be scaled.
    """

    def __init__(self) -> None:
        self.action_space = spaces.Box(0.0, 4.0, (2,), np.float32)
        self.observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self._obs = 0.0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._obs = float(self.np_random.choice([-1.0, 1.0]))
        return np.array([self._obs], np.float32), {}

    def step(self, action: Any) -> Any:
        error = action / 2 - 1 - np.array([0.5 * self._obs, -0.25])
        return np.array([self._obs], np.float32), -float((error * error).sum()), True, False, {}


gym.register("Aim-v0", "tests.support.choices:Aim")
