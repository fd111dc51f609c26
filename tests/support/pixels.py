"""Environments of images and grids, for tests: ``env=tests.support.pixels:Film-v0``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array


class Film(gym.Env[Array, Any]):
    """Random pictures; episodes of about seven steps that terminate or are cut off."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0, 255, (36, 40, 1), np.uint8)
        self.action_space = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self._see(), {}

    def _see(self) -> Array:
        return self.np_random.integers(0, 256, self.observation_space.shape, np.uint8)

    def step(self, action: Any) -> Any:
        coin = self.np_random.random()
        return self._see(), float(action), coin < 0.1, 0.1 < coin < 0.15, {}


class Grid(Film):
    """Random grids of small numbers, other ones in each channel, instead of pictures."""

    LOW, HIGH = np.array([0, -1, 0]), np.array([10, 1, 1])

    def __init__(self) -> None:
        super().__init__()
        low, high = (np.broadcast_to(each, (5, 7, 3)) for each in (self.LOW, self.HIGH))
        self.observation_space = spaces.Box(low, high, dtype=np.int8)

    def _see(self) -> Array:
        shape = self.observation_space.shape
        return self.np_random.integers(self.LOW, self.HIGH + 1, shape, np.int8)


gym.register("Film-v0", "tests.support.pixels:Film")
gym.register("Grid-v0", "tests.support.pixels:Grid")
