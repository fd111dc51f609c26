"""A combination lock: a table whose only reward follows a long sequence of right actions."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium import spaces

LENGTH = 20


class Lock(gym.Env[Any, Any]):
    """The right one of two actions leads to the next state, the other one back to the first.

    The right action of state s is s % 2. The episode ends, with reward 1, after the last state.
    """

    def __init__(self) -> None:
        self.observation_space = spaces.Discrete(LENGTH + 1)
        self.action_space = spaces.Discrete(2)
        self._state = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self._state = 0
        return 0, {}

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self._state = self._state + 1 if int(action) == self._state % 2 else 0
        opened = self._state == LENGTH
        return self._state, float(opened), opened, False, {}


gym.register("Lock-v0", "tests.support.lock:Lock", max_episode_steps=4 * LENGTH)
