"""What a step says about the ends of episodes if there is none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlrun.core.types import Array


class NoEnds(NamedTuple):
    """Arrays ``[seed, env]`` that all steps without an end share, and that are read-only."""

    last: Array
    score: Array
    length: Array
    discount: Array


def no_ends(grid: tuple[int, int], gamma: float | Array) -> NoEnds:
    """Return them for a grid ``[seed, env]``; ``gamma`` is one number, or ``[seed, 1]``."""
    discount: Array = np.zeros(grid)
    discount += gamma
    arrays = NoEnds(np.zeros(grid, np.bool_), np.zeros(grid), np.zeros(grid, np.int64), discount)
    for each in arrays:
        each.flags.writeable = False
    return arrays
