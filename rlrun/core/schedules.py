"""Values that change with the step: frozen callables, so that there is nothing to checkpoint.

The clock is always environment steps per seed. The end of a schedule is fixed when it is created:
if a run is extended later, the schedule stays at its last value and does not jump.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class Linear:
    """From ``start`` to ``end`` in a straight line over ``steps`` steps, then ``end``."""

    start: float
    end: float
    steps: float

    def __call__(self, step: int) -> float:
        if step >= self.steps:
            return self.end
        return self.start + (self.end - self.start) * step / self.steps


@dataclass(frozen=True)
class Exponential:
    """end + (start - end) exp(-step / decay): the distance to ``end`` falls by e each ``decay``."""

    start: float
    end: float
    decay: float

    def __call__(self, step: int) -> float:
        return self.end + (self.start - self.end) * math.exp(-step / self.decay)


class Power:
    """start / (1 + decay k), the power schedule, for one count k or an array of them."""

    def __init__(self, start: float, decay: float) -> None:
        # as arrays: numpy is twice as fast with them as with floats on small inputs
        self._start, self._decay, self._one = np.array(start), np.array(decay), np.array(1.0)

    def __call__(self, k: Any) -> Any:
        return self._start / (self._one + self._decay * k)


def first_due(every: int, start: int) -> int:
    """Return the first positive multiple of ``every`` that is at least ``start``."""
    return max(-(-start // every), 1) * every


def due(step: int, every: int, stride: int) -> int:
    """Return how many multiples of ``every`` were reached in the last ``stride`` steps.

    0 means not due. Counting crossings is correct for any number of environments per seed. Never
    due if ``every`` is 0.
    """
    return step // every - (step - stride) // every if every else 0
