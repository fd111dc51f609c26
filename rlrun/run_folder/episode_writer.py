"""Writing training episodes to ``episodes.jsonl``, and their curves by number for TensorBoard."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rlrun import stats
from rlrun.run_folder.episodes import (
    EPISODES,
    LAST,
    Points,
    line,
    means_of_last,
    numbers_from,
    read_episodes,
)
from rlrun.run_folder.files import FolderError

TAGS = ("by_episode/return", f"by_episode/return_mean_{LAST}", "by_episode/length")
"""Their step in TensorBoard is the number of the episode."""


def is_charted(number: int) -> bool:
    """Return whether the curves have a point at an episode: all to 1,000, every 10th to 10,000, ...

    TensorBoard shows no more than 1,000 points of a curve.
    """
    return number % int(10 ** max(0, len(str(number - 1)) - 3)) == 0


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
        self._numbers: list[list[int]] = [[] for _ in seeds]
        self._returns: list[list[float]] = [[] for _ in seeds]
        # values of the tags by episode and seed, until all seeds have them
        self._waiting: dict[int, dict[int, list[float]]] = {}
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
            points = Points(1, both[0][:count].tolist(), both[1][:count].tolist())
            for _ in self._curves(seed, points):
                pass  # they were written before

    def size(self) -> int:
        """Return the size of the file in bytes; 0 if there is none."""
        return self._path.stat().st_size if self._path.exists() else 0

    def sync(self) -> None:
        """Wait until everything is on disk."""
        if self._path.exists():
            with self._path.open("a") as file:
                os.fsync(file.fileno())

    def write(self, taken: Mapping[int, Points]) -> list[CurvePoint]:
        """Write points by the seed's position; return the new points of the curves."""
        if taken:
            lines = [line(self._seeds[seed], points) for seed, points in taken.items()]
            with self._path.open("a", encoding="utf-8") as file:
                file.write("".join(f"{each}\n" for each in lines))
        return [point for seed, points in taken.items() for point in self._curves(seed, points)]

    def _curves(self, seed: int, points: Points) -> Iterator[CurvePoint]:
        new = numbers_from(points.first, len(points.returns))
        numbers, returns = self._numbers[seed] + new, self._returns[seed] + points.returns
        means = means_of_last(np.array(numbers, np.int64), np.array(returns), LAST)
        self._numbers[seed], self._returns[seed] = numbers[-LAST:], returns[-LAST:]
        last = means[len(means) - len(new) :].tolist()
        for number, *values in zip(new, points.returns, last, points.lengths, strict=True):
            if not is_charted(number):
                continue
            yield CurvePoint(seed, number, _finite(values))
            of_all = self._waiting.setdefault(number, {})
            of_all[seed] = values
            if len(of_all) == len(self._seeds):
                del self._waiting[number]
                by_tag = np.array([of_all[k] for k in range(len(self._seeds))]).T  # [tag, seed]
                with np.errstate(invalid="ignore"):
                    average = _finite(stats.trimmed_mean(by_tag).tolist())
                yield CurvePoint(None, number, average)


def _finite(values: Sequence[float]) -> dict[str, float]:
    """Return the values that are finite, by tag."""
    return {tag: each for tag, each in zip(TAGS, values, strict=True) if math.isfinite(each)}
