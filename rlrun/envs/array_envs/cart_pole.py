"""Gymnasium's CartPole (Barto, Sutton and Anderson 1983) as arrays."""

from __future__ import annotations

import math

import numpy as np

from rlrun.core.types import Array

G, TOTAL, POLE, HALF, TAU = 9.8, 0.1 + 1.0, 0.1, 0.5, 0.02  # TAU: seconds of a step
POLE_HALF, RATIO = POLE * HALF, 4.0 / 3.0
FORCE, FARTHEST, STEEPEST = 10.0, 2.4, 12 * 2 * math.pi / 360

# Arrays without axes, which numpy multiplies arrays by faster than by Python's floats.
GRAVITY, TOTAL_MASS, POLE_MASS = np.array(G), np.array(TOTAL), np.array(POLE)
HALF_LENGTH, POLE_MASS_LENGTH = np.array(HALF), np.array(POLE_HALF)
FOUR_THIRDS, SECONDS = np.array(RATIO), np.array(TAU)
FORCES = np.array([-FORCE, FORCE])
LIMITS = np.array([[FARTHEST], [STEEPEST]])  # of position and angle


def cart_poles(num_envs: int) -> CartPole | OneCartPole:
    """Return poles on carts, after `gymnasium.envs.classic_control.cartpole.CartPoleEnv`."""
    return CartPole(num_envs) if num_envs > 1 else OneCartPole()


class OneCartPole:
    """A single pole on a cart: with Python's numbers a step takes a fifth of the time."""

    def __init__(self) -> None:
        self.obs: Array = np.zeros((1, 4), np.float32)
        self._state = [0.0, 0.0, 0.0, 0.0]
        self._reward, self._fell = np.ones(1), np.zeros(1, np.bool_)

    def reset(self, env: int, rng: np.random.Generator) -> None:
        self.obs[0] = self._state = rng.uniform(low=-0.05, high=0.05, size=(4,)).tolist()

    def step(self, action: Array) -> tuple[Array, Array]:
        place, speed, angle, angular_speed = self._state
        cos, sin = float(np.cos(angle)), float(np.sin(angle))  # not math's, which may differ
        force = FORCE if action[0] == 1 else -FORCE
        push = (force + POLE_HALF * (angular_speed * angular_speed) * sin) / TOTAL
        inertia = HALF * (RATIO - POLE * (cos * cos) / TOTAL)
        pole = (G * sin - cos * push) / inertia
        cart = push - POLE_HALF * pole * cos / TOTAL
        place, angle = place + TAU * speed, angle + TAU * angular_speed
        self._state = [place, speed + TAU * cart, angle, angular_speed + TAU * pole]
        self.obs[0] = self._state
        self._fell[0] = abs(place) > FARTHEST or abs(angle) > STEEPEST
        return self._reward, self._fell


class CartPole:
    """``num_envs`` poles on carts at once."""

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
        place += SECONDS * speed
        speed += SECONDS * self._acceleration
        self._observed[...] = self._state
        outside = np.abs(place) > LIMITS
        return self._rewards, outside[0] | outside[1]
