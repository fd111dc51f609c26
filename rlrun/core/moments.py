"""Running means and variances of each seed's numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State


class Moments:
    """Running mean and variance ``[seed, n]`` of all values so far; 0 and 1 at first.

    Batches are combined as in Chan et al. (1979).
    """

    def __init__(self, num_seeds: int, width: int) -> None:
        self.mean = np.zeros((num_seeds, width))
        self.variance = np.ones((num_seeds, width))
        self._count = np.zeros((num_seeds, 1))

    def add(self, values: Array, frozen: Collection[int] = ()) -> None:
        """Add ``values [seed, env, n]``, except those of the ``frozen`` seeds, by position."""
        rows = list(frozen)
        kept = [(each, each[rows]) for each in (self.mean, self.variance, self._count) if rows]
        # reduced over the last axis, so that a seed's result does not depend on other seeds
        values = np.ascontiguousarray(values.swapaxes(1, 2), np.float64)
        new, mean = values.shape[-1], values.mean(-1)
        total = self._count + new
        shift = mean - self.mean
        squares = self.variance * self._count + values.var(-1) * new
        self.variance[...] = (squares + shift * shift * (self._count * new / total)) / total
        self.mean += shift * (new / total)
        self._count += new
        for each, before in kept:
            each[rows] = before

    def state_dict(self) -> State:
        return {"mean": self.mean, "variance": self.variance, "count": self._count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.mean, state["mean"], "the mean")
        restore_into(self.variance, state["variance"], "the variance")
        restore_into(self._count, state["count"], "the number of values")
