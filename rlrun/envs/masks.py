"""Masks of legal actions: which environments have them, and the check of each mask.

An environment has masks if its infos have an ``action_mask``, as in Gymnasium's Taxi, or if it has
a method ``action_masks``, as sb3-contrib asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.conform import NotInSpace, short

KEY = "action_mask"
METHOD = "action_masks"


def has_masks(env: gym.Env[Any, Any], info: Mapping[str, Any]) -> bool:
    """Return whether an environment with discrete actions, whose reset gave ``info``, has masks."""
    if not isinstance(env.action_space, spaces.Discrete | spaces.MultiDiscrete):
        return False
    return KEY in info or callable(_method(env))


def _method(env: gym.Env[Any, Any]) -> Callable[[], Any] | None:
    return env.get_wrapper_attr(METHOD) if env.has_wrapper_attr(METHOD) else None


class Masked(gym.Wrapper[Any, Any, Any, Any]):
    """An environment whose infos have, as ``action_mask``, one checked array of bool ``[choice]``.

    With actions of several parts, the choices of all parts follow one another. After a termination
    all actions are legal: no action follows, and no value may depend on it.

    Raises:
        NotInSpace: at a reset or a step, if the mask is missing, or of another shape or type than
            the actions, or no action is legal.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self._parts = parts_of(env.action_space)
        self._method = _method(env)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**kwargs)
        return obs, {KEY: self._mask(info)}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        if terminated:
            mask: Array = np.ones(sum(self._parts), np.bool_)
        else:
            mask = self._mask(info)
        return obs, reward, terminated, truncated, {KEY: mask}

    def _mask(self, info: Mapping[str, Any]) -> Array:
        if KEY in info:
            return checked(info[KEY], self._parts, f'info["{KEY}"]')
        if self._method is None:
            raise NotInSpace(f'info["{KEY}"] is missing, although its first reset gave one')
        return checked(self._method(), self._parts, f"{METHOD}()")


def no_masks(num_envs: int, space: gym.Space[Any]) -> Array:
    """Return masks ``[env, choice]`` in which everything is legal."""
    return np.ones((num_envs, sum(parts_of(space))), np.bool_)


def parts_of(space: gym.Space[Any]) -> list[int]:
    """Return the number of choices of each part of an action."""
    if isinstance(space, spaces.Discrete):
        return [int(space.n)]
    assert isinstance(space, spaces.MultiDiscrete)
    sizes: list[int] = space.nvec.ravel().tolist()
    return sizes


def legal_choice(numbers: Sequence[int], mask: Array, parts: Sequence[int]) -> list[int]:
    """Return ``numbers``, the choices of each part of an action from 0, with legal ones instead.

    ``mask`` is bool ``[choice]``.
    """
    chosen = []
    for number, legal in zip(numbers, np.split(mask, np.cumsum(parts)[:-1]), strict=True):
        candidates = np.flatnonzero(legal).tolist()
        chosen.append(number if legal[number] else candidates[number % len(candidates)])
    return chosen


def legal_sample(space: gym.Space[Any], mask: Array) -> Any:
    """Return the first legal action of a discrete space; ``mask`` is bool ``[choice]``."""
    parts = parts_of(space)
    numbers = np.array(legal_choice([0] * len(parts), mask, parts))
    if isinstance(space, spaces.Discrete):
        return space.start + numbers[0]
    assert isinstance(space, spaces.MultiDiscrete)
    return space.start + numbers.reshape(space.shape)


def checked(raw: Any, parts: Sequence[int], name: str) -> Array:
    """Return a mask as bool ``[choice]``; that of several parts may be a tuple of their masks.

    ``name`` is where it is from, for messages. Raises NotInSpace if it is not a mask of these
    parts, or if a part of it has no legal choice.
    """
    size = sum(parts)
    try:
        mask = np.concatenate(raw) if isinstance(raw, tuple) else np.asarray(raw)
    except ValueError:  # several lengths
        mask = np.array(None)
    if mask.shape != (size,) or mask.dtype.kind not in "biuf":
        raise NotInSpace(f"{name} is {short(raw)}, but must be a mask of {size} numbers")
    legal: Array = mask.astype(np.bool_)
    if (legal != mask).any():
        raise NotInSpace(f"{name} is {short(raw)}, but a mask has only the numbers 0 and 1")
    if not np.logical_or.reduceat(legal, np.cumsum([0, *parts[:-1]])).all():
        raise NotInSpace(
            f"{name} is {short(raw)}: no action is legal, but the episode has not terminated"
        )
    return legal
