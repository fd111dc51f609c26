"""Random network distillation (Burda et al. 2018): novelty as the error of a prediction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose
from rlrun.core.rows import Number
from rlrun.core.types import Array, Spec, State
from rlrun.curiosity.prediction import LOSS, PredictionBonus, PredictionSettings, Transitions
from rlrun.nets.actor_critic import ActorNet
from rlrun.nets.device import Device
from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters, check_memory
from rlrun.nets.products import TORCH, Products, unchecked
from rlrun.nets.style import Style

COPIES = 5  # target, predictor, its gradient and the two moments of Adam


@dataclass(frozen=True, kw_only=True)
class RNDSettings(PredictionSettings):
    """The settings of `RND`."""

    def network(self, spec: Spec, products: Products = TORCH) -> ActorNet:
        """Return the network of target and predictor, from an observation to the features."""
        style = Style(init="orthogonal", products=products)
        return ActorNet(spec.obs, self.hidden, self.features, style=style)

    def build(
        self, spec: Spec, seeds: Sequence[int], horizon: int, device: Device
    ) -> PredictionBonus:
        """Return the bonus of these seeds."""
        net = self.network(spec, device.products)
        return PredictionBonus(spec, seeds, RND(net, seeds, device), self)

    def check(self, spec: Spec, num_seeds: int) -> None:
        """Raise ValueError if the networks do not fit into the memory."""
        check_memory(num_seeds, *[self.network(spec).shapes] * COPIES)


class RND:
    """Predicts the features that a fixed random network, the target, has of the next observation.

    The error is the mean square over the features. Both networks begin orthogonal with gain √2, the
    last layers with gain 1; the target never changes.
    """

    def __init__(self, net: ActorNet, seeds: Sequence[int], device: Device) -> None:
        self._net, self._device = net, device
        self._target, self._predictor = (
            Parameters.zeros(len(seeds), net.shapes, device.torch) for _ in range(2)
        )
        net.init(self._target, seeds, 0, purpose=Purpose.CURIOSITY)
        net.init(self._predictor, seeds, 1, purpose=Purpose.CURIOSITY)
        self._gradients = self._predictor.zeros_like()  # overwritten by each update
        self._optimizer = Optimizer(self._predictor, Method())
        self._differentiate = device.differentiator(self._gradient)

    @torch.inference_mode()
    @unchecked()
    def errors(self, t: Transitions) -> Array:
        """Return the errors ``[seed, batch]``."""
        error, _ = self._error(self._device.tensor(t.next_obs))
        return self._device.array((error * error).mean(-1)).astype(np.float64)

    def _error(self, obs: Tensor) -> tuple[Tensor, list[Any]]:
        """Return the errors ``[seed, batch, feature]``, and what the backward pass needs."""
        target = self._net.infer(self._target.pieces, obs)
        found, saved = self._net.forward(self._predictor.pieces, obs)
        return found - target, saved

    def update(self, t: Transitions, lr: Number, frozen: Collection[int]) -> dict[str, Array]:
        """Take a step towards the target's features of the next observations."""
        loss, gradient = self._differentiate(self._device.tensor(t.next_obs))
        self._optimizer.step(gradient, lr, frozen)
        return {LOSS: self._device.array(loss).astype(np.float64)}

    def _gradient(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss ``[seed]`` and its gradient ``[seed, P]``."""
        error, saved = self._error(obs)
        slope = error * (2 / (error.shape[1] * error.shape[2]))
        self._net.backward(self._predictor.pieces, saved, slope, self._gradients.pieces)
        return (error * error).mean(-1).mean(-1), self._gradients.flat

    def state_dict(self) -> State:
        return {
            "target": self._target.flat,
            "online": self._predictor.flat,
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._target.flat, state["target"], "the target of the curiosity")
        restore_into(self._predictor.flat, state["online"], "the predictor")
        self._optimizer.load_state_dict(state["optimizer"])
