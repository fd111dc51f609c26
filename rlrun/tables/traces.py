"""Eligibility traces of a table: how much each pair of an episode is moved by an error."""

from __future__ import annotations

import numpy as np

from rlrun.core.rows import Number
from rlrun.core.types import Array
from rlrun.tables.qtable import QTable


class Traces:
    """Replacing traces (Singh and Sutton 1996) of each environment, ``[seed, env, pair]``.

    Args:
        table: the table whose values move.
        num_envs: environments per seed.
        decay: lambda, or one for each row; 0 for no traces.
    """

    def __init__(self, table: QTable, num_envs: int, decay: Number) -> None:
        self._table, seeds = table, len(table.q)
        self._decay = np.broadcast_to(decay, seeds)
        self.used = bool(self._decay.any())
        """Whether there are traces."""
        size = table.states.count * table.actions
        self.values: Array = np.zeros((seeds, num_envs, size if self.used else 0))

    def move(
        self, ready: Array, env: int, pair: Array, target: Array, discount: Array, step: int
    ) -> Array:
        """Move all pairs of the ``ready`` seeds in proportion to their traces; return errors."""
        q = self._table.q.reshape(len(ready), -1)
        seed = np.flatnonzero(ready)
        error = target - self._table.flat[pair]
        trace = self.values[seed, env]  # [ready seed, pair]
        trace[np.arange(len(seed)), pair % q.shape[1]] = 1.0
        change = self._table.step_size(pair, step) * error
        if (frozen := self._table.frozen(pair)) is not None:
            change = np.where(frozen, 0.0, change)
        q[seed] += change[:, None] * trace
        self.values[seed, env] = self._decay[seed, None] * discount[:, None] * trace
        return error
