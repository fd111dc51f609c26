"""The value bias of an agent: its estimates of discounted returns against actual ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from rlrun.core.types import Array, Mask, Step

Value: TypeAlias = Callable[[Array, Mask], Array]
"""From observations ``[seed, env, ...]``, and the legal actions if there are masks, to estimates
``[seed, env]`` of the discounted return."""


class ValueBias:
    """Records, during an evaluation, the value of each episode's start and its discounted return.

    Both use the training rewards, which may be clipped or scaled; if a lost life ends an episode in
    training, it ends the return too.

    The return is the sum of the rewards, each multiplied by the discounts of the steps before it.
    The rewards after a truncation were not observed: the value of the last observation, multiplied
    by the discounts of all steps, replaces them.

    Values are computed for whole batches, so that these keep their shape, and only at steps where
    a value is needed.

    Args:
        value: the agent's value estimate.
        obs: the first observations of the first episodes, ``[seed, env, ...]``.
        legal: the actions that are legal there; None if there are no masks.
        rounds: episodes of each environment that count.
    """

    def __init__(self, value: Value, obs: Array, legal: Mask, rounds: int) -> None:
        shape = obs.shape[:2]
        self._value, self._rounds = value, rounds
        self._sum, self._product = np.zeros(shape), np.ones(shape)
        # at the start of the current episodes
        self._estimates = np.array(value(obs, legal), np.float64)
        self.values, self.discounted = np.zeros((2, *shape, rounds))
        """``[seed, env, round]`` each."""

    def add(self, t: Step, obs: Array, legal: Mask, played: Array) -> None:
        """Add a step; ``obs [seed, env, ...]`` are the agent's observations after it.

        ``legal`` are the actions that are legal after it; None if there are no masks.

        ``played [seed, env]`` counts the episodes that had ended before the step.
        """
        self._sum += self._product * t.reward
        self._product *= t.discount
        ended = t.last & (played < self._rounds)
        if not ended.any():
            return
        cut = ended & (self._product > 0)
        if cut.any():
            self._sum[cut] += self._product[cut] * self._value(t.next_obs, t.next_legal)[cut]
        self.values[ended, played[ended]] = self._estimates[ended]
        self.discounted[ended, played[ended]] = self._sum[ended]
        self._sum[ended], self._product[ended] = 0.0, 1.0
        starting = ended & (played < self._rounds - 1)
        if starting.any():
            self._estimates[starting] = self._value(obs, legal)[starting]
