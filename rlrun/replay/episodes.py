"""Episodes of any length, kept until an agent learns from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rlrun.core.types import Array, Spec, State, Step
from rlrun.replay.layout import check_names, step_layout

FIELDS = ("obs", "action", "reward", "discount", "legal", "alive")
ROOM = 64  # initial capacity in steps; doubled when full


class Episode(NamedTuple):
    """One finished episode; arrays are ``[time, ...]``, or ``[time, agent, ...]`` for several."""

    obs: Array
    action: Array
    reward: Array
    discount: Array
    bootstrap: Array
    """``[]`` or ``[agent]``: the estimated value of the last observation, if it was truncated."""
    legal: Array | None = None
    """Which actions were legal, ``[time, action]``; None if there are no masks."""
    alive: Array | None = None
    """Which agents took each step, ``[time, agent]``; None if there is only one."""


class Episodes:
    """The unfinished and the finished episodes of each seed.

    Args:
        spec: the specification of the environments.
        num_seeds: number of seeds.
    """

    def __init__(self, spec: Spec, num_seeds: int) -> None:
        grid = (num_seeds, spec.num_envs)
        self._seed, self._env = (index.reshape(grid) for index in np.indices(grid))
        self._length = np.zeros(grid, np.int64)
        layout = step_layout(spec, "float64", *FIELDS).items()
        # steps of the unfinished episodes, [seed, env, time, ...]
        self._steps = {n: np.zeros((*grid, ROOM, *s), dtype) for n, (dtype, s) in layout}
        self._ended: list[list[Episode]] = [[] for _ in range(num_seeds)]

    def add(self, t: Step, bootstrap: Array) -> None:
        """Add one vector step.

        ``bootstrap [seed, env]`` (or ``[seed, env, agent]``) are the estimated values of the next
        observations, which are only used where the step truncated an episode.
        """
        if self._length.max() == self._steps["reward"].shape[2]:
            self._widen(2 * self._steps["reward"].shape[2])
        for name, array in self._steps.items():
            array[self._seed, self._env, self._length] = getattr(t, name)
        self._length += 1
        for s, e in np.argwhere(t.last).tolist():
            finished = Episode(**self._unfinished(s, e), bootstrap=np.array(bootstrap[s, e]))
            self._ended[s].append(finished)
            self._length[s, e] = 0

    def _widen(self, room: int) -> None:
        for name, array in self._steps.items():
            wider = np.zeros((*array.shape[:2], room, *array.shape[3:]), array.dtype)
            wider[:, :, : array.shape[2]] = array
            self._steps[name] = wider

    def _unfinished(self, s: int, e: int) -> dict[str, Array]:
        return {name: a[s, e, : self._length[s, e]].copy() for name, a in self._steps.items()}

    def ended(self, position: int) -> int:
        """Return the number of finished episodes of a seed."""
        return len(self._ended[position])

    def drain(self, position: int) -> list[Episode]:
        """Remove and return the finished episodes of a seed."""
        episodes, self._ended[position] = self._ended[position], []
        return episodes

    def cut(self) -> None:
        """Drop unfinished episodes: the next step does not follow the newest one."""
        self._length[...] = 0

    def state_dict(self) -> State:
        """Return lists by seed, of dicts by environment number and by episode number in order."""
        seeds, envs = self._length.shape
        return {
            "under_way": [
                {str(e): self._unfinished(s, e) for e in range(envs)} for s in range(seeds)
            ],
            "ended": [{str(n): _saved(e) for n, e in enumerate(each)} for each in self._ended],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state; raises ValueError if it is that of other environments."""
        if len(state["under_way"]) != len(self._ended) or len(state["ended"]) != len(self._ended):
            raise ValueError(f"the saved episodes are not those of {len(self._ended)} seeds")
        for s, envs in enumerate(state["under_way"]):
            for e in range(self._length.shape[1]):
                check_names("episodes", envs[str(e)], self._steps)
                self._length[s, e] = len(envs[str(e)]["reward"])
        while self._length.max() >= self._steps["reward"].shape[2]:
            self._widen(2 * self._steps["reward"].shape[2])
        for (s, e), length in np.ndenumerate(self._length):
            for name, array in self._steps.items():
                saved = state["under_way"][s][str(e)][name]
                if saved.shape[1:] != array.shape[3:] or saved.dtype != array.dtype:
                    raise ValueError(
                        f"{name} of the episodes is {saved.dtype} of shape {saved.shape[1:]}, "
                        f"but must be {array.dtype} of shape {array.shape[3:]}"
                    )
                array[s, e, :length] = saved
        self._ended = [
            [_restored(each[str(n)]) for n in range(len(each))] for each in state["ended"]
        ]


def _saved(episode: Episode) -> State:
    """Return the saved form, in which the bootstrap value has the key ``after``."""
    values = {name: value for name, value in episode._asdict().items() if value is not None}
    values["after"] = values.pop("bootstrap")
    return values


def _restored(state: Mapping[str, Any]) -> Episode:
    """Return the episode that `_saved` saved."""
    values = {name: np.array(value) for name, value in state.items()}
    values["bootstrap"] = values.pop("after")
    return Episode(**values)
