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
POWERS = 10 ** np.arange(17)


def group_size(number: int) -> int:
    """Return how many episodes the point has that episode ``number`` belongs to."""
    return 1 if number <= SINGLE else int(10 ** (len(str(number - 1)) - 4))


def digits(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many digits each number has; 0 has none."""
    return np.searchsorted(POWERS, numbers, "right").astype(np.int64)


class Points(NamedTuple):
    """Consecutive points of one seed: the number of their first episode, and their means."""

    first: int
    returns: Sequence[float] | NDArray[np.float64]
    lengths: Sequence[float] | NDArray[np.float64]


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
    size = POWERS[np.maximum(0, digits(numbers - 1) - 4)]  # as group_size
    total = np.cumsum(np.concatenate([np.zeros((*values.shape[:-1], 1)), values * size], -1), -1)
    count = np.cumsum(np.concatenate([[0], size]))  # episodes before each point
    begin = np.searchsorted(count, np.maximum(count[1:] - last, 0), "right") - 1
    means: NDArray[np.float64] = (total[..., 1:] - total[..., begin]) / (count[1:] - count[begin])
    return means


def numbers_from(first: int, points: int) -> NDArray[np.int64]:
    """Return the number of the last episode of each of so many points from episode ``first`` on."""
    numbers: list[NDArray[np.int64]] = []
    number = first - 1
    while points or not numbers:
        size = group_size(number + 1)
        alike = min(points, max(1, SINGLE - number // size))  # points of this size
        numbers.append(np.arange(1, alike + 1) * size + number)
        number, points = number + alike * size, points - alike
    return np.concatenate(numbers)


def line(seed: int, points: Points) -> str:
    """Return a line of ``episodes.jsonl``; a return that is not finite is null."""
    returns, lengths = _shortest(points.returns), _shortest(points.lengths)
    return json.dumps(
        {"seed": seed, "episode": points.first, "returns": returns, "lengths": lengths}
    )


def _shortest(values: Sequence[float] | NDArray[np.float64]) -> list[float | int | None]:
    """Return whole numbers as integers, which are shorter, and None for what is not finite."""
    array = np.asarray(values, np.float64)
    with np.errstate(invalid="ignore"):  # of what is not finite
        integers = array.astype(np.int64)
    whole = (array == integers) & (np.abs(array) < MOST_NUMBER)
    if whole.all():
        shortest: list[float | int | None] = integers.tolist()
        return shortest
    finite = [value if math.isfinite(value) else None for value in array.tolist()]
    return [int(x) if x is not None and x.is_integer() else x for x in finite]


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
    return Episodes(numbers_from(1, most), arrays[..., 0], arrays[..., 1])
