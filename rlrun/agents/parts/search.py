"""What agents that search for a policy share: acting, and the fitness of whole generations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlrun.agents.parts.common import histograms
from rlrun.agents.parts.generations import Generations, check_busy
from rlrun.agents.parts.normalize import ObsScale
from rlrun.core.fields import Count
from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Mask, Metrics, Spec, State, Step
from rlrun.nets.acting import Acting
from rlrun.nets.device import Device
from rlrun.nets.direct_policy import DirectPolicy
from rlrun.nets.parameters import Parameters, check_memory
from rlrun.nets.products import TORCH, Products, unchecked
from rlrun.nets.style import Activation, Style


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The settings of agents that search for a policy."""

    hidden: tuple[Count, ...] = ()
    """Widths of the hidden layers; [] is a linear policy."""
    activation: Activation = "tanh"
    """Activation of the hidden layers: relu, tanh or elu."""
    bias: bool = True
    """Whether the layers have biases."""
    episodes: Count = 1
    """Episodes of each individual in a generation; its fitness is their mean return."""

    def style(self, products: Products) -> Style:
        """Return the activation and the products of the network."""
        return Style(self.activation, products=products)

    def network(self, spec: Spec, products: Products = TORCH) -> DirectPolicy:
        """Return the policy network for the spaces of ``spec``."""
        return DirectPolicy(
            spec.obs, spec.action, self.hidden, self.style(products), bias=self.bias
        )

    def check_search(self, spec: Spec, num_seeds: int, individuals: int) -> None:
        """Raise ValueError if environments would be idle, or the memory is too small."""
        net = self.network(spec)
        check_memory(num_seeds * (1 + spec.num_envs + 2 * individuals), net.shapes)
        check_busy(spec, individuals, self.episodes)


class Search:
    """The policy of each seed, and the generation of individuals that its environments evaluate.

    Vectors of weights are float64 ``[n]``. The owner calls `begin` for each seed at first, and
    whenever `learn` returns the fitness of its generation. Evaluations act by the policy that was
    set by `choose`.

    Args:
        spec, seeds, device: those of the run.
        net: the network.
        individuals: individuals of a generation.
        episodes: episodes of each.
        normalize_obs: whether observations are scaled to mean 0 and variance 1: during a
            generation, and by its policy, with the statistics from before it.
    """

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        device: Device,
        net: DirectPolicy,
        individuals: int,
        episodes: int,
        *,
        normalize_obs: bool = False,
    ) -> None:
        self._spec, self._device, self.net = spec, device, net
        count, rows = len(seeds), len(seeds) * spec.num_envs
        self.policy = Parameters.zeros(count, net.shapes, device.torch)
        self._players = Parameters.zeros(rows, net.shapes, device.torch)
        self._act_greedily, self._act_as_players = (
            Acting(net.infer, net.chain, params, device) for params in (self.policy, self._players)
        )
        self.generation: Array = np.zeros((count, individuals, len(net.index)))
        """The individuals, ``[seed, individual, n]``."""
        self._generations = Generations(count, spec.num_envs, individuals, episodes)
        self.faults = self._generations.faults
        self._scales: tuple[ObsScale, ObsScale] | None = None  # of all steps, and the one in use
        if normalize_obs:
            width = spec.obs.shape[0]
            self._scales = ObsScale(count, width), ObsScale(count, width)

    def act(self, obs: Array, *, explore: bool, legal: Mask) -> Array:
        """Return actions ``[seed, env, ...]``, of the individuals or of the policy."""
        lead = obs.shape[:2]
        if self._scales is not None:
            obs = self._scales[1](obs)
        if explore:
            each = obs.reshape(-1, 1, *obs.shape[2:])
            out = self._act_as_players(each).reshape(*lead, -1)
        else:
            out = self._act_greedily(obs)
        return self.net.actions(out, legal).reshape(*lead, *self._spec.action.shape)

    def begin(self, position: int, individuals: Array) -> None:
        """Begin a seed's next generation, ``[individual, n]``, unless a weight is not finite."""
        if not self._are_finite(position, individuals):
            return
        self.generation[position] = individuals
        if self._scales is not None:
            self._scales[1].copy_row(position, self._scales[0])
        self._generations.begin(position)
        self._seat(position)

    def choose(self, position: int, vector: Array) -> None:
        """Set the policy of a seed, by which evaluations act, unless a weight is not finite."""
        if self._are_finite(position, vector):
            self._write(self.policy, position, vector)

    @unchecked()
    def _are_finite(self, position: int, weights: Array) -> bool:
        """Return whether weights are finite, also as float32; record the fault if not."""
        finite = bool(np.isfinite(weights.astype(np.float32)).all())
        if not finite:
            self.faults.setdefault(position, "a weight of its policies is not finite")
        return finite

    def vector(self, position: int) -> Array:
        """Return the policy of a seed, float64 ``[n]``."""
        row = self._device.array(self.policy.flat[position])
        return row[self.net.index].astype(np.float64)

    def _seat(self, position: int) -> None:
        """Give the environments of a seed the weights of the individuals that play there."""
        first = position * self._spec.num_envs
        for env, individual in enumerate(self._generations.players(position)):
            self._write(self._players, first + env, self.generation[position, individual])

    def _write(self, params: Parameters, row: int, vector: Array) -> None:
        padded = np.zeros(params.flat.shape[1], np.float32)
        padded[self.net.index] = vector
        params.flat[row] = self._device.tensor(padded)

    def learn(self, t: Step) -> list[tuple[int, Array]]:
        """Add a step; return the positions of seeds whose generation has ended, with its fitness.

        Frozen seeds are left out.
        """
        if self._scales is not None:
            self._scales[0].add(t.obs, self.faults)
        complete = []
        for position, fitness in self._generations.add(t):
            if fitness is None:
                self._seat(position)
            else:
                complete.append((position, fitness))
        return complete

    def metrics(self) -> Metrics:
        """See `Generations.metrics`."""
        return self._generations.metrics()

    def cut(self) -> None:
        """Play the unfinished episodes anew: the next step does not follow the last one."""
        self._generations.cut()

    def freeze(self, position: int) -> None:
        """Freeze the policy of a seed, permanently."""
        self._generations.freeze(position)

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights of the policy by layer, each ``[seed, n]``."""
        return histograms(self._device, self.net.weights(self.policy))

    def state_dict(self) -> State:
        every, used = ({}, {}) if self._scales is None else (s.state_dict() for s in self._scales)
        return {
            "policy": {"online": self.policy.flat, "scale": used},
            "scale": every,
            "generation": self.generation,
            **self._generations.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.policy.flat, state["policy"]["online"], "the policy")
        restore_into(self.generation, state["generation"], "the generation")
        self._generations.load_state_dict(state)
        if self._scales is not None:
            self._scales[0].load_state_dict(state["scale"])
            self._scales[1].load_state_dict(state["policy"]["scale"])
        for position in range(len(self.generation)):
            self._seat(position)
