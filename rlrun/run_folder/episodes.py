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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlrun.run_folder.files import DAMAGE, FolderError, complete_lines

EPISODES = "episodes.jsonl"
LAST = 100  # episodes of a mean, as in the texts and in rollout/


def group_size(number: int) -> int:
    """Return how many episodes the point has that episode ``number`` belongs to."""
    return int(10 ** max(0, len(str(number - 1)) - 4))


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

    def mean_lengths(self, last: int = LAST) -> NDArray[np.float64]:
        """Return the mean length ``[seed, point]`` likewise."""
        return means_of_last(self.numbers, self.lengths, last)


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
    """Return the number of the last episode of each of so many points from ``first`` on."""
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


def read_episodes(path: Path, seeds: Sequence[int]) -> Episodes:
    """Return the episodes; none if there is no file. Raises FolderError if it is damaged."""
    rows = {seed: row for row, seed in enumerate(seeds)}
    columns: list[tuple[list[float], list[float]]] = [([], []) for _ in rows]
    following = [1] * len(rows)  # the number of each seed's next episode
    content = path.read_bytes() if path.exists() else b""
    for text in complete_lines(content):
        try:
            record = json.loads(text)
            row, first, returns = rows[record["seed"]], int(record["episode"]), record["returns"]
            if first != following[row] or len(returns) != len(record["lengths"]):
                raise ValueError
            columns[row][0].extend(math.nan if each is None else float(each) for each in returns)
            columns[row][1].extend(map(float, record["lengths"]))
            following[row] = [first - 1, *numbers_from(first, len(returns))][-1] + 1
        except DAMAGE as error:
            raise FolderError(f"{path} is damaged: a line of it does not hold episodes.") from error
    most = max(len(returns) for returns, _ in columns)
    arrays = np.full((2, len(rows), most), np.nan)
    for row, both in enumerate(columns):
        for array, values in zip(arrays, both, strict=True):
            array[row, : len(values)] = values
    return Episodes(np.array(numbers_from(1, most), np.int64), arrays[0], arrays[1])
