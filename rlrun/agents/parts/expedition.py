"""What one seed of Go-Explore has found: its archive, its episodes under way and the best one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rlrun.agents.parts.archive import Archive
from rlrun.agents.parts.trajectories import Numbered, Trajectory, checked_actions, restored
from rlrun.agents.parts.walks import Walk, restored_walks, walks_state
from rlrun.core.types import Array, State


class Expedition:
    """The episodes of one seed, in all its environments.

    Args:
        archive: its archive, without cells.
        num_envs: its environments.
        draw: returns numbers in [0, 1), to choose cells.
        actions: an array of no actions, ``[0, ...]``.
        keys: an array of no keys, ``[0, n]``.
    """

    def __init__(
        self,
        archive: Archive,
        num_envs: int,
        draw: Callable[[], float],
        actions: Array,
        keys: Array,
    ) -> None:
        self.archive, self._draw, self._keys = archive, draw, keys
        self._no_key = bytes(keys.dtype.itemsize * keys.shape[1])
        self._start = Trajectory(None, actions, 0.0)
        self.walks = [Walk(self._start, self._no_key) for _ in range(num_envs)]
        self.policy = actions
        """The actions of the best episode."""
        self.best = float("nan")
        """Its return."""
        self.found = 0, 0
        """When an episode first had this return: all steps until then, and the exploring ones."""
        self.returned = 0
        """Steps spent returning."""
        self.missed = 0
        """Times that returning led to another cell: the environment is not reproducible."""
        self.frozen = False

    def begin(self, keys: list[bytes]) -> None:
        """Store the cell in which episodes begin, if this is the first step of one."""
        for walk, key in zip(self.walks, keys, strict=True):
            if not len(self.archive) and walk.known and not walk.time:
                self.archive.store(key, self._start)

    def add(self, env: int, action: Array, reward: float, key: bytes) -> None:
        """Add a step of an episode, which continues in the cell ``key``."""
        walk = self.walks[env]
        if not walk.known:
            return
        if walk.returning:
            walk.time += 1
            self.returned += 1
            self.missed += walk.time == len(walk.plan) and key != walk.key
            return
        walk.explore(action, reward)
        if self.archive.visit(key, walk.score, walk.time):
            self.archive.store(key, walk.store())

    def end(self, env: int, action: Array, score: float, step: int) -> None:
        """Add the last step of an episode of the true return ``score``, and begin another one."""
        walk = self.walks[env]
        if walk.known and walk.returning:  # it ended earlier than the last time
            self.returned += 1
            self.missed += 1
        elif walk.known:
            walk.explore(action, 0.0)
            self._keep(walk, score, step)
        self.walks[env] = Walk(self._start, self._no_key)
        if len(self.archive):
            place = self.archive.choose(self._draw())
            self.walks[env] = Walk(self.archive.trajectories[place], self.archive.keys[place])

    def _keep(self, walk: Walk, score: float, step: int) -> None:
        """Keep an episode if its return is the best, or equal to the best in fewer steps."""
        equal = score == self.best and walk.time < len(self.policy)
        if not (equal or np.isnan(self.best) or score > self.best):
            return
        self.policy = walk.extended().all_actions()
        if not equal:
            self.best, self.found = score, (step, step - self.returned)

    def forget(self) -> None:
        """Drop the episodes under way."""
        for walk in self.walks:
            walk.forget()

    def state_dict(self) -> State:
        own = [each for walk in self.walks for each in (walk.goal, walk.stored)]
        numbered = Numbered([self._start, *self.archive.trajectories, *own])
        counts = (*self.found, self.returned, self.missed, int(self.frozen))
        return {
            "trajectories": numbered.state_dict(),
            "archive": self.archive.state_dict(numbered.number, self._keys),
            "walks": walks_state(self.walks, numbered.number, self._keys),
            "best": np.array([self.best]),
            "counts": np.array(counts, np.int64),
        }

    def load_state_dict(self, state: Mapping[str, Any], policy: Any) -> None:
        """Restore the state; raises ValueError if it is that of another environment."""
        self.policy = checked_actions(policy, self._start.actions)
        trajectories = restored(state["trajectories"], self._start.actions)
        self._start = trajectories[0]
        self.archive.load_state_dict(state["archive"], trajectories, self._keys)
        self.walks = restored_walks(state["walks"], trajectories)
        self.best = float(state["best"][0])
        *found, self.returned, self.missed, frozen = state["counts"].tolist()
        self.found, self.frozen = (found[0], found[1]), bool(frozen)
