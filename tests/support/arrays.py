"""Environments that have array versions, opened and stepped."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlrun.core.types import Array, Envs
from tests.support.common import agent_and_envs, host

CLASSIC = ("Acrobot-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1")


def opened(env_id: str, *words: str, vector: str = "arrays") -> Envs:
    """Environments of seeds 3 and 4, two each, whose episodes end after 40 steps."""
    given = ("agent=random", "seed=3", "seeds=2", "env.num_envs=2", "env.max_episode_steps=40")
    return agent_and_envs(f"env={env_id}", f"env.vector={vector}", *given, *words)[1]


def actions(envs: Envs, steps: int, seed: int = 0) -> list[Array]:
    rng, space, grid = np.random.default_rng(seed), envs.spec.action, envs.obs.shape[:2]
    if space.kind == "vector":
        return list(rng.uniform(-1.2, 1.2, (steps, *grid, 1)).astype(np.float32))
    return list(rng.integers(0, space.choices[0], (steps, *grid)))


def played(envs: Envs, steps: int, seed: int = 0) -> list[Any]:
    """All results of some steps."""
    return [host(envs.step(action)._asdict()) for action in actions(envs, steps, seed)]
