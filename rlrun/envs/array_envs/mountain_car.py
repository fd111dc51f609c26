"""Gymnasium's MountainCar (Moore 1990) as arrays."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array

# Arrays without axes, which numpy multiplies by faster than by Python's floats.
LEAST_POSITION, LARGEST_POSITION = np.array(-1.2), np.array(0.6)
LARGEST_SPEED = np.array(0.07)
GOAL = np.array(0.5)
FORCES = np.array([-0.001, 0.0, 0.001])
GRAVITY = np.array(-0.0025)
THREE = np.array(3.0)


class MountainCar:
    """``num_envs`` cars, after `gymnasium.envs.classic_control.mountain_car.MountainCarEnv`."""

    def __init__(self, num_envs: int) -> None:
        self.obs: Array = np.zeros((num_envs, 2), np.float32)
        self._state = np.zeros((2, num_envs))  # position and velocity
        self._observed = self.obs.T
        self._rewards = np.full(num_envs, -1.0)

    def reset(self, env: int, rng: np.random.Generator) -> None:
        self._state[:, env] = rng.uniform(low=-0.6, high=-0.4), 0.0
        self.obs[env] = self._state[:, env]

    def step(self, action: Array) -> tuple[Array, Array]:
        position, velocity = self._state
        velocity += FORCES[action] + np.cos(THREE * position) * GRAVITY
        np.minimum(np.maximum(velocity, -LARGEST_SPEED), LARGEST_SPEED, out=velocity)
        position += velocity
        np.minimum(np.maximum(position, LEAST_POSITION), LARGEST_POSITION, out=position)
        velocity[(position == LEAST_POSITION) & (velocity < 0)] = 0.0
        self._observed[...] = self._state
        return self._rewards, (position >= GOAL) & (velocity >= 0)
