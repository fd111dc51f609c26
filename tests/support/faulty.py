"""An environment in which something goes wrong: `env=tests.support.faulty:Faulty-v0`."""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces

from rlrun.core.types import Array


def _end_process(how: str) -> None:
    match how:
        case "dies":
            os._exit(9)
        case "exits":
            sys.exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "uses up the memory":
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, most))
            np.ones(2**31)


MENDED = "mended"  # a file in the working directory: nothing is wrong any more


class Faulty(gym.Env[Array, Any]):
    """Pays 1 for 20 steps; from the step ``at`` of its second episode on, something is wrong.

    Args:
        what: goes wrong.
        victim: the first seed it must have been reset with; None: always.
        at: the step.
    """

    def __init__(self, what: str = "", victim: int | None = None, at: int = 3) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._what, self._victim, self._at = what, victim, at
        self._first: int | None = None
        self._episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._first = seed if self._first is None else self._first
        self._episodes += 1
        self._time = 0
        return self._see(), {}

    def _see(self) -> Array:
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)

    def step(self, action: Any) -> Any:
        self._time += 1
        obs, reward = self._see(), 1.0
        hit = self._victim is None or self._victim == self._first
        hit = hit and not Path(MENDED).exists()
        if hit and self._episodes > 1 and self._time >= self._at:
            match self._what:
                case "raises":
                    raise ArithmeticError("the wheel came off")
                case "nan reward":
                    reward = np.nan
                case "infinite reward":
                    reward = np.inf
                case "nan observation":
                    obs[1] = np.nan
                case "huge reward":
                    reward = 1e30
                case "wrong shape":
                    obs = np.zeros(3, np.float32)
                case "hangs":
                    time.sleep(3600)
                case other:
                    _end_process(other)
        return obs, reward, False, self._time >= 20, {}


class Forgetful(gym.Env[Array, Any]):
    """What it shows after a reset depends on how often it was reset: no episode can come back."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0.0, 1e6, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._resets = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._resets += 1
        return np.array([self._resets], np.float32), {}

    def step(self, action: Any) -> Any:
        over = self.np_random.random() < 0.05
        return np.array([self._resets], np.float32), 1.0, over, False, {}


class Unseeded(gym.Env[Array, Any]):
    """What it shows is drawn from ``source``, and not from the generator that a reset seeds.

    Args:
        source: the name of a global generator, or "own": one that nobody seeds.
        at: "reset", "step" or "make": when something is drawn; never elsewhere.
    """

    def __init__(self, source: str = "np.random", at: str = "step") -> None:
        self.observation_space = spaces.Box(0.0, 1.0, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._at, own = at, np.random.default_rng()
        sources: dict[str, Callable[[], float]] = {
            "np.random": lambda: np.random.random(),
            "random": random.random,
            "torch": lambda: torch.rand(()).item(),
            "own": lambda: own.random(),
        }
        self._draw = sources[source]
        self._made = self._draw() if at == "make" else 0.5

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._time = 0
        return self._see("reset"), {}

    def step(self, action: Any) -> Any:
        self._time += 1
        obs = self._see("step")
        return obs, float(obs[0]), False, self._time >= 20, {}

    def _see(self, now: str) -> Array:
        return np.array([self._draw() if now == self._at else self._made], np.float32)


gym.register("Faulty-v0", "tests.support.faulty:Faulty")
gym.register("Forgetful-v0", "tests.support.faulty:Forgetful")
gym.register("Unseeded-v0", "tests.support.faulty:Unseeded")
