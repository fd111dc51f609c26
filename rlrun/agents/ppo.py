"""PPO (Schulman et al. 2017); A2C (Mnih et al. 2016) is one unclipped update per rollout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.actor import StochasticActor
from rlrun.agents.parts.common import LearningRate, record_nonfinite
from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.agents.parts.minibatches import Minibatch, Minibatches, rollout_to_batch, standardized
from rlrun.agents.parts.normalize import RewardScale
from rlrun.agents.parts.settings import PolicyGradientSettings
from rlrun.core.fields import Count, Fraction, PerRow, Positive
from rlrun.core.memory import fits
from rlrun.core.restore import restore_into
from rlrun.core.rows import column
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.nets.device import Device
from rlrun.nets.distributions import only_legal
from rlrun.nets.optimizers import Optimizer
from rlrun.replay.rollout import Rollout, step_bytes
from rlrun.rules.policy_gradient import clipped_objective, value_loss

TAGS = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction")


@dataclass(frozen=True, kw_only=True)
class PPOSettings(PolicyGradientSettings):
    """The settings of `PPO`.

    With one epoch of one batch and without clipping it is A2C with Adam (Huang et al. 2022).
    """

    lr: PerRow[Positive] = 3e-4
    adam_epsilon: Positive = 1e-5
    n_steps: Count = 1024
    """Steps of each environment in a rollout."""
    epochs: Count = 10
    """Passes over each rollout."""
    batch_size: Count | None = 64
    """Steps in an update; must divide n_steps * env.num_envs (null: the whole rollout)."""
    trace_decay: PerRow[Fraction] = 0.95
    """Lambda of generalised advantage estimation: 0 uses the values, 1 the returns.

    Schulman et al. 2016.
    """
    clip: PerRow[Positive | None] = 0.2
    """Clipping range of the ratio of new to old probability around 1 (null: no clipping)."""
    clip_value: PerRow[Positive | None] = None
    """Largest change of a value in an update (null: no clipping)."""
    normalize_advantage: bool = True
    """Scale the advantages of a batch to mean 0 and variance 1."""
    target_kl: PerRow[Positive | None] = None
    """A seed stops learning from a rollout beyond 1.5 times this KL divergence (null: never).

    The divergence is estimated as in Schulman's "Approximating KL divergence" (2020).
    """
    max_grad_norm: PerRow[Positive | None] = 0.5
    normalize_reward: bool = False
    """Divide rewards by the standard deviation of their discounted sums."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the batches do not fill a rollout, or the memory is too small."""
        fits("n_steps", self.n_steps, num_seeds * spec.num_envs * step_bytes(spec))
        size, least = self.n_steps * spec.num_envs, 2 if self.normalize_advantage else 1
        if self.batch_size is not None and self.batch_size < least:
            raise ValueError(f"batch_size must be at least {least}, got {self.batch_size}")
        if self.batch_size is not None and size % self.batch_size:
            raise ValueError(
                f"batch_size must divide the {size} steps of a rollout (agent.n_steps times "
                f"env.num_envs), got {self.batch_size}"
            )
        if size < least:
            raise ValueError(f"n_steps times env.num_envs must be at least {least}, got {size}")
        self.check_policy(spec, num_seeds, value=True)


class PPO:
    """Proximal policy optimisation: several epochs of clipped updates on each rollout.

    Weights start orthogonal, with gain √2, 0.01 in the policy's last layer and 1 in the value's,
    biases at 0; the two networks share only the convolutions. Advantages are those of GAE;
    truncated episodes are bootstrapped from the value of their true last observation.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[PPOSettings]] = PPOSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        settings: PPOSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        self._settings = s = settings
        size = s.n_steps * spec.num_envs
        self._batches = Minibatches(seeds, size, s.batch_size, s.epochs)
        net = s.policy(spec, device.products, value=True)
        self._actor = StochasticActor(spec, seeds, device, net, normalize_obs=s.normalize_obs)
        self.faults = self._actor.faults
        self._rollout = Rollout(spec, len(seeds), s.n_steps)
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

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, ...]``: samples of the policy, or its likeliest ones."""
        return self._actor.act(obs, explore=explore, legal=legal)

    def value(self, obs: Array, legal: Mask = None) -> Array:
        """Return the estimated return of the policy, ``[seed, env]``."""
        value = self._actor.value(obs, legal)
        return value if self._rewards is None else value * self._rewards.unit

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
        steps = self._intrinsic.rollout(self._rollout.drain())
        rollout, explained_variance = rollout_to_batch(
            self._actor, self._device, steps, column(self._settings.trace_decay, 3)
        )
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

    def _gradient(self, batch: Minibatch) -> tuple[Tensor, Tensor]:
        """Return the metrics ``[seed, tag]``, the loss last, and the gradient ``[seed, P]``."""
        s, net, params = self._settings, self._actor.net, self._actor.params
        pieces = self._device.cast_for_update(params.pieces)
        distribution_pieces = net.distribution_pieces(params.pieces)
        advantage, target, old_log_prob, old_value = batch.numbers.unbind(-1)
        if s.normalize_advantage:
            advantage = standardized(advantage)
        (out, values), saved = net.forward(pieces, batch.obs)
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
