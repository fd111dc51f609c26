"""The best evaluation of each seed, and the agent as it was then; training never asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlrun.types import Array, State


class Best:
    """Keeps the state of each seed's agent at its own best evaluation, without the replay.

    A tie goes to the earlier evaluation.
    """

    def __init__(self, seeds: int) -> None:
        self.mean: Array = np.full(seeds, -np.inf)
        self.step: Array = np.zeros(seeds, np.int64)
        self.state: State = {}

    def offer(self, step: int, mean: Array, agent: State) -> bool:
        """Take the seeds whose ``mean [seed]`` is new best; whether there was one."""
        better = mean > self.mean
        if not better.any():
            return False
        self.mean = np.where(better, mean, self.mean)
        self.step = np.where(better, step, self.step)
        kept = {name: value for name, value in agent.items() if name != "replay"}
        self.state = merge(self.state or kept, kept, better)
        return True


def merge(old: Any, new: Any, seeds: Array) -> Any:
    """``old`` with the rows of the masked ``seeds`` from ``new``; always a copy.

    Both are states of agents: arrays, tensors and lists start with the seed axis.
    """
    if isinstance(new, dict):
        return {name: merge(old[name], value, seeds) for name, value in new.items()}
    if isinstance(new, list):
        return [n if taken else o for o, n, taken in zip(old, new, seeds, strict=True)]
    if hasattr(new, "shape"):
        rows = new.clone() if hasattr(new, "clone") else new.copy()
        rows[~seeds] = old[~seeds]
        return rows
    return new
