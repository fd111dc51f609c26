"""PPO (Schulman et al. 2017) in one compiled function; a call is one rollout."""

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
    episodes,
    forward,
    means,
    orthogonal,
)
from tests.bench.peers.works import Work

ACTIONS = 2


class State(NamedTuple):
    """One seed; ``running`` has all its environments."""

    nets: Adam
    running: Running
    key: jax.Array


class Batch(NamedTuple):
    """Steps to learn from."""

    obs: jax.Array
    action: jax.Array
    log_prob: jax.Array
    advantage: jax.Array
    value_goal: jax.Array


class PPO:
    """The algorithm, with the settings of a work."""

    def __init__(self, work: Work) -> None:
        self._env, self._num_envs = ENVS[work.env], work.num_envs
        self._s: dict[str, Any] = dict(work.settings)
        self._size = self._s["n_steps"] * work.num_envs

    def begin(self, key: jax.Array) -> State:
        """Return the state before the first step."""
        env = self._env
        key, policy, value, reset = jax.random.split(key, 4)
        sizes = (env.obs_size, *self._s["policy_kwargs"]["net_arch"])
        nets = {
            "policy": orthogonal(policy, (*sizes, ACTIONS), 0.01),
            "value": orthogonal(value, (*sizes, 1), 1.0),
        }
        uniform = jax.random.uniform(reset, (self._num_envs, env.draws))
        return State(adam(nets), jax.vmap(lambda u: begin(env, u))(uniform), key)

    def phases(self, steps: int) -> list[Phase]:
        """Return the rollouts."""
        return [Phase(self._rollout, self._size, steps // self._size)]

    def _rollout(self, state: State) -> tuple[State, Any]:
        """Collect a rollout and learn from it."""
        env, s = self._env, self._s
        key, for_steps, for_orders = jax.random.split(state.key, 3)
        shape = (s["n_steps"], self._num_envs, 1 + env.draws)
        policy = state.nets.params["policy"]

        def act(running: Running, uniform: jax.Array) -> tuple[Running, Transition]:
            log_prob = _log_softmax(policy, jax.vmap(env.observe)(running.state))
            action = (uniform[:, 0] >= jnp.exp(log_prob[:, 0])).astype(jnp.int32)
            several = jax.vmap(lambda *each: advance(env, *each))
            now, step = several(running, action, uniform[:, 1:])
            return now, step

        draws = jax.random.uniform(for_steps, shape)
        running, steps = jax.lax.scan(act, state.running, draws)
        batch = self._batch(state.nets.params, steps)
        orders = jax.vmap(lambda k: jax.random.permutation(k, self._size))(
            jax.random.split(for_orders, s["n_epochs"])
        ).reshape(-1, s["batch_size"])

        def update(nets: Adam, index: jax.Array) -> tuple[Adam, Any]:
            chosen = jax.tree.map(lambda x: x[index], batch)
            (_, metrics), gradient = jax.value_and_grad(self._loss, has_aux=True)(
                nets.params, chosen
            )
            gradient = clipped(gradient, s["max_grad_norm"])
            return adam_step(nets, gradient, s["learning_rate"], 1e-5), metrics

        nets, metrics = jax.lax.scan(update, state.nets, orders)
        return State(nets, running, key), {**means(metrics), **episodes(steps)}

    def _batch(self, nets: Params, t: Transition) -> Batch:
        """Return a rollout ``[time, env]`` as one batch with its advantages."""
        s = self._s
        values = forward(nets["value"], t.obs, jnp.tanh)[..., 0]
        after = forward(nets["value"], t.next_obs, jnp.tanh)[..., 0]
        log_prob = jnp.take_along_axis(
            _log_softmax(nets["policy"], t.obs), t.action[..., None], -1
        )[..., 0]
        discount = s["gamma"] * (1 - t.terminated.astype(jnp.float32))
        error = t.reward + discount * after - values
        carries = s["gamma"] * s["gae_lambda"] * (1 - t.last.astype(jnp.float32))

        def back(later: jax.Array, now: Any) -> tuple[jax.Array, jax.Array]:
            advantage = now[0] + now[1] * later
            return advantage, advantage

        _, advantage = jax.lax.scan(back, jnp.zeros(self._num_envs), (error, carries), reverse=True)
        batch = Batch(t.obs, t.action, log_prob, advantage, advantage + values)
        return Batch(*(x.reshape(self._size, *x.shape[2:]) for x in batch))

    def _loss(self, nets: Params, b: Batch) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Return the loss, and what is logged."""
        s, clip = self._s, self._s["clip_range"]
        logs = _log_softmax(nets["policy"], b.obs)
        log_ratio = jnp.take_along_axis(logs, b.action[:, None], 1)[:, 0] - b.log_prob
        ratio = jnp.exp(log_ratio)
        advantage = (b.advantage - b.advantage.mean()) / (b.advantage.std(ddof=1) + 1e-8)
        gain = jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)
        error = (forward(nets["value"], b.obs, jnp.tanh)[:, 0] - b.value_goal) ** 2
        entropy = -(jnp.exp(logs) * logs).sum(-1).mean()
        loss = -gain.mean() + s["vf_coef"] * error.mean() - s["ent_coef"] * entropy
        return loss, {
            "loss": loss,
            "policy_gradient_loss": -gain.mean(),
            "value_loss": error.mean(),
            "entropy_loss": -entropy,
            "approx_kl": (ratio - 1 - log_ratio).mean(),
            "clip_fraction": (jnp.abs(ratio - 1) > clip).mean(),
        }


def _log_softmax(policy: Params, obs: jax.Array) -> jax.Array:
    return jax.nn.log_softmax(forward(policy, obs, jnp.tanh))
