"""Dynamic programming on a known model.

A model's arrays are ``[state, action, outcome]``; values may have leading axes: ``[..., state]``.
Sums run over the last axis only, of arrays in C order, and each problem stops separately, so the
problems of a stack do not influence each other: each gives bit for bit what it gives alone.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def q_from_v(
    probability: Array, next_state: Array, reward: Array, discount: Array, value: Array
) -> Array:
    """Return Q(s, a) = Σ_s' T(s, a, s') [R(s, a, s') + γ V(s')], ``[..., state, action]``.

    γ is ``discount``, 0 where the episode ends (Sutton and Barto 2018, eq. 4.6).
    """
    q: Array = (probability * (reward + discount * value.take(next_state, -1))).sum(-1)
    return q


def under_policy(q: Array, policy: Array) -> Array:
    """Return V(s) = Σ_a π(a|s) Q(s, a) for ``policy [..., state, action]`` (eq. 4.4)."""
    masked = np.where(policy > 0, q, 0.0)  # 0 · -inf is not a number
    value: Array = np.multiply(policy, masked, order="C").sum(-1)
    return value


def greedy_policy(q: Array) -> Array:
    """Return ``[..., state, action]``: the policy that takes the first of the best actions."""
    policy: Array = (np.arange(q.shape[-1]) == q.argmax(-1)[..., None]).astype(np.float64)
    return policy


def expected_return(
    probability: Array,
    next_state: Array,
    reward: Array,
    alive: Array,
    start: Array,
    policy: Array,
    steps: int,
) -> Array:
    """Return the exact expected undiscounted return ``[...]`` of ``policy [..., state, action]``.

    An episode starts with the probabilities ``start [state]`` and is truncated after ``steps``
    steps; ``alive`` is 1 where it continues and 0 where it ends.
    """
    states, actions = policy.shape[-2:]
    policies = policy.reshape(-1, states, actions, 1)
    successor = next_state.reshape(states, -1)
    rewards, continues = reward.reshape(successor.shape), alive.reshape(successor.shape)
    chance = np.multiply(policies, probability, order="C").reshape(-1, *successor.shape)
    values, value = np.zeros((2, *chance.shape[:2]))
    active = np.arange(len(values))  # the policies whose values still change
    for _ in range(steps):
        before = value
        value = (chance * (rewards + continues * before.take(successor, -1))).sum(-1)
        values[active] = value
        changes = np.abs(value - before).max(-1) > 1e-15 * np.abs(value).max(-1)
        if not changes.any():
            break  # all values have converged
        if not changes.all():
            active, chance, value = active[changes], chance[changes], value[changes]
    total: Array = (start * values).sum(-1).reshape(policy.shape[:-2])
    return total
