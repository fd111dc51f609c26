"""Policies fitted to an expert's actions: what behavioural cloning and DAgger share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.actor import StochasticActor
from rlrun.agents.parts.common import LearningRate, record_nonfinite
from rlrun.agents.parts.normalize import ObsScale
from rlrun.agents.parts.settings import NetworkSettings
from rlrun.core.fields import Count, Range
from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose, Streams
from rlrun.core.rows import Number
from rlrun.core.types import Array, Mask, Metrics, Spec, State
from rlrun.nets.device import Device
from rlrun.nets.distributions import LOG_ROOT_TAU, LogProb, only_legal
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import check_memory
from rlrun.nets.policy_value import PolicyNet
from rlrun.nets.products import TORCH, Products, unchecked
from rlrun.nets.style import Activation, Init
from rlrun.replay.demonstrations import Demonstrations, Pairs


@dataclass(frozen=True, kw_only=True)
class CloningSettings(NetworkSettings):
    """The settings of agents that imitate."""

    activation: Activation = "tanh"
    """Activation of the hidden layers: relu, tanh or elu."""
    init: Init = "orthogonal"
    """Initial weights: torch (uniform ±1/√fan_in), xavier or orthogonal."""
    batch_size: Count = 64
    """Pairs of an observation and an action in an update."""
    validation: Annotated[float, Range(least=0, most=0.9)] = 0.2
    """Fraction of the episodes, rounded down, that only validate (0: none)."""
    normalize_obs: bool = False
    """Scale observations to mean 0 and variance 1, by those of the demonstrations."""

    def policy(self, spec: Spec, products: Products = TORCH) -> PolicyNet:
        """Return the network of the policy for the spaces of ``spec``."""
        return PolicyNet(spec.obs, spec.action, self.hidden, self.style(products), value=False)

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the network does not fit the observations, or into the memory."""
        if self.normalize_obs and spec.obs.kind != "vector":
            raise ValueError(f"normalize_obs only applies to vectors, not those of {spec.env_id}")
        check_memory(num_seeds, self.policy(spec).shapes)


class Clone:
    """A policy for each seed, and how it is fitted to pairs of observations and actions.

    The loss is the mean of -log pi(a|s) for discrete actions, and half the squared distance of the
    action from the mean for continuous ones: the same for a deviation of 1, which is not learnt.

    Args:
        spec, seeds, horizon, device, settings: as for an agent.
        demos: the pairs.
        interval: the smallest number of steps between updates.
    """

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        demos: Demonstrations,
        settings: CloningSettings,
        interval: int,
    ) -> None:
        s, net = settings, settings.policy(spec, device.products)
        self.actor = StochasticActor(spec, seeds, device, net, normalize_obs=s.normalize_obs)
        self.faults = self.actor.faults
        self.updates: Array = np.zeros(len(seeds), np.int64)
        """The number of updates so far, ``[seed]``."""
        self.lr = LearningRate(s.lr, s.lr_end, horizon, interval)
        self._demos, self._device, self._batch_size = demos, device, s.batch_size
        self._optimizer = Optimizer(self.actor.params, s.method())
        self._draws = Streams(seeds, Purpose.REPLAY)
        self._gradients = self.actor.params.zeros_like()  # overwritten by each update
        self._differentiate = device.differentiator(self._gradient)
        normal = net.distribution.normal
        self._constant = math.prod(spec.action.shape) * LOG_ROOT_TAU if normal else 0.0
        self._discrete = not normal
        self.fit_scale(demos.training)

    def fit_scale(self, training: Sequence[Array]) -> None:
        """Scale observations by those that are learnt from, ``[pair, ...]`` for each seed."""
        scale = self.actor.scale
        for row, obs in enumerate(training):
            if scale is not None and len(obs):
                own = ObsScale(1, obs.shape[1])
                own.add(obs[None])
                for name, array in scale.state_dict().items():
                    array[row] = own.state_dict()[name][0]

    def act(self, obs: Array, legal: Mask) -> Array:
        """Return the likeliest actions ``[seed, env, ...]``, or the means."""
        return self.actor.act(obs, explore=False, legal=legal)

    def update(self, lr: Number) -> Metrics:
        """Do one update; return the loss. Without pairs nothing happens."""
        if not self._demos.count.all():
            return {}
        pairs = self._demos.sample(self._draws.uniform(self._batch_size))
        loss, gradient = self._differentiate(self._tensors(pairs))
        record_nonfinite(self.faults, loss, "the loss")
        self._optimizer.step(gradient, lr, self.faults)
        self.updates += 1
        return {
            "train/loss": loss,
            "train/n_updates": self.updates.copy(),
            "train/learning_rate": np.full(len(loss), lr),
        }

    @unchecked()
    def validation(self) -> Metrics:
        """Return the loss, and the share of equal actions if they are discrete, ``[seed]``.

        They are means over the pairs for validation, NaN for a seed without any.
        """
        if not self._demos.validates:
            return {}
        sums = np.zeros((len(self.updates), 3))  # loss, equal actions, pairs
        for pairs in self._demos.validation():
            given = self._tensors(pairs)
            (out,), _ = self.actor.net.forward(self.actor.params.pieces, given.obs)
            out = only_legal(out, given.legal)
            loss = -self._log_prob(out, given.action).log_prob - self._constant
            likeliest = self.actor.net.distribution.mode(self._device.array(out))
            same = (likeliest == self.actor.flat_actions(pairs.action)).all(-1)
            numbers = np.stack([self._device.array(loss).astype(np.float64), same, pairs.there], 1)
            sums += np.where(pairs.there[:, None], numbers, 0.0).sum(-1)
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: the seed has none
            loss_mean, accuracy = (sums[:, n] / sums[:, 2] for n in range(2))
        found = {"train/validation_loss": loss_mean}
        return {**found, "train/validation_accuracy": accuracy} if self._discrete else found

    def _tensors(self, pairs: Pairs) -> Pairs:
        """Return pairs as tensors, with observations as the network takes them."""
        device = self._device
        obs = device.tensor(self.actor.normalized(pairs.obs))
        action = device.tensor(self.actor.flat_actions(pairs.action))
        return Pairs(obs, action, None if pairs.legal is None else device.tensor(pairs.legal))

    def _log_prob(self, out: Tensor, action: Tensor) -> LogProb:
        net = self.actor.net
        pieces = net.distribution_pieces(self.actor.params.pieces)
        return net.distribution.of(out, pieces, action)

    def _gradient(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the loss ``[seed]`` and the gradient ``[seed, P]``."""
        net, into = self.actor.net, self._gradients
        pieces = self._device.cast_for_update(self.actor.params.pieces)
        (out,), saved = net.forward(pieces, pairs.obs)
        now = self._log_prob(only_legal(out, pairs.legal), pairs.action)
        slope = torch.full_like(now.log_prob, -1 / now.log_prob.shape[1])
        own = net.distribution_pieces(into.pieces)
        grad = net.distribution.backward(now.saved, slope, torch.zeros_like(slope), own)
        for piece in own:
            piece.zero_()
        net.backward(pieces, saved, (grad,), into.pieces)
        return -now.log_prob.contiguous().mean(-1) - self._constant, into.flat

    def state_dict(self) -> State:
        return {
            **self.actor.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "updates": self.updates,
            "batches": self._draws.state_dict(),
            "demos": self._demos.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.actor.load_state_dict(state)
        self._optimizer.load_state_dict(state["optimizer"])
        restore_into(self.updates, state["updates"], "the number of updates")
        self._draws.load_state_dict(state["batches"])
        self._demos.load_state_dict(state["demos"])
