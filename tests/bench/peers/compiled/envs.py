"""Gymnasium's CartPole and Pendulum in JAX, with time limits and resets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Env(NamedTuple):
    """An environment of pure functions; ``state`` is what its equations of motion move."""

    obs_size: int
    limit: int
    """Steps after which an episode is truncated."""
    draws: int
    """Random numbers of a reset."""
    reset: Callable[[jax.Array], jax.Array]
    """Return a first state, given uniform random numbers in [0, 1)."""
    step: Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array, jax.Array]]
    """Return the next state, the reward and whether the episode terminated there."""
    observe: Callable[[jax.Array], jax.Array]


class Running(NamedTuple):
    """An environment inside an episode."""

    state: jax.Array
    age: jax.Array
    total: jax.Array
    """The rewards of the episode so far."""


class Transition(NamedTuple):
    """One step; ``next_obs`` is the true successor, not the observation after a reset."""

    obs: jax.Array
    action: jax.Array
    reward: jax.Array
    terminated: jax.Array
    next_obs: jax.Array
    last: jax.Array
    """Terminated or truncated."""
    episode_return: jax.Array
    """Of the episode that ends here, else 0."""


def begin(env: Env, uniform: jax.Array) -> Running:
    """Return a new episode."""
    return Running(env.reset(uniform), jnp.int32(0), jnp.float32(0))


def advance(
    env: Env, running: Running, action: jax.Array, uniform: jax.Array
) -> tuple[Running, Transition]:
    """Make one step, and reset if the episode ends with it; ``uniform`` is for that reset."""
    state, reward, terminated = env.step(running.state, action)
    now = Running(state, running.age + 1, running.total + reward)
    last = terminated | (now.age >= env.limit)
    step = Transition(
        env.observe(running.state),
        action,
        reward,
        terminated,
        env.observe(state),
        last,
        jnp.where(last, now.total, 0.0),
    )
    fresh = begin(env, uniform)
    return jax.tree.map(lambda new, old: jnp.where(last, new, old), fresh, now), step


def _cart_pole_step(s: jax.Array, action: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    x, x_dot, theta, theta_dot = s
    gravity, pole, total, length, tau = 9.8, 0.05, 1.1, 0.5, 0.02
    force = jnp.where(action == 1, 10.0, -10.0)
    cos, sin = jnp.cos(theta), jnp.sin(theta)
    push = (force + pole * theta_dot * theta_dot * sin) / total
    theta_acc = (gravity * sin - cos * push) / (length * (4 / 3 - 0.1 * cos * cos / total))
    x_acc = push - pole * theta_acc * cos / total
    new = jnp.stack(
        [x + tau * x_dot, x_dot + tau * x_acc, theta + tau * theta_dot, theta_dot + tau * theta_acc]
    )
    terminated = (jnp.abs(new[0]) > 2.4) | (jnp.abs(new[2]) > 12 * jnp.pi / 180)
    return new, jnp.float32(1), terminated


CART_POLE = Env(4, 500, 4, lambda u: 0.1 * u - 0.05, _cart_pole_step, lambda state: state)


def _pendulum_step(s: jax.Array, action: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    theta, theta_dot = s
    torque = jnp.clip(2 * action[0], -2.0, 2.0)
    angle = (theta + jnp.pi) % (2 * jnp.pi) - jnp.pi
    cost = angle**2 + 0.1 * theta_dot**2 + 0.001 * torque**2
    faster = jnp.clip(theta_dot + (15.0 * jnp.sin(theta) + 3.0 * torque) * 0.05, -8.0, 8.0)
    return jnp.stack([theta + 0.05 * faster, faster]), -cost, jnp.bool_(False)


PENDULUM = Env(
    3,
    200,
    2,
    lambda u: (2 * u - 1) * jnp.array([jnp.pi, 1.0]),
    _pendulum_step,
    lambda s: jnp.stack([jnp.cos(s[0]), jnp.sin(s[0]), s[1]]),
)

ENVS = {"CartPole-v1": CART_POLE, "Pendulum-v1": PENDULUM}
