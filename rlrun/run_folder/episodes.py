"""The training episodes of a run, by their numbers: what ``episodes.jsonl`` holds.

Each seed counts its own episodes from 1. A point is one episode up to number 10,000, then the mean
of 10 episodes up to number 100,000, of 100 up to a million, and so on: no more than 9,000 points
for each further power of ten. The numbers of the points are the same for all seeds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlrun.run_folder.files import DAMAGE, FolderError, complete_lines

EPISODES = "episodes.jsonl"
SINGLE = 10_000  # the number up to which a point is a single episode
LAST = 100  # episodes of a mean, as in the texts and in rollout/
MOST_NUMBER = 2**53  # of an episode


def group_size(number: int) -> int:
    """Return how many episodes the point has that episode ``number`` belongs to."""
    return 1 if number <= SINGLE else int(10 ** (len(str(number - 1)) - 4))


class Points(NamedTuple):
    """Consecutive points of one seed: the number of their first episode, and their means."""

    first: int
    returns: list[float]
    lengths: list[float]


@dataclass(frozen=True)
class Episodes:
    """The training episodes of all seeds of a run.

    ``numbers [point]`` is the number of each point's last episode, ``returns [seed, point]`` are
    true, undiscounted returns, ``lengths [seed, point]`` are in steps. They are NaN where a seed
    has not had so many episodes. Of several agents, returns are their sums.
    """

    numbers: NDArray[np.int64]
    returns: NDArray[np.float64]
    lengths: NDArray[np.float64]

    def mean_returns(self, last: int = LAST) -> NDArray[np.float64]:
        """Return the mean return ``[seed, point]`` of the ``last`` episodes up to each point.

        It is that of all episodes so far where there are fewer, and of the point itself where that
        has more.
        """
        return means_of_last(self.numbers, self.returns, last)


def means_of_last(
    numbers: NDArray[np.int64], values: NDArray[np.float64], last: int
) -> NDArray[np.float64]:
    """Return the means ``[..., point]`` of the ``last`` episodes up to each point.

    ``numbers [point]`` are the last episodes of consecutive points, ``values [..., point]`` their
    means.
    """
    if not len(numbers):
        return np.array(values, np.float64)
    size = np.array([group_size(number) for number in numbers.tolist()])
    total = np.cumsum(np.concatenate([np.zeros((*values.shape[:-1], 1)), values * size], -1), -1)
    count = np.cumsum(np.concatenate([[0], size]))  # episodes before each point
    begin = np.searchsorted(count, np.maximum(count[1:] - last, 0), "right") - 1
    means: NDArray[np.float64] = (total[..., 1:] - total[..., begin]) / (count[1:] - count[begin])
    return means


def numbers_from(first: int, points: int) -> list[int]:
    """Return the number of the last episode of each of so many points from episode ``first`` on."""
    numbers, number = [], first - 1
    for _ in range(points):
        number += group_size(number + 1)
        numbers.append(number)
    return numbers


def line(seed: int, points: Points) -> str:
    """Return a line of ``episodes.jsonl``; a return that is not finite is null."""
    returns, lengths = (list(map(_shortest, each)) for each in points[1:])
    return json.dumps(
        {"seed": seed, "episode": points.first, "returns": returns, "lengths": lengths}
    )


def _shortest(value: float) -> float | int | None:
    """Return a whole number as an integer, which is shorter; None if it is not finite."""
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value


class _Column:
    """The returns and lengths of one seed, as they are read."""

    def __init__(self) -> None:
        self.values: list[tuple[float, float]] = []
        self._number = 0  # of the last episode so far

    def add(self, first: int, returns: list[Any], lengths: list[Any]) -> None:
        """Add points from episode ``first`` on; NaN where some were not recorded before."""
        if not self._number < first <= MOST_NUMBER or (first - 1) % group_size(first):
            raise ValueError
        while self._number < first - 1:
            self._append(math.nan, math.nan)
        for both in zip(returns, lengths, strict=True):
            self._append(*(math.nan if value is None else float(value) for value in both))

    def _append(self, episode_return: float, length: float) -> None:
        self.values.append((episode_return, length))
        self._number += group_size(self._number + 1)


def read_episodes(path: Path, seeds: Sequence[int]) -> Episodes:
    """Return the episodes; none if there is no file. Raises FolderError if it is damaged."""
    columns = {seed: _Column() for seed in seeds}
    content = path.read_bytes() if path.exists() else b""
    for text in complete_lines(content):
        try:
            record = json.loads(text)
            column, first = columns[record["seed"]], int(record["episode"])
            column.add(first, record["returns"], record["lengths"])
        except DAMAGE as error:
            raise FolderError(f"{path} is damaged: a line of it does not hold episodes.") from error
    most = max(len(column.values) for column in columns.values())
    arrays = np.full((len(columns), most, 2), np.nan)
    for row, column in enumerate(columns.values()):
        arrays[row, : len(column.values)] = np.reshape(column.values, (-1, 2))
    return Episodes(np.array(numbers_from(1, most), np.int64), arrays[..., 0], arrays[..., 1])
