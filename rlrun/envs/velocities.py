"""Observations without velocities: ``env.mask=velocity``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array

VELOCITIES: dict[str, tuple[int, ...]] = {
    "Acrobot": (4, 5),
    "CartPole": (1, 3),
    "LunarLander": (2, 3, 5),
    "LunarLanderContinuous": (2, 3, 5),
    "MountainCar": (1,),
    "MountainCarContinuous": (1,),
    "Pendulum": (2,),
}
"""The places of the velocities in the observations of Gymnasium's environments, by name."""


class WithoutVelocities(gym.ObservationWrapper[Array, Any, Array]):
    """An environment that leaves the velocities out of its observations.

    Raises ValueError if it is not known which numbers they are.
    """

    def __init__(self, env: gym.Env[Array, Any]) -> None:
        super().__init__(env)
        assert env.spec is not None
        box = env.observation_space
        places = VELOCITIES.get(env.spec.name) if env.spec.namespace is None else None
        if places is None or not isinstance(box, spaces.Box):
            raise ValueError(
                f"env.mask=velocity does not know the velocities of {env.spec.id}: it is for "
                f"{', '.join(VELOCITIES)}"
            )
        self._rest = np.delete(np.arange(box.shape[0]), places)
        low, high = box.low[self._rest], box.high[self._rest]
        self.observation_space = spaces.Box(low, high, dtype=box.dtype.type)

    def observation(self, obs: Array) -> Array:
        rest: Array = obs[self._rest]
        return rest
