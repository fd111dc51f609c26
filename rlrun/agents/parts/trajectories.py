"""Trajectories from the start of an episode, as a tree: each continues another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rlrun.core.types import Array, Space, State


class Trajectory:
    """Actions that continue another trajectory, which never changes.

    So one of n actions in m parts needs memory for what its last part adds; parts that nothing
    continues any more are dropped with the last reference to them.
    """

    __slots__ = ("actions", "length", "score", "start")

    def __init__(self, start: Trajectory | None, actions: Array, score: float) -> None:
        """``score`` is the return of the whole trajectory, ``actions`` are ``[time, ...]``."""
        self.start, self.actions, self.score = start, actions, score
        self.length: int = len(actions) + (0 if start is None else start.length)

    def all_actions(self) -> Array:
        """Return the actions from the episode's start on, ``[time, ...]``."""
        return np.concatenate([each.actions for each in self.parts()])

    def parts(self) -> list[Trajectory]:
        """Return the trajectories that this one continues, from the first on, and itself."""
        parts, each = [self], self.start
        while each is not None:
            parts.append(each)
            each = each.start
        return parts[::-1]


def action_dtype(space: Space) -> np.dtype[Any]:
    """Return the smallest dtype that holds actions exactly as they are taken."""
    if space.kind == "vector":
        return np.dtype(np.float32)
    return np.min_scalar_type(max(space.choices) - 1)


class Numbered:
    """The trajectories of a seed, and all that they continue, by number, for a checkpoint."""

    def __init__(self, trajectories: Iterable[Trajectory]) -> None:
        self.number: dict[Trajectory, int] = {}
        for trajectory in trajectories:
            new: list[Trajectory] = []
            each: Trajectory | None = trajectory
            while each is not None and each not in self.number:
                new.append(each)
                each = each.start
            for part in reversed(new):
                self.number[part] = len(self.number)

    def state_dict(self) -> State:
        """Return the tree as arrays; a trajectory comes after the one that it continues."""
        starts = [-1 if each.start is None else self.number[each.start] for each in self.number]
        return {
            "start": np.array(starts, np.int64),
            "count": np.array([len(each.actions) for each in self.number], np.int64),
            "score": np.array([each.score for each in self.number]),
            "actions": np.concatenate([each.actions for each in self.number]),
        }


def restored(state: Mapping[str, Any], like: Array) -> list[Trajectory]:
    """Return the trajectories of `Numbered.state_dict` by number.

    Raises ValueError if their actions are not of the shape and type of ``like [time, ...]``, or if
    they are no tree.
    """
    actions, starts = checked_actions(state["actions"], like), state["start"].tolist()
    counts, found = state["count"].tolist(), list[Trajectory]()
    if min(counts) < 0 or sum(counts) != len(actions) or len(counts) != len(starts):
        raise ValueError("the numbers of actions of the trajectories do not fit the actions")
    ends = np.cumsum(state["count"])[:-1]
    for start, part, score in zip(
        starts, np.split(actions, ends), state["score"].tolist(), strict=True
    ):
        if not (-1 <= start < len(found) and (start >= 0 or not found)):
            raise ValueError("a trajectory continues one that does not come before it")
        found.append(Trajectory(found[start] if found else None, part, score))
    return found


def checked_actions(actions: Any, like: Array) -> Array:
    """Return saved ``actions [time, ...]``. Raises ValueError if they are not like others."""
    if actions.shape[1:] != like.shape[1:] or actions.dtype != like.dtype:
        raise ValueError(
            f"the actions are {actions.dtype} {list(actions.shape)}, but must be {like.dtype} "
            f"{['time', *like.shape[1:]]}"
        )
    checked: Array = actions
    return checked


def path(parts: Sequence[Array], like: Array) -> Array:
    """Return single actions as an array ``[time, ...]`` of the shape and type of ``like``."""
    return np.array(parts, like.dtype).reshape(len(parts), *like.shape[1:])
