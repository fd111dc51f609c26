"""What an environment looks like, found by making it once."""

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

MOST = 16  # environments that are remembered


@dataclass(frozen=True)
class Look:
    """What one environment looks like."""

    spec: Spec
    """For one environment per seed, and without bins."""
    observation_space: gym.Space[Any]
    """The environment's own."""
    metadata: dict[str, Any]
    """How it is rendered, as its class describes it."""
    table_limit: int | None
    """Its time limit if it may be stepped as a table, else None."""


_LOOKS: dict[tuple[str, float], tuple[EnvSpec, Look]] = {}


def look(
    make: Callable[[], gym.Env[Any, Any]] | Atari,
    settings: EnvSettings,
    options: EnvOptions,
    gamma: float,
) -> Look:
    """Make the environment and take a step, or remember what it looks like.

    Raises BadInput if it cannot be made, its spaces are not supported, or it does not keep to them.
    """
    key, registered = (repr(settings), gamma), env_spec(settings.id)
    known = _LOOKS.get(key)
    if known is not None and known[0] is registered:
        return known[1]
    try:
        found = look_at(make, settings.id, options, gamma)
    except Exception as error:
        why = reason(error).removeprefix("ValueError: ")
        raise BadInput(f"{settings.id} cannot be used: {why}") from error
    if len(_LOOKS) == MOST:
        _LOOKS.pop(next(iter(_LOOKS)))
    _LOOKS[key] = registered, found
    return found


def look_at(
    make: Callable[[], gym.Env[Any, Any]] | Atari, env_id: str, options: EnvOptions, gamma: float
) -> Look:
    """Make one environment and take a step in it.

    Raises ValueError if its spaces are not supported, or it does not keep to them, and any
    error that the environment itself raises.
    """
    if isinstance(make, Atari):
        with contextlib.closing(AtariGrid(make, 1, options.frame_stack)) as grid:
            space, stack = grid.single_observation_space, options.frame_stack
            obs = ObsMap(space, stack, options.scale_obs, options.obs).space
            action = ActionMap(grid.single_action_space).space
            return Look(Spec(env_id, obs, action, 1), space, {}, None)
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
        return Look(spec, space, dict(env.metadata), limit if model is not None else None)
