"""Environments whose observations, rewards, spaces or registration are unusual or wrong.

`env=tests.support.deviant:Deviant-v0 env.kwargs.case=below`
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

LARGEST = np.finfo(np.float64).max


class Case(NamedTuple):
    """A space of observations, one of it that is right, and one that is not."""

    space: gym.Space[Any]
    right: Any
    wrong: Any


PAIR = spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Box(-1, 1, (2,), np.float32)})
CASES = {
    "below": Case(spaces.Discrete(2), 1, -1),
    "above": Case(spaces.Discrete(3), np.int64(2), 3),
    "below its start": Case(spaces.Discrete(3, start=5), 5, 4),
    "component": Case(spaces.MultiDiscrete([2, 4]), np.array([1, 3]), np.array([0, 4])),
    "bits": Case(spaces.MultiBinary(2), np.array([1, 0], np.int8), np.array([1, 2], np.int8)),
    "part": Case(spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3))), (1, 2), (1, -2)),
    "one": Case(spaces.Box(-1, 1, (2,), np.float32), np.full(2, 0.5, np.float32), np.zeros(1)),
    "scalar": Case(spaces.Box(-1, 1, (2,), np.float32), np.full(2, 0.5, np.float32), 0.25),
    "row": Case(spaces.Box(-1, 1, (2,), np.float32), [0.5, 0.5], np.zeros((1, 2), np.float32)),
    "two for a number": Case(spaces.Discrete(2), 1, np.array([1, 1])),
    "unit image": Case(
        spaces.Box(0, 255, (4, 4), np.uint8), np.full((4, 4), 7), np.full((4, 4), 0.5)
    ),
    "bright": Case(spaces.Box(0, 255, (2,), np.uint8), [0, 255], np.array([0, 300])),
    "negative": Case(spaces.Box(0, 255, (2,), np.uint8), [0.0, 255.0], np.array([-1, 0])),
    "fraction": Case(spaces.Discrete(3), 1.0, 1.7),
    "nan number": Case(spaces.Discrete(3), True, np.nan),
    "too large number": Case(spaces.Discrete(3), 1, 2**70),
    "word": Case(spaces.Discrete(3), 1, "one"),
    "too large": Case(spaces.Box(-1, 1, (2,), np.float32), [1.0, 0.5], np.array([0.5, 1e39])),
    "too large for us": Case(spaces.Box(-1, 1, (2,), np.float64), [1.0, 0.5], [0.5, 1e39]),
    "one hot": Case(PAIR, {"a": 1, "b": np.zeros(2)}, {"a": -1, "b": np.zeros(2)}),
    "stretched field": Case(PAIR, {"a": 1, "b": [1.0, 0.5]}, {"a": 1, "b": np.zeros((1, 2))}),
    "missing field": Case(PAIR, {"a": 1, "b": [1.0, 0.5]}, {"a": 1}),
    "large field": Case(PAIR, {"a": 1, "b": [1.0, 0.5]}, {"a": 1, "b": [0.5, 1e39]}),
}


class Deviant(gym.Env[Any, Any]):
    """Pays 1 for two steps; what it observes is wrong from its fourth reset on.

    Args:
        case: the name of the space and of what is observed.
        victim: the first seed it must have been reset with; None: always.
        resets: how many are right.
    """

    def __init__(self, case: str, victim: int | None = None, resets: int = 3) -> None:
        self._case = CASES[case]
        self.observation_space, self.action_space = self._case.space, spaces.Discrete(2)
        self._victim, self._resets = victim, resets
        self._first: int | None = None
        self._episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self._first = seed if self._first is None else self._first
        self._episodes += 1
        self._time = 0
        return self._see(), {}

    def _see(self) -> Any:
        hit = self._victim is None or self._victim == self._first
        return self._case.wrong if hit and self._episodes > self._resets else self._case.right

    def step(self, action: Any) -> Any:
        self._time += 1
        return self._see(), 1.0, False, self._time >= 2, {}


class Mission(gym.Space[str]):
    """Texts in a space of somebody's own, as MiniGrid has them."""

    def __init__(self) -> None:
        super().__init__(None, str)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        return "get to the green goal square"

    def contains(self, x: Any) -> bool:
        return isinstance(x, str)


WITH_TEXT: dict[str, tuple[gym.Space[Any], Any]] = {
    "grid": (
        spaces.Dict(
            {
                "direction": spaces.Discrete(4),
                "image": spaces.Box(0, 255, (2, 2), np.uint8),
                "mission": Mission(),
            }
        ),
        {"direction": 1, "image": np.array([[1, 2], [3, 4]], np.uint8), "mission": "go"},
    ),
    "tuple": (spaces.Tuple((Mission(), spaces.Discrete(3))), ("go", 2)),
    "text alone": (spaces.Dict({"mission": Mission()}), {"mission": "go"}),
    "text": (Mission(), "go"),
}


class WithText(gym.Env[Any, Any]):
    """Observes a text, and sometimes something besides."""

    def __init__(self, case: str) -> None:
        self.observation_space, self._obs = WITH_TEXT[case]
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return self._obs, {}

    def step(self, action: Any) -> Any:
        return self._obs, 1.0, True, False, {}


class Unusual(gym.Env[Any, Any]):
    """One thing about it is not as an agent needs it."""

    def __init__(self, case: str) -> None:
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._case = case
        match case:
            case "empty":
                self.observation_space = spaces.Box(-1, 1, (0,), np.float32)
            case "many observations":
                self.observation_space = spaces.Discrete(2**62)
            case "many actions":
                self.action_space = spaces.Discrete(2**62)
            case "wide actions":
                self.action_space = spaces.Box(-LARGEST, LARGEST, (1,), np.float64)
            case "wide observations":
                self.observation_space = spaces.Box(-LARGEST, LARGEST, (1,), np.float64)

    def _see(self) -> Any:
        if isinstance(self.observation_space, spaces.Discrete):
            return 0
        return np.zeros(self.observation_space.shape, self.observation_space.dtype)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return self._see(), {}

    def step(self, action: Any) -> Any:
        reward: Any = 1.0
        match self._case:
            case "reward array":
                reward = np.ones(1)
            case "no reward":
                reward = None
            case "prints":
                raise UnicodeEncodeError("ascii", "naïve", 2, 3, "ordinal not in range(128)")
        return self._see(), reward, True, False, {}


def register_all() -> None:
    """As MinAtar: importing the package registers nothing of this."""
    gym.register("Later-v0", "tests.support.deviant:Deviant", kwargs={"case": "below"})


gym.register("Deviant-v0", "tests.support.deviant:Deviant")
gym.register("WithText-v0", "tests.support.deviant:WithText")
gym.register("Unusual-v0", "tests.support.deviant:Unusual")
