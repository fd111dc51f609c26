"""Coverage: how many different states a seed has visited so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.restore import restore_into
from rlrun.core.rows import column
from rlrun.core.types import Metrics, Spec, State, Step
from rlrun.tables.states import States

TAG = "train/coverage"
MOST = 1_000_000  # states, a byte each, above which they are not counted


class Coverage:
    """Counts the different states in which each seed has taken an action.

    States are countable if observations are discrete or have bins, and there are at most a million;
    otherwise there is no metric.
    """

    def __init__(self, spec: Spec, num_seeds: int) -> None:
        self._states = _countable(spec)
        size = 0 if self._states is None else self._states.count
        self._visited = np.zeros((num_seeds, size), np.bool_)
        self._flat = self._visited.reshape(-1)  # a view
        self._size, self._first = size, np.arange(num_seeds) * size
        self._covered = np.zeros(num_seeds, np.int64)

    def observe(self, t: Step) -> None:
        """Add the states of one vector step."""
        if self._states is not None:
            state = self._states(t.obs)
            index = state + column(self._first, state.ndim)
            new = np.unique(index[~self._flat[index]])  # two environments may be in the same one
            np.add.at(self._covered, new // self._size, 1)
            self._flat[new] = True

    @property
    def metrics(self) -> Metrics:
        """The number of states ``[seed]`` by tag; {} if they are not countable."""
        return {} if self._states is None else {TAG: self._covered.copy()}

    def state_dict(self) -> State:
        return {} if self._states is None else {"visited": self._visited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state; that of an earlier version, {}, has no visits."""
        if state:
            restore_into(self._visited, state["visited"], "the states visited")
            self._covered = np.count_nonzero(self._visited, axis=-1)


def _countable(spec: Spec) -> States | None:
    """Return the numbering of the states; None if they are not countable."""
    if spec.obs.has_frames:
        return None
    try:
        states = States(spec)
    except BadInput:
        return None
    return states if states.count <= MOST else None
