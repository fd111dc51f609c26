"""Dense networks, Adam and what the three algorithms share, in JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from tests.bench.peers.compiled.envs import Transition

Params = Any
"""A pytree of arrays."""


class Adam(NamedTuple):
    """Parameters with Adam's two moments and the number of updates."""

    params: Params
    first: Params
    second: Params
    count: jax.Array


@dataclass(frozen=True)
class Phase:
    """A part of a run: one compiled function, called ``calls`` times for ``steps`` steps each."""

    function: Callable[[Any], tuple[Any, Mapping[str, jax.Array]]]
    """Takes the state of a seed; returns the next state and what is logged."""
    steps: int
    calls: int


def dense(key: jax.Array, sizes: Sequence[int]) -> Params:
    """Return weights and biases, uniform within ±1/√fan_in."""
    layers = []
    for number, (i, o) in enumerate(pairwise(sizes)):
        w, b = jax.random.split(jax.random.fold_in(key, number))
        bound = i**-0.5
        layers.append(
            (
                jax.random.uniform(w, (i, o), minval=-bound, maxval=bound),
                jax.random.uniform(b, (o,), minval=-bound, maxval=bound),
            )
        )
    return layers


def orthogonal(key: jax.Array, sizes: Sequence[int], last_gain: float) -> Params:
    """Return orthogonal weights with gain √2, in the last layer ``last_gain``, and zero biases."""
    layers = []
    for number, (i, o) in enumerate(pairwise(sizes)):
        gain = last_gain if number == len(sizes) - 2 else 2**0.5
        draw = jax.nn.initializers.orthogonal(gain)
        layers.append((draw(jax.random.fold_in(key, number), (i, o)), jnp.zeros(o)))
    return layers


def forward(
    layers: Params, x: jax.Array, activation: Callable[[jax.Array], jax.Array] = jax.nn.relu
) -> jax.Array:
    """Return the output of a network."""
    for w, b in layers[:-1]:
        x = activation(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


def adam(params: Params) -> Adam:
    """Return the optimizer before its first update."""
    zeros = jax.tree.map(jnp.zeros_like, params)
    return Adam(params, zeros, zeros, jnp.int32(0))


def adam_step(a: Adam, gradient: Params, lr: float, epsilon: float = 1e-8) -> Adam:
    """Update the parameters (Kingma and Ba 2015)."""
    count = a.count + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, a.first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, a.second, gradient)
    size = lr / (1 - 0.9 ** count.astype(jnp.float32))
    scale = 1 / jnp.sqrt(1 - 0.999 ** count.astype(jnp.float32))
    params = jax.tree.map(
        lambda p, m, v: p - size * m / (jnp.sqrt(v) * scale + epsilon), a.params, first, second
    )
    return Adam(params, first, second, count)


def clipped(gradient: Params, norm: float) -> Params:
    """Scale a gradient to at most this norm."""
    square = sum(jnp.sum(g * g) for g in jax.tree.leaves(gradient))
    factor = jnp.minimum(1.0, norm / (jnp.sqrt(square) + 1e-6))
    return jax.tree.map(lambda g: factor * g, gradient)


def episodes(steps: Transition) -> dict[str, jax.Array]:
    """Return the number of episodes that ended in these steps, and the sum of their returns."""
    return {"episodes": steps.last.sum(), "returns": steps.episode_return.sum()}


def means(metrics: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """Return what is logged for many updates: sums of episodes and of returns, means of others."""
    summed = ("episodes", "returns")
    return {k: v.sum() if k in summed else v.mean() for k, v in metrics.items()}
