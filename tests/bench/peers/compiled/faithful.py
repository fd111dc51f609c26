"""Compares the environments in JAX with Gymnasium's, step by step."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from tests.bench.peers.compiled.envs import ENVS, advance, begin

STEPS = 1000
CLOSE = 1e-4  # absolute and relative


def check(name: str) -> None:
    """Raise AssertionError if a step, an end or a reset differs from Gymnasium's environment."""
    theirs, env = gym.make(name), ENVS[name]
    ours = jax.jit(lambda running, action, uniform: advance(env, running, action, uniform))
    rng = np.random.default_rng(0)
    low, high = _first_states(theirs)
    running = begin(env, jnp.asarray(rng.random(env.draws), jnp.float32))
    theirs.reset(seed=0)
    inner: Any = theirs.unwrapped
    for _ in range(STEPS):
        inner.state = np.asarray(running.state, np.float64)
        action: Any = rng.integers(2) if env is ENVS["CartPole-v1"] else rng.uniform(-1, 1, 1)
        scaled = action if env is ENVS["CartPole-v1"] else 2 * action
        obs, reward, terminated, truncated, _ = theirs.step(scaled)
        running, step = ours(running, jnp.asarray(action), jnp.asarray(rng.random(env.draws)))
        np.testing.assert_allclose(step.next_obs, obs, CLOSE, CLOSE)
        np.testing.assert_allclose(step.reward, float(reward), CLOSE, CLOSE)
        assert bool(step.terminated) == terminated, "the episode terminates at another step"
        assert bool(step.last) == (terminated or truncated), "the time limit differs"
        if step.last:
            assert running.age == 0 and running.total == 0
            assert np.all(low <= running.state) and np.all(running.state <= high)
            theirs.reset()


def _first_states(env: Any) -> tuple[Any, Any]:
    """Return the least and greatest numbers of the states after some resets, a little widened."""
    states = []
    for seed in range(200):
        env.reset(seed=seed)
        states.append(env.unwrapped.state)
    low, high = np.min(states, axis=0), np.max(states, axis=0)
    return low - 0.1 * (high - low), high + 0.1 * (high - low)
