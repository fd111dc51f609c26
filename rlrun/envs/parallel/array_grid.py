"""The array versions of `mpe2`'s tasks, as copies of one environment with several agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.mpe.registry import TASKS, Task
from rlrun.envs.parallel.grid import ParallelGrid
from rlrun.envs.parallel.spaces import AgentActions
from rlrun.envs.vector.sync import EnvFault

LIBRARY, CYCLES = "mpe2.", 25
"""Where the tasks are from, and after how many steps their episodes are truncated."""
OWN = ("max_cycles", "continuous_actions", "dynamic_rescaling", "benchmark_data")
"""Arguments of all tasks that do not change what is computed here."""
COPIES, STEPS = 3, 50  # of the comparison, which takes about 100 ms


class ArrayAgentGrid:
    """`ParallelGrid` for a task with an array version.

    Args:
        make: makes a number of copies.
        num_envs: the number of copies.
        limit: steps after which an episode is truncated for all agents.
    """

    def __init__(self, make: Callable[[int], Task], num_envs: int, limit: int) -> None:
        self._task = make(num_envs)
        self.alive: Array = np.ones((num_envs, len(self._task.names)), np.bool_)
        self.ended: list[int] = []
        self.at = 0
        self._limit, self._time = limit, 0
        self._begun = np.zeros(num_envs, np.int64)  # the value of `_time` when each episode began
        self._next_look = limit  # no episode ends before this time
        self._no_terminations = np.zeros_like(self.alive)

    @property
    def obs(self) -> Array:
        """The current observations, float32 ``[env, agent, width]``."""
        return self._task.obs

    def reset(self, places: Sequence[int], seeds: Sequence[int]) -> None:
        for place, seed in zip(places, seeds, strict=True):
            self._begun[place] = self._time
            self._task.reset(place, np.random.Generator(np.random.PCG64(seed)))

    def step(self, action: Array) -> tuple[Array, Array]:
        try:
            whole = action.dtype == np.int64
            rewards = self._task.step(action if whole else np.asarray(action, np.float32))
        except Exception as error:
            raise EnvFault(0, error) from error
        self._time += 1
        self.ended = []
        if self._time >= self._next_look:
            self.ended = np.flatnonzero(self._time - self._begun >= self._limit).tolist()
            going = self._begun[self._time - self._begun < self._limit]
            self._next_look = int(going.min(initial=self._time)) + self._limit
        return rewards, self._no_terminations

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def array_version(module: str, kwargs: Mapping[str, Any]) -> Callable[[int], Task] | str:
    """Return what makes copies of the module's task; or why there is no array version of it."""
    name = module.removeprefix(LIBRARY)
    if not module.startswith(LIBRARY) or name not in TASKS:
        return f"only {', '.join(sorted(TASKS))} of mpe2 have array versions"
    version = TASKS[name]
    known = {key: value for key, value in kwargs.items() if key in version.arguments}
    for key in kwargs:
        if key not in (*OWN, *known):
            return f"the array version does not know the argument {key}"
    continuous = bool(kwargs.get("continuous_actions", False))
    return lambda num_envs: version.make(num_envs, continuous, **known)


def deviation(
    make: Callable[[], Any], make_arrays: Callable[[int], Task], limit: int, actions: AgentActions
) -> str:
    """Return what the array version gives that the library's does not; "" without differences.

    Copies are stepped in both ways, with the same seeds and random actions.
    """
    rng = np.random.default_rng(0)
    arrays = ArrayAgentGrid(make_arrays, COPIES, limit)
    try:
        with closing(ParallelGrid(make, COPIES)) as separate:
            places, seeds = list(range(COPIES)), list(range(COPIES))
            for grid in (separate, arrays):
                grid.reset(places, seeds)
            for _ in range(STEPS):
                if not np.array_equal(separate.obs, arrays.obs):
                    return "other observations"
                action = _random(actions, rng)
                (expected, _), (rewards, _) = separate.step(action.copy()), arrays.step(action)
                if not np.array_equal(expected, rewards):
                    return "other rewards"
                if separate.ended != arrays.ended:
                    return "other ends of episodes"
                seeds = [seed + COPIES for seed in seeds]
                ended = separate.ended
                for grid in (separate, arrays):
                    grid.reset(ended, [seeds[place] for place in ended])
    except Exception as error:
        cause = error.error if isinstance(error, EnvFault) else error
        return f"an error ({type(cause).__name__}: {cause})"
    return ""


def _random(actions: AgentActions, rng: np.random.Generator) -> Array:
    """Return random actions ``[env, agent, ...]`` that every agent has."""
    shape = (COPIES, len(actions.legal))
    if actions.discrete:
        action: Array = rng.integers(0, actions.legal.sum(-1), shape)
        return action
    scaled: Array = actions(rng.uniform(-1, 1, (*shape, *actions.space.shape)))
    return scaled
