"""The outcomes of a table, in flat arrays from which they are drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlrun.core.types import Array, Model


class Outcomes(NamedTuple):
    """What can happen in a table; those of pair (state, action) i follow those of pair i - 1.

    Pair i has the interval from i to i + 1, divided by its probabilities, so that one search finds
    the outcomes of all environments. Arrays are ``[outcome]``, unless stated otherwise.
    """

    bounds: Array
    """The end of each outcome's interval."""
    next_state: Array
    reward: Array
    discount: Array
    terminates: Array
    """Whether the episode ends."""
    first: Array
    """``[pair]``, the number of its first outcome."""
    starts: Array
    """``[start]``, the states in which an episode can begin."""
    start_bounds: Array
    """``[start]``, the end of each one's interval of [0, 1)."""


def outcomes(model: Model) -> Outcomes:
    """Return the outcomes of positive probability.

    An impossible action, which has no outcome, stays in its state with reward 0.
    """
    states, actions, width = model.probability.shape
    chance = model.probability.reshape(-1, width).copy()
    next_state, reward, discount, alive = (
        each.reshape(-1, width).copy()
        for each in (model.next_state, model.reward, model.discount, model.alive)
    )
    impossible = ~model.possible.reshape(-1)
    chance[impossible, 0] = 1.0
    next_state[impossible, 0] = np.repeat(np.arange(states), actions)[impossible]
    real = chance > 0
    rows = [row[mask] for row, mask in zip(chance, real, strict=True)]
    counts = np.array([len(row) for row in rows])
    pair = np.repeat(np.arange(states * actions), counts)
    within = np.concatenate([np.cumsum(row) for row in rows])
    last_of_pair = np.append(pair[1:] != pair[:-1], True)
    starts, start_bounds = _support(model.start)
    return Outcomes(
        bounds=pair + np.where(last_of_pair, 1.0, within),
        next_state=next_state[real],
        reward=reward[real],
        discount=discount[real],
        terminates=alive[real] == 0,
        first=np.append(0, np.cumsum(counts)),
        starts=starts,
        start_bounds=start_bounds,
    )


def _support(distribution: Array) -> tuple[Array, Array]:
    """Return the states of positive probability, and the end of each one's interval of [0, 1)."""
    states = np.flatnonzero(distribution)
    bounds = np.cumsum(distribution[states])
    bounds[-1] = 1.0
    return states, bounds
