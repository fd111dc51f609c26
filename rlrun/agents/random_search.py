"""Random search: policies with random weights, of which the best is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rlrun.agents.parts.elite import Elite
from rlrun.agents.parts.search import Search, SearchSettings
from rlrun.core.fields import Count, PerRow, Positive
from rlrun.core.rng import Generators, Purpose
from rlrun.core.rows import of_row
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.device import Device


@dataclass(frozen=True, kw_only=True)
class RandomSearchSettings(SearchSettings):
    """The settings of `RandomSearch`."""

    noise: PerRow[Positive] = 1.0
    """Standard deviation of the weights, whose mean is 0."""
    population: Count = 50
    """Policies of a generation."""
    elite: Count = 5
    """The best policies so far, which are evaluated again in every generation."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if no new policies would be tried, or environments would be idle."""
        if self.elite >= self.population:
            raise ValueError(
                f"elite must be smaller than population={self.population}, got {self.elite}"
            )
        self.check_search(spec, num_seeds, self.population)


class RandomSearch:
    """Try policies with normally distributed weights; a baseline for other searches.

    The few best so far are evaluated again in every generation (`Elite`).
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[RandomSearchSettings]] = RandomSearchSettings

    def __init__(
        self, spec: Spec, seeds: Sequence[int], device: Device, settings: RandomSearchSettings
    ) -> None:
        self._settings = s = settings
        net = s.network(spec, device.products)
        self._search = Search(spec, seeds, device, net, s.population, s.episodes)
        self._elite = Elite(len(seeds), s.elite)
        self._generators = Generators(seeds, Purpose.SEARCH)
        self.faults = self._search.faults
        for position in range(len(seeds)):
            first = self._draw(position, s.population)
            self._search.choose(position, first[0])
            self._search.begin(position, first)

    def _draw(self, position: int, count: int) -> Array:
        """Return new policies ``[count, n]``."""
        shape = (count, len(self._search.net.index))
        noise = of_row(self._settings.noise, position)
        return noise * self._generators[position].standard_normal(shape)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``, of evaluated policies or the chosen one."""
        return self._search.act(obs, explore=explore, legal=legal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Add the step to the episodes; where a generation has ended, begin the next one."""
        for position, fitness in self._search.learn(t):
            individuals = self._search.generation[position]
            kept, chosen = self._elite.update(position, fitness)
            self._search.choose(position, individuals[chosen])
            new = self._draw(position, len(individuals) - len(kept))
            self._search.begin(position, np.concatenate([individuals[kept], new]))
        return self._search.metrics()

    def cut(self) -> None:
        """Play the unfinished episodes anew: the next step does not follow the last one."""
        self._search.cut()

    def freeze(self, position: int) -> None:
        """Freeze the policy of a seed, permanently."""
        self._search.freeze(position)

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights of the policy by layer, each ``[seed, n]``."""
        return self._search.histograms()

    def state_dict(self) -> State:
        return {
            **self._search.state_dict(),
            "elite": self._elite.state_dict(),
            "draws": self._generators.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._search.load_state_dict(state)
        self._elite.load_state_dict(state["elite"])
        self._generators.load_state_dict(state["draws"])
