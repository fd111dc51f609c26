"""Hill climbing: a policy is replaced by a random neighbour that is as good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rlrun.agents.parts.search import Search, SearchSettings
from rlrun.core.fields import Count, PerRow, Positive
from rlrun.core.restore import restore_into
from rlrun.core.rng import Generators, Purpose
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.device import Device
from rlrun.rules.evolution import adapted


@dataclass(frozen=True, kw_only=True)
class HillClimbingSettings(SearchSettings):
    """The settings of `HillClimbing`."""

    noise: PerRow[Positive] = 0.01
    """Standard deviation of the noise added to the weights, at the start.

    It is halved when the policy is replaced, and doubled when it is not.
    """
    noise_min: Positive = 0.001
    """Its smallest value."""
    noise_max: Positive = 2.0
    """Its largest value."""
    population: Count = 1
    """Neighbours of a generation, the best of which may replace the policy."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the noise is out of its bounds, or environments would be idle."""
        if not np.all((self.noise_min <= self.noise) & (self.noise <= self.noise_max)):
            raise ValueError(
                f"noise must be from noise_min={self.noise_min} to noise_max={self.noise_max}, got "
                f"{self.noise}"
            )
        self.check_search(spec, num_seeds, self.population)


class HillClimbing:
    """Replace the policy by a random neighbour whose return is not lower; all weights start at 0.

    The policy keeps the return that it was accepted with. It may have been a lucky one, but to
    evaluate the policy again and again takes as many steps as its neighbours, and finds worse
    policies (docs/policy_search.md). Equal returns count as better, so that the search moves on
    where all neighbours are equal.
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[HillClimbingSettings]] = HillClimbingSettings

    def __init__(
        self, spec: Spec, seeds: Sequence[int], device: Device, settings: HillClimbingSettings
    ) -> None:
        self._settings = s = settings
        net = s.network(spec, device.products)
        self._search = Search(spec, seeds, device, net, s.population, s.episodes)
        self._fitness = np.full(
            len(seeds), -np.inf
        )  # the return that each policy was accepted with
        self._noise = np.broadcast_to(s.noise, len(seeds)).astype(np.float64)
        self._generators = Generators(seeds, Purpose.SEARCH)
        self.faults = self._search.faults
        for position in range(len(seeds)):
            self._propose(position)

    def _propose(self, position: int) -> None:
        """Begin a generation of neighbours of the policy."""
        centre = self._search.vector(position)
        draw = self._generators[position].standard_normal((self._settings.population, len(centre)))
        self._search.begin(position, centre + self._noise[position] * draw)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``, of evaluated policies or the chosen one."""
        return self._search.act(obs, explore=explore, legal=legal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Add the step to the episodes; where a generation has ended, begin the next one."""
        s = self._settings
        for position, fitness in self._search.learn(t):
            best = fitness.argmax()
            improved = bool(fitness[best] >= self._fitness[position])
            if improved:
                self._fitness[position] = fitness[best]
                self._search.choose(position, self._search.generation[position, best])
            noise = adapted(self._noise[position], improved, s.noise_min, s.noise_max)
            self._noise[position] = noise
            self._propose(position)
        return {**self._search.metrics(), "train/noise": self._noise.copy()}

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
            "fitness": self._fitness,
            "noise": self._noise,
            "draws": self._generators.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._search.load_state_dict(state)
        restore_into(self._fitness, state["fitness"], "the fitness of the policy")
        restore_into(self._noise, state["noise"], "the noise")
        self._generators.load_state_dict(state["draws"])
