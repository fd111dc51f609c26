"""When an agent with a replay begins to learn: after so many steps, or episodes of each seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch

from rlrun.agents.parts.settings import OffPolicySettings
from rlrun.core.restore import restore_into
from rlrun.core.schedules import due, first_due
from rlrun.core.types import Array, Batch, Metrics, State
from rlrun.replay.ring import Replay


class LearningStart:
    """Counts the updates, and decides which seeds they change.

    By steps all seeds begin at once, and there are no updates before. By episodes each seed begins
    after its own: updates are computed from the first step on, and until then leave the seed
    unchanged. So all seeds draw the same random numbers, whenever they begin.

    Args:
        settings: those of the agent.
        replay: its replay.
        num_seeds: number of seeds.
        stride: environments per seed.
        least: transitions that must be stored before any update, if the settings ask for fewer.
    """

    def __init__(
        self,
        settings: OffPolicySettings,
        replay: Replay,
        num_seeds: int,
        stride: int,
        least: int = 0,
    ) -> None:
        self._settings, self._replay, self._stride = settings, replay, stride
        self._least = least
        self._by_episodes = settings.learning_clock == "episodes"
        self.updates: Array = np.zeros(num_seeds, np.int64)
        """The number of updates so far, ``[seed]``, with those that left the seed unchanged."""
        self._skipped = np.zeros(num_seeds, np.int64)  # the number of the latter
        self._episodes = np.zeros(num_seeds, np.int64)
        self._waiting: Array | None = None  # bool [seed]; None if no seed waits

    def observe(self, last: Array) -> None:
        """Count the episodes that ended: the mask ``last [seed, env]``."""
        if self._by_episodes:
            self._episodes += last.sum(-1)
            waiting = self._episodes < self._settings.learning_starts
            self._waiting = waiting if waiting.any() else None

    @property
    def first_update(self) -> int:
        """The step of the first update; 0 if it depends on the episodes."""
        s = self._settings
        starts = max(s.learning_starts, self._least)
        return 0 if self._by_episodes else first_due(s.train_every, starts)

    @property
    def reached(self) -> bool:
        """Whether there are updates by now."""
        starts = 0 if self._by_episodes else self._settings.learning_starts
        return self._replay.added >= max(starts, self._least)

    def updates_due(self, step: int) -> int:
        """Return the number of updates that are due now."""
        times = due(step, self._settings.train_every, self._stride)
        return times * self._settings.gradient_steps if times and self.reached else 0

    def frozen(self, faults: Collection[int]) -> Collection[int]:
        """Return the positions that an update leaves unchanged: those with faults or waiting."""
        if self._waiting is None:
            return faults
        return {*faults, *np.flatnonzero(self._waiting).tolist()}

    def masked(self, values: Any, other: float = np.nan) -> Any:
        """Return ``values [seed, ...]`` with ``other`` for the seeds that wait."""
        if self._waiting is None:
            return values
        mask = self._waiting.reshape(-1, *(1,) * (values.ndim - 1))
        if isinstance(values, torch.Tensor):
            return values.masked_fill(torch.from_numpy(mask).to(values.device), other)
        return np.where(mask, other, values)

    def prioritize(self, sampled: Batch, error: Array) -> None:
        """Update the priorities of a batch by its errors ``[seed, batch]``, if there are any.

        Transitions of a seed that waits count as new.
        """
        if sampled.weight is not None:
            self._replay.update(sampled.index, self.masked(error))

    def count(self, metrics: Metrics) -> Metrics:
        """Count an update; return its metrics, NaN for the seeds that wait, with the counts.

        Counts of the metrics, which are integers, are unchanged.
        """
        self.updates += 1
        if self._waiting is not None:
            self._skipped += self._waiting
            metrics = {
                tag: self.masked(values)
                if tag.startswith("train/") and _can_be_nan(values)
                else values
                for tag, values in metrics.items()
            }
        return {**metrics, "train/n_updates": self.updates - self._skipped}

    @property
    def all_random(self) -> bool:
        """Whether all seeds explore at random, so that no policy is needed.

        Seeds that have learnt before, whose replay was not saved, do not.
        """
        return not self.reached and not self.updates.any()

    def with_random(self, action: Array, draw: Callable[[], Array]) -> Array:
        """Return actions ``[seed, env, ...]`` in which seeds that have not begun act at random.

        ``draw()`` returns random actions of all seeds, of the same shape.
        """
        if not self._by_episodes:
            return action
        random = (self._episodes < self._settings.learning_starts) & (self.updates == self._skipped)
        if not random.any():
            return action
        mask = random.reshape(-1, *(1,) * (action.ndim - 1))
        chosen: Array = np.where(mask, draw(), action)
        return chosen

    def state_dict(self) -> State:
        counts = {"skipped": self._skipped.copy(), "episodes": self._episodes.copy()}
        return {"updates": self.updates, **({"start": counts} if self._by_episodes else {})}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state, after the replay.

        If that was not saved, each seed stores its episodes again before it learns.
        """
        restore_into(self.updates, state["updates"], "the number of updates")
        if self._by_episodes:
            restore_into(self._skipped, state["start"]["skipped"], "the number of updates")
            restore_into(self._episodes, state["start"]["episodes"], "the number of episodes")
            self._episodes *= self._replay.added > 0


def _can_be_nan(values: Any) -> bool:
    return isinstance(values, torch.Tensor) or np.issubdtype(values.dtype, np.floating)
