"""CMA-ES: a search that adapts the covariance of its noise (Hansen 2016), by the package cma."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rlrun.agents.parts.search import Search, SearchSettings
from rlrun.core.errors import BadInput
from rlrun.core.fields import Count, PerRow, Positive
from rlrun.core.rng import Generators, Purpose
from rlrun.core.rows import of_row
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.device import Device

LEAST = 4  # individuals: half of them are selected


@dataclass(frozen=True, kw_only=True)
class CMAESSettings(SearchSettings):
    """The settings of `CMAES`."""

    bias: bool = False
    noise: PerRow[Positive] = 0.5
    """Standard deviation of the weights around their mean, at the start."""
    population: Count | None = None
    """Policies of a generation (null: 4 + ⌊3 ln n⌋ for n weights)."""

    def individuals(self, spec: Spec) -> int:
        """Return the number of policies of a generation."""
        return self.population or 4 + int(3 * np.log(len(self.network(spec).index)))

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise BadInput without the package, or ValueError if the population does not fit."""
        if importlib.util.find_spec("cma") is None:
            raise BadInput("agent=cma_es needs the package cma: pip install 'cma>=4.5'.")
        if self.population is not None and self.population < LEAST:
            raise ValueError(f"population must be at least {LEAST}, got {self.population}")
        self.check_search(spec, num_seeds, self.individuals(spec))


class CMAES:
    """Sample policies from a normal distribution that moves towards the best of them.

    The mean starts at 0, and is the policy that evaluations play. Each seed has its own optimizer,
    which draws from the seed's stream. Its state is the fitness of all generations so far: they
    are repeated when a run is resumed.
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[CMAESSettings]] = CMAESSettings

    def __init__(
        self, spec: Spec, seeds: Sequence[int], device: Device, settings: CMAESSettings
    ) -> None:
        self._settings, self._seeds = settings, tuple(seeds)
        net = settings.network(spec, device.products)
        individuals = settings.individuals(spec)
        self._search = Search(spec, seeds, device, net, individuals, settings.episodes)
        self._history: list[list[Array]] = [[] for _ in seeds]  # fitness [individual], by seed
        self._optimizers = self._begun()
        self.faults = self._search.faults
        for position in range(len(seeds)):
            self._search.begin(position, self._sample(position))

    def _begun(self) -> list[Any]:
        """Return an optimizer for each seed, before its first generation."""
        import cma  # takes a second

        generators = Generators(self._seeds, Purpose.SEARCH)
        _, individuals, size = self._search.generation.shape
        optimizers = []
        for position in range(len(self._seeds)):
            generator = generators[position]
            options = {
                "randn": lambda *shape, generator=generator: generator.standard_normal(shape),
                "seed": np.nan,  # else it would seed numpy's global generator
                "popsize": individuals,
                "verbose": -9,
            }
            noise = of_row(self._settings.noise, position)
            optimizers.append(cma.CMAEvolutionStrategy(np.zeros(size), noise, options))
        return optimizers

    def _sample(self, position: int) -> Array:
        """Return the next generation of a seed, ``[individual, n]``."""
        return np.stack(self._optimizers[position].ask())

    def _report(self, position: int, individuals: Array, fitness: Array) -> None:
        """Update the distribution of a seed; the package minimises."""
        self._optimizers[position].tell(list(individuals), (-fitness).tolist())
        self._history[position].append(fitness)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``, of evaluated policies or the chosen one."""
        return self._search.act(obs, explore=explore, legal=legal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Add the step to the episodes; where a generation has ended, begin the next one."""
        for position, fitness in self._search.learn(t):
            self._report(position, self._search.generation[position], fitness)
            self._search.choose(position, self._optimizers[position].mean)
            self._search.begin(position, self._sample(position))
        noise = np.array([each.sigma for each in self._optimizers], np.float64)
        return {**self._search.metrics(), "train/noise": noise}

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
        individuals = self._search.generation.shape[1]
        history = [np.array(each).reshape(-1, individuals) for each in self._history]
        return {**self._search.state_dict(), "history": history}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state, repeating all generations.

        Raises ValueError if they do not lead to the saved one, as with another version of cma.
        """
        self._search.load_state_dict(state)
        self._optimizers, self._history = self._begun(), [[] for _ in self._seeds]
        for position, history in enumerate(state["history"]):
            sampled = self._sample(position)
            for fitness in history:
                self._report(position, sampled, fitness)
                sampled = self._sample(position)
            if not np.array_equal(sampled, self._search.generation[position]):
                raise ValueError(
                    "the generations do not lead to the saved one, as with another cma"
                )
