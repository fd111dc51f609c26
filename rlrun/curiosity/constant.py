"""The same bonus at every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlrun.core.fields import PerRow
from rlrun.core.rows import Number, column
from rlrun.core.types import Array, Metrics, Spec, State, Step
from rlrun.nets.device import Device


@dataclass(frozen=True, kw_only=True)
class ConstantSettings:
    """The settings of `Constant`."""

    scale: PerRow[float] = 0.1
    """Bonus of every step, in units of reward; below 0 it is a cost."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int, device: Device) -> Constant:
        """Return the bonus of these seeds."""
        return Constant(self.scale)

    def check(self, spec: Spec, num_seeds: int) -> None:
        """Do nothing: it fits every environment."""


class Constant:
    """The same bonus at every step: a baseline, which does not depend on novelty.

    If no episode terminates, all values grow by scale / (1 - gamma) and the best policy stays the
    same. A termination ends the bonuses: with a positive scale an agent learns to avoid it, even
    at a goal, and with a negative one to reach it soon. A truncated episode is bootstrapped, so a
    time limit has no such effect.
    """

    def __init__(self, scale: Number) -> None:
        self._scale = scale
        self.faults: dict[int, str] = {}
        """Always empty: a constant is finite."""

    def observe(self, t: Step) -> None:
        """Do nothing: the bonus does not depend on the past."""

    def bonus(self, t: Step) -> Array:
        bonus: Array = np.zeros(t.reward.shape) + column(self._scale, t.reward.ndim)
        return bonus

    def learn(self, t: Step) -> Metrics:
        """Do nothing: there is nothing to learn."""
        return {}

    def freeze(self, position: int) -> None:
        """Do nothing: there is nothing to learn."""

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Do nothing: there is no state."""
