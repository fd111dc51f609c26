"""Whole episodes of the individuals of a population, spread over the environments of a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State, Step

SPARE = -1  # an episode that counts for no individual


class Trials:
    """Which individual plays in which environment, and the returns of its episodes.

    In a generation of a seed each individual plays so many episodes: trials, in their order. An
    environment whose episode ends takes the seed's next trial. With none left its episodes are
    spare until the generation ends, and the one under way then until it ends itself, since an
    episode cannot be cut short. So every episode that is begun for an individual counts, also a
    long one, and nothing depends on other seeds. A single environment has no spare episodes.

    Args:
        num_seeds: number of seeds.
        num_envs: environments per seed.
        individuals: individuals of a generation.
        episodes: episodes of each.
    """

    def __init__(self, num_seeds: int, num_envs: int, individuals: int, episodes: int) -> None:
        self._episodes = episodes
        self.individual: Array = np.zeros((num_seeds, num_envs), np.int64)
        """Who plays, ``[seed, env]``; the last one to play, during spare episodes."""
        self._trial = np.full((num_seeds, num_envs), SPARE, np.int64)
        self._return = np.zeros((num_seeds, num_envs))  # of the current episodes
        self._waits = np.zeros((num_seeds, individuals * episodes), np.bool_)
        self._results = np.full(self._waits.shape, np.nan)  # returns, [seed, trial]
        self._free = np.ones((num_seeds, num_envs), np.bool_)  # an episode begins with this step

    def begin(self, position: int) -> None:
        """Begin a seed's next generation, in the environments where an episode begins now."""
        self._waits[position] = True
        self._results[position] = np.nan
        self._assign(position)

    def _assign(self, position: int) -> None:
        """Let the free environments of a seed take its next trials."""
        waiting = np.flatnonzero(self._waits[position])
        for env, trial in zip(np.flatnonzero(self._free[position]), waiting, strict=False):
            self._trial[position, env] = trial
            self.individual[position, env] = trial // self._episodes
            self._waits[position, trial] = False

    def add(self, t: Step) -> list[int]:
        """Add a step; return the positions of the seeds in which an episode ended."""
        self._return += t.reward
        self._free = t.last
        ended: list[int] = np.flatnonzero(t.last.any(-1)).tolist()
        for position in ended:
            envs = np.flatnonzero(t.last[position])
            trials = self._trial[position, envs]
            counted = trials != SPARE
            self._results[position, trials[counted]] = self._return[position, envs[counted]]
            self._trial[position, envs] = SPARE
            self._return[position, envs] = 0.0
            self._assign(position)
        return ended

    def fitness(self, position: int) -> Array | None:
        """Return a seed's mean returns ``[individual]``; None before its generation has ended."""
        results = self._results[position]
        if np.isnan(results).any():
            return None
        fitness: Array = results.reshape(-1, self._episodes).mean(-1)
        return fitness

    def cut(self) -> None:
        """Let the trials under way wait to be played anew: the episodes may have been replaced."""
        for position, env in np.argwhere(self._trial != SPARE):
            self._waits[position, self._trial[position, env]] = True
        self._trial[...] = SPARE
        self._return[...] = 0.0
        self._free = np.zeros_like(self._free)

    def state_dict(self) -> State:
        return {
            "individual": self.individual,
            "trial": self._trial,
            "return": self._return,
            "waits": self._waits,
            "results": self._results,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.individual, state["individual"], "the individuals that play")
        restore_into(self._trial, state["trial"], "the trials under way")
        restore_into(self._return, state["return"], "the returns so far")
        restore_into(self._waits, state["waits"], "the trials to come")
        restore_into(self._results, state["results"], "the returns of the trials")
