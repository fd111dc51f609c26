"""A small intrinsic reward that learns and draws random numbers, as prediction errors do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose, Streams
from rlrun.core.types import Array, Metrics, State, Step


class Learned:
    """One weight per seed, which predicts the mean of next observations; the bonus is its error.

    Errors are divided by the mean size of all observations so far. Each update is scaled by a
    random number.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.weight, self.size = np.zeros(len(seeds)), np.zeros(len(seeds))
        self.steps, self.updates = 0, 0
        self._draws = Streams(seeds, Purpose.CURIOSITY)
        self.frozen: set[int] = set()
        self.stream = None
        self.faults: dict[int, str] = {}

    def observe(self, t: Step) -> None:
        self.steps += 1
        mean = np.abs(t.next_obs.reshape(len(t.next_obs), -1)).mean(-1)
        self.size += (mean - self.size) / self.steps

    def _error(self, t: Step) -> Array:
        lead = t.reward.ndim
        mean = t.next_obs.reshape(*t.reward.shape, -1).astype(np.float64).mean(-1)
        error: Array = mean - self.weight.reshape(-1, *(1,) * (lead - 1))
        return error

    def bonus(self, t: Step) -> Array:
        scale = 1.0 + self.size.reshape(-1, *(1,) * (t.reward.ndim - 1))
        bonus: Array = np.abs(self._error(t)) / scale
        return bonus

    def learn(self, t: Step) -> Metrics:
        self.updates += 1
        error = np.ascontiguousarray(self._error(t)).reshape(len(self.weight), -1).mean(-1)
        for position in np.flatnonzero(~np.isfinite(error)).tolist():
            self.faults.setdefault(position, f"the prediction error is {error[position]}")
        change = 0.1 * self._draws.uniform(1)[:, 0] * error
        still = [*self.frozen, *self.faults]
        change[still] = 0.0
        self.weight += change
        return {"train/prediction_error": error}

    def freeze(self, position: int) -> None:
        self.frozen.add(position)

    def state_dict(self) -> State:
        return {
            "weight": self.weight,
            "size": self.size,
            "steps": self.steps,
            "updates": self.updates,
            "draws": self._draws.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.weight, state["weight"], "the weights")
        restore_into(self.size, state["size"], "the sizes")
        self.steps, self.updates = int(state["steps"]), int(state["updates"])
        self._draws.load_state_dict(state["draws"])
