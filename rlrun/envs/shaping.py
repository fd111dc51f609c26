"""Reward shaping: functions of a transition whose results agents learn from instead of rewards."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from rlrun.core.errors import BadInput, did_you_mean
from rlrun.core.types import Array
from rlrun.envs.model import unwrapped

POLE_LIMIT = math.radians(12)  # the angle at which CartPole's episodes end


class Transition(NamedTuple):
    """A vector step, with observations as the environments return them: never scaled."""

    obs: Array
    """``[seed, env, ...]``."""
    action: Array
    """``[seed, env, ...]``; continuous ones are in [-1, 1]."""
    reward: Array
    """``[seed, env]``, the true rewards."""
    next_obs: Array
    """``[seed, env, ...]``; of the last step of an episode, the true last observations."""


@dataclass(frozen=True)
class Shaping:
    """A shaping function, an option of the setting ``env.shaping``."""

    reward: Callable[[Transition], Array]
    """Returns new rewards to learn from, ``[seed, env]``, element by element."""
    fits: Callable[[gym.Env[Any, Any]], bool]
    """Whether it can be used with this environment, which has no wrappers."""
    needs: str
    """The environments that it fits, for messages."""


def _pole_angle(t: Transition) -> Array:
    """Return the rewards less |angle| / limit, with CartPole's angle after the step."""
    shaped: Array = t.reward - np.abs(t.next_obs[..., 2].astype(np.float64)) / POLE_LIMIT
    return shaped


SHAPING: dict[str, Shaping] = {
    "pole_angle": Shaping(
        _pole_angle,
        lambda env: isinstance(env, CartPoleEnv),
        "CartPole, whose observations have the angle of a pole",
    ),
}
"""The shaping functions by name.

``pole_angle`` is the reward minus the angle of the pole as a share of the largest one, a penalty as
in A. Géron, "Hands-On Machine Learning". It is not based on a potential (Ng, Harada and Russell
1999), so it may change which policies are optimal.
"""


def shaping_named(name: str) -> Shaping:
    """Return the shaping function with a name. Raises BadInput if there is none."""
    if name not in SHAPING:
        known, hint = ", ".join(SHAPING), did_you_mean(name, SHAPING)
        key = "env.shaping"
        raise BadInput(f"{key}={name}: there is no such function.{hint} There is: {known}.", key)
    return SHAPING[name]


def check_fit(name: str, env: gym.Env[Any, Any] | None, *, has_model: bool) -> None:
    """Raise ValueError if the environment does not fit a shaping function.

    Args:
        name: the name of the function.
        env: the environment; None for an Atari game.
        has_model: whether it is a table.
    """
    shaping, bare = shaping_named(name), None if env is None else unwrapped(env)
    if has_model:
        raise ValueError(
            f"env.shaping={name} does not apply to environments with a model, whose rewards are "
            "those of the model: write env.shaping=null"
        )
    if bare is None or not shaping.fits(bare):
        raise ValueError(
            f"env.shaping={name} only applies to {shaping.needs}: write env.shaping=null"
        )
