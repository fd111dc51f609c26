"""The training episodes of each seed: their number, and the points that are not written yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        self._sums = [[0.0, 0.0] for _ in range(num_seeds)]  # return, length; of unfinished points
        # returns and lengths of finished ones
        self._points: list[tuple[list[float], list[float]]] = [([], []) for _ in range(num_seeds)]
        self._taken = np.zeros(num_seeds, np.int64)  # episodes of the points taken so far

    @property
    def counts(self) -> Array:
        """Number of episodes of each seed, ``[seed]``."""
        return np.array(self._counts, np.int64)

    def add(self, seed: int, score: float, length: float) -> None:
        """Add an episode of the seed at this position."""
        self._counts[seed] = number = self._counts[seed] + 1
        returns, lengths = self._points[seed]
        if number <= SINGLE:
            returns.append(score)
            lengths.append(length)
            return
        sums = self._sums[seed]
        sums[0] += score
        sums[1] += length
        size = group_size(number)
        if number % size == 0:
            returns.append(sums[0] / size)
            lengths.append(sums[1] / size)
            sums[:] = 0.0, 0.0

    def extend(self, seed: int, scores: Sequence[float], lengths: Sequence[float]) -> None:
        """Add several episodes of the seed at this position."""
        single = min(len(scores), max(0, SINGLE - self._counts[seed]))
        for points, added in zip(self._points[seed], (scores, lengths), strict=True):
            points.extend(added[:single])
        self._counts[seed] += single
        for score, length in zip(scores[single:], lengths[single:], strict=True):
            self.add(seed, score, length)

    def take(self) -> dict[int, Points]:
        """Return the finished points since the last call, by the seed's position."""
        taken = {}
        for seed, points in enumerate(self._points):
            if points[0] and self.known:
                taken[seed] = Points(int(self._taken[seed]) + 1, *points)
                number = self._counts[seed]
                self._taken[seed] = number - number % group_size(number)
            self._points[seed] = [], []
        return taken

    def state_dict(self) -> State:
        return {
            "counts": self.counts if self.known else None,
            "sums": np.array(self._sums),
            "taken": self._taken.copy(),
            "points": [np.array(each, np.float64).T for each in self._points],
        }

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Restore the state; None if the run is of a version that did not count episodes."""
        if state is None or state["counts"] is None:
            self.known = False
            return
        restore_into(counts := self.counts, state["counts"], "the numbers of episodes")
        self._counts = counts.tolist()
        restore_into(sums := np.array(self._sums), state["sums"], "the latest episodes")
        self._sums = sums.tolist()
        restore_into(self._taken, state["taken"], "the numbers of episodes")
        for seed, saved in zip(range(len(self._points)), state["points"], strict=True):
            self._points[seed] = saved[:, 0].tolist(), saved[:, 1].tolist()
