"""Steps whose return is pending: n-step returns while acting, and SARSA's next action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State

MAX_STEPS = 10_000
"""The largest number of pending steps per environment."""


class CompletedStep(NamedTuple):
    """One step of each environment, complete where ``ready``; all arrays are ``[seed, env]``.

    The return is ``target``.
    """

    pair: Array
    target: Array
    discount: Array
    ready: Array


class PendingSteps:
    """The newest ``n`` steps of every environment; pending ones are not learnt from yet.

    Arrays are ``[seed, n, env]``, the oldest step first.

    Args:
        first_pair: ``[seed, 1]``, the index of each seed's first pair; it depends on the stack and
            is therefore not in the state.
        envs: environments per seed.
        n: number of steps, at most `MAX_STEPS`.
    """

    def __init__(self, first_pair: Array, envs: int, n: int) -> None:
        shape = (len(first_pair), n, envs)
        self._n, self._first = n, first_pair[:, None]
        self._pair = np.zeros(shape, np.int64) + self._first
        self._reward, self._discount = np.zeros(shape), np.zeros(shape)
        self._pending = np.zeros(shape, np.bool_)

    def push(self, pair: Array, reward: Array, discount: Array) -> None:
        """Add a step ``[seed, env]``; the oldest one must no longer be pending."""
        for array, new in (
            (self._pair, pair),
            (self._reward, reward),
            (self._discount, discount),
            (self._pending, True),
        ):
            array[:, :-1] = array[:, 1:]
            array[:, -1] = new

    def complete(self, value: Array, last: Array) -> list[CompletedStep]:
        """Remove and return the steps whose return is now known, oldest first.

        These are the step n steps back and, if the newest step was the ``last`` of an episode, all
        its pending steps. ``value`` is the bootstrap value after the newest step. Both arguments
        are ``[seed, env]``.
        """
        completed, target = [], value
        for k in reversed(range(self._n)):
            reward, discount = self._reward[:, k], self._discount[:, k]
            target = reward + discount * target
            ready = self._pending[:, k] & last if k else self._pending[:, k].copy()
            self._pending[:, k] &= ~ready
            completed.append(CompletedStep(self._pair[:, k].copy(), target, discount.copy(), ready))
        return completed[::-1]

    def cut(self) -> None:
        """Drop all pending steps: the next step does not follow the newest one."""
        self._pending[...] = False

    def state_dict(self) -> State:
        return {
            "pair": self._pair - self._first,
            "reward": self._reward.copy(),
            "discount": self._discount.copy(),
            "waits": self._pending.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._pair, state["pair"], "the pending steps")
        self._pair += self._first
        restore_into(self._pending, state["waits"], "the pending steps")
        restore_into(self._reward, state["reward"], "the pending steps")
        restore_into(self._discount, state["discount"], "the pending steps")
