"""Rules for tabular values.

Arrays of action values are ``[..., action]``, all others ``[...]``, with the same leading axes;
impossible actions have the value -inf.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def greedy_value(q: Array) -> Array:
    """Return max_a Q(s, a), which Q-learning bootstraps from (Watkins 1989)."""
    top = q.argmax(-1)  # on such a short axis twice as fast as max
    width = q.shape[-1]
    rows = np.arange(0, q.size, width).reshape(top.shape)
    value: Array = q.reshape(-1)[rows + top]
    return value


def expected_value(q: Array, probability: Array) -> Array:
    """Return Σ_a π(a|s) Q(s, a), as in expected SARSA (van Seijen et al. 2009, eq. 5)."""
    masked = np.where(probability > 0, q, 0.0)  # 0 · -inf is not a number
    value: Array = (probability * masked).sum(-1)
    return value


def optimism(q: Array, visits: Array, k: float) -> Array:
    """Return the exploration function f(Q, N) = Q + k / (1 + N)."""
    return q + k / (1.0 + visits)


def returns(reward: Array, discount: Array, bootstrap: float) -> Array:
    """Return G_t = r_t + discount_t G_{t+1} for one episode's steps ``[time]``.

    ``bootstrap`` is the value after the last step. It only counts if the episode was truncated,
    because the last discount is 0 if it terminated.
    """
    total = bootstrap
    reversed_returns = []
    for r, d in zip(reward[::-1].tolist(), discount[::-1].tolist(), strict=True):
        total = r + d * total
        reversed_returns.append(total)
    return np.array(reversed_returns[::-1])


def first_visits(pairs: Array) -> Array:
    """Return a mask ``[time]`` of the steps at which a (state, action) pair first occurs."""
    mask = np.zeros(len(pairs), np.bool_)
    mask[np.unique(pairs, return_index=True)[1]] = True
    return mask
