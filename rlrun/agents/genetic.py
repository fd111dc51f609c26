"""Genetic search: the best of a generation are the parents of the next one."""

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
from rlrun.rules.evolution import crossover


@dataclass(frozen=True, kw_only=True)
class GeneticSettings(SearchSettings):
    """The settings of `Genetic`."""

    noise: PerRow[Positive] = 0.5
    """Standard deviation of the noise added to the weights of a child."""
    start: PerRow[Positive] = 1.0
    """Standard deviation of the weights of the first generation."""
    population: Count = 50
    """Policies of a generation: the elite and its children."""
    elite: Count = 5
    """The best policies so far: the parents, which are evaluated again in every generation."""
    sexual: bool = False
    """Whether a child has a second parent, from which it gets each unit with probability 0.5."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if there would be no children, or environments would be idle."""
        if self.elite >= self.population:
            raise ValueError(
                f"elite must be smaller than population={self.population}, got {self.elite}"
            )
        if self.sexual and self.elite < 2:
            raise ValueError("elite must be at least 2 with sexual=true, got 1")
        self.check_search(spec, num_seeds, self.population)


class Genetic:
    """Children of the best policies, with noise on their weights.

    As in Such et al. (2017) the parents remain, and a child is a copy of its parent with normally
    distributed noise; all parents have the same number of children. With ``sexual`` a child also
    gets units of another parent, drawn at random: the weights into a unit are inherited together.
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[GeneticSettings]] = GeneticSettings

    def __init__(
        self, spec: Spec, seeds: Sequence[int], device: Device, settings: GeneticSettings
    ) -> None:
        self._settings = s = settings
        net = s.network(spec, device.products)
        self._search = Search(spec, seeds, device, net, s.population, s.episodes)
        self._elite = Elite(len(seeds), s.elite)
        self._generators = Generators(seeds, Purpose.SEARCH)
        self.faults = self._search.faults
        for position in range(len(seeds)):
            draw = self._generators[position].standard_normal((s.population, len(net.index)))
            first = of_row(s.start, position) * draw
            self._search.choose(position, first[0])
            self._search.begin(position, first)

    def _children(self, position: int, parents: Array) -> Array:
        """Return the children ``[child, n]`` of ``parents [parent, n]``, which take turns."""
        s, generator = self._settings, self._generators[position]
        first = np.arange(s.population - s.elite) % s.elite
        children = parents[first]
        if s.sexual:
            other = (first + generator.integers(1, s.elite, len(first))) % s.elite
            unit = self._search.net.unit
            chosen = generator.random((len(first), unit.max() + 1)) < 0.5
            children = crossover(children, parents[other], unit, chosen)
        noise = generator.standard_normal(children.shape)
        mutated: Array = children + of_row(s.noise, position) * noise
        return mutated

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``, of evaluated policies or the chosen one."""
        return self._search.act(obs, explore=explore, legal=legal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Add the step to the episodes; where a generation has ended, begin the next one."""
        for position, fitness in self._search.learn(t):
            individuals = self._search.generation[position]
            kept, chosen = self._elite.update(position, fitness)
            self._search.choose(position, individuals[chosen])
            parents = individuals[kept]
            following = np.concatenate([parents, self._children(position, parents)])
            self._search.begin(position, following)
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
