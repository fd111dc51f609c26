"""The best evaluation of each seed, and its policy at that step; training does not depend on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State


class Best:
    """Keeps each seed's policy from that seed's best evaluation; of equal ones, the earliest."""

    def __init__(self, num_seeds: int) -> None:
        self.mean: Array = np.full(num_seeds, -np.inf)
        self.step: Array = np.zeros(num_seeds, np.int64)
        self.policy: State = {}

    def offer(self, step: int, mean: Array, policy: State) -> bool:
        """Store the policies of seeds with a new best ``mean [seed]``; return whether any has."""
        better = mean > self.mean
        if not better.any():
            return False
        self.mean = np.where(better, mean, self.mean)
        self.step = np.where(better, step, self.step)
        self.policy = merge(self.policy or policy, policy, better)
        return True

    def state_dict(self) -> State:
        return {"mean": self.mean, "step": self.step, "policy": self.policy}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.mean, state["mean"], "the best scores")
        restore_into(self.step, state["step"], "the steps of the best scores")
        self.policy = dict(state["policy"])


def merge(old: Any, new: Any, seeds: Array) -> Any:
    """Return a copy of ``old`` with the rows of the masked ``seeds`` taken from ``new``.

    Both are nested arrays and tensors that start with the seed axis, and lists of a value for each
    seed, which nothing changes in place.
    """
    if isinstance(new, dict):
        return {name: merge(old[name], value, seeds) for name, value in new.items()}
    if isinstance(new, list):
        return [n if better else o for o, n, better in zip(old, new, seeds, strict=True)]
    rows = new.copy() if isinstance(new, np.ndarray) else new.clone()
    rows[~seeds] = old[~seeds]
    return rows
