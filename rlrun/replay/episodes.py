"""Whole episodes, of any length, kept until somebody learns from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rlrun.core.types import Array, Spec, State, Step

ROOM = 64  # steps there is room for at the beginning; doubled whenever that is too little


class Whole(NamedTuple):
    """One finished episode; arrays are ``[time, ...]``."""

    obs: Array
    action: Array
    reward: Array
    discount: Array
    after: Array
    """``[]``: what is believed to come after the last step, where that was a truncation."""


class Episodes:
    """The episodes of each seed: those under way, and those that ended.

    Args:
        spec: of the environments.
        seeds: how many.
    """

    def __init__(self, spec: Spec, num_seeds: int) -> None:
        grid = (num_seeds, spec.num_envs)
        self._seed, self._env = (index.reshape(grid) for index in np.indices(grid))
        self._length = np.zeros(grid, np.int64)
        kinds = {
            "obs": (spec.obs.shape, spec.obs.dtype),
            "action": (spec.action.shape, spec.action.dtype),
            "reward": ((), "float64"),
            "discount": ((), "float64"),
        }
        # steps of the episodes under way, [seed, env, time, ...]
        self._steps = {n: np.zeros((*grid, ROOM, *s), dtype) for n, (s, dtype) in kinds.items()}
        self._ended: list[list[Whole]] = [[] for _ in range(num_seeds)]

    def add(self, t: Step, after: Array) -> None:
        """Take in one vector step.

        ``after [seed, env]`` is what is believed to come after it, and counts where an episode
        was truncated here.
        """
        if self._length.max() == self._steps["reward"].shape[2]:
            self._widen(2 * self._steps["reward"].shape[2])
        for name, kept in self._steps.items():
            kept[self._seed, self._env, self._length] = getattr(t, name)
        self._length += 1
        for s, e in np.argwhere(t.last).tolist():
            self._ended[s].append(Whole(**self._under_way(s, e), after=np.array(after[s, e])))
            self._length[s, e] = 0

    def _widen(self, room: int) -> None:
        for name, kept in self._steps.items():
            wider = np.zeros((*kept.shape[:2], room, *kept.shape[3:]), kept.dtype)
            wider[:, :, : kept.shape[2]] = kept
            self._steps[name] = wider

    def _under_way(self, s: int, e: int) -> dict[str, Array]:
        return {name: kept[s, e, : self._length[s, e]].copy() for name, kept in self._steps.items()}

    def ended(self, position: int) -> int:
        """How many episodes of a seed have ended."""
        return len(self._ended[position])

    def drain(self, position: int) -> list[Whole]:
        """The episodes of a seed that have ended, which are not kept."""
        found, self._ended[position] = self._ended[position], []
        return found

    def cut(self) -> None:
        """What is added next does not follow the newest step: the episodes under way are lost."""
        self._length[...] = 0

    def state_dict(self) -> State:
        """By seed; the names are those of environments, and numbers of episodes in their order."""
        seeds, envs = self._length.shape
        return {
            "under_way": [
                {str(e): self._under_way(s, e) for e in range(envs)} for s in range(seeds)
            ],
            "ended": [{str(n): w._asdict() for n, w in enumerate(each)} for each in self._ended],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError where the state is that of other environments."""
        if len(state["under_way"]) != len(self._ended) or len(state["ended"]) != len(self._ended):
            raise ValueError(f"there are not episodes of {len(self._ended)} seeds")
        for s, envs in enumerate(state["under_way"]):
            for e in range(self._length.shape[1]):
                self._length[s, e] = len(envs[str(e)]["reward"])
        while self._length.max() >= self._steps["reward"].shape[2]:
            self._widen(2 * self._steps["reward"].shape[2])
        for (s, e), length in np.ndenumerate(self._length):
            for name, kept in self._steps.items():
                saved = state["under_way"][s][str(e)][name]
                if saved.shape[1:] != kept.shape[3:] or saved.dtype != kept.dtype:
                    raise ValueError(f"{name} of the episodes is of the shape {saved.shape}")
                kept[s, e, :length] = saved
        self._ended = [
            [Whole(**{k: np.array(v) for k, v in each[str(n)].items()}) for n in range(len(each))]
            for each in state["ended"]
        ]
