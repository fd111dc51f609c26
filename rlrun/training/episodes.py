"""The training episodes of each seed: their number, and the points that are not written yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State
from rlrun.run_folder.episodes import SINGLE, Points, group_size


class EpisodeCounter:
    """Counts the episodes of each seed, and keeps their returns and lengths until they are taken.

    Episodes are grouped into points as in ``episodes.jsonl``.
    """

    def __init__(self, num_seeds: int) -> None:
        self._counts = [0] * num_seeds  # a list: episodes end at almost every step of a table
        self.known = True
        """False in a run of an earlier version, whose checkpoint has no counts."""
        self._sums = np.zeros((num_seeds, 2))  # of return and length in the unfinished point
        self._points: list[list[tuple[float, float]]] = [[] for _ in range(num_seeds)]
        self._taken = np.zeros(num_seeds, np.int64)  # episodes of the points taken so far

    @property
    def counts(self) -> Array:
        """Number of episodes of each seed, ``[seed]``."""
        return np.array(self._counts, np.int64)

    def add(self, seed: int, score: float, length: float) -> None:
        """Add an episode of the seed at this position."""
        self._counts[seed] = number = self._counts[seed] + 1
        if number <= SINGLE:
            self._points[seed].append((score, length))
            return
        size = group_size(number)
        self._sums[seed] += score, length
        if number % size == 0:
            mean = self._sums[seed] / size
            self._points[seed].append((float(mean[0]), float(mean[1])))
            self._sums[seed] = 0.0

    def take(self) -> dict[int, Points]:
        """Return the finished points since the last call, by the seed's position."""
        taken = {}
        for seed, points in enumerate(self._points):
            if points and self.known:
                first = int(self._taken[seed]) + 1
                returns, lengths = (list(column) for column in zip(*points, strict=True))
                taken[seed] = Points(first, returns, lengths)
                number = self._counts[seed]
                self._taken[seed] = number - number % group_size(number)
            points.clear()
        return taken

    def state_dict(self) -> State:
        return {
            "counts": self.counts if self.known else None,
            "sums": self._sums.copy(),
            "taken": self._taken.copy(),
            "points": [np.array(each, np.float64).reshape(-1, 2) for each in self._points],
        }

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Restore the state; None if the run is of a version that did not count episodes."""
        if state is None or state["counts"] is None:
            self.known = False
            return
        restore_into(counts := self.counts, state["counts"], "the numbers of episodes")
        self._counts = counts.tolist()
        restore_into(self._sums, state["sums"], "the latest episodes")
        restore_into(self._taken, state["taken"], "the numbers of episodes")
        for points, saved in zip(self._points, state["points"], strict=True):
            points[:] = [(score, length) for score, length in saved.tolist()]
