"""The generations of each seed's search: who plays, their fitness, and what is logged of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.agents.parts.trials import Trials
from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Metrics, Spec, State, Step


def check_busy(spec: Spec, individuals: int, episodes: int) -> None:
    """Raise ValueError if a generation has fewer episodes than there are environments."""
    trials = individuals * episodes
    if trials < spec.num_envs:
        raise ValueError(
            f"episodes must be at least {-(-spec.num_envs // individuals)}, or env.num_envs at "
            f"most {trials}: a generation has {trials} episodes, and each environment plays "
            f"whole ones, got {episodes}"
        )


class Generations:
    """One generation of each seed after the other, of any kind of individuals.

    Args:
        num_seeds: number of seeds.
        num_envs: environments per seed.
        individuals: individuals of a generation.
        episodes: episodes of each.
    """

    def __init__(self, num_seeds: int, num_envs: int, individuals: int, episodes: int) -> None:
        self._trials = Trials(num_seeds, num_envs, individuals, episodes)
        self._numbers = np.zeros(num_seeds, np.int64)  # of the generations that have ended
        self._mean, self._best = np.full(num_seeds, np.nan), np.full(num_seeds, np.nan)
        self.faults: dict[int, str] = {}
        """The reason why a seed is frozen, by its position."""

    def begin(self, position: int) -> None:
        """Begin a seed's next generation."""
        self._trials.begin(position)

    def players(self, position: int) -> list[int]:
        """Return the individual that plays in each environment of a seed."""
        players: list[int] = self._trials.individual[position].tolist()
        return players

    def add(self, t: Step) -> list[tuple[int, Array | None]]:
        """Add a step; return the positions of seeds in which an episode ended.

        With the fitness ``[individual]`` where that was the generation's last one, and the seed is
        not frozen; otherwise with None: other individuals may play now.
        """
        ended: list[tuple[int, Array | None]] = []
        for position in self._trials.add(t):
            fitness = None if position in self.faults else self._trials.fitness(position)
            if fitness is not None:
                self._numbers[position] += 1
                self._mean[position], self._best[position] = fitness.mean(), fitness.max()
            ended.append((position, fitness))
        return ended

    def metrics(self) -> Metrics:
        """Return what the latest generations of the seeds were like.

        At every step: a seed's metrics must not depend on when other generations end.
        """
        return {
            "train/fitness_mean": self._mean.copy(),
            "train/fitness_best": self._best.copy(),
            "train/generation": self._numbers.copy(),
        }

    def cut(self) -> None:
        """Play the unfinished episodes anew: the next step does not follow the last one."""
        self._trials.cut()

    def freeze(self, position: int) -> None:
        """Freeze the policy of a seed, permanently."""
        self.faults.setdefault(position, "it was frozen")

    def state_dict(self) -> State:
        return {
            "trials": self._trials.state_dict(),
            "latest": {"number": self._numbers, "mean": self._mean, "best": self._best},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._trials.load_state_dict(state["trials"])
        latest = state["latest"]
        restore_into(self._numbers, latest["number"], "the numbers of the generations")
        restore_into(self._mean, latest["mean"], "the mean fitness")
        restore_into(self._best, latest["best"], "the best fitness")
