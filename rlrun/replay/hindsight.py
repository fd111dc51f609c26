"""Hindsight experience replay: transitions sampled with goals that their episodes have achieved.

Andrychowicz et al. 2017, "Hindsight Experience Replay", arXiv 1707.01495.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rlrun.core.fields import Natural, PerRow
from rlrun.core.goals import Goals
from rlrun.core.rows import column
from rlrun.core.types import Array, Batch, Spec, State, Step
from rlrun.replay.bonuses import Bonus, bonuses
from rlrun.replay.observations import take
from rlrun.replay.ring import Replay
from rlrun.replay.sampling import Draws, Sampler
from rlrun.replay.spans import Spans


@dataclass(frozen=True, kw_only=True)
class HindsightSettings:
    """The settings of `HindsightReplay`."""

    goals_per_step: PerRow[Natural] = 4
    """k: a share of k / (k + 1) of the transitions gets another goal (section 4.5 of the paper)."""
    strategy: Literal["future", "final", "episode"] = "future"
    """Where that was achieved: future (later in the episode), final (at its end) or episode."""


class HindsightReplay(Replay):
    """A replay that replaces the goals of most transitions when it samples them.

    A transition is sampled as from `Replay`. With probability k / (k + 1) its desired goal, in
    ``obs`` and ``next_obs``, is then replaced by one that was achieved by a random step of its
    episode: by itself or a later one (``future``), the last one (``final``), or any
    (``episode``). Only stored steps count, and of an unfinished episode the newest is the last.
    The environment computes the reward for that goal, and the discount, if it can say whether the
    step terminates; otherwise the stored discount remains. A bonus is that of the transition as it
    was stored.

    Args:
        spec: the specification of the environments, which has goals.
        num_seeds, sampler, capacity: those of `Replay`.
        draws: one stream of random numbers per seed, for the goals.
        settings: how many goals are replaced, and by which.
    """

    def __init__(
        self,
        spec: Spec,
        num_seeds: int,
        sampler: Sampler,
        *,
        capacity: int,
        draws: Draws,
        settings: HindsightSettings,
    ) -> None:
        super().__init__(spec, num_seeds, sampler, capacity=capacity)
        assert spec.goals is not None
        self._goals: Goals = spec.goals
        self._achieved, self._desired = (
            slice(first, first + spec.goals.size)
            for first in (spec.goals.achieved, spec.goals.desired)
        )
        k = column(settings.goals_per_step, 2)
        self._share, self._strategy, self._draws = k / (k + 1), settings.strategy, draws
        self._spans = Spans(num_seeds, self._window)
        reached = self._data["next_obs"]
        self._reached = reached.reshape(-1, *reached.shape[3:])

    def add(self, t: Step) -> None:
        super().add(t)
        self._spans.add(t.last)

    def cut(self) -> None:
        super().cut()
        self._spans.cut()

    def sample(self, size: int, n_step: int = 1, *, step: int, bonus: Bonus | None = None) -> Batch:
        """Draw ``size`` transitions per seed, as `Replay.sample`, and replace goals of them.

        Raises ValueError for returns of several steps, whose rewards are those of one goal.
        """
        if n_step != 1:
            raise ValueError(f"a hindsight replay has no returns of {n_step} steps, only of one")
        batch = super().sample(size, step=step)
        row, draw = batch.index + self._first, self._draws.uniform(2 * size)
        replaced = draw[:, :size] < self._share
        achiever = self._achiever(row, batch.index, draw[:, size:])
        goal = take(self._reached, achiever)[..., self._achieved]
        for obs in (batch.obs, batch.next_obs):  # copies of what is stored
            desired = obs[..., self._desired]
            desired[...] = np.where(replaced[..., None], goal, desired)
        outcome = self._goals.outcomes(
            batch.next_obs[..., self._achieved], batch.next_obs[..., self._desired]
        )
        reward, discount = (
            own if other is None else np.where(replaced, other, own).astype(own.dtype)
            for other, own in zip(outcome, (batch.reward, batch.discount), strict=True)
        )
        if bonus is not None:
            reward = reward + bonuses(bonus, self._observations, self._flat, row)
        return batch._replace(reward=reward, discount=discount)

    def _achiever(self, row: Array, place: Array, draw: Array) -> Array:
        """Return the rows ``[seed, batch]`` of the steps whose achieved goals are taken."""
        step, begin, end = self._spans.of(row, place)
        if self._strategy == "final":
            chosen = end - 1
        else:
            first = step if self._strategy == "future" else begin
            chosen = first + (draw * (end - first)).astype(np.int64)
        window = self._window
        env = place % window.envs
        achiever: Array = chosen % window.length * window.envs + env + self._first
        return achiever

    def state_dict(self) -> State:
        return {**super().state_dict(), "hindsight": {"draws": self._draws.state_dict()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._draws.load_state_dict(state["hindsight"]["draws"])

    def fill(self, state: Mapping[str, Any]) -> None:
        super().fill(state)
        self._spans.restore(self._data["last"])
