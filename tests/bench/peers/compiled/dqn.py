"""DQN (Mnih et al. 2015) in one compiled function."""

from __future__ import annotations

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
    clipped,
    dense,
    episodes,
    forward,
    means,
)
from tests.bench.peers.works import Work

ACTIONS = 2


class State(NamedTuple):
    """One seed."""

    online: Adam
    target: Params
    replay: Transition
    running: Running
    step: jax.Array
    key: jax.Array


class DQN:
    """The algorithm, with the settings of a work."""

    def __init__(self, work: Work) -> None:
        self._env = ENVS[work.env]
        self._s: dict[str, Any] = dict(work.settings)
        self._decay = self._s["exploration_fraction"] * work.steps

    def begin(self, key: jax.Array) -> State:
        """Return the state before the first step."""
        env, size = self._env, self._s["buffer_size"]
        key, weights, reset = jax.random.split(key, 3)
        net = dense(weights, (env.obs_size, *self._s["policy_kwargs"]["net_arch"], ACTIONS))
        running = begin(env, jax.random.uniform(reset, (env.draws,)))
        _, step = advance(env, running, jnp.int32(0), jnp.zeros(env.draws))
        replay = jax.tree.map(lambda x: jnp.zeros((size, *x.shape), x.dtype), step)
        target = jax.tree.map(jnp.copy, net)
        return State(adam(net), target, replay, running, jnp.int32(0), key)

    def phases(self, steps: int) -> list[Phase]:
        """Return the steps before the first update, and those with updates."""
        every = 2 * self._s["target_update_interval"]
        starts = min(self._s["learning_starts"], steps)
        return [
            Phase(lambda state: self._block(state, every, learns=False), every, starts // every),
            Phase(
                lambda state: self._block(state, every, learns=True),
                every,
                (steps - starts) // every,
            ),
        ]

    def _block(self, state: State, steps: int, *, learns: bool) -> tuple[State, Any]:
        """Do these steps, with a new target network after each interval."""
        interval, stride = self._s["target_update_interval"], self._s["train_freq"]

        def group(state: State, _: None) -> tuple[State, Any]:
            return self._group(state, stride, learns=learns)

        def until_target(state: State, _: None) -> tuple[State, Any]:
            state, metrics = jax.lax.scan(group, state, None, interval // stride)
            return state._replace(target=state.online.params), means(metrics)

        state, metrics = jax.lax.scan(until_target, state, None, steps // interval)
        return state, means(metrics)

    def _group(self, state: State, stride: int, *, learns: bool) -> tuple[State, Any]:
        """Do the steps between two updates, and one update."""
        env, s = self._env, self._s
        key, now = jax.random.split(state.key)
        numbers = 2 + env.draws
        uniform = jax.random.uniform(now, (stride * numbers + s["batch_size"],))
        for_steps = uniform[: stride * numbers].reshape(stride, numbers)
        at = state.step + jnp.arange(stride)
        first, end = s["exploration_initial_eps"], s["exploration_final_eps"]
        epsilon = first + (end - first) * jnp.minimum(at / self._decay, 1.0)

        def act(running: Running, given: Any) -> tuple[Running, Transition]:
            u, explores = given
            q = forward(state.online.params, env.observe(running.state))
            random = (u[1] * ACTIONS).astype(jnp.int32)
            action = jnp.where(u[0] < explores, random, q.argmax().astype(jnp.int32))
            return advance(env, running, action, u[2:])

        running, steps = jax.lax.scan(act, state.running, (for_steps, epsilon))
        where = state.step % s["buffer_size"]
        replay = jax.tree.map(
            lambda ring, new: jax.lax.dynamic_update_slice_in_dim(ring, new, where, 0),
            state.replay,
            steps,
        )
        step = state.step + stride
        online, metrics = state.online, episodes(steps)
        if learns:
            filled = jnp.minimum(step, s["buffer_size"])
            index = (uniform[stride * numbers :] * filled).astype(jnp.int32)
            batch = jax.tree.map(lambda ring: ring[index], replay)
            (loss, q_mean), gradient = jax.value_and_grad(self._loss, has_aux=True)(
                online.params, state.target, batch
            )
            online = adam_step(online, clipped(gradient, s["max_grad_norm"]), s["learning_rate"])
            metrics = {**metrics, "loss": loss, "q_mean": q_mean, "epsilon": epsilon[-1]}
        return State(online, state.target, replay, running, step, key), metrics

    def _loss(self, online: Params, target: Params, t: Transition) -> tuple[jax.Array, jax.Array]:
        """Return Huber's loss and the mean value."""
        best = forward(target, t.next_obs).max(-1)
        goal = t.reward + self._s["gamma"] * (1 - t.terminated.astype(jnp.float32)) * best
        q = jnp.take_along_axis(forward(online, t.obs), t.action[:, None], 1)[:, 0]
        error = jnp.abs(goal - q)
        return jnp.where(error < 1, 0.5 * error**2, error - 0.5).mean(), q.mean()
