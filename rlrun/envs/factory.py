"""Opens environments: as one table or as arrays if that is equivalent, else each by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from rlrun.core.rng import Purpose
from rlrun.core.rows import Number
from rlrun.core.types import Envs
from rlrun.envs.arrays import CHOICES
from rlrun.envs.env_info import EnvInfo
from rlrun.envs.episode_seeds import is_deterministic
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.table_envs import TableEnvs
from rlrun.envs.vector.atari import Atari
from rlrun.envs.vector.sync import EnvOptions


def open_envs(
    make: Callable[[], gym.Env[Any, Any]] | Atari,
    info: EnvInfo,
    seeds: Sequence[int],
    num_envs: int,
    *,
    gamma: Number,
    limit: int | None = None,
    purpose: Purpose = Purpose.TRAIN_EPISODES,
    options: EnvOptions | None = None,
) -> Envs:
    """Open the ``[seed, env]`` grid of environments, as a table if that is equivalent.

    With a ``gamma`` for each row, that of ``info`` is 1. ``limit`` is the time limit of the
    environments that ``make`` returns, if it differs from the one in ``info``; the other arguments
    are those of `GymEnvs`.
    """
    options = options or EnvOptions()
    vector = options.vector
    if vector == "auto":
        faster = info.arrays is not None and len(seeds) * num_envs >= info.arrays.least
        vector = "arrays" if faster else "sync"
    options = dataclasses.replace(options, masks=info.spec.masked, vector=vector)
    model = info.spec.model
    changed = options.frame_stack > 1 or any(options.last) or options.scale_obs
    changed = changed or options.obs in CHOICES or options.film is not None
    if options.episode_seed == "fixed" and purpose is Purpose.TRAIN_EPISODES and model is not None:
        changed = changed or not is_deterministic(model)  # a table draws from one stream
    if model is None or info.table_limit is None or changed:
        return GymEnvs(
            make,
            info.spec.env_id,
            seeds,
            num_envs,
            gamma=gamma,
            purpose=purpose,
            options=options,
            model=model,
        )
    spec = dataclasses.replace(info.spec, num_envs=num_envs)
    limit = limit or info.table_limit
    return TableEnvs(
        model,
        spec,
        seeds,
        limit=limit,
        purpose=purpose,
        reward_transform=options.reward_transform,
        gamma=gamma if isinstance(gamma, np.ndarray) else None,
    )
