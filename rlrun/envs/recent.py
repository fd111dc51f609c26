"""Vectors with the recent past: stacks of observations, the last action, the last reward."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.conform import Conform, one_number
from rlrun.envs.masks import parts_of


class Last(NamedTuple):
    """What is appended to each vector: the settings ``env.last_action`` and ``env.last_reward``."""

    action: bool = False
    reward: bool = False


NOTHING = Last()


class Recent:
    """Combines the recent observations of an episode to one vector.

    A frame is an observation, the action that led to it and the reward for that action, if they are
    asked for. Discrete actions are one-hot, continuous ones scaled from their bounds to [-1, 1];
    the first frame of an episode has zeros for both. The vector is the last frames, the oldest
    first; before the episode's start they are its first one, as in Gymnasium's
    ``FrameStackObservation``.

    Args:
        observed: the space of one observation.
        acted: the space of the environment's own actions.
        frames: the number of frames.
        last: what a frame has besides the observation.
    """

    def __init__(
        self, observed: spaces.Box, acted: gym.Space[Any], frames: int, last: Last
    ) -> None:
        self.frames, self._last = frames, last
        low, high = [observed.low.ravel()], [observed.high.ravel()]
        if last.action:
            self._encode, of_actions = _encoder(acted)
            self._no_action = np.zeros(len(of_actions))
            low.append(of_actions)
            high.append(np.ones(len(of_actions)))
        if last.reward:
            low.append(np.array([-np.inf]))
            high.append(np.array([np.inf]))
        dtype: Any = np.result_type(observed.dtype, np.float32)
        least, largest = (np.tile(np.concatenate(each), frames) for each in (low, high))
        self.space = spaces.Box(least.astype(dtype), largest.astype(dtype), dtype=dtype)

    def frame(self, obs: Array, action: Any, reward: float) -> Array:
        """Return a frame ``[number]``; ``action`` is None at the start of an episode."""
        parts = [obs.ravel()]
        if self._last.action:
            parts.append(self._no_action if action is None else self._encode(action))
        if self._last.reward:
            parts.append(np.array([one_number(reward)]))
        with np.errstate(over="ignore"):  # a reward too large for float32 is infinite
            return np.concatenate(parts).astype(self.space.dtype)

    def joined(self, frames: Sequence[Array]) -> Array:
        """Return the vector of an episode's last frames; at its start there are fewer."""
        return np.concatenate([*[frames[0]] * (self.frames - len(frames)), *frames])


class WithRecent(gym.Wrapper[Any, Any, Any, Any]):
    """An environment observed through `Recent`; its observations are vectors."""

    def __init__(self, env: gym.Env[Any, Any], frames: int, last: Last) -> None:
        super().__init__(env)
        assert isinstance(env.observation_space, spaces.Box)
        self.recent = Recent(env.observation_space, env.action_space, frames, last)
        self.observation_space = self.recent.space
        self._conform = Conform(env.observation_space)
        self._frames: deque[Array] = deque(maxlen=frames)

    def reset(self, **kwargs: Any) -> tuple[Array, dict[str, Any]]:
        obs, info = self.env.reset(**kwargs)
        self._frames.clear()
        return self._joined(obs, None, 0.0), info

    def step(self, action: Any) -> tuple[Array, Any, bool, bool, dict[str, Any]]:
        taken = np.array(action)  # the environment may modify it
        obs, reward, terminated, truncated, info = self.env.step(action)
        return self._joined(obs, taken, reward), reward, terminated, truncated, info

    def _joined(self, obs: Any, action: Any, reward: Any) -> Array:
        self._frames.append(self.recent.frame(np.asarray(self._conform(obs)), action, reward))
        return self.recent.joined(self._frames)


def _encoder(space: gym.Space[Any]) -> tuple[Callable[[Any], Array], Array]:
    """Return a function that encodes actions as numbers up to 1, and the least of each number."""
    if isinstance(space, spaces.Box):
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        return lambda action: ((action - low) / (high - low) * 2 - 1).ravel(), -np.ones(low.size)
    if isinstance(space, spaces.MultiBinary):
        return lambda action: np.asarray(action, np.float64).ravel(), np.zeros(space.shape)
    sizes, start = parts_of(space), getattr(space, "start", 0)
    offsets = np.cumsum([0, *sizes[:-1]])

    def one_hot(action: Any) -> Array:
        numbers = np.zeros(sum(sizes))
        numbers[offsets + np.ravel(action - start)] = 1
        return numbers

    return one_hot, np.zeros(sum(sizes))
