"""Augmented random search (Mania et al. 2018): random directions, weighted by their returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rlrun.agents.parts.search import Search, SearchSettings
from rlrun.core.fields import Count, PerRow, Positive
from rlrun.core.restore import restore_into
from rlrun.core.rng import Generators, Purpose
from rlrun.core.rows import of_row
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.device import Device
from rlrun.rules.evolution import mirrored, random_search_step


@dataclass(frozen=True, kw_only=True)
class ARSSettings(SearchSettings):
    """The settings of `ARS`."""

    lr: PerRow[Positive] = 0.02
    """Learning rate."""
    bias: bool = False
    noise: PerRow[Positive] = 0.05
    """Standard deviation of the noise added to the weights."""
    pairs: Count = 8
    """Directions of a generation; each is added to the weights and subtracted from them."""
    top: Count | None = None
    """Directions used for the update, those with the best returns (null: all)."""
    normalize_obs: bool = True
    """Scale observations to mean 0 and variance 1: version 2 of the paper; false is version 1."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if there are too few directions, or environments would be idle."""
        if self.top is not None and self.top > self.pairs:
            raise ValueError(f"top must be at most pairs={self.pairs}, got {self.top}")
        self.check_search(spec, num_seeds, 2 * self.pairs)


class ARS:
    """Move the policy along random directions in proportion to the difference of their returns.

    All weights start at 0. The step is divided by the standard deviation of the returns; with
    ``top`` only the best directions are used (V1-t and V2-t of the paper).
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[ARSSettings]] = ARSSettings

    def __init__(
        self, spec: Spec, seeds: Sequence[int], device: Device, settings: ARSSettings
    ) -> None:
        self._settings = s = settings
        net = s.network(spec, device.products)
        self._search = Search(
            spec, seeds, device, net, 2 * s.pairs, s.episodes, normalize_obs=s.normalize_obs
        )
        self._centre = np.zeros((len(seeds), len(net.index)))
        self._noise = np.zeros((len(seeds), s.pairs, len(net.index)))  # of the generation
        self._generators = Generators(seeds, Purpose.SEARCH)
        self.faults = self._search.faults
        for position in range(len(seeds)):
            self._perturb(position)

    def _perturb(self, position: int) -> None:
        """Begin a generation of policies around the current one."""
        self._noise[position] = self._generators[position].standard_normal(self._noise.shape[1:])
        offsets = of_row(self._settings.noise, position) * mirrored(self._noise[position])
        self._search.begin(position, self._centre[position] + offsets)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``, of evaluated policies or the chosen one."""
        return self._search.act(obs, explore=explore, legal=legal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Add the step to the episodes; update the seeds whose generation has ended."""
        s = self._settings
        for position, fitness in self._search.learn(t):
            ascent = random_search_step(fitness, self._noise[position], s.top or s.pairs)
            self._centre[position] += of_row(s.lr, position) * ascent
            self._search.choose(position, self._centre[position])
            self._perturb(position)
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
            "centre": self._centre,
            "noise": self._noise,
            "draws": self._generators.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._search.load_state_dict(state)
        restore_into(self._centre, state["centre"], "the weights of the policy")
        restore_into(self._noise, state["noise"], "the noise of the generation")
        self._generators.load_state_dict(state["draws"])
