"""PPO (Schulman et al. 2017), and A2C (Mnih et al. 2016) as what it is without its additions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.actor import StochasticActor
from rlrun.agents.parts.common import LearningRate, exclude
from rlrun.agents.parts.minibatches import Minibatch, Minibatches, judged
from rlrun.agents.parts.normalize import RewardScale
from rlrun.core.checks import at_least, positive
from rlrun.core.memory import fits
from rlrun.core.restore import restore_into
from rlrun.core.types import Array, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.adam import Adam
from rlrun.nets.dense import Activation
from rlrun.nets.device import Device
from rlrun.replay.rollout import Rollout, step_bytes
from rlrun.rules.policy_gradient import clipped_objective, value_loss

TAGS = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction")


class PPO:
    """Proximal policy optimisation: a rollout, some epochs of clipped updates on it, the next.

    With one epoch of one batch, without clipping, it is A2C (Huang et al. 2022), though with Adam.
    Weights start orthogonal, with gain √2, 0.01 in the policy's last layer and 1 in the value's,
    biases 0; the two networks share nothing but convolutions. Advantages are those of GAE; a
    truncated episode counts on with the value of its true last observation.

    Args:
        spec, seeds, horizon, device: what the run is made of; ``horizon`` is its length in steps.
        lr: Adam's learning rate at the start.
        lr_end: its value at the end of the run, reached in a straight line; None keeps ``lr``.
        adam_epsilon: Adam's epsilon.
        hidden: widths of the hidden layers of each network; images and grids go through
            convolutions before.
        activation: after each hidden layer.
        n_steps: steps of each environment in a rollout.
        epochs: how often each rollout is learnt from.
        batch_size: steps per seed and update; None takes the whole rollout, in its own order.
        trace_decay: λ of the advantages: 0 trusts the values, 1 the returns.
        clip: how far the ratio of new to old probability may pay off beyond 1; None for any.
        clip_value: how far a value may pay off beyond the old one; None for any.
        entropy_coef: what entropy is worth in the loss.
        value_coef: what the values' squared error counts in the loss.
        normalize_advantage: bring the advantages of a batch to mean 0 and variance 1.
        target_kl: a seed stops learning from a rollout once the policy is 1.5 times that far (in
            approximate KL divergence) from what it was; None never stops.
        max_grad_norm: largest norm of a seed's gradient; None does not clip.
        normalize_obs: bring observations to mean 0 and variance 1.
        normalize_reward: divide rewards by the standard deviation of their discounted sums.

    Raises:
        ValueError: a value is out of range, or the batches do not fill the rollout.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete", "multi_discrete", "vector")

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        *,
        lr: float,
        lr_end: float | None,
        adam_epsilon: float,
        hidden: tuple[int, ...],
        activation: Activation,
        n_steps: int,
        epochs: int,
        batch_size: int | None,
        trace_decay: float,
        clip: float | None,
        clip_value: float | None,
        entropy_coef: float,
        value_coef: float,
        normalize_advantage: bool,
        target_kl: float | None,
        max_grad_norm: float | None,
        normalize_obs: bool,
        normalize_reward: bool,
    ) -> None:
        positive(lr=lr, adam_epsilon=adam_epsilon, max_grad_norm=max_grad_norm)
        positive(clip=clip, clip_value=clip_value, target_kl=target_kl)
        at_least(0, lr_end=lr_end, entropy_coef=entropy_coef, value_coef=value_coef)
        at_least(1, n_steps=n_steps, epochs=epochs, hidden=min(hidden, default=1))
        if not 0 <= trace_decay <= 1:
            raise ValueError(f"trace_decay must lie between 0 and 1, got {trace_decay}")
        fits("n_steps", n_steps, len(seeds) * spec.num_envs * step_bytes(spec))
        self._batches = Minibatches(
            seeds,
            n_steps * spec.num_envs,
            batch_size,
            epochs,
            least=2 if normalize_advantage else 1,
        )
        self._actor = StochasticActor(
            spec,
            seeds,
            device,
            hidden=hidden,
            activation=activation,
            value=True,
            normalize_obs=normalize_obs,
        )
        self.faults = self._actor.faults
        self._rollout = Rollout(spec, len(seeds), n_steps)
        self.first_update = n_steps * spec.num_envs
        self._rewards = RewardScale(len(seeds), spec.num_envs) if normalize_reward else None
        self._optimizer = Adam(self._actor.params, max_grad_norm, adam_epsilon)
        self._lr = LearningRate(lr, lr_end, horizon, self.first_update)
        self._seeds, self._device = len(seeds), device
        self._trace_decay, self._clip, self._clip_value = trace_decay, clip, clip_value
        self._entropy_coef, self._value_coef = entropy_coef, value_coef
        self._normalize_advantage = normalize_advantage
        self._most_kl = math.inf if target_kl is None else 1.5 * target_kl
        self._gradients = self._actor.params.zeros_like()  # written anew by each update
        self._differentiate = device.compiled(self._gradient)
        self._updates = np.zeros(len(seeds), np.int64)

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Actions ``[seed, env, ...]``: drawn from the policy, or its likeliest ones."""
        return self._actor.act(obs, explore=explore)

    def value(self, obs: Array) -> Array:
        """What the policy is believed to get, ``[seed, env]``."""
        value = self._actor.value(obs)
        return value if self._rewards is None else value * self._rewards.unit

    def histograms(self) -> Mapping[str, Array]:
        """The weights by layer, each ``[seed, n]``."""
        return self._actor.histograms()

    def freeze(self, position: int) -> None:
        """Leave the weights of a seed alone from now on."""
        self.faults.setdefault(position, "it was frozen")

    def learn(self, t: Step, step: int) -> Metrics:
        """Keep the step; learn from the rollout once it is full."""
        t = self._actor.take_in(t)
        if self._rewards is not None:
            t = t._replace(reward=self._rewards(t))
        self._rollout.add(t)
        return self._update(step) if self._rollout.full else {}

    def cut(self) -> None:
        """The next step will not follow the last one."""
        self._rollout.cut()
        if self._rewards is not None:
            self._rewards.cut()

    def _update(self, step: int) -> Metrics:
        whole, explained = judged(
            self._actor, self._device, self._rollout.drain(), self._trace_decay
        )
        lr = self._lr(step)
        total, count = np.zeros((self._seeds, len(TAGS) + 1)), np.zeros((self._seeds, 1))
        learning = np.ones(self._seeds, np.bool_)
        for part in self._batches(whole, self._device):
            told, gradient = self._differentiate(part)
            numbers = self._device.array(told).astype(np.float64)
            exclude(self.faults, numbers[:, -1], "the loss")
            total += np.where(learning[:, None], numbers, 0.0)
            count += learning[:, None]
            learning &= ~(numbers[:, TAGS.index("approx_kl")] > self._most_kl)
            frozen = {*self.faults, *np.flatnonzero(~learning).tolist()}
            self._optimizer.step(gradient, lr, frozen)
            self._updates += learning
            if not learning.any():
                break
        means = total / count
        return {
            **{f"train/{tag}": means[:, n] for n, tag in enumerate(TAGS)},
            "train/loss": means[:, -1],
            "train/explained_variance": explained,
            "train/n_updates": self._updates.copy(),
            "train/learning_rate": np.full(self._seeds, lr),
        }

    def _gradient(self, part: Minibatch) -> tuple[Tensor, Tensor]:
        """The metrics of a batch, ``[seed, tag]``, the loss last; the gradient ``[seed, P]``."""
        net, params = self._actor.net, self._actor.params
        pieces, own = self._device.cast_for_update(params.pieces), net.own(params.pieces)
        advantage, target, old_log_prob, old_value = part.numbers.unbind(-1)
        if self._normalize_advantage:
            advantage = _standardized(advantage)
        (out, values), saved = net.forward(pieces, part.obs)
        now = net.distribution.of(out, own, part.action)
        gain, slope, log_ratio = clipped_objective(
            now.log_prob, old_log_prob, advantage, self._clip
        )
        error, value_slope = value_loss(values[..., 0], target, old_value, self._clip_value)
        size = advantage.shape[1]
        gradient = self._gradients
        ratio = log_ratio.exp()
        entropy_slope = torch.full_like(slope, -self._entropy_coef / size)
        policy_grad = net.distribution.backward(
            now.saved, slope / -size, entropy_slope, net.own(gradient.pieces)
        )
        value_grad = torch.zeros_like(values)
        value_grad[..., 0] = value_slope * (self._value_coef / size)
        net.backward(pieces, saved, (policy_grad, value_grad), gradient.pieces)
        clipped = (ratio - 1).abs() > (math.inf if self._clip is None else self._clip)
        told = torch.stack(
            [-gain, error, -now.entropy, ratio - 1 - log_ratio, clipped.to(ratio.dtype)], 1
        ).mean(-1)
        loss = told[:, 0] + self._value_coef * told[:, 1] + self._entropy_coef * told[:, 2]
        return torch.cat([told, loss.unsqueeze(1)], 1), gradient.flat

    def state_dict(self) -> State:
        return {
            **self._actor.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "updates": self._updates,
            "rollout": self._rollout.state_dict(),
            "rewards": self._rewards.state_dict() if self._rewards else {},
            "batches": self._batches.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._actor.load_state_dict(state)
        self._optimizer.load_state_dict(state["optimizer"])
        restore_into(self._updates, state["updates"], "the number of updates")
        self._rollout.load_state_dict(state["rollout"])
        if self._rewards:
            self._rewards.load_state_dict(state["rewards"])
        self._batches.load_state_dict(state["batches"])


def _standardized(values: Tensor) -> Tensor:
    """``[seed, batch]`` with mean 0 and variance 1."""
    away = values - values.mean(-1, keepdim=True)
    variance = (away * away).sum(-1, keepdim=True) / (values.shape[-1] - 1)
    return away / (variance.sqrt() + 1e-8)
