"""Gymnasium's spaces and rlrun's: what agents see is float vectors, numbers or images."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation

from rlrun.types import Array, Space


def adapt(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """The environment with compound observations flattened to one vector.

    Raises ValueError where that is impossible.
    """
    space = env.observation_space
    if isinstance(space, spaces.Box | spaces.Discrete):
        return env
    if not space.is_np_flattenable:
        raise ValueError(f"observations of the kind {type(space).__name__} are not supported")
    return FlattenObservation(env)


class ObsMap:
    """From a batch of Gymnasium's observations to ours, always copied.

    Discrete observations are numbers from 0. Other Box observations than images (uint8 with two
    or three axes) are float32 vectors.
    """

    def __init__(self, space: gym.Space[Any]) -> None:
        self._start = 0
        self._dtype: type[np.generic] = np.float32
        if isinstance(space, spaces.Discrete):
            self.space = Space("discrete", (), (int(space.n),))
            self._start, self._dtype = int(space.start), np.int64
        elif isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) > 1:
            self.space = Space("image", space.shape)
            self._dtype = np.uint8
        elif isinstance(space, spaces.Box):
            self.space = Space("vector", (int(np.prod(space.shape)),))
        else:
            raise ValueError(f"observations of the kind {type(space).__name__} are not supported")

    def __call__(self, raw: Any) -> Array:
        obs = np.array(raw, self._dtype).reshape(len(raw), *self.space.shape)
        return obs - self._start if self._start else obs


class ActionMap:
    """From our actions to Gymnasium's: numbers from 0, or values in [-1, 1] scaled to the Box."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self._box = False
        self._start: Array | int = 0
        if isinstance(space, spaces.Discrete):
            self.space = Space("discrete", (), (int(space.n),))
            self._start = int(space.start)
        elif isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
            self.space = Space("multi_discrete", space.shape, tuple(int(n) for n in space.nvec))
            self._start = space.start
        elif isinstance(space, spaces.MultiBinary) and len(space.shape) == 1:
            self.space = Space("multi_discrete", space.shape, (2,) * space.shape[0])
        elif isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
            if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
                raise ValueError("continuous actions without finite bounds are not supported")
            self.space = Space("vector", space.shape)
            self._box, self._dtype = True, space.dtype
            self._low, self._high = space.low.astype(np.float64), space.high.astype(np.float64)
        else:
            raise ValueError(f"actions of the kind {space} are not supported")

    def __call__(self, action: Array) -> Array:
        if self._box:
            share = (np.clip(action, -1.0, 1.0) + 1.0) / 2.0
            scaled = self._low + share * (self._high - self._low)
            return np.clip(scaled, self._low, self._high).astype(self._dtype)
        return action + self._start
