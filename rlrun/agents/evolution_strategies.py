"""Evolution strategies (Salimans et al. 2017): a gradient from returns of perturbed policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from rlrun.agents.parts.common import LearningRate
from rlrun.agents.parts.search import Search, SearchSettings
from rlrun.agents.parts.settings import NetworkSettings
from rlrun.core.fields import Count, PerRow, Positive
from rlrun.core.restore import restore_into
from rlrun.core.rng import Generators, Purpose
from rlrun.core.rows import of_row
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.device import Device
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.style import Activation
from rlrun.rules.evolution import centred_ranks, evolution_gradient, mirrored


@dataclass(frozen=True, kw_only=True)
class EvolutionStrategiesSettings(NetworkSettings, SearchSettings):
    """The settings of `EvolutionStrategies`."""

    lr: PerRow[Positive] = 0.05
    hidden: tuple[Count, ...] = ()
    """Widths of the hidden layers; [] is a linear policy."""
    activation: Activation = "tanh"
    bias: bool = False
    noise: PerRow[Positive] = 0.1
    """Standard deviation of the noise added to the weights."""
    pairs: Count = 10
    """Pairs of perturbed policies in a generation, with the same noise added and subtracted."""
    normalize_obs: bool = False
    """Scale observations to mean 0 and variance 1."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if environments would be idle, or the memory is too small."""
        self.check_search(spec, num_seeds, 2 * self.pairs)


class EvolutionStrategies:
    """Follow the gradient of the mean return of policies around the current one.

    The gradient is estimated from mirrored pairs of perturbed policies, with the centred ranks of
    their returns in the place of the returns.
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[EvolutionStrategiesSettings]] = EvolutionStrategiesSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        settings: EvolutionStrategiesSettings,
    ) -> None:
        self._settings = s = settings
        net = s.network(spec, device.products)
        self._search = Search(
            spec, seeds, device, net, 2 * s.pairs, s.episodes, normalize_obs=s.normalize_obs
        )
        net.init(self._search.policy, seeds)
        self._optimizer = Optimizer(self._search.policy, s.method())
        self._lr = LearningRate(s.lr, s.lr_end, horizon, spec.num_envs)
        self._noise = np.zeros((len(seeds), s.pairs, len(net.index)))  # of the generation
        self._begun = np.zeros(len(seeds), np.int64)  # the step at which it began
        self._rates = np.full(len(seeds), np.nan)  # of the latest updates
        self._generators = Generators(seeds, Purpose.SEARCH)
        self.faults = self._search.faults
        for position in range(len(seeds)):
            self._perturb(position)

    def _perturb(self, position: int) -> None:
        """Begin a generation of policies around the current one."""
        self._noise[position] = self._generators[position].standard_normal(self._noise.shape[1:])
        offsets = of_row(self._settings.noise, position) * mirrored(self._noise[position])
        self._search.begin(position, self._search.vector(position) + offsets)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``, of evaluated policies or the chosen one."""
        return self._search.act(obs, explore=explore, legal=legal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Add the step to the episodes; update the seeds whose generation has ended."""
        for position, fitness in self._search.learn(t):
            self._update(position, fitness, step)
            self._begun[position] = step
            self._perturb(position)
        return {**self._search.metrics(), "train/learning_rate": self._rates.copy()}

    def _update(self, position: int, fitness: Array, step: int) -> None:
        """Move the policy of one seed along the gradient of the fitness."""
        deviation = of_row(self._settings.noise, position)
        ascent = evolution_gradient(centred_ranks(fitness), self._noise[position], deviation)
        flat = self._search.policy.flat
        gradient = torch.zeros_like(flat)
        descent = torch.from_numpy(-ascent.astype(np.float32)).to(flat.device)
        gradient[position, self._search.net.index] = descent
        rate = of_row(self._lr(step, int(step - self._begun[position])), position)
        self._rates[position] = rate
        self._optimizer.step(gradient, rate, {*range(len(flat))} - {position})

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
            "optimizer": self._optimizer.state_dict(),
            "noise": self._noise,
            "begun": self._begun,
            "rates": self._rates,
            "draws": self._generators.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._search.load_state_dict(state)
        self._optimizer.load_state_dict(state["optimizer"])
        restore_into(self._noise, state["noise"], "the noise of the generation")
        restore_into(self._begun, state["begun"], "the beginnings of the generations")
        restore_into(self._rates, state["rates"], "the latest learning rates")
        self._generators.load_state_dict(state["draws"])
