"""Environments with continuous actions of every shape: ``env=tests.support.control:Reach-v0``.

The reward is minus the squared distance of the action, as the agent means it in [-1, 1], from what
is seen; an episode has one step, or about seven where it is long.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.games import probes

ACTION: spaces.Space[Any] = spaces.Box(-1, 1, (1,), np.float32)


class Reach(gym.Env[Array, Any]):
    """Actions of 2 x 3 numbers from 0 to 4, and three numbers to see: each row is to be these."""

    LOW, HIGH = 0.0, 4.0
    ACTION: tuple[int, ...] = (2, 3)

    def __init__(self, long: bool = True) -> None:
        self._long = long
        self.observation_space: spaces.Space[Any] = self._space()
        self.action_space = spaces.Box(self.LOW, self.HIGH, self.ACTION, np.float32)

    def _space(self) -> spaces.Space[Any]:
        return spaces.Box(-1, 1, (3,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self._see(), {}

    def _see(self) -> Any:
        self._aim: Any = self.np_random.uniform(-0.8, 0.8, 3).astype(np.float32)
        return self._aim

    def step(self, action: Any) -> Any:
        assert action.shape == self.ACTION
        share = 2 * (action - self.LOW) / (self.HIGH - self.LOW) - 1
        reward = -float(np.square(share - self._aim).mean())
        coin = self.np_random.random()
        return self._see(), reward, coin < 0.1 or not self._long, 0.1 < coin < 0.15, {}


class Turn(Reach):
    """A single number as an action, without axes, and four signs that tell which."""

    LOW, HIGH = -2.0, 2.0
    ACTION = ()

    def _space(self) -> spaces.Space[Any]:
        return spaces.Discrete(4)

    def _see(self) -> Any:
        sign = self.np_random.integers(4)
        self._aim = (-0.75, -0.25, 0.25, 0.75)[sign]
        return sign


class PixelReach(Reach):
    """One number to be as bright as the picture is."""

    ACTION = (1,)

    def _space(self) -> spaces.Space[Any]:
        return spaces.Box(0, 255, (36, 40, 1), np.uint8)

    def _see(self) -> Any:
        self._aim = self.np_random.uniform(-0.8, 0.8)
        return np.full((36, 40, 1), 127.5 * (1 + self._aim), np.uint8)


class GridReach(Reach):
    """One number to be as high as every cell's."""

    ACTION = (1,)

    def _space(self) -> spaces.Space[Any]:
        return spaces.Box(-5, 5, (4, 6), np.int8)

    def _see(self) -> Any:
        self._aim = self.np_random.integers(-4, 5) / 5
        return np.full((4, 6), round(5 * self._aim), np.int8)


class Delay(probes.Delay):
    """Two steps with an action of one number, reward 1 at the second."""

    def __init__(self) -> None:
        super().__init__()
        self.action_space = ACTION


class Endless(probes.Endless):
    """Reward 1 for ever, under a time limit, with an action of one number."""

    def __init__(self) -> None:
        super().__init__()
        self.action_space = ACTION


for _name in ("Reach", "Turn", "PixelReach", "GridReach", "Delay", "Endless"):
    gym.register(f"{_name}-v0", f"tests.support.control:{_name}")
