"""Writing training episodes to ``episodes.jsonl``, and their curves by number for TensorBoard."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlrun import stats
from rlrun.run_folder.episodes import (
    EPISODES,
    LAST,
    POWERS,
    Points,
    digits,
    line,
    means_of_last,
    numbers_from,
    read_episodes,
)
from rlrun.run_folder.files import FolderError

TAGS = ("by_episode/return", f"by_episode/return_mean_{LAST}", "by_episode/length")
"""Their step in TensorBoard is the number of the episode."""


def is_charted(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where the curves have points: all episodes to 1,000, every 10th to 10,000, ...

    TensorBoard shows no more than 1,000 points of a curve.
    """
    charted: NDArray[np.bool_] = numbers % POWERS[np.maximum(0, digits(numbers - 1) - 3)] == 0
    return charted


class CurvePoint(NamedTuple):
    """Values of a seed at one of its episodes, by tag."""

    seed: int | None
    """The seed's position; None for the average over all seeds."""
    number: int
    """The number of the episode."""
    values: dict[str, float]


class EpisodeWriter:
    """Appends to ``episodes.jsonl`` in ``folder``; what is there after byte ``size`` is cut off."""

    def __init__(self, folder: Path, seeds: Sequence[int], size: int) -> None:
        self._path, self._seeds = folder / EPISODES, list(seeds)
        self.damaged: list[str] = []
        """Sentences on missing parts of an earlier writer's file."""
        # of each seed the last points, whose episodes are in the next means
        self._numbers = [np.empty(0, np.int64) for _ in seeds]
        self._returns = [np.empty(0) for _ in seeds]
        # of each seed the points of its curves that are in no average yet, ``[point, 1 + tag]``:
        # the number of the episode, and the values
        self._waiting = [np.empty((0, 1 + len(TAGS))) for _ in seeds]
        if self.size() < size:
            self.damaged.append(f"{EPISODES} is shorter than at the checkpoint")
        if not self._path.exists():
            return
        with self._path.open("r+b") as file:
            file.truncate(file.read(size).rfind(b"\n") + 1)  # whole lines
        try:
            read = read_episodes(self._path, self._seeds)
        except FolderError as error:
            self.damaged.append(str(error).removesuffix("."))
            self._path.unlink()
            return
        for seed, both in enumerate(zip(read.returns, read.lengths, strict=True)):
            there = np.flatnonzero(~np.isnan(both[1]))
            count = int(there[-1]) + 1 if len(there) else 0
            self._add(seed, Points(1, both[0][:count].tolist(), both[1][:count].tolist()))
        self._averages()  # they were written before

    def size(self) -> int:
        """Return the size of the file in bytes; 0 if there is none."""
        return self._path.stat().st_size if self._path.exists() else 0

    def sync(self) -> None:
        """Wait until everything is on disk."""
        if self._path.exists():
            with self._path.open("a") as file:
                os.fsync(file.fileno())

    def write(self, taken: Mapping[int, Points], *, by_seed: bool = True) -> list[CurvePoint]:
        """Write points by the seed's position; return the new points of the curves.

        ``by_seed`` is whether those of each seed are wanted, besides the averages.
        """
        taken = {seed: _arrays(points) for seed, points in taken.items()}
        if taken:
            lines = [line(self._seeds[seed], points) for seed, points in taken.items()]
            with self._path.open("a", encoding="utf-8") as file:
                file.write("".join(f"{each}\n" for each in lines))
        curves = []
        for seed, points in taken.items():
            rows = self._add(seed, points).tolist()
            if by_seed:
                curves += [
                    CurvePoint(seed, int(number), _finite(values)) for number, *values in rows
                ]
        return curves + self._averages()

    def _add(self, seed: int, points: Points) -> NDArray[np.float64]:
        """Add points of a seed; return those of its curves, ``[point, 1 + tag]``, with numbers."""
        new = numbers_from(points.first, len(points.returns))
        numbers = np.concatenate([self._numbers[seed], new])
        returns = np.concatenate([self._returns[seed], points.returns])
        means = means_of_last(numbers, returns, LAST)[len(numbers) - len(new) :]
        self._numbers[seed], self._returns[seed] = numbers[-LAST:], returns[-LAST:]
        rows = np.stack([new, points.returns, means, points.lengths], -1)[is_charted(new)]
        self._waiting[seed] = np.concatenate([self._waiting[seed], rows])
        return rows

    def _averages(self) -> list[CurvePoint]:
        """Return the averages over the seeds at the episodes that all of them have had by now."""
        shared = reduce(_shared, (rows[:, 0] for rows in self._waiting))
        if not len(shared):
            return []
        places = [rows[:, 0].searchsorted(shared) for rows in self._waiting]
        ready = [rows[place, 1:] for rows, place in zip(self._waiting, places, strict=True)]
        # an episode that a seed does not have, though it has later ones, was lost
        self._waiting = [
            rows[place[-1] + 1 :] for rows, place in zip(self._waiting, places, strict=True)
        ]
        with np.errstate(invalid="ignore"):
            means = stats.trimmed_mean(np.moveaxis(np.stack(ready), 0, -1))  # [point, tag]
        rows = zip(shared.tolist(), means.tolist(), strict=True)
        return [CurvePoint(None, int(number), _finite(row)) for number, row in rows]


def _shared(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the numbers that are in both, each of which is sorted."""
    length = min(len(one), len(other))
    if (one[:length] == other[:length]).all():  # which is usual, and saves time
        return one[:length]
    return np.intersect1d(one, other, assume_unique=True)


def _arrays(points: Points) -> Points:
    """Return points whose values are arrays."""
    returns, lengths = (np.asarray(each, np.float64) for each in points[1:])
    return Points(points.first, returns, lengths)


def _finite(values: Sequence[float]) -> dict[str, float]:
    """Return the values that are finite, by tag."""
    return {tag: each for tag, each in zip(TAGS, values, strict=True) if math.isfinite(each)}
