"""Environments with goals: ``env=tests.support.goals:Place-v0``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array

NEAR = 0.15


class Place(gym.Env[Any, Any]):
    """A point in a square, moved by up to 0.2 in each step, which is to get near another point.

    The goals are whole arrays of 1 x 2 numbers. The interface is that of gymnasium-robotics.
    """

    def __init__(self) -> None:
        goal = spaces.Box(-1, 1, (1, 2), np.float64)
        own = spaces.Box(-np.inf, np.inf, (3,), np.float64)
        self.observation_space = spaces.Dict(observation=own, desired_goal=goal, achieved_goal=goal)
        self.action_space = spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._place, self._goal = self.np_random.uniform(-1, 1, (2, 1, 2))
        self._time = 0
        return self._observe(), {}

    def step(self, action: Array) -> Any:
        self._place = np.clip(self._place + 0.2 * action, -1, 1)
        self._time += 1
        reward = self.compute_reward(self._place, self._goal, {"reward": -1.0})
        return self._observe(), float(reward), self._ended(), False, {}

    def _ended(self) -> bool:
        return False

    def _observe(self) -> Any:
        own = np.array([*self._place[0], self._time])
        return {
            "observation": own,
            "achieved_goal": self._place.copy(),
            "desired_goal": self._goal.copy(),
        }

    def compute_reward(self, achieved: Array, desired: Array, info: Any) -> Any:
        return -(np.linalg.norm(achieved - desired, axis=(-1, -2)) > NEAR).astype(np.float32)


class OneByOne(Place):
    """Its functions take single goals; near the goal the episode ends."""

    def compute_reward(self, achieved: Array, desired: Array, info: Any) -> float:
        assert achieved.shape == (1, 2)
        (x, y), (u, v) = achieved[0].tolist(), desired[0].tolist()
        return -float((x - u) ** 2 + (y - v) ** 2 > NEAR**2)

    def compute_terminated(self, achieved: Array, desired: Array, info: Any) -> bool:
        return bool(np.linalg.norm(achieved - desired) <= NEAR)

    def _ended(self) -> bool:
        return self.compute_terminated(self._place, self._goal, {})


class Broken(Place):
    """Its function needs an info that a replay does not have."""

    def compute_reward(self, achieved: Array, desired: Array, info: Any) -> Any:
        return info["reward"]


class Signs(gym.Env[Any, Any]):
    """All parts are discrete: the goal is two signs, the observation a number from 2 to 4."""

    def __init__(self) -> None:
        signs = spaces.MultiBinary(2)
        own = spaces.Discrete(3, start=2)
        self.observation_space = spaces.Dict(
            {"desired_goal": signs, "observation": own, "achieved_goal": signs}
        )
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._signs, self._goal = self.np_random.integers(0, 2, (2, 2)).astype(np.int8)
        return self._observe(), {}

    def step(self, action: Any) -> Any:
        self._signs = self._signs.copy()
        self._signs[action] ^= 1
        return self._observe(), self.compute_reward(self._signs, self._goal, {}), False, False, {}

    def _observe(self) -> Any:
        own = 2 + int(self._signs.sum())
        return {
            "observation": own,
            "achieved_goal": self._signs.copy(),
            "desired_goal": self._goal.copy(),
        }

    def compute_reward(self, achieved: Array, desired: Array, info: Any) -> Any:
        assert achieved.dtype == desired.dtype == np.int8
        return (achieved == desired).sum(-1) * 1.0


for _name in ("Place", "OneByOne", "Broken", "Signs"):
    gym.register(f"{_name}-v0", f"tests.support.goals:{_name}", max_episode_steps=12)
