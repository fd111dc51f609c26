"""The policy of policy-gradient agents."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from rlrun.agents.parts.common import histograms
from rlrun.agents.parts.normalize import ObsScale
from rlrun.core.restore import restore_into
from rlrun.core.rng import Normals, Purpose, Streams
from rlrun.core.types import Array, Spec, State, Step
from rlrun.nets.device import Device
from rlrun.nets.parameters import Parameters
from rlrun.nets.policy_value import PolicyNet


class StochasticActor:
    """A policy for every seed, and the value of a state beside it.

    Args:
        spec, seeds, device: what the run is made of.
        net: the networks.
        normalize_obs: whether observations are scaled to mean 0 and variance 1.
    """

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        device: Device,
        net: PolicyNet,
        *,
        normalize_obs: bool,
    ) -> None:
        self._spec, self._device, self.net = spec, device, net
        self.params = Parameters.zeros(len(seeds), self.net.shapes, device.torch)
        self.net.init(self.params, seeds)
        self._scale = ObsScale(len(seeds), spec.obs.shape[0]) if normalize_obs else None
        self._draws: Streams
        if self.net.distribution.normal:
            self._draws = normals = Normals(seeds, Purpose.POLICY)
            self._draw = normals.normal
        else:
            self._draws = Streams(seeds, Purpose.POLICY)
            self._draw = self._draws.uniform
        self.faults: dict[int, str] = {}
        """Why seeds are frozen, by position."""

    def act(self, obs: Array, *, explore: bool) -> Array:
        """Actions ``[seed, env, ...]``: samples, or the most likely ones."""
        distribution, pieces = self.net.distribution, self.params.pieces
        out = self.net.policy(pieces, self._device.tensor(self.normalized(obs))).cpu()
        lead = obs.shape[:2]
        if explore:
            draw = self._draw(lead[1] * distribution.draws)
            draw = np.ascontiguousarray(draw).reshape(*lead, distribution.draws)
            own = [piece.cpu() for piece in self.net.own(pieces)]
            action = distribution.sample(out, own, torch.from_numpy(draw))
        else:
            action = distribution.mode(out)
        shaped: Array = action.numpy().reshape(*lead, *self._spec.action.shape)
        return shaped

    def normalized(self, obs: Array) -> Array:
        """Observations as the networks observe them: scaled, if that is set."""
        return obs if self._scale is None else self._scale(obs)

    def take_in(self, t: Step) -> Step:
        """The step with normalized observations, which then update the statistics."""
        if self._scale is None:
            return t
        normalized = t._replace(obs=self._scale(t.obs), next_obs=self._scale(t.next_obs))
        self._scale.add(t.obs)
        return normalized

    def batch_of(self, action: Array) -> Array:
        """Actions ``[seed, time, env, ...]`` as the distribution takes them: [seed, batch, n]."""
        return action.reshape(len(action), -1, math.prod(self._spec.action.shape))

    def value(self, obs: Array) -> Array:
        """Values ``[seed, env]`` of the environment's observations."""
        return self.estimated(self.normalized(obs))

    def estimated(self, obs: Array) -> Array:
        """Values ``[seed, env]`` of normalized observations."""
        return self._device.array(self.net.value(self.params.pieces, self._device.tensor(obs)))

    def histograms(self) -> Mapping[str, Array]:
        """The weights by layer, each ``[seed, n]``."""
        return histograms(self._device, self.net.weights(self.params))

    def policy_state(self) -> State:
        """The state that acting without exploration needs."""
        scale = {} if self._scale is None else self._scale.state_dict()
        return {"online": self.params.flat, "scale": scale}

    def state_dict(self) -> State:
        return {"policy": self.policy_state(), "draws": self._draws.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.params.flat, state["policy"]["online"], "the network")
        if self._scale is not None:
            self._scale.load_state_dict(state["policy"]["scale"])
        self._draws.load_state_dict(state["draws"])
