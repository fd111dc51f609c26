"""Gymnasium's CartPole (Barto, Sutton and Anderson 1983) as arrays."""

from __future__ import annotations

import math

import numpy as np

from rlrun.core.types import Array

# Arrays without axes, which numpy multiplies by faster than by Python's floats.
GRAVITY = np.array(9.8)
TOTAL_MASS = np.array(0.1 + 1.0)
POLE_MASS = np.array(0.1)
HALF_LENGTH = np.array(0.5)
POLE_MASS_LENGTH = np.array(0.1 * 0.5)
FOUR_THIRDS = np.array(4.0 / 3.0)
TAU = np.array(0.02)  # seconds of a step
FORCES = np.array([-10.0, 10.0])
LIMITS = np.array([[2.4], [12 * 2 * math.pi / 360]])  # of position and angle


class CartPole:
    """``num_envs`` poles on carts, after `gymnasium.envs.classic_control.cartpole.CartPoleEnv`."""

    def __init__(self, num_envs: int) -> None:
        self.obs: Array = np.zeros((num_envs, 4), np.float32)
        # [place or speed, cart or pole, env]; an observation has the cart's two numbers first
        self._state = np.zeros((2, 2, num_envs))
        self._observed = self.obs.reshape(num_envs, 2, 2).transpose(2, 1, 0)
        self._acceleration = np.zeros((2, num_envs))
        self._rewards = np.ones(num_envs)

    def reset(self, env: int, rng: np.random.Generator) -> None:
        first = rng.uniform(low=-0.05, high=0.05, size=(4,))
        self._state[..., env] = first.reshape(2, 2).T
        self.obs[env] = first

    def step(self, action: Array) -> tuple[Array, Array]:
        place, speed = self._state
        angle, angular_speed = place[1], speed[1]
        cos, sin = np.cos(angle), np.sin(angle)
        push = (FORCES[action] + POLE_MASS_LENGTH * np.square(angular_speed) * sin) / TOTAL_MASS
        cart, pole = self._acceleration
        inertia = HALF_LENGTH * (FOUR_THIRDS - POLE_MASS * np.square(cos) / TOTAL_MASS)
        pole[...] = (GRAVITY * sin - cos * push) / inertia
        cart[...] = push - POLE_MASS_LENGTH * pole * cos / TOTAL_MASS
        place += TAU * speed
        speed += TAU * self._acceleration
        self._observed[...] = self._state
        outside = np.abs(place) > LIMITS
        return self._rewards, outside[0] | outside[1]
