"""Gymnasium's Pendulum as arrays."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array

# Arrays without axes, which numpy multiplies by faster than by Python's floats.
PI, TURN = np.array(np.pi), np.array(2 * np.pi)
TWO = np.array(2.0)
SPEED_COST = np.array(0.1)
TORQUE_COST = np.array(0.001, np.float32)
GRAVITY = np.array(3 * 10.0 / (2 * 1.0))
TORQUE = np.array(3.0, np.float32)
LARGEST_SPEED = np.array(8.0)
DT = np.array(0.05)  # seconds of a step
START = np.array([np.pi, 1.0])  # the largest angle and speed


class Pendulum:
    """``num_envs`` pendulums, after `gymnasium.envs.classic_control.pendulum.PendulumEnv`.

    The torque, and what it costs, has single precision. Squares are powers of the C library, as
    those of numpy's numbers are: not always the same as products.
    """

    def __init__(self, num_envs: int) -> None:
        self._rows = np.zeros((3, num_envs), np.float32)  # cosine and sine of the angle, and speed
        self.obs: Array = self._rows.T
        self._state = np.zeros((2, num_envs))  # angle and speed
        self._never = np.zeros(num_envs, np.bool_)

    def reset(self, env: int, rng: np.random.Generator) -> None:
        angle, speed = self._state[:, env] = rng.uniform(low=-START, high=START)
        self.obs[env] = np.cos(angle), np.sin(angle), speed

    def step(self, action: Array) -> tuple[Array, Array]:
        torque, (angle, speed) = action[:, 0], self._state
        off = (angle + PI) % TURN - PI  # the angle from -pi to pi
        squared = np.array([each**2 for each in torque], np.float32)
        costs = np.float_power(off, TWO) + SPEED_COST * np.float_power(speed, TWO)
        costs += TORQUE_COST * squared
        speed += (GRAVITY * np.sin(angle) + TORQUE * torque) * DT
        np.minimum(np.maximum(speed, -LARGEST_SPEED), LARGEST_SPEED, out=speed)
        angle += speed * DT
        np.cos(angle, out=self._rows[0], casting="same_kind")
        np.sin(angle, out=self._rows[1], casting="same_kind")
        self._rows[2] = speed
        return -costs, self._never
