"""Dynamic programming on a known model.

A model's arrays are ``[state, action, outcome]``; values may have axes in front: ``[..., state]``.
The sums run over the last axis alone, of arrays in C order, and each problem stops on its own, so
that no two problems of a stack ever meet: each gives bit for bit what it gives alone.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def q_from_v(
    probability: Array, next_state: Array, reward: Array, discount: Array, value: Array
) -> Array:
    """Q(s, a) = Σ_s' T(s, a, s') [R(s, a, s') + γ V(s')], ``[..., state, action]``.

    γ is in ``discount``, 0 where the episode ends (Sutton and Barto 2018, eq. 4.6).
    """
    q: Array = (probability * (reward + discount * value.take(next_state, -1))).sum(-1)
    return q


def under_policy(q: Array, policy: Array) -> Array:
    """V(s) = Σ_a π(a|s) Q(s, a) for ``policy [..., state, action]`` (eq. 4.4)."""
    counted = np.where(policy > 0, q, 0.0)  # 0 · -inf is not a number
    value: Array = np.multiply(policy, counted, order="C").sum(-1)
    return value


def greedy_policy(q: Array) -> Array:
    """Probabilities ``[..., state, action]`` of the policy that takes the first best action."""
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
    """The undiscounted return that ``policy [..., state, action]`` is worth, exactly, ``[...]``.

    Of an episode that begins as ``start [state]`` says and is cut after ``steps`` steps; ``alive``
    is 1 where it goes on and 0 where it ends.
    """
    states, actions = policy.shape[-2:]
    policies = policy.reshape(-1, states, actions, 1)
    there = next_state.reshape(states, -1)
    pays, lives = reward.reshape(there.shape), alive.reshape(there.shape)
    chance = np.multiply(policies, probability, order="C").reshape(-1, *there.shape)
    values, value = np.zeros((2, *chance.shape[:2]))
    active = np.arange(len(values))  # the policies whose values still change
    for _ in range(steps):
        before = value
        value = (chance * (pays + lives * before.take(there, -1))).sum(-1)
        values[active] = value
        moves = np.abs(value - before).max(-1) > 1e-15 * np.abs(value).max(-1)
        if not moves.any():
            break  # what is left to come is nothing
        if not moves.all():
            active, chance, value = active[moves], chance[moves], value[moves]
    total: Array = (start * values).sum(-1).reshape(policy.shape[:-2])
    return total
