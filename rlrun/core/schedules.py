"""Values that change with the step: frozen callables, so that there is nothing to checkpoint.

The clock is environment steps per seed, or updates in a run that learns from data. The end of a
schedule is fixed when it is created: if a run is extended later, the schedule stays at its last
value and does not jump.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from rlrun.core.rows import Number
from rlrun.core.types import Array

Schedule: TypeAlias = Callable[[int], Number]
"""From the step to a value, or an array ``[row]``."""


@dataclass(frozen=True)
class Linear:
    """From ``start`` to ``end`` in a straight line over ``steps`` steps, then ``end``.

    Each may be an array ``[row]``; then values are, too.
    """

    start: Number
    end: Number
    steps: Number

    def __call__(self, step: int) -> Number:
        if isinstance(self.steps, np.ndarray):
            steps = np.where(self.steps > 0, self.steps, 1.0)  # of 0, the value is not used
            return np.where(step >= self.steps, self.end, self._line(step, steps))
        return self.end if step >= self.steps else self._line(step, self.steps)

    def many(self, steps: Array) -> Array:
        """Return the values at many steps, ``[step, row]``, or ``[step, 1]`` for all rows."""
        length, step = np.asarray(self.steps, np.float64), steps[:, None]
        line = self._line(step, np.where(length > 0, length, 1.0))
        return np.where(step >= length, self.end, line)

    def _line(self, step: int | Array, steps: Number) -> Number:
        return self.start + (self.end - self.start) * step / steps


@dataclass(frozen=True)
class Exponential:
    """end + (start - end) exp(-step / decay): the distance to ``end`` falls by e each ``decay``.

    Each may be an array ``[row]``; then values are, too.
    """

    start: Number
    end: Number
    decay: Number

    def __call__(self, step: int) -> Number:
        if isinstance(self.decay, np.ndarray):
            # numpy's exp may differ in the last bit
            factor: Number = np.array([math.exp(-step / each) for each in self.decay.tolist()])
        else:
            factor = math.exp(-step / self.decay)
        return self.end + (self.start - self.end) * factor


class Power:
    """start / (1 + decay k), the power schedule, for one count k or an array of them.

    ``start`` and ``decay`` may be arrays ``[row]``; then each count belongs to a row.
    """

    def __init__(self, start: Number, decay: Number) -> None:
        # as arrays: numpy is twice as fast with them as with floats on small inputs
        self._start, self._decay, self._one = np.array(start), np.array(decay), np.array(1.0)

    def __call__(self, k: Any, row: Array | None = None) -> Any:
        start, decay = self._start, self._decay
        if row is not None:
            start = start[row] if start.ndim else start
            decay = decay[row] if decay.ndim else decay
        return start / (self._one + decay * k)


def first_due(every: int, start: int) -> int:
    """Return the first positive multiple of ``every`` that is at least ``start``."""
    return max(-(-start // every), 1) * every


def due(step: int, every: int, stride: int) -> int:
    """Return how many multiples of ``every`` were reached in the last ``stride`` steps.

    0 means not due. Counting crossings is correct for any number of environments per seed. Never
    due if ``every`` is 0.
    """
    return step // every - (step - stride) // every if every else 0
