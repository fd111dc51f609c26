"""SAC (Haarnoja et al. 2018), with a learnt temperature, in one compiled function."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from tests.bench.peers.compiled.envs import ENVS, Running, Transition, advance, begin
from tests.bench.peers.compiled.nets import (
    Adam,
    Params,
    Phase,
    adam,
    adam_step,
    dense,
    episodes,
    forward,
    means,
)
from tests.bench.peers.works import Work

SIZE = 1  # numbers of an action
LOG_STD = (-20.0, 2.0)
BLOCK = 20  # steps of a call


class State(NamedTuple):
    """One seed; the critics are stacked ``[2, ...]``."""

    actor: Adam
    critics: Adam
    targets: Params
    log_temperature: Adam
    replay: Transition
    running: Running
    step: jax.Array
    key: jax.Array


class SAC:
    """The algorithm, with the settings of a work."""

    def __init__(self, work: Work) -> None:
        self._env = ENVS[work.env]
        self._s: dict[str, Any] = dict(work.settings)
        assert self._s["train_freq"] == self._s["gradient_steps"] == 1
        assert self._s["ent_coef"] == "auto"

    def begin(self, key: jax.Array) -> State:
        """Return the state before the first step."""
        env, s = self._env, self._s
        key, first, second, reset = jax.random.split(key, 4)
        hidden = s["policy_kwargs"]["net_arch"]
        actor = dense(first, (env.obs_size, *hidden, 2 * SIZE))
        critics = jax.vmap(lambda k: dense(k, (env.obs_size + SIZE, *hidden, 1)))(
            jax.random.split(second)
        )
        running = begin(env, jax.random.uniform(reset, (env.draws,)))
        _, step = advance(env, running, jnp.zeros(SIZE), jnp.zeros(env.draws))
        replay = jax.tree.map(lambda x: jnp.zeros((s["buffer_size"], *x.shape), x.dtype), step)
        return State(
            adam(actor),
            adam(critics),
            jax.tree.map(jnp.copy, critics),
            adam(jnp.float32(0)),
            replay,
            running,
            jnp.int32(0),
            key,
        )

    def phases(self, steps: int) -> list[Phase]:
        """Return the random steps before the first update, and those with updates."""
        starts = self._s["learning_starts"]
        return [
            Phase(lambda state: self._block(state, learns=False), BLOCK, starts // BLOCK),
            Phase(lambda state: self._block(state, learns=True), BLOCK, (steps - starts) // BLOCK),
        ]

    def _block(self, state: State, *, learns: bool) -> tuple[State, Any]:
        def one(state: State, _: None) -> tuple[State, Any]:
            return self._step(state, learns=learns)

        state, metrics = jax.lax.scan(one, state, None, BLOCK)
        return state, means(metrics)

    def _step(self, state: State, *, learns: bool) -> tuple[State, Any]:
        """Make a step, and an update."""
        env, s = self._env, self._s
        key, for_step, for_update, for_noise = jax.random.split(state.key, 4)
        uniform = jax.random.uniform(for_step, (SIZE + env.draws,))
        size = s["batch_size"]
        noise = jax.random.normal(for_noise, (2 * size + 1, SIZE))
        if learns:
            out = forward(state.actor.params, env.observe(state.running.state))
            action, _ = _squashed(out, noise[-1])
        else:
            action = 2 * uniform[:SIZE] - 1
        running, step = advance(env, state.running, action, uniform[SIZE:])
        where = state.step % s["buffer_size"]
        replay = jax.tree.map(
            lambda ring, new: jax.lax.dynamic_update_index_in_dim(ring, new, where, 0),
            state.replay,
            step,
        )
        state = state._replace(replay=replay, running=running, step=state.step + 1, key=key)
        metrics = episodes(step)
        if not learns:
            return state, metrics
        filled = jnp.minimum(state.step, s["buffer_size"])
        index = (jax.random.uniform(for_update, (size,)) * filled).astype(jnp.int32)
        batch = jax.tree.map(lambda ring: ring[index], replay)
        state, more = self._update(state, batch, noise[:size], noise[size:-1])
        return state, {**metrics, **more}

    def _update(
        self, state: State, t: Transition, noise: jax.Array, actor_noise: jax.Array
    ) -> tuple[State, dict[str, jax.Array]]:
        """Update critics, actor, temperature and targets."""
        s, lr = self._s, self._s["learning_rate"]
        temperature = jnp.exp(state.log_temperature.params)
        after, log_prob = _squashed(forward(state.actor.params, t.next_obs), noise)
        value = _values(state.targets, t.next_obs, after).min(0) - temperature * log_prob
        goal = t.reward + s["gamma"] * (1 - t.terminated.astype(jnp.float32)) * value

        def critic_loss(critics: Params) -> tuple[jax.Array, jax.Array]:
            q = _values(critics, t.obs, t.action)
            return 0.5 * ((q - goal) ** 2).mean(1).sum(), q.mean()

        (loss, q_mean), gradient = jax.value_and_grad(critic_loss, has_aux=True)(
            state.critics.params
        )
        critics = adam_step(state.critics, gradient, lr)

        def actor_loss(actor: Params) -> tuple[jax.Array, jax.Array]:
            action, log_prob = _squashed(forward(actor, t.obs), actor_noise)
            q = _values(critics.params, t.obs, action).min(0)
            return (temperature * log_prob - q).mean(), log_prob.mean()

        (policy_loss, log_prob), gradient = jax.value_and_grad(actor_loss, has_aux=True)(
            state.actor.params
        )
        actor = adam_step(state.actor, gradient, lr)
        surplus = log_prob - SIZE  # the target entropy is minus the number of dimensions
        log_temperature = adam_step(state.log_temperature, -surplus, lr)
        targets = jax.tree.map(
            lambda old, new: old + s["tau"] * (new - old), state.targets, critics.params
        )
        state = state._replace(
            actor=actor, critics=critics, targets=targets, log_temperature=log_temperature
        )
        return state, {
            "critic_loss": loss,
            "actor_loss": policy_loss,
            "ent_coef": temperature,
            "q_mean": q_mean,
        }


def _values(critics: Params, obs: jax.Array, action: jax.Array) -> jax.Array:
    """Return the values of both critics, ``[2, batch]``."""
    x = jnp.concatenate([obs, action], -1)
    return jax.vmap(lambda critic: forward(critic, x)[..., 0])(critics)


def _squashed(out: jax.Array, normal: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return tanh(mean + std · normal) and its log-probability."""
    mean, log_std = out[..., :SIZE], jnp.clip(out[..., SIZE:], *LOG_STD)
    u = mean + jnp.exp(log_std) * normal
    slope = 2 * (math.log(2) - u - jax.nn.softplus(-2 * u))
    half = 0.5 * math.log(2 * math.pi)
    return jnp.tanh(u), (-0.5 * normal**2 - log_std - half - slope).sum(-1)
