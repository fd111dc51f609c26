"""Opens environments: as a table where that is the same thing, else one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym

from rlrun.core.rng import Purpose
from rlrun.core.types import Envs, Spec
from rlrun.envs.arrays import CHOICES
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.model import read_model, step_limit
from rlrun.envs.spaces import ActionMap, ObsMap
from rlrun.envs.table_envs import TableEnvs
from rlrun.envs.vector.atari import Atari
from rlrun.envs.vector.sync import EnvOptions


def open_envs(
    make: Callable[[], gym.Env[Any, Any]] | Atari,
    env_id: str,
    seeds: Sequence[int],
    num_envs: int,
    *,
    gamma: float,
    purpose: Purpose = Purpose.TRAIN_EPISODES,
    how: EnvOptions | None = None,
) -> Envs:
    """The grid of environments: as a table where that is the same thing, else one by one.

    The arguments are those of `GymEnvs`. Raises ValueError where a space is not supported.
    """
    how = how or EnvOptions()
    model, limit = None, None
    if not isinstance(make, Atari):
        env = make()
        model, limit = read_model(env, gamma), step_limit(env)
        env.close()
    own = how.frame_stack > 1 or how.scale_obs or how.obs in CHOICES or how.film
    if model is None or limit is None or own:
        return GymEnvs(make, env_id, seeds, num_envs, gamma=gamma, purpose=purpose, how=how)
    obs, action = ObsMap(env.observation_space).space, ActionMap(env.action_space).space
    spec = Spec(env_id, obs, action, num_envs, model)
    return TableEnvs(model, spec, seeds, limit=limit, purpose=purpose, learnt=how.learnt)
