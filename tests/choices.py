"""A small environment with several choices at once, to be named ``tests.choices:Choices-v0``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.types import Array


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


gym.register("Choices-v0", "tests.choices:Choices")
