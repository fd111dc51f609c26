"""Steps whose return is pending: n-step returns while acting, and SARSA's next action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Mask, Spec, State, Step

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

    @property
    def newest(self) -> tuple[Array, Array, Array, Array]:
        """The newest pairs, rewards, discounts and mask of pending ones, views ``[seed, env]``."""
        arrays = self._pair, self._reward, self._discount, self._pending
        pair, reward, discount, pending = (array[:, -1] for array in arrays)
        return pair, reward, discount, pending

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


class NewestStep:
    """Where every environment is after its newest step, for agents that have to act there first."""

    def __init__(self, spec: Spec, num_seeds: int) -> None:
        grid = (num_seeds, spec.num_envs)
        self.last: Array = np.zeros(grid, np.bool_)
        """Whether it ended its episode, ``[seed, env]``."""
        self.next_obs: Array = np.zeros((*grid, *spec.obs.shape), spec.obs.dtype)
        self.next_legal: Mask = np.ones((*grid, spec.num_masked), np.bool_) if spec.masked else None

    def set(self, t: Step) -> None:
        self.last, self.next_obs, self.next_legal = t.last.copy(), t.next_obs.copy(), t.next_legal

    def state_dict(self) -> State:
        legal = {} if self.next_legal is None else {"next_legal": self.next_legal}
        return {"last": self.last, "next_obs": self.next_obs, **legal}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.last, state["last"], "the pending steps")
        restore_into(self.next_obs, state["next_obs"], "the pending steps")
        if self.next_legal is not None:
            self.next_legal = self.next_legal.copy()  # it is also in the step
            restore_into(self.next_legal, state["next_legal"], "the pending steps")
