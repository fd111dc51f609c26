"""Pairs of an observation and an action whose return is pending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State, Step
from rlrun.features.bases import Active, Features


class Pairs:
    """The latest pair of every environment, with what followed; arrays start ``[seed, env]``."""

    def __init__(self, features: Features, num_seeds: int, num_envs: int) -> None:
        grid = (num_seeds, num_envs)
        self._number = np.zeros((*grid, features.active), np.int64)
        self._x = np.zeros((*grid, features.active))
        self.action: Array = np.zeros(grid, np.int64)
        self.reward: Array = np.zeros(grid)
        self.discount: Array = np.zeros(grid)
        self.waits: Array = np.zeros(grid, np.bool_)
        """Whether there is one that has not been learnt from."""

    def set(self, active: Active, t: Step) -> None:
        """Replace all of them."""
        self._number[...], self._x[...] = active
        self.action[...], self.reward[...], self.discount[...] = t.action, t.reward, t.discount
        self.waits[...] = True

    def active(self, at: Any) -> Active:
        """Return the features of the pairs at an index of ``[seed, env]``."""
        return Active(self._number[at], self._x[at])

    def clear(self) -> None:
        """Drop all of them."""
        self.waits[...] = False

    def _arrays(self) -> dict[str, Array]:
        return {
            "number": self._number,
            "x": self._x,
            "action": self.action,
            "reward": self.reward,
            "discount": self.discount,
            "waits": self.waits,
        }

    def state_dict(self) -> State:
        return {name: array.copy() for name, array in self._arrays().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, array in self._arrays().items():
            restore_into(array, state[name], "the pending steps")
