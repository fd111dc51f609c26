"""Steps that wait for their return: n-step returns while acting, and SARSA's next action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State

MOST = 10_000
"""The largest ``n`` of `Waiting`."""


class Settled(NamedTuple):
    """One step of each environment whose return is known where ``ready``; all ``[seed, env]``."""

    pair: Array
    target: Array
    discount: Array
    ready: Array


class Waiting:
    """The newest ``n`` steps of every environment that have not been learnt from.

    Arrays are ``[seed, n, env]``, the oldest step first.

    Args:
        first_pair: ``[seed, 1]``, where each seed's pairs begin: it depends on the stack, so it
            is not in the state.
        envs: environments per seed.
        n: how many steps.
    """

    def __init__(self, first_pair: Array, envs: int, n: int) -> None:
        shape = (len(first_pair), n, envs)
        self._n, self._first = n, first_pair[:, None]
        self._pair = np.zeros(shape, np.int64) + self._first
        self._reward, self._discount = np.zeros(shape), np.zeros(shape)
        self._waits = np.zeros(shape, np.bool_)

    def push(self, pair: Array, reward: Array, discount: Array) -> None:
        """Add a step ``[seed, env]``; the oldest one has been settled before."""
        for array, new in (
            (self._pair, pair),
            (self._reward, reward),
            (self._discount, discount),
            (self._waits, True),
        ):
            array[:, :-1] = array[:, 1:]
            array[:, -1] = new

    def settle(self, value: Array, last: Array) -> list[Settled]:
        """What need not wait any longer, oldest first, when ``value`` follows the newest step.

        That is the step n steps back, and, where the newest one was an episode's ``last``, all of
        that episode. Both are ``[seed, env]``.
        """
        found, target = [], value
        for k in reversed(range(self._n)):
            reward, discount = self._reward[:, k], self._discount[:, k]
            target = reward + discount * target
            ready = self._waits[:, k] & last if k else self._waits[:, k].copy()
            self._waits[:, k] &= ~ready
            found.append(Settled(self._pair[:, k].copy(), target, discount.copy(), ready))
        return found[::-1]

    def cut(self) -> None:
        """What comes next does not follow the newest step: nothing waits any more."""
        self._waits[...] = False

    def state_dict(self) -> State:
        return {
            "pair": self._pair - self._first,
            "reward": self._reward.copy(),
            "discount": self._discount.copy(),
            "waits": self._waits.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._pair, state["pair"], "what waits")
        self._pair += self._first
        restore_into(self._waits, state["waits"], "what waits")
        restore_into(self._reward, state["reward"], "what waits")
        restore_into(self._discount, state["discount"], "what waits")
