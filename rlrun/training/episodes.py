"""The training episodes of each seed: their number, and the points that are not written yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State
from rlrun.run_folder.episodes import SINGLE, Points, group_size

MOST_NEW = 10_000  # episodes of a seed that are kept before they are grouped


class EpisodeCounter:
    """Counts the episodes of each seed, and keeps their returns and lengths until they are taken.

    Episodes are grouped into points as in ``episodes.jsonl``.
    """

    def __init__(self, num_seeds: int) -> None:
        self._counts = [0] * num_seeds  # a list: episodes end at almost every step of a table
        self.known = True
        """False in a run of an earlier version, whose checkpoint has no counts."""
        # returns and lengths: of episodes that are not grouped yet; of finished points; and the
        # sums of the unfinished point
        self._new: list[tuple[list[float], list[float]]] = [([], []) for _ in range(num_seeds)]
        self._points: list[tuple[list[float], list[float]]] = [([], []) for _ in range(num_seeds)]
        self._sums = np.zeros((num_seeds, 2))
        self._taken = np.zeros(num_seeds, np.int64)  # episodes of the points taken so far

    @property
    def counts(self) -> Array:
        """Number of episodes of each seed, ``[seed]``."""
        return np.array(self._counts, np.int64)

    def add(self, seed: int, score: float, length: float) -> None:
        """Add an episode of the seed at this position."""
        self.extend(seed, (score,), (length,))

    def extend(self, seed: int, scores: Sequence[float], lengths: Sequence[float]) -> None:
        """Add several episodes of the seed at this position."""
        self._counts[seed] += len(scores)
        returns, steps = self._new[seed]
        returns.extend(scores)
        steps.extend(lengths)
        if len(returns) >= MOST_NEW:
            self._group(seed)

    def _group(self, seed: int) -> None:
        """Add the new episodes of a seed to its points."""
        values = np.array(self._new[seed], np.float64)  # [return or length, episode]
        self._new[seed] = [], []
        number = self._counts[seed] - values.shape[1]
        while values.shape[1]:
            size = group_size(number + 1)
            alike = size * SINGLE - number  # episodes until points are larger
            self._add(seed, number % size, values[:, :alike], size)
            number, values = number + min(alike, values.shape[1]), values[:, alike:]

    def _add(self, seed: int, begun: int, values: Array, size: int) -> None:
        """Add episodes ``values [2, episode]`` to points of ``size``; the first has ``begun``."""
        groups, rest = divmod(begun + values.shape[1], size)
        padded = np.zeros((2, (groups + 1) * size))
        padded[:, begun : begun + values.shape[1]] = values
        sums = np.zeros((2, groups + 1))
        sums[:, 0] = self._sums[seed]
        for column in np.moveaxis(padded.reshape(2, groups + 1, size), 2, 0):
            sums += column  # in the order of the episodes, however many are added at once
        self._sums[seed] = sums[:, groups] if rest else 0.0
        for points, means in zip(self._points[seed], sums[:, :groups] / size, strict=True):
            points.extend(means.tolist())

    def take(self) -> dict[int, Points]:
        """Return the finished points since the last call, by the seed's position."""
        taken = {}
        for seed, points in enumerate(self._points):
            self._group(seed)
            if points[0] and self.known:
                taken[seed] = Points(int(self._taken[seed]) + 1, *points)
                number = self._counts[seed]
                self._taken[seed] = number - number % group_size(number)
            self._points[seed] = [], []
        return taken

    def state_dict(self) -> State:
        for seed in range(len(self._counts)):
            self._group(seed)
        return {
            "counts": self.counts if self.known else None,
            "sums": self._sums.copy(),
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
        restore_into(self._sums, state["sums"], "the latest episodes")
        restore_into(self._taken, state["taken"], "the numbers of episodes")
        for seed, saved in zip(range(len(self._points)), state["points"], strict=True):
            self._points[seed] = saved[:, 0].tolist(), saved[:, 1].tolist()
