"""Rules for values in a table.

Arrays of action values are ``[..., action]``, all others ``[...]``, with the same leading axes;
-inf stands where an action is impossible.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def greedy_value(q: Array) -> Array:
    """max_a Q(s, a): what Q-learning bootstraps from (Watkins 1989)."""
    top = q.argmax(-1)  # twice as fast as a maximum over so short an axis
    width = q.shape[-1]
    rows = np.arange(0, q.size, width).reshape(top.shape)
    value: Array = q.reshape(-1)[rows + top]
    return value


def expected_value(q: Array, probability: Array) -> Array:
    """Σ_a π(a|s) Q(s, a): what expected SARSA bootstraps from (van Seijen et al. 2009, eq. 5)."""
    counted = np.where(probability > 0, q, 0.0)  # 0 · -inf is not a number
    value: Array = (probability * counted).sum(-1)
    return value


def optimism(q: Array, visits: Array, k: float) -> Array:
    """The exploration function f(Q, N) = Q + k / (1 + N)."""
    return q + k / (1.0 + visits)


def returns(reward: Array, discount: Array, bootstrap: float) -> Array:
    """G_t = r_t + discount_t G_{t+1} of one episode's steps ``[time]``, ``bootstrap`` after it.

    The last discount is 0 where the episode terminated, so that ``bootstrap`` only counts where
    it was truncated.
    """
    total = bootstrap
    found = []
    for r, d in zip(reward[::-1].tolist(), discount[::-1].tolist(), strict=True):
        total = r + d * total
        found.append(total)
    return np.array(found[::-1])


def first_visits(pairs: Array) -> Array:
    """Mask ``[time]`` of the steps at which a (state, action) pair occurs for the first time."""
    mask = np.zeros(len(pairs), np.bool_)
    mask[np.unique(pairs, return_index=True)[1]] = True
    return mask
