"""The policy of policy-gradient agents."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from rlrun.agents.parts.common import histograms
from rlrun.agents.parts.normalize import ObsScale
from rlrun.core.abilities import Networks
from rlrun.core.restore import restore_into
from rlrun.core.rng import Normals, Purpose, Streams
from rlrun.core.types import Array, Mask, Spec, State, Step
from rlrun.nets.acting import Acting
from rlrun.nets.device import Device
from rlrun.nets.distributions import ILLEGAL
from rlrun.nets.parameters import Parameters
from rlrun.nets.policy_value import PolicyNet
from rlrun.nets.products import unchecked
from rlrun.nets.recurrent_policy import RecurrentPolicyNet

Net = TypeVar("Net", bound=PolicyNet | RecurrentPolicyNet)


class Sampler(Generic[Net]):
    """The weights of a stochastic policy for each seed, its random numbers and what it scales.

    Args:
        spec, seeds, device: those of the run.
        net: the networks of the policy and of the value of states.
        normalize_obs: whether observations are scaled to mean 0 and variance 1.
    """

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        device: Device,
        net: Net,
        *,
        normalize_obs: bool,
    ) -> None:
        self._spec, self._device = spec, device
        self.net: Net = net
        self.params = Parameters.zeros(len(seeds), self.net.shapes, device.torch)
        self.net.init(self.params, seeds)
        self._distribution_pieces = net.distribution_pieces(self.params.pieces)
        self._scale = ObsScale(len(seeds), spec.obs.shape[0]) if normalize_obs else None
        self._draws: Streams
        if self.net.distribution.normal:
            self._draws = normals = Normals(seeds, Purpose.POLICY)
            self._draw = normals.normal
        else:
            self._draws = Streams(seeds, Purpose.POLICY)
            self._draw = self._draws.uniform
        self.faults: dict[int, str] = {}
        """The reason why a seed is frozen, by its position."""
        named = net.named(self.params)
        scale = {} if self._scale is None else self._scale.state_dict()
        value = {name: each for name, each in named.items() if name.startswith("value")}
        policy = {name: each for name, each in named.items() if name not in value} | scale
        self.networks: Networks = {"policy": policy, **({"value": value} if value else {})}
        """See `rlrun.core.abilities.HasNetworks`; what policy and value share is the policy's."""

    def choose(self, out: Array, *, explore: bool, legal: Mask) -> Array:
        """Return actions ``[seed, env, ...]``: samples, or the most likely ones.

        ``out [seed, env, width]`` is the policy's output.
        """
        distribution, lead = self.net.distribution, out.shape[:2]
        if legal is not None:
            out = np.where(legal, out[..., : legal.shape[-1]], ILLEGAL)
        if explore:
            draw = self._draw(lead[1] * distribution.draws).reshape(*lead, distribution.draws)
            action = distribution.sample(out, self._distribution_pieces, draw)
        else:
            action = distribution.mode(out)
        return action.reshape(*lead, *self._spec.action.shape)

    @property
    def scale(self) -> ObsScale | None:
        """The scale of observations; None if they are not scaled."""
        return self._scale

    def normalized(self, obs: Array) -> Array:
        """Return the observations, scaled if ``normalize_obs`` is set."""
        return obs if self._scale is None else self._scale(obs)

    def normalize_step(self, t: Step) -> Step:
        """Return the step with normalized observations; then update the statistics with them.

        Those of frozen seeds do not change: they are a part of the policy.
        """
        if self._scale is None:
            return t
        normalized = t._replace(obs=self._scale(t.obs), next_obs=self._scale(t.next_obs))
        self._scale.add(t.obs, self.faults)
        return normalized

    def flat_actions(self, action: Array) -> Array:
        """Reshape actions ``[seed, time, env, ...]`` to ``[seed, batch, n]``."""
        return action.reshape(len(action), -1, math.prod(self._spec.action.shape))

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, each ``[seed, n]``."""
        return histograms(self._device, self.net.weights(self.params))

    def policy_state(self) -> State:
        """Return the state needed for acting without exploration."""
        scale = {} if self._scale is None else self._scale.state_dict()
        return {"online": self.params.flat, "scale": scale}

    def state_dict(self) -> State:
        return {"policy": self.policy_state(), "draws": self._draws.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.params.flat, state["policy"]["online"], "the network")
        if self._scale is not None:
            self._scale.load_state_dict(state["policy"]["scale"])
        self._draws.load_state_dict(state["draws"])


class StochasticActor(Sampler[PolicyNet]):
    """A stochastic policy for each seed, and a network for the value of states."""

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        device: Device,
        net: PolicyNet,
        *,
        normalize_obs: bool,
    ) -> None:
        super().__init__(spec, seeds, device, net, normalize_obs=normalize_obs)
        self._acting = Acting(net.policy, net.policy_chain, self.params, device)

    @unchecked()
    def act(self, obs: Array, *, explore: bool, legal: Mask) -> Array:
        """Return actions ``[seed, env, ...]``: samples, or the most likely ones."""
        out = self._acting.output(self.normalized(obs))
        return self.choose(out, explore=explore, legal=legal)

    def value(self, obs: Array, legal: Mask = None) -> Array:
        """Return the values ``[seed, env]`` of the environment's observations.

        The network does not need to know what is ``legal``.
        """
        return self.value_of_normalized(self.normalized(obs))

    @unchecked()
    def value_of_normalized(self, obs: Array) -> Array:
        """Return the values ``[seed, env]`` of normalized observations."""
        return self._device.array(self.net.value(self.params.pieces, self._device.tensor(obs)))


class RecurrentActor(Sampler[RecurrentPolicyNet]):
    """A stochastic policy for each seed, and a value of states, both with a memory."""

    def initial_memory(self, num_envs: int) -> Array:
        """Return memories ``[seed, env, n]`` of nothing."""
        return np.zeros((len(self.params.flat), num_envs, self.net.memory_size), np.float32)

    @torch.inference_mode()
    @unchecked()
    def act(
        self, obs: Array, memory: Array, first: Array, *, explore: bool, legal: Mask
    ) -> tuple[Array, Array]:
        """Return actions and memories ``[seed, env, ...]``, as `Recurrent.act` does."""
        device, pieces = self._device, self.params.pieces
        begins = np.array(first)  # the mask may be read-only, which torch would warn of
        given = map(device.tensor, (self.normalized(obs), memory, begins))
        after = self.net.remember(pieces, *given)
        out = device.array(self.net.policy(pieces, after))
        return self.choose(out, explore=explore, legal=legal), device.array(after)
