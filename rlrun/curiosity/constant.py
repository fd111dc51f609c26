"""The same bonus at every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlrun.core.fields import PerRow
from rlrun.core.rows import Number, column
from rlrun.core.types import Array, Metrics, Spec, State, Step
from rlrun.curiosity.coverage import Coverage
from rlrun.nets.device import Device


@dataclass(frozen=True, kw_only=True)
class ConstantSettings:
    """The settings of `Constant`."""

    scale: PerRow[float] = 0.1
    """Bonus of every step, in units of reward; below 0 it is a cost."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int, device: Device) -> Constant:
        """Return the bonus of these seeds."""
        return Constant(self.scale, Coverage(spec, len(seeds)))

    def check(self, spec: Spec, num_seeds: int) -> None:
        """Do nothing: it fits every environment."""


class Constant:
    """The same bonus at every step: a baseline, which does not depend on novelty.

    If no episode terminates, all values grow by scale / (1 - gamma) and the best policy stays the
    same. A termination ends the bonuses: with a positive scale an agent learns to avoid it, even
    at a goal, and with a negative one to reach it soon. A truncated episode is bootstrapped, so a
    time limit has no such effect. With a scale of 0 there is no bonus, but the coverage is logged.
    """

    def __init__(self, scale: Number, coverage: Coverage | None = None) -> None:
        self._scale, self._coverage = scale, coverage
        self.stream = None
        self.faults: dict[int, str] = {}
        """Always empty: a constant is finite."""

    def observe(self, t: Step) -> None:
        """Add the states to the coverage; the bonus does not depend on the past."""
        if self._coverage is not None:
            self._coverage.observe(t)

    def bonus(self, t: Step) -> Array:
        bonus: Array = np.zeros(t.reward.shape) + column(self._scale, t.reward.ndim)
        return bonus

    def learn(self, t: Step) -> Metrics:
        """Return the coverage; there is nothing to learn."""
        return {} if self._coverage is None else self._coverage.metrics

    def freeze(self, position: int) -> None:
        """Do nothing: there is nothing to learn."""

    def state_dict(self) -> State:
        return {} if self._coverage is None else self._coverage.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the coverage, which older runs do not have."""
        if self._coverage is not None:
            self._coverage.load_state_dict(state)
