"""Opens environments: as a table where that is the same thing, else one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym

from rlrun.core.rng import Purpose
from rlrun.core.types import Envs
from rlrun.envs.arrays import CHOICES
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.look import Look
from rlrun.envs.table_envs import TableEnvs
from rlrun.envs.vector.atari import Atari
from rlrun.envs.vector.sync import EnvOptions


def open_envs(
    make: Callable[[], gym.Env[Any, Any]] | Atari,
    look: Look,
    seeds: Sequence[int],
    num_envs: int,
    *,
    gamma: float,
    limit: int | None = None,
    purpose: Purpose = Purpose.TRAIN_EPISODES,
    how: EnvOptions | None = None,
) -> Envs:
    """Open the ``[seed, env]`` grid of environments: as a table if that is equivalent.

    ``limit`` is the time limit of the environments that ``make`` returns, if it is not the one in
    ``look``; the other arguments are those of `GymEnvs`.
    """
    how = how or EnvOptions()
    model = look.spec.model
    changed = how.frame_stack > 1 or how.scale_obs or how.obs in CHOICES or how.film
    if model is None or look.table_limit is None or changed:
        return GymEnvs(
            make,
            look.spec.env_id,
            seeds,
            num_envs,
            gamma=gamma,
            purpose=purpose,
            how=how,
            model=model,
        )
    spec = dataclasses.replace(look.spec, num_envs=num_envs)
    limit = limit or look.table_limit
    return TableEnvs(model, spec, seeds, limit=limit, purpose=purpose, learnt=how.learnt)
