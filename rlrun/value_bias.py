"""What an agent believes it will get, against what it gets then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from rlrun.core.types import Array, Step

Value: TypeAlias = Callable[[Array], Array]
"""From observations ``[seed, env, ...]`` to the discounted returns ``[seed, env]`` believed in."""


class ValueBias:
    """Follows an evaluation: the value of each episode's start, and its discounted return.

    Both are in the rewards that are learnt from, which may be clipped or scaled; where those end
    with a lost life the return does, too.

    The return is the sum of the rewards, each times the discounts of the steps before it. Where an
    episode was cut off, what would have come after was not seen: there the value of the last
    observation stands in for it, times the discounts of all steps.

    Whole batches are valued, so that they keep their shape, and only where an answer is needed.

    Args:
        value: what the agent believes.
        obs: what the first episodes begin with, ``[seed, env, ...]``.
        rounds: episodes of each environment that count.
    """

    def __init__(self, value: Value, obs: Array, rounds: int) -> None:
        shape = obs.shape[:2]
        self._value, self._rounds = value, rounds
        self._sum, self._product = np.zeros(shape), np.ones(shape)
        self._believed = np.array(value(obs), np.float64)  # at the start of the episodes under way
        self.values, self.discounted = np.zeros((2, *shape, rounds))
        """``[seed, env, round]`` each."""

    def add(self, t: Step, obs: Array, played: Array) -> None:
        """Take in a step; ``obs [seed, env, ...]`` is what the agent sees after it.

        ``played [seed, env]`` counts the episodes that had ended before the step.
        """
        self._sum += self._product * t.reward
        self._product *= t.discount
        ended = t.last & (played < self._rounds)
        if not ended.any():
            return
        cut = ended & (self._product > 0)
        if cut.any():
            self._sum[cut] += self._product[cut] * self._value(t.next_obs)[cut]
        self.values[ended, played[ended]] = self._believed[ended]
        self.discounted[ended, played[ended]] = self._sum[ended]
        self._sum[ended], self._product[ended] = 0.0, 1.0
        begun = ended & (played < self._rounds - 1)
        if begun.any():
            self._believed[begun] = self._value(obs)[begun]
