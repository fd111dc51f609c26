"""The properties of an environment, read from one that is made and stepped once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from rlrun.core.errors import BadInput
from rlrun.core.types import Spec
from rlrun.envs.conform import Compound
from rlrun.envs.faults import reason
from rlrun.envs.ids import env_spec
from rlrun.envs.model import read_model, step_limit
from rlrun.envs.settings import EnvSettings
from rlrun.envs.spaces import ActionMap, ObsMap, adapt
from rlrun.envs.survey import check_steps
from rlrun.envs.vector.atari import Atari, AtariGrid
from rlrun.envs.vector.sync import EnvOptions

CACHE_SIZE = 16  # environments


@dataclass(frozen=True)
class EnvInfo:
    """The properties of an environment."""

    spec: Spec
    """The specification for one environment per seed, without bins."""
    observation_space: gym.Space[Any]
    """The environment's own space."""
    metadata: dict[str, Any]
    """Gymnasium's metadata of its class: render modes and frame rate."""
    table_limit: int | None
    """Its time limit if it can be stepped as a table, else None."""


_CACHE: dict[tuple[str, float], tuple[EnvSpec, EnvInfo]] = {}


def env_info(
    make: Callable[[], gym.Env[Any, Any]] | Atari,
    settings: EnvSettings,
    options: EnvOptions,
    gamma: float,
) -> EnvInfo:
    """Return the properties of an environment, from the cache or by making it.

    Raises BadInput if it cannot be made, its spaces are not supported, or its first step does not
    conform to them.
    """
    key, registered = (repr(settings), gamma), env_spec(settings.id)
    cached = _CACHE.get(key)
    if cached is not None and cached[0] is registered:
        return cached[1]
    try:
        info = read_env_info(make, settings.id, options, gamma)
    except Exception as error:
        why = reason(error).removeprefix("ValueError: ")
        raise BadInput(f"{settings.id} cannot be used: {why}") from error
    if len(_CACHE) == CACHE_SIZE:
        _CACHE.pop(next(iter(_CACHE)))
    _CACHE[key] = registered, info
    return info


def read_env_info(
    make: Callable[[], gym.Env[Any, Any]] | Atari, env_id: str, options: EnvOptions, gamma: float
) -> EnvInfo:
    """Make one environment, take a step in it and return its properties.

    Raises ValueError if its spaces are not supported or the step does not conform to them, and any
    error that the environment itself raises.
    """
    if isinstance(make, Atari):
        with contextlib.closing(AtariGrid(make, 1, options.frame_stack)) as grid:
            space, stack = grid.single_observation_space, options.frame_stack
            obs = ObsMap(space, stack, options.scale_obs, options.obs).space
            action = ActionMap(grid.single_action_space).space
            return EnvInfo(Spec(env_id, obs, action, 1), space, {}, None)
    env = make()
    with contextlib.closing(env):
        model, limit = read_model(env, gamma), step_limit(env)
        adapted = adapt(env, options.frame_stack, options.obs)
        check_steps(env, adapted, options.frame_stack, options.obs)
        space = env.observation_space
        stack, scale = options.frame_stack, options.scale_obs
        obs = ObsMap(adapted.observation_space, stack, scale, options.obs).space
        left_out = tuple(Compound(space).texts)
        spec = Spec(env_id, obs, ActionMap(env.action_space).space, 1, model, None, left_out)
        return EnvInfo(spec, space, dict(env.metadata), limit if model is not None else None)
