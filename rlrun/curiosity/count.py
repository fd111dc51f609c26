"""A bonus for what was rarely visited, by counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.fields import NonNegative, PerRow
from rlrun.core.memory import in_words, shortage
from rlrun.core.restore import restore_into
from rlrun.core.rows import column
from rlrun.core.types import Array, Metrics, Spec, State, Step
from rlrun.curiosity.coverage import TAG
from rlrun.nets.device import Device
from rlrun.tables.states import States, place_values


@dataclass(frozen=True, kw_only=True)
class CountSettings:
    """The settings of `Count`."""

    scale: PerRow[NonNegative] = 0.1
    """Bonus of a first visit, in units of reward (beta of Strehl and Littman 2008)."""
    counts: Literal["pairs", "states"] = "pairs"
    """What is counted: pairs of a state and an action, or states."""

    def build(self, spec: Spec, seeds: Sequence[int], horizon: int, device: Device) -> Count:
        """Return the bonus of these seeds."""
        return Count(spec, len(seeds), self)

    def check(self, spec: Spec, num_seeds: int) -> None:
        """Raise BadInput or ValueError if visits cannot be counted in this environment."""
        if spec.obs.has_frames:
            raise BadInput(
                f"curiosity=count counts visits of states, and the {spec.obs.kind}s that "
                f"{spec.env_id} has as observations are too many to count: it needs discrete "
                "observations, or numbers divided into env.bins."
            )
        try:
            states = States(spec).count
        except BadInput as error:
            raise BadInput(
                f"curiosity=count counts visits in a table. {error}", error.key
            ) from error
        if self.counts == "pairs" and spec.action.kind == "vector":
            raise ValueError(
                f"counts must be states where actions are continuous, as those of {spec.env_id} "
                "are; got pairs"
            )
        number = states * self.actions(spec)
        free = shortage(8 * num_seeds * number)
        if free is not None:
            raise BadInput(
                f"curiosity=count needs {number:,} counts for {spec.env_id}, which for {num_seeds} "
                f"seeds take {in_words(8 * num_seeds * number)}, but only {in_words(free)} of "
                "memory is free: use fewer seeds, fewer bins, or curiosity.counts=states."
            )

    def actions(self, spec: Spec) -> int:
        """Return the number of counts of each state."""
        return math.prod(spec.action.choices) if self.counts == "pairs" else 1


class Count:
    """A bonus of scale / √N for a transition, where N counts the visits of its pair, or its state.

    N(s, a) is the exploration bonus of MBIE-EB (Strehl and Littman 2008), N(s) that of Bellemare et
    al. (2016); s is the state in which the action was taken. N is the number of visits by a seed in
    the whole run up to the moment when the bonus is computed, in all its environments, with the
    transition itself: a bonus falls while the transition is in a replay.
    """

    def __init__(self, spec: Spec, num_seeds: int, settings: CountSettings) -> None:
        self._scale, self._states = settings.scale, States(spec)
        self._actions = settings.actions(spec)
        several = self._actions > 1 and spec.action.kind == "multi_discrete"
        self._weights = place_values(spec.action.choices) if several else None
        size = self._states.count * self._actions
        self._visits = np.zeros((num_seeds, size), np.int64)
        self._flat = self._visits.reshape(-1)  # a view
        self._size, self._first = size, np.arange(num_seeds) * size
        self._covered = np.zeros(num_seeds, np.int64)  # pairs or states with a visit
        self.stream = None
        self.faults: dict[int, str] = {}
        """Always empty: a count is finite."""

    def observe(self, t: Step) -> None:
        """Count the visits of a step."""
        index = self._index(t)
        new = np.unique(index[self._flat[index] == 0])  # two environments may visit the same one
        np.add.at(self._covered, new // self._size, 1)
        np.add.at(self._flat, index, 1)

    def bonus(self, t: Step) -> Array:
        # what was never observed, such as a transition from elsewhere, is as new as a first visit
        visits = np.maximum(self._flat[self._index(t)], 1)
        bonus: Array = column(self._scale, t.reward.ndim) / np.sqrt(visits)
        return bonus

    def _index(self, t: Step) -> Array:
        """Return the positions in the flat counts of transitions ``[seed, ...]``."""
        index = self._states(t.obs)
        if self._actions > 1:
            action = t.action if self._weights is None else (t.action * self._weights).sum(-1)
            index = index * self._actions + action
        place: Array = index + column(self._first, index.ndim)
        return place

    def learn(self, t: Step) -> Metrics:
        """Return the coverage, how many pairs or states were visited: they are counted already."""
        return {TAG: self._covered.copy()}

    def freeze(self, position: int) -> None:
        """Do nothing: a seed's counts affect no other seed."""

    def state_dict(self) -> State:
        return {"visits": self._visits}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._visits, state["visits"], "the counts of visits")
        self._covered = np.count_nonzero(self._visits, axis=-1)
