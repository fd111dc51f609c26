"""What PPO does with each rollout, with or without a memory: several epochs of clipped updates."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.actor import RecurrentActor, StochasticActor
from rlrun.agents.parts.common import LearningRate, record_nonfinite
from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.agents.parts.minibatches import BonusStream, Minibatch, Minibatches, standardized
from rlrun.agents.parts.normalize import RewardScale
from rlrun.agents.parts.ppo_settings import PPOSettings
from rlrun.agents.parts.sequences import SequenceBatches
from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Metrics, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.nets.device import Device
from rlrun.nets.distributions import only_legal
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Pieces
from rlrun.replay.rollout import Rollout
from rlrun.rules.policy_gradient import clipped_objective, value_loss

TAGS = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction")
AnActor = TypeVar("AnActor", bound=StochasticActor | RecurrentActor)


class Proximal(ABC, Generic[AnActor]):
    """Proximal policy optimisation, apart from how its policies act and what they remember.

    Args:
        spec, seeds, horizon, device, settings, curiosity: as for an agent.
        actor: the policies, and the values of states.
        batches: splits a rollout.
        memory: the size of a memory, which rollouts keep; None if there is none.
        two_values: whether the actor has a second value, for bonuses that have their own.
    """

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        settings: PPOSettings,
        curiosity: Curiosity | None,
        actor: AnActor,
        batches: Minibatches | SequenceBatches,
        memory: int | None = None,
        *,
        two_values: bool = False,
    ) -> None:
        self._settings, self._two_values = settings, two_values
        s = settings
        size = s.n_steps * spec.num_envs
        self._actor: AnActor = actor
        self._batches = batches
        self.faults, self.networks = self._actor.faults, self._actor.networks
        self._rollout = Rollout(spec, len(seeds), s.n_steps, memory)
        is_scaled = s.normalize_obs or s.normalize_reward
        unscaled = Rollout(spec, len(seeds), s.n_steps) if curiosity and is_scaled else None
        self._intrinsic = IntrinsicReward(curiosity, self.faults, unscaled)
        self._rewards = RewardScale(len(seeds), spec.num_envs) if s.normalize_reward else None
        self._optimizer = Optimizer(self._actor.params, s.method())
        self._lr = LearningRate(s.lr, s.lr_end, horizon, size)
        self._seeds, self._device, self.first_update = len(seeds), device, size
        self._max_kl = math.inf if s.target_kl is None else 1.5 * s.target_kl
        number = device.number
        self._clip = None if s.clip is None else number(s.clip, 2, torch.float64)
        self._clip_value = None if s.clip_value is None else number(s.clip_value, 2)
        batch_size = s.batch_size or size
        entropy_slope = number(-s.entropy_coef / batch_size, 2)
        self._entropy_slope = torch.as_tensor(entropy_slope, device=device.torch).float()
        self._value_slope = number(s.value_coef / batch_size, 2)
        self._coefficients = number(s.value_coef, 2), number(s.entropy_coef, 2)
        self._gradients = self._actor.params.zeros_like()  # overwritten by each update
        self._differentiate = device.differentiator(self._gradient)
        self._updates = np.zeros(len(seeds), np.int64)

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, each ``[seed, n]``."""
        return self._actor.histograms()

    def freeze(self, position: int) -> None:
        """Freeze the weights of a seed, permanently."""
        self.faults.setdefault(position, "it was frozen")
        self._intrinsic.freeze(position)

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; if the rollout is full, learn from it."""
        self._intrinsic.observe(t)
        t = self._actor.normalize_step(t)
        if self._rewards is not None:
            t = t._replace(reward=self._rewards(t))
        self._rollout.add(t)
        return self._update(step) if self._rollout.full else {}

    def cut(self) -> None:
        """Start new episodes: the next step does not follow the last one."""
        self._rollout.cut()
        self._intrinsic.cut()
        if self._rewards is not None:
            self._rewards.cut()

    def _update(self, step: int) -> Metrics:
        steps = self._rollout.drain()
        bonus, factor, stream = self._intrinsic.rollout(steps), self._intrinsic.stream, None
        if bonus is not None and factor is not None and self._two_values:
            stream = BonusStream(bonus, factor)
        elif bonus is not None:
            steps = steps._replace(reward=steps.reward + bonus)
        rollout, explained_variance = self._collected(steps, stream)
        lr = self._lr(step)
        total, count = np.zeros((self._seeds, len(TAGS) + 1)), np.zeros((self._seeds, 1))
        learning = np.ones(self._seeds, np.bool_)
        for batch in self._batches(rollout, self._device):
            metrics, gradient = self._differentiate(batch)
            numbers = self._device.array(metrics).astype(np.float64)
            record_nonfinite(self.faults, numbers[:, -1], "the loss")
            total += np.where(learning[:, None], numbers, 0.0)
            count += learning[:, None]
            learning &= ~(numbers[:, TAGS.index("approx_kl")] > self._max_kl)
            frozen = {*self.faults, *np.flatnonzero(~learning).tolist()}
            self._optimizer.step(gradient, lr, frozen)
            self._updates += learning
            if not learning.any():
                break
        means = total / count
        return {
            **{f"train/{tag}": means[:, n] for n, tag in enumerate(TAGS)},
            "train/loss": means[:, -1],
            "train/explained_variance": explained_variance,
            "train/n_updates": self._updates.copy(),
            "train/learning_rate": np.full(self._seeds, lr),
            **self._intrinsic.metrics,
        }

    @abstractmethod
    def _collected(self, steps: Step, stream: BonusStream | None) -> tuple[Minibatch, Array]:
        """Return a rollout ``[seed, time, env, ...]`` for batches, and the explained variance.

        There is a ``stream`` of bonuses only if there is a second value for them.
        """

    @abstractmethod
    def _forward(self, pieces: Pieces, batch: Minibatch) -> tuple[list[Tensor], list[Any]]:
        """Return the outputs of policy and value for a batch, and what the backward pass needs."""

    def _gradient(self, batch: Minibatch) -> tuple[Tensor, Tensor]:
        """Return the metrics ``[seed, tag]``, the loss last, and the gradient ``[seed, P]``."""
        s, net, params = self._settings, self._actor.net, self._actor.params
        pieces = self._device.cast_for_update(params.pieces)
        distribution_pieces = net.distribution_pieces(params.pieces)
        advantage, target, old_log_prob, old_value, *of_bonuses = batch.numbers.unbind(-1)
        if s.normalize_advantage:
            advantage = standardized(advantage)
        (out, values), saved = self._forward(pieces, batch)
        out = only_legal(out, batch.legal)
        now = net.distribution.of(out, distribution_pieces, batch.action)
        gain, slope, log_ratio = clipped_objective(
            now.log_prob, old_log_prob, advantage, self._clip
        )
        error, value_slope = value_loss(values[..., 0], target, old_value, self._clip_value)
        size, gradient = advantage.shape[1], self._gradients
        ratio = log_ratio.exp()
        entropy_slope = self._entropy_slope.expand_as(slope)
        policy_grad = net.distribution.backward(
            now.saved, slope / -size, entropy_slope, net.distribution_pieces(gradient.pieces)
        )
        value_grad = torch.zeros_like(values)
        value_grad[..., 0] = value_slope * self._value_slope
        if of_bonuses:
            target, old_value = of_bonuses
            more, value_slope = value_loss(values[..., 1], target, old_value, self._clip_value)
            value_grad[..., 1] = value_slope * self._value_slope
            error = error + more
        net.backward(pieces, saved, (policy_grad, value_grad), gradient.pieces)
        clipped = (ratio - 1).abs() > (math.inf if self._clip is None else self._clip)
        metrics = torch.stack(
            [-gain, error, -now.entropy, ratio - 1 - log_ratio, clipped.to(ratio.dtype)], 1
        ).mean(-1)
        value_coef, entropy_coef = self._coefficients
        loss = metrics[:, :1] + value_coef * metrics[:, 1:2] + entropy_coef * metrics[:, 2:3]
        return torch.cat([metrics, loss], 1), gradient.flat

    def state_dict(self) -> State:
        return {
            **self._actor.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "updates": self._updates,
            "rollout": self._rollout.state_dict(),
            "rewards": self._rewards.state_dict() if self._rewards else {},
            "batches": self._batches.state_dict(),
            "curiosity": self._intrinsic.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._actor.load_state_dict(state)
        self._optimizer.load_state_dict(state["optimizer"])
        restore_into(self._updates, state["updates"], "the number of updates")
        self._rollout.load_state_dict(state["rollout"])
        if self._rewards:
            self._rewards.load_state_dict(state["rewards"])
        self._batches.load_state_dict(state["batches"])
        self._intrinsic.load_state_dict(state.get("curiosity", {}))
