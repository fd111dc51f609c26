"""The archive of Go-Explore: the best trajectory to each cell, and how often it was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.agents.parts.trajectories import Trajectory
from rlrun.core.types import Array, State

ROOM = 256  # cells whose counts have room at first; it doubles when they are full


class Archive:
    """The cells of one seed.

    Args:
        power: exponent p of a cell's weight 1 / (n + 1)^p.
        by_chosen: whether n is how often the cell was chosen, or how often it was visited.
    """

    def __init__(self, power: float, by_chosen: bool) -> None:
        self._power, self._by_chosen = power, by_chosen
        self.trajectories: list[Trajectory] = []
        """The best one to each cell, in the order in which the cells were found."""
        self.keys: list[bytes] = []
        """The keys of the cells."""
        self._index: dict[bytes, int] = {}
        self._chosen, self._visits = np.zeros(ROOM, np.int64), np.zeros(ROOM, np.int64)

    def __len__(self) -> int:
        return len(self.trajectories)

    @property
    def chosen(self) -> Array:
        """How often each cell was chosen since its trajectory is the best, ``[cell]``."""
        return self._chosen[: len(self)]

    @property
    def visits(self) -> Array:
        """How many exploring steps reached each cell, ``[cell]``."""
        return self._visits[: len(self)]

    def visit(self, key: bytes, score: float, length: int) -> bool:
        """Count that a cell was reached; return whether the trajectory is to be stored.

        So it is if the cell is new, if the return ``score`` is better than that of its trajectory,
        or equal and in fewer steps.
        """
        place = self._index.get(key)
        if place is None:
            return True
        self._visits[place] += 1
        best = self.trajectories[place]
        return score > best.score or (score == best.score and length < best.length)

    def store(self, key: bytes, trajectory: Trajectory) -> None:
        """Store the trajectory to a cell, whose count of choices begins anew."""
        place = self._index.get(key)
        if place is not None:
            self.trajectories[place] = trajectory
            self._chosen[place] = 0
            return
        if len(self) == len(self._chosen):
            self._chosen, self._visits = (
                np.concatenate([each, np.zeros_like(each)]) for each in (self._chosen, self._visits)
            )
        self._index[key] = len(self)
        self._visits[len(self)] = 1
        self.keys.append(key)
        self.trajectories.append(trajectory)

    def weights(self) -> Array:
        """Return the weight of each cell when one is chosen, ``[cell]``."""
        count = self.chosen if self._by_chosen else self.visits
        weights: Array = (count + 1.0) ** -self._power
        return weights

    def choose(self, draw: float) -> int:
        """Return the place of a cell drawn in proportion to the weights, and count the choice.

        ``draw`` is in [0, 1).
        """
        total = self.weights().cumsum()
        place = min(int(total.searchsorted(draw * total[-1], "right")), len(total) - 1)
        self._chosen[place] += 1
        return place

    def state_dict(self, number: Mapping[Trajectory, int], like: Array) -> State:
        """Return the cells; ``number`` has trajectories' numbers, keys are like ``[cell, n]``."""
        keys = np.frombuffer(b"".join(self.keys), like.dtype).reshape(-1, like.shape[1])
        numbers = np.array([number[each] for each in self.trajectories], np.int64)
        counts = {"chosen": self.chosen.copy(), "visits": self.visits.copy()}
        return {"keys": keys.copy(), "trajectory": numbers, **counts}

    def load_state_dict(
        self, state: Mapping[str, Any], trajectories: list[Trajectory], like: Array
    ) -> None:
        """Restore the cells. Raises ValueError unless their keys are like those ``[cell, n]``."""
        keys, numbers = state["keys"], state["trajectory"]
        counts = len(numbers)
        fits = keys.dtype == like.dtype and keys.shape == (counts, like.shape[1])
        if not fits or ((numbers < 0) | (numbers >= len(trajectories))).any():
            raise ValueError("the cells of the archive are not those of this environment")
        self.keys = [row.tobytes() for row in keys]
        self._index = {key: place for place, key in enumerate(self.keys)}
        self.trajectories = [trajectories[number] for number in numbers.tolist()]
        room = max(ROOM, counts)
        self._chosen, self._visits = np.zeros(room, np.int64), np.zeros(room, np.int64)
        self._chosen[:counts], self._visits[:counts] = state["chosen"], state["visits"]
