"""An environment that shows which episodes are played: tests.support.numbered:Numbered-v0."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array


class Numbered(gym.Env[Array, Any]):
    """Episodes of one step, whose reward is the number that the episode was reset with."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._number = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._number = self._number if seed is None else seed
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(1, np.float32), float(self._number), True, False, {}


gym.register("Numbered-v0", "tests.support.numbered:Numbered")
