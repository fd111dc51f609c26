"""Gymnasium's MountainCar with continuous actions as arrays."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array

# Arrays without axes, which numpy multiplies by faster than by its or Python's numbers.
LEAST_POSITION, LARGEST_POSITION = np.array(-1.2, np.float32), np.array(0.6, np.float32)
LARGEST_SPEED = np.array(0.07, np.float32)
GOAL = np.array(0.45, np.float32)
POWER = np.array(0.0015, np.float32)
GRAVITY = np.array(0.0025)
THREE = np.array(3.0, np.float32)
TWO, EFFORT, REWARD = np.array(2.0), np.array(0.1), np.array(100.0)


class MountainCarContinuous:
    """``num_envs`` cars, after Gymnasium's `Continuous_MountainCarEnv`.

    Its state has single precision, except for the first position of an episode, which has double
    precision until the first step.
    """

    def __init__(self, num_envs: int) -> None:
        self.obs: Array = np.zeros((num_envs, 2), np.float32)
        self._state = np.zeros((2, num_envs), np.float32)  # position and velocity
        self._observed = self.obs.T
        self._first: dict[int, float] = {}  # positions where no step was taken yet

    def reset(self, env: int, rng: np.random.Generator) -> None:
        self._first[env] = rng.uniform(low=-0.6, high=-0.4)
        self._state[:, env] = self._first[env], 0.0
        self.obs[env] = self._state[:, env]

    def step(self, action: Array) -> tuple[Array, Array]:
        force, (position, velocity) = action[:, 0], self._state
        slope = (THREE * position).astype(np.float64)
        for env, first in self._first.items():
            slope[env] = 3 * first
        velocity += force * POWER - (GRAVITY * np.cos(slope)).astype(np.float32)
        np.minimum(np.maximum(velocity, -LARGEST_SPEED), LARGEST_SPEED, out=velocity)
        position += velocity
        for env, first in self._first.items():
            position[env] = first + float(velocity[env])
        self._first.clear()
        np.minimum(np.maximum(position, LEAST_POSITION), LARGEST_POSITION, out=position)
        velocity[(position == LEAST_POSITION) & (velocity < 0)] = 0.0
        self._observed[...] = self._state
        terminated = (position >= GOAL) & (velocity >= 0)
        return REWARD * terminated - np.float_power(force, TWO) * EFFORT, terminated
