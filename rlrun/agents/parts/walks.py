"""The episodes under way of Go-Explore: return to a cell, then explore from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.agents.parts.trajectories import Trajectory, checked_actions, path
from rlrun.core.types import Array, State


class Walk:
    """An episode: first the actions of a trajectory, then others.

    It is unknown, so that nothing is learnt from it, where the episode did not begin with it.
    """

    def __init__(self, goal: Trajectory, key: bytes) -> None:
        """Begin an episode with the actions of ``goal``, which lead to the cell ``key``."""
        self.goal, self.key = goal, key
        self.plan = goal.all_actions()
        self.known = True
        self.time = 0
        """Actions taken."""
        self.stored = goal
        """The last trajectory of this episode that is in the archive."""
        self.since: list[Any] = []
        """The actions after it."""
        self.score = goal.score
        """The return at the end of the plan, and from then on so far."""

    @property
    def returning(self) -> bool:
        """Whether the next action is that of the plan."""
        return self.known and self.time < len(self.plan)

    def explore(self, action: Array, reward: float) -> None:
        """Add a step that explores."""
        self.time += 1
        self.since.append(action)
        self.score += reward

    def extended(self) -> Trajectory:
        """Return the trajectory of all actions of this episode."""
        return Trajectory(self.stored, path(self.since, self.plan), self.score)

    def store(self) -> Trajectory:
        """Return the trajectory of all actions, which the following ones then continue."""
        self.stored, self.since = self.extended(), []
        return self.stored

    def forget(self) -> None:
        """Drop the episode: its next step does not follow the last one."""
        self.known, self.since = False, []


def walks_state(walks: Sequence[Walk], number: Mapping[Trajectory, int], like: Array) -> State:
    """Return the walks ``[env]`` of a seed as arrays; keys are like ``[cell, n]``."""
    keys = [np.frombuffer(each.key, like.dtype).reshape(-1, like.shape[1]) for each in walks]
    return {
        "goal": np.array([number[each.goal] for each in walks]),
        "key": np.concatenate(keys),
        "known": np.array([each.known for each in walks]),
        "time": np.array([each.time for each in walks]),
        "stored": np.array([number[each.stored] for each in walks]),
        "score": np.array([each.score for each in walks]),
        "since": [path(each.since, each.plan) for each in walks],
    }


def restored_walks(state: Mapping[str, Any], trajectories: Sequence[Trajectory]) -> list[Walk]:
    """Return the walks of `walks_state`. Raises ValueError for actions of another kind."""
    walks = []
    for env, key in enumerate(state["key"]):
        walk = Walk(trajectories[int(state["goal"][env])], key.tobytes())
        walk.known, walk.time = bool(state["known"][env]), int(state["time"][env])
        walk.stored = trajectories[int(state["stored"][env])]
        walk.score = float(state["score"][env])
        walk.since = list(checked_actions(state["since"][env], walk.plan))
        walks.append(walk)
    return walks
