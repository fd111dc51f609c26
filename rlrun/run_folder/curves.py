"""Reading the metrics of a run from ``metrics.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlrun.core.errors import BadInput, did_you_mean
from rlrun.run_folder.files import (
    DAMAGE,
    FolderError,
    complete_lines,
)

MOST_STEPS = 2**62  # so that they fit an integer of an array


@dataclass(frozen=True)
class Curve:
    """One metric of all seeds of a run.

    ``steps [time]`` are environment steps per seed, ``values [seed, time]`` are NaN where a seed
    has no value at that step.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


class UnknownMetric(BadInput, KeyError):
    """The error for a metric that a run does not have; its text is a sentence for the user."""

    def __str__(self) -> str:
        return str(self.args[0])  # not as KeyError, which quotes it


class Curves(dict[str, Curve]):
    """The metrics of a run by tag. Raises UnknownMetric, with a suggestion, for another tag."""

    def __missing__(self, tag: str) -> Curve:
        hint = did_you_mean(str(tag), self)
        known = f"It has: {', '.join(self)}." if self else "It has not logged any metrics yet."
        raise UnknownMetric(f"the run has no metric '{tag}'.{hint} {known}")


def read_curves(path: Path, seeds: tuple[int, ...]) -> Curves:
    """Return the metrics by tag; empty if there is no file. Raises FolderError if it is damaged."""
    points: dict[str, dict[int, dict[int, float]]] = {}  # tag, step, row of the seed
    rows = {seed: row for row, seed in enumerate(seeds)}
    content = path.read_bytes() if path.exists() else b""
    for line in complete_lines(content):
        try:
            metrics = json.loads(line)
            step, row = int(metrics.pop("step")), rows[metrics.pop("seed")]
            for tag, value in metrics.items():
                points.setdefault(str(tag), {}).setdefault(step, {})[row] = float(value)
            if abs(step) > MOST_STEPS:
                raise ValueError
        except DAMAGE as error:
            raise FolderError(f"{path} is damaged: a line of it is not metrics.") from error
    return Curves({tag: _curve(points[tag], len(seeds)) for tag in sorted(points)})


def _curve(points: Mapping[int, Mapping[int, float]], num_seeds: int) -> Curve:
    steps = np.array(sorted(points), np.int64)
    values = np.full((num_seeds, len(steps)), np.nan)
    for column, step in enumerate(steps):
        for row, value in points[int(step)].items():
            values[row, column] = value
    return Curve(steps, values)
