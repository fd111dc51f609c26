"""DDPG (Lillicrap et al. 2016); TD3 (Fujimoto et al. 2018) is the same with other settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.common import LearningRate, histograms, record_nonfinite
from rlrun.agents.parts.control_settings import DDPGSettings
from rlrun.agents.parts.critics import Critics
from rlrun.agents.parts.exploration import NormalDraws, Warmup
from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.agents.parts.starting import LearningStart
from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose
from rlrun.core.rows import Number
from rlrun.core.types import Array, Batch, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.explore.noise import ActionNoise
from rlrun.nets.acting import Acting
from rlrun.nets.device import Device
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters
from rlrun.replay.ring import Replay
from rlrun.rules.actor_critic import smoothed

LAST_LAYER = 3e-3  # last layers start uniform in ±3e-3 (Lillicrap et al. 2016, section 7)


class DDPG:
    """A deterministic actor that ascends the gradient of its critic; for continuous actions.

    Weights start uniform in ±1/√fan_in, those of the last layers in ±3e-3.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("vector",)
    settings_class: ClassVar[type[DDPGSettings]] = DDPGSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        replay: Replay,
        noise: ActionNoise,
        settings: DDPGSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        self._settings = s = settings
        self._replay, self._noise, self._device = replay, noise, device
        self._stride, self._shape = spec.num_envs, spec.action.shape
        self._size = math.prod(self._shape)
        self._net = s.actor(spec, device.products)
        self._actor = Parameters.zeros(len(seeds), self._net.shapes, device.torch)
        self._net.init(self._actor, seeds, 0, LAST_LAYER)
        self._acting = Acting(self._net.infer, self._net.chain, self._actor, device)
        self._target = self._actor.copy()
        self._gradients = self._actor.zeros_like()  # overwritten by each update
        self._optimizer = Optimizer(self._actor, s.actor_method(), self._net.statistics)
        critic = s.critic(spec, device.products)
        self._critics = Critics(critic, seeds, device, 1 + s.twin, LAST_LAYER, s.method())
        actors = {"actor": self._actor, "target actor": self._target}
        self.networks = {n: self._net.named(each) for n, each in actors.items()}
        self.networks |= self._critics.networks
        self._warmup = Warmup(spec, seeds)
        smoothing = np.any(s.target_noise)
        self._smoothing = NormalDraws(seeds, Purpose.NOISE, device) if smoothing else None
        self._lr = LearningRate(s.lr, s.lr_end, horizon, max(s.train_every, self._stride))
        self._actor_lr_ratio = 1.0 if s.actor_lr is None else s.actor_lr / s.lr
        self._tau = device.number(s.tau, 2)
        self._target_noise = [device.number(n, 3) for n in (s.target_noise, s.target_noise_clip)]
        self._differentiate_critic = device.differentiator(self._critic_gradient)
        self._differentiate_actor = device.differentiator(self._actor_gradient)
        self._start = LearningStart(s, replay, len(seeds), self._stride)
        self.first_update = self._start.first_update
        self.faults: dict[int, str] = {}
        """The reason why a seed is frozen, by its position."""
        self._intrinsic = IntrinsicReward(curiosity, self.faults)

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Return actions ``[seed, env, ...]`` in [-1, 1], with noise if ``explore``.

        Before the first update, exploring actions are uniformly random.
        """
        if explore and self._start.all_random:
            return self._warmup()
        action = self._greedy(obs).reshape(*obs.shape[:2], *self._shape)
        if not explore:
            return action
        noisy = np.asarray((action + self._noise(step)).clip(-1, 1), np.float32)
        return self._start.with_random(noisy, self._warmup)

    def value(self, obs: Array) -> Array:
        """Return the estimated value of the actor's action, ``[seed, env]``."""
        tensor, action = map(self._device.tensor, (obs, self._greedy(obs)))
        return self._device.array(self._critics.min_value(tensor, action))

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, and the priorities of the replay, each ``[seed, n]``."""
        weights = self._net.weights(self._actor) | self._critics.weights()
        return histograms(self._device, weights, self._replay)

    def _greedy(self, obs: Array) -> Array:
        """Return the actor's actions ``[seed, env, number]``, without noise."""
        return np.tanh(self._acting(obs))

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; if an update is due, update the critic, the actor and the targets."""
        self._replay.add(t)
        self._intrinsic.observe(t)
        self._start.observe(t.last)
        self._noise.observe(t.last)
        metrics: dict[str, Any] = {}
        for _ in range(self._start.updates_due(step)):
            metrics |= self._update(step, self._lr(step))
        return metrics

    def update(self, step: int) -> Metrics:
        """Update the critic, and every ``actor_every`` updates the actor and the targets."""
        return self._update(step, self._lr.of_update(step))

    def cut(self) -> None:
        """Start new episodes: the next step does not follow the last one."""
        self._replay.cut()
        self._noise.observe(np.ones((len(self._start.updates), self._stride), np.bool_))

    def _update(self, step: int, lr: Number) -> Metrics:
        s, bonus = self._settings, self._intrinsic.bonus
        sampled = self._replay.sample(s.batch_size, s.n_step, step=step, bonus=bonus)
        batch = self._device.batch(sampled)
        noise = self._smoothing(s.batch_size, self._size) if self._smoothing else None
        loss, q_mean, error, gradient = self._differentiate_critic(batch, noise)
        record_nonfinite(self.faults, self._start.masked(loss, 0.0), "the critic's loss")
        self._start.prioritize(sampled, self._device.array(error))
        self._critics.step(gradient, lr, self._start.frozen(self.faults))
        metrics: dict[str, Any] = {
            "train/critic_loss": loss,
            "train/q_mean": q_mean,
            **self._intrinsic.metrics,
            "train/learning_rate": np.full(len(loss), lr),
            "rollout/exploration_rate": self._noise.rate(step),
        }
        if (int(self._start.updates[0]) + 1) % s.actor_every == 0:
            loss, gradient = self._differentiate_actor(batch.obs)
            record_nonfinite(self.faults, self._start.masked(loss, 0.0), "the actor's loss")
            frozen = self._start.frozen(self.faults)
            self._net.track(self._actor, gradient, frozen)
            self._optimizer.step(gradient, lr * self._actor_lr_ratio, frozen)
            self._critics.update_targets(self._tau)
            self._target.move_towards(self._actor, self._tau)
            metrics["train/actor_loss"] = loss
        return self._start.count(metrics)

    def freeze(self, position: int) -> None:
        """Freeze the weights of a seed, permanently."""
        self.faults.setdefault(position, "it was frozen")
        self._intrinsic.freeze(position)

    def _critic_gradient(
        self, batch: Batch, noise: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the critics' loss and mean value ``[seed]``, the errors and the gradient.

        The errors are ``[seed, batch]``, the gradient is ``[seed, P]``.
        """
        pieces = self._device.cast_for_update(self._target.pieces)
        next_action = torch.tanh(self._net.infer(pieces, batch.next_obs))
        if noise is not None:
            next_action = smoothed(next_action, noise, *self._target_noise)
        target = self._critics.target(batch, next_action)
        action = batch.action.reshape(next_action.shape)
        return self._critics.gradient(batch, action, target)

    def _actor_gradient(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss -Q(s, mu(s)), ``[seed]``, and its gradient ``[seed, P]``."""
        pieces = self._device.cast_for_update(self._actor.pieces)
        out, saved = self._net.forward(pieces, obs)
        action = torch.tanh(out)
        q, action_grad = self._critics.action_gradient(obs, action, minimum=False)
        into = self._gradients
        slope = action_grad * (action * action - 1) / q.shape[-1]
        self._net.backward(pieces, saved, slope, into.pieces)
        return -q.mean(-1), into.flat

    def state_dict(self) -> State:
        return {
            "policy": {"actor": self._actor.flat},
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
            "critics": self._critics.state_dict(),
            **self._start.state_dict(),
            "warmup": self._warmup.state_dict(),
            "noise": self._noise.state_dict(),
            "smoothing": self._smoothing.state_dict() if self._smoothing else {},
            "curiosity": self._intrinsic.state_dict(),
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._actor.flat, state["policy"]["actor"], "the actor")
        restore_into(self._target.flat, state["target"], "the target actor")
        self._optimizer.load_state_dict(state["optimizer"])
        self._critics.load_state_dict(state["critics"])
        self._warmup.load_state_dict(state["warmup"])
        self._noise.load_state_dict(state["noise"])
        if self._smoothing:
            self._smoothing.load_state_dict(state["smoothing"])
        self._intrinsic.load_state_dict(state.get("curiosity", {}))
        self._replay.load_state_dict(state["replay"])
        self._start.load_state_dict(state)
