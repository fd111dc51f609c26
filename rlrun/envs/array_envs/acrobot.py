"""Gymnasium's Acrobot (Sutton 1996) as arrays."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array

# Arrays without axes, which numpy multiplies by faster than by Python's floats. All masses, lengths
# and moments of inertia are 1, and the centres of mass are in the middle of the links.
HALF, ONE, TWO = np.array(0.5), np.array(1.0), np.array(2.0)
QUARTER_TURN = np.array(np.pi / 2.0)
WEIGHT_1, WEIGHT_2 = np.array(1.5 * 9.8), np.array(0.5 * 9.8)
LENGTHS_1, LENGTHS_2 = np.array(0.25), np.array(1.25)  # 0.5**2, and 1**2 + 0.5**2
TORQUES = np.array([-1.0, 0.0, 1.0])
LARGEST_SPEEDS = np.array([[4 * np.pi], [9 * np.pi]])
PI, TURN = np.array(np.pi), np.array(2 * np.pi)
DT, HALF_DT, SIXTH_DT = np.array(0.2), np.array(0.2 / 2.0), np.array(0.2 / 6.0)  # seconds


class Acrobot:
    """``num_envs`` acrobots, after `gymnasium.envs.classic_control.acrobot.AcrobotEnv`.

    Squares are powers of the C library, as those of numpy's numbers are: not always the same as
    products.
    """

    def __init__(self, num_envs: int) -> None:
        self._rows = np.zeros((6, num_envs), np.float32)
        self.obs: Array = self._rows.T
        self._state = np.zeros((4, num_envs))  # both angles, and their speeds

    def reset(self, env: int, rng: np.random.Generator) -> None:
        first = rng.uniform(low=-0.1, high=0.1, size=(4,)).astype(np.float32)
        self._state[:, env] = first
        self._observe(slice(env, env + 1), first[:2, None], first[2:, None])

    def step(self, action: Array) -> tuple[Array, Array]:
        state, torque = self._state, TORQUES[action]
        k1 = _derivative(state, torque)
        k2 = _derivative(state + HALF_DT * k1, torque)
        k3 = _derivative(state + HALF_DT * k2, torque)
        k4 = _derivative(state + DT * k3, torque)
        state += SIXTH_DT * (k1 + TWO * k2 + TWO * k3 + k4)
        angles, speeds = state[:2], state[2:]
        while np.count_nonzero(above := angles > PI):
            angles[above] -= TURN
        while np.count_nonzero(below := angles < -PI):
            angles[below] += TURN
        np.minimum(np.maximum(speeds, -LARGEST_SPEEDS), LARGEST_SPEEDS, out=speeds)
        cos = self._observe(slice(None), angles, speeds)
        terminated = -cos[0] - np.cos(angles[1] + angles[0]) > ONE
        return terminated - ONE, terminated

    def _observe(self, envs: slice, angles: Array, speeds: Array) -> Array:
        """Write observations; return the cosines of ``angles [2, env]``, of some environments."""
        cos: Array = np.cos(angles)
        self._rows[0:4:2, envs] = cos
        self._rows[1:4:2, envs] = np.sin(angles)
        self._rows[4:, envs] = speeds
        return cos


def _derivative(state: Array, torque: Array) -> Array:
    """Return the time derivative of ``state [4, env]``, by the equations of Sutton and Barto."""
    angle_1, angle_2, speed_1, speed_2 = state
    cos_2, sin_2 = np.cos(angle_2), np.sin(angle_2)
    d1 = LENGTHS_1 + (LENGTHS_2 + cos_2) + ONE + ONE
    d2 = LENGTHS_1 + HALF * cos_2 + ONE
    phi_2 = WEIGHT_2 * np.cos(angle_1 + angle_2 - QUARTER_TURN)
    phi_1 = (
        -HALF * np.float_power(speed_2, TWO) * sin_2
        - speed_2 * speed_1 * sin_2
        + WEIGHT_1 * np.cos(angle_1 - QUARTER_TURN)
        + phi_2
    )
    pull = torque + d2 / d1 * phi_1 - HALF * np.float_power(speed_1, TWO) * sin_2 - phi_2
    derivative = np.empty_like(state)
    derivative[:2] = state[2:]
    acceleration = derivative[3] = pull / (LENGTHS_2 - np.float_power(d2, TWO) / d1)
    derivative[2] = -(d2 * acceleration + phi_1) / d1
    return derivative
