"""The properties of an environment, read from one that is made and stepped once."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from rlrun.core.errors import BadInput
from rlrun.core.types import Array, Spec
from rlrun.envs.adapt import adapt
from rlrun.envs.array_envs.registry import ARRAY_VERSIONS, ArrayVersion
from rlrun.envs.conform import Compound, Conform, NotInSpace, one_number, short
from rlrun.envs.faults import reason
from rlrun.envs.goals import GoalLayout, goal_layout
from rlrun.envs.ids import env_spec
from rlrun.envs.masks import KEY, Masked, has_masks, legal_sample
from rlrun.envs.model import read_model, step_limit, table_masks
from rlrun.envs.recent import WithRecent
from rlrun.envs.settings import EnvSettings
from rlrun.envs.shaping import check_fit
from rlrun.envs.spaces import ActionMap, ObsMap
from rlrun.envs.vector.array_check import deviation, unsuited
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
    arrays: ArrayVersion | None = None
    """The array version that it can be stepped by, if ``env.vector`` allows one."""
    deviation: str = ""
    """What its array version gives that it does not; "" if there are no differences."""
    goals: GoalLayout | None = None
    """Where its observations have their goals, if it has any that can be replaced."""


_CACHE: dict[tuple[str, float], tuple[EnvSpec, ArrayVersion | None, EnvInfo]] = {}


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
    version = ARRAY_VERSIONS.get(registered.id)
    cached = _CACHE.get(key)
    if cached is not None and cached[0] is registered and cached[1] is version:
        return cached[2]
    try:
        info = read_env_info(make, settings.id, options, gamma)
    except Exception as error:
        why = reason(error).removeprefix("ValueError: ")
        raise BadInput(f"{settings.id} cannot be used: {why}") from error
    if len(_CACHE) == CACHE_SIZE:
        _CACHE.pop(next(iter(_CACHE)))
    _CACHE[key] = registered, version, info
    return info


def read_env_info(
    make: Callable[[], gym.Env[Any, Any]] | Atari, env_id: str, options: EnvOptions, gamma: float
) -> EnvInfo:
    """Make one environment, take a step in it and return its properties.

    Raises ValueError if its spaces are not supported, the step does not conform to them, or it does
    not fit the shaping function, and any error that the environment itself raises.
    """
    if isinstance(make, Atari):
        with contextlib.closing(AtariGrid(make, 1, options.frame_stack)) as grid:
            space = grid.single_observation_space
            if options.shaping is not None:
                check_fit(options.shaping, None, has_model=False)
            return EnvInfo(_spec(env_id, space, grid.single_action_space, options), space, {}, None)
    env = make()
    with contextlib.closing(env):
        adapted = adapt(env, options.frame_stack, options.obs, options.last)
        spec = spec_of(env_id, env, adapted, options, gamma)
        if options.shaping is not None:
            if isinstance(adapted, WithRecent):
                raise ValueError(
                    f"env.shaping={options.shaping} reads single observations of the environment: "
                    "write env.frame_stack=null env.last_action=false env.last_reward=false"
                )
            check_fit(options.shaping, env, has_model=spec.model is not None)
        masked = _check_step(env, adapted, is_grid=spec.obs.kind == "grid")
        if options.masks and masked:
            spec = with_masks(spec, table_masks(env))
        limit = step_limit(env) if spec.model is not None else None
        space, goals = env.observation_space, goal_layout(env, adapted, options)
        info = EnvInfo(spec, space, dict(env.metadata), limit, goals=goals)
        if options.vector not in ("auto", "arrays"):
            return info
        return _with_arrays(info, make, adapted, options)


def _with_arrays(
    info: EnvInfo,
    make: Callable[[], gym.Env[Any, Any]],
    adapted: gym.Env[Any, Any],
    options: EnvOptions,
) -> EnvInfo:
    """Add the array version, if it gives the same. Raises ValueError if it must but cannot."""
    why = unsuited(adapted, rebuild=options.rebuild, masked=info.spec.masked)
    differs = "" if why else deviation(make)
    if options.vector == "arrays" and (why or differs):
        why = why or f"the array version gives {differs}"
        raise ValueError(f"env.vector=arrays is not possible, since {why}: write env.vector=auto")
    if why or differs:
        return dataclasses.replace(info, deviation=differs)
    assert adapted.spec is not None
    return dataclasses.replace(info, arrays=ARRAY_VERSIONS[adapted.spec.id])


def spec_of(
    env_id: str,
    env: gym.Env[Any, Any],
    adapted: gym.Env[Any, Any],
    options: EnvOptions,
    gamma: float,
) -> Spec:
    """Return the specification for one environment per seed, without bins.

    ``adapted`` is the same environment as agents observe it. Raises ValueError if its spaces are
    not supported.
    """
    spec = _spec(env_id, adapted.observation_space, env.action_space, options)
    left_out = tuple(Compound(env.observation_space).texts)
    return dataclasses.replace(spec, model=read_model(env, gamma), left_out=left_out)


def _spec(env_id: str, obs: gym.Space[Any], action: gym.Space[Any], options: EnvOptions) -> Spec:
    obs_map = ObsMap(obs, options.frame_stack, options.scale_obs, options.obs)
    ends: tuple[tuple[float, float], ...] = ()
    if obs_map.space.kind == "vector" and isinstance(obs, spaces.Box):
        ends = tuple(zip(obs.low.ravel().tolist(), obs.high.ravel().tolist(), strict=True))
    if options.scale_obs:
        ends = ((-1.0, 1.0),) * len(ends)
    spaces_of = obs_map.space, ActionMap(action).space
    return Spec(env_id, *spaces_of, 1, scaled=options.scale_obs, bounds=ends)


def with_masks(spec: Spec, table: Array | None) -> Spec:
    """Return the specification of an environment that has masks of legal actions.

    ``table`` are the masks ``[state, action]`` of an environment that is a table. Raises ValueError
    if a state of it has no legal action.
    """
    if spec.model is None or table is None:
        return dataclasses.replace(spec, masked=True)
    legal = spec.model.possible & table
    if not legal.any(-1).all():
        state = int(legal.any(-1).argmin())
        raise ValueError(f"no action is legal in state {state}, where no episode ends")
    model = dataclasses.replace(spec.model, possible=legal, has_masks=True)
    return dataclasses.replace(spec, model=model, masked=not legal.all())


def _check_step(env: gym.Env[Any, Any], adapted: gym.Env[Any, Any], *, is_grid: bool) -> bool:
    """Take one step in the environment; return whether it has masks of legal actions.

    Raises ValueError if it does not conform to the spaces.
    """
    space = adapted.observation_space
    conform = Conform(space)
    env.action_space.seed(0)
    first, info = adapted.reset(seed=0)
    action, masked = env.action_space.sample(), has_masks(adapted, info)
    if masked:
        adapted = Masked(adapted)
        first, info = adapted.reset(seed=0)
        action = legal_sample(env.action_space, info[KEY])
    second, reward, *_ = adapted.step(action)
    one_number(reward)
    for obs in map(conform, (first, second)):
        if (is_grid or not isinstance(space, spaces.Box)) and not space.contains(obs):
            way_out = ": correct the space, or write env.obs=vector" if is_grid else ""
            raise NotInSpace(
                f"its observation is {short(obs)}, which is not in {short(space)}{way_out}"
            )
    return masked
