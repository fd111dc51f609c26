"""The array version of an environment, with the interface of `SyncGrid`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.array_envs.registry import ARRAY_VERSIONS
from rlrun.envs.history import NEVER
from rlrun.envs.vector.sync import EnvFault


class ArrayGrid:
    """`rlrun.envs.vector.sync.SyncGrid` for an environment with an array version.

    Args:
        make: creates the environment, whose spaces and time limit are those of its array version.
        num_envs: the number of copies.
    """

    masks: None = None
    """There are none: environments with masks are not stepped as arrays."""
    ended: list[int]
    """The environments whose episode ended in the last step."""

    def __init__(self, make: Callable[[], gym.Env[Any, Any]], num_envs: int) -> None:
        with closing(make()) as env:
            assert env.spec is not None
            self.single_observation_space = env.observation_space
            self.single_action_space = env.action_space
            self._limit = env.spec.max_episode_steps or NEVER
            self._envs = ARRAY_VERSIONS[env.spec.id].make(num_envs)
        self.num_envs = num_envs
        self._choices = _choices(self.single_action_space)
        self._time = 0  # steps since the grid was opened
        self._begun = np.zeros(num_envs, np.int64)  # the value of `_time` when each episode began
        self._next_look = self._limit  # no episode reaches the time limit before this time
        self._no_truncations = np.zeros(num_envs, np.bool_)

    def too_large(self, place: int) -> None:
        """Return None: observations have the type of their space from the start."""

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Return observations, rewards, terminations, truncations ``[env, ...]``, empty infos."""
        if self._choices is not None:
            self._check(actions, *self._choices)
        try:
            rewards, terminations = self._envs.step(actions)
        except Exception as error:
            raise EnvFault(0, error) from error
        truncations = self._no_truncations
        self._time += 1
        self.ended = []
        if self._time >= self._next_look:
            truncations = self._time - self._begun >= self._limit
            self._next_look = int(self._begun.min()) + self._limit
        if truncations is not self._no_truncations or np.count_nonzero(terminations):
            self.ended = np.flatnonzero(terminations | truncations).tolist()
        return self._envs.obs, rewards, terminations, truncations, {}

    def _check(self, actions: Array, start: Array, number: Array) -> None:
        """Raise EnvFault for an action that is not among the ``number`` choices from ``start``."""
        numbers = actions - start if start else actions
        wrong = numbers.view(np.uint64) >= number  # unsigned, negative ones are large
        if np.count_nonzero(wrong):
            place = int(wrong.argmax())
            raise EnvFault(place, ValueError(f"the action {actions[place]} is not in its space"))

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """Reset the environments in ``options["reset_mask"]``; return the observations of all.

        ``seed`` is a list with an entry for every environment, read for those in the mask.
        """
        if not isinstance(seed, Sequence):
            raise TypeError(f"each environment needs a separate seed, got {seed!r}")
        mask = np.ones(self.num_envs, np.bool_) if options is None else options["reset_mask"]
        for place in np.flatnonzero(mask).tolist():
            self._begin(place, seed[place])
        return self._envs.obs, {}

    def _begin(self, place: int, seed: int | None) -> None:
        """Begin a new episode of one environment."""
        self._begun[place] = self._time
        try:
            self._envs.reset(place, np.random.Generator(np.random.PCG64(seed)))
        except Exception as error:
            raise EnvFault(place, error) from error

    def play(
        self, seeds: Sequence[int], actions: Sequence[Array], begun: Sequence[int]
    ) -> tuple[Array, list[list[float]]]:
        """Reset every environment and replay its actions; return observations and all rewards.

        ``begun`` is, for each environment, the index in ``actions [step][env, ...]`` of the first
        action of its episode. The actions before it were taken in an earlier one: until then the
        environment is only kept in a valid state.
        """
        starts, rewards = np.array(begun), []
        self.reset(seed=seeds)
        for index, action in enumerate(actions):
            self.reset(seed=seeds, options={"reset_mask": starts == index})
            rewards.append(self.step(action)[1].copy())
            for place in self.ended:
                if index < begun[place]:
                    self._begin(place, seeds[place])
        self.reset(seed=seeds, options={"reset_mask": starts == len(actions)})
        by_env = np.array(rewards, np.float64).reshape(-1, self.num_envs).T
        return self._envs.obs, [by_env[i, start:].tolist() for i, start in enumerate(begun)]

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _choices(space: gym.Space[Any]) -> tuple[Array, Array] | None:
    """Return the first of the choices of a discrete action, and their number."""
    if not isinstance(space, spaces.Discrete):
        return None
    return np.array(space.start, np.int64), np.array(space.n, np.uint64)
