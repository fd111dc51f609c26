"""Wrappers that make one array of an environment's observations, as its agents get them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import FrameStackObservation, TransformObservation

from rlrun.envs.arrays import ObsChoice, blank, kind_of
from rlrun.envs.codes import OneHotCodes, shows_codes
from rlrun.envs.conform import Compound, Conform, can_flatten
from rlrun.envs.recent import NOTHING, Last, WithRecent


def adapt(
    env: gym.Env[Any, Any],
    frame_stack: int = 1,
    choice: ObsChoice | None = None,
    last: Last = NOTHING,
) -> gym.Env[Any, Any]:
    """Wrap the environment: compound observations become one array, several frames a stack.

    MiniGrid's become a grid (``rlrun.envs.codes``). Of others the array is a vector of numbers if
    all parts are discrete, else, or if ``choice`` is vector, one of floats; parts that are text are
    left out. Stacks of vectors are vectors, to which ``last`` appends the last action or reward.
    Raises ValueError if that is impossible.
    """
    env = OneHotCodes(env) if shows_codes(env) else env
    space = env.observation_space
    kind = kind_of(space, choice)
    past = frame_stack > 1 or any(last)
    if kind in ("image", "grid"):
        if not past:
            return env
        if any(last):
            raise ValueError(f"{_asked(1, last)} only applies to vectors: write env.obs=vector")
        if len(space.shape or ()) > 3:
            raise ValueError(
                f"{_asked(frame_stack, last)} only applies to single images or grids; its "
                "observations have several frames already"
            )
        padding: Any = "zero" if kind == "image" else blank(space, kind)
        frames = TransformObservation(env, Conform(space), space)
        return FrameStackObservation(frames, frame_stack, padding_type=padding)
    if kind is None and not (isinstance(space, spaces.Discrete) and choice != "vector"):
        env = _one_array(env, choice)
    if not past:
        return env
    if not isinstance(env.observation_space, spaces.Box):
        raise ValueError(
            f"{_asked(frame_stack, last)} does not apply to discrete observations: write "
            "env.obs=vector, which makes them one-hot"
        )
    return WithRecent(env, frame_stack, last)


def _asked(frame_stack: int, last: Last) -> str:
    """Return the settings that ask for the recent past, for messages."""
    words = [f"env.frame_stack={frame_stack}"] if frame_stack > 1 else []
    words += [f"env.last_{name}=true" for name, on in last._asdict().items() if on]
    return " with ".join(words)


def _one_array(env: gym.Env[Any, Any], choice: ObsChoice | None) -> gym.Env[Any, Any]:
    """Wrap an environment with compound or discrete observations, which become one array."""
    compound = Compound(env.observation_space)
    if not compound.leaves:
        names = " and ".join(compound.texts) or "an observation without parts"
        raise ValueError(f"{names} has no numbers to learn from, and nothing else is observed")
    for leaf in compound.leaves:
        if not can_flatten(leaf.space):
            where = f" ({leaf.name})" if leaf.path else ""
            name = type(leaf.space).__name__
            raise ValueError(f"observations of type {name}{where} are not supported")
    parts = [leaf.space for leaf in compound.leaves]
    starts: list[int] = []
    sizes: list[int] = []
    if choice != "vector" and all(_numbered(part, starts, sizes) for part in parts):
        joint = spaces.MultiDiscrete(sizes, start=starts)
        return TransformObservation(env, compound.numbers, joint)
    flat = spaces.flatten_space(spaces.Tuple(parts))
    return TransformObservation(env, compound.flattened, flat)


def _numbered(space: gym.Space[Any], starts: list[int], sizes: list[int]) -> bool:
    """Return whether a part is discrete; append the start and the size of each of its numbers."""
    match space:
        case spaces.Discrete():
            starts.append(int(space.start))
            sizes.append(int(space.n))
        case spaces.MultiDiscrete():
            starts.extend(space.start.ravel().tolist())
            sizes.extend(space.nvec.ravel().tolist())
        case spaces.MultiBinary():
            count = int(np.prod(space.shape))
            starts.extend([0] * count)
            sizes.extend([2] * count)
        case _:
            return False
    return True
