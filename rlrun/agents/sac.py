"""Soft actor-critic: maximises return plus policy entropy (Haarnoja et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from rlrun.agents.parts.common import LearningRate, histograms, record_nonfinite
from rlrun.agents.parts.control_settings import SACSettings
from rlrun.agents.parts.critics import Critics
from rlrun.agents.parts.exploration import NormalDraws, Warmup
from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.agents.parts.starting import LearningStart
from rlrun.agents.parts.temperature import Temperature
from rlrun.core.restore import restore_into
from rlrun.core.rng import Normals, Purpose
from rlrun.core.rows import Number
from rlrun.core.types import Array, Batch, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.nets.acting import Acting
from rlrun.nets.device import Device
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters
from rlrun.replay.ring import Replay
from rlrun.rules.actor_critic import Squashed, squashed, squashed_action, squashed_gradient


class SAC:
    """Maximise return plus policy entropy with a stochastic actor; for continuous actions.

    Actions are samples of a normal distribution squashed by tanh, or without exploration its
    squashed mean. The smaller value of two critics is used. Weights start uniform in ±1/√fan_in.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("vector",)
    settings_class: ClassVar[type[SACSettings]] = SACSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        replay: Replay,
        settings: SACSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        self._settings = s = settings
        self._replay, self._device = replay, device
        self._stride, self._shape = spec.num_envs, spec.action.shape
        self._size = size = math.prod(self._shape)
        self._net = s.actor(spec, device.products)
        self._actor = Parameters.zeros(len(seeds), self._net.shapes, device.torch)
        self._net.init(self._actor, seeds, 0, None)
        self._acting = Acting(self._net.infer, self._net.chain, self._actor, device)
        self._gradients = self._actor.zeros_like()  # overwritten by each update
        self._optimizer = Optimizer(self._actor, s.actor_method(), self._net.statistics)
        self._critics = Critics(s.critic(spec, device.products), seeds, device, 2, None, s.method())
        self._temperature = Temperature(len(seeds), device, s.ent_coef)
        self.networks = {"actor": self._net.named(self._actor), **self._critics.networks}
        self.networks |= self._temperature.networks
        target_entropy = -size if s.target_entropy is None else s.target_entropy
        self._target_entropy = device.number(target_entropy, 1)
        self._tau = device.number(s.tau, 2)
        self._warmup = Warmup(spec, seeds)
        self._acting_noise = Normals(seeds, Purpose.EXPLORE)
        self._update_noise = NormalDraws(seeds, Purpose.NOISE, device)
        self._lr = LearningRate(s.lr, s.lr_end, horizon, max(s.train_every, self._stride))
        self._differentiate_critic = device.differentiator(self._critic_gradient)
        self._differentiate_actor = device.differentiator(self._actor_gradient)
        self._start = LearningStart(s, replay, len(seeds), self._stride)
        self.first_update = self._start.first_update
        self.faults: dict[int, str] = {}
        """The reason why a seed is frozen, by its position."""
        self._intrinsic = IntrinsicReward(curiosity, self.faults)

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Return actions ``[seed, env, ...]`` in [-1, 1]: samples, or without exploration means.

        Before the first update, exploring actions are uniformly random.
        """
        if explore and self._start.all_random:
            return self._warmup()
        lead, size = obs.shape[:2], self._size
        if not explore:
            return self._greedy(obs).reshape(*lead, *self._shape)
        out, normal = self._acting(obs), self._acting_noise.normal(lead[1] * size)
        normal = normal.reshape(*lead, size).astype(np.float32)
        action = squashed_action(out[..., :size], out[..., size:], normal)
        return self._start.with_random(action.reshape(*lead, *self._shape), self._warmup)

    def value(self, obs: Array) -> Array:
        """Return the estimated value of the mean action, with future entropy, ``[seed, env]``."""
        tensor, action = map(self._device.tensor, (obs, self._greedy(obs)))
        return self._device.array(self._critics.min_value(tensor, action))

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, and the priorities of the replay, each ``[seed, n]``."""
        weights = self._net.weights(self._actor) | self._critics.weights()
        return histograms(self._device, weights, self._replay)

    def _greedy(self, obs: Array) -> Array:
        """Return the mean actions ``[seed, env, number]``."""
        action: Array = np.tanh(self._acting(obs)[..., : self._size])
        return action

    def _squashed(self, out: Tensor, normal: Tensor) -> Squashed:
        return squashed(out[..., : self._size], out[..., self._size :], normal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; if an update is due, update critics, actor and temperature."""
        self._replay.add(t)
        self._intrinsic.observe(t)
        self._start.observe(t.last)
        metrics: Metrics = {}
        for _ in range(self._start.updates_due(step)):
            metrics = self._update(step, self._lr(step))
        return metrics

    def update(self, step: int) -> Metrics:
        """Update critics, actor, temperature and targets once."""
        return self._update(step, self._lr.of_update(step))

    def cut(self) -> None:
        """Start new episodes: the next step does not follow the last one."""
        self._replay.cut()

    def _update(self, step: int, lr: Number) -> Metrics:
        s, bonus = self._settings, self._intrinsic.bonus
        sampled = self._replay.sample(s.batch_size, s.n_step, step=step, bonus=bonus)
        batch = self._device.batch(sampled)
        temperature = self._temperature()
        sample = temperature, self._draw()
        critic_loss, q_mean, error, gradient = self._differentiate_critic(batch, *sample)
        record_nonfinite(self.faults, self._start.masked(critic_loss, 0.0), "the critic's loss")
        self._start.prioritize(sampled, self._device.array(error))
        self._critics.step(gradient, lr, self._start.frozen(self.faults))
        sample = temperature, self._draw()
        actor_loss, log_prob, gradient = self._differentiate_actor(batch.obs, *sample)
        record_nonfinite(self.faults, self._start.masked(actor_loss, 0.0), "the actor's loss")
        frozen = self._start.frozen(self.faults)
        self._net.track(self._actor, gradient, frozen)
        self._optimizer.step(gradient, lr, frozen)
        self._temperature.step(log_prob + self._target_entropy, lr, frozen)
        self._critics.update_targets(self._tau)
        metrics = {
            "train/critic_loss": critic_loss,
            "train/actor_loss": actor_loss,
            "train/ent_coef": temperature[:, 0],
            "train/q_mean": q_mean,
            **self._intrinsic.metrics,
            "train/learning_rate": np.full(len(critic_loss), lr),
        }
        return self._start.count(metrics)

    def freeze(self, position: int) -> None:
        """Freeze the weights of a seed, permanently."""
        self.faults.setdefault(position, "it was frozen")
        self._intrinsic.freeze(position)

    def _draw(self) -> Tensor:
        return self._update_noise(self._settings.batch_size, self._size)  # N(0, 1), of a batch

    def _critic_gradient(
        self, batch: Batch, temperature: Tensor, normal: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the critics' loss and mean value ``[seed]``, the errors and the gradient.

        The errors are ``[seed, batch]``, the gradient is ``[seed, P]``.
        """
        pieces = self._device.cast_for_update(self._actor.pieces)
        sample = self._squashed(self._net.infer(pieces, batch.next_obs), normal)
        target = self._critics.target(batch, sample.action, -temperature * sample.log_prob)
        action = batch.action.reshape(sample.action.shape)
        return self._critics.gradient(batch, action, target)

    def _actor_gradient(
        self, obs: Tensor, temperature: Tensor, normal: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss and the mean of log p, ``[seed]``, and the gradient ``[seed, P]``.

        The loss is the mean of temperature · log p - Q.
        """
        pieces = self._device.cast_for_update(self._actor.pieces)
        out, saved = self._net.forward(pieces, obs)
        sample = self._squashed(out, normal)
        q, action_grad = self._critics.action_gradient(obs, sample.action, minimum=True)
        into = self._gradients
        slope = squashed_gradient(sample, -action_grad, temperature.unsqueeze(-1)) / q.shape[-1]
        self._net.backward(pieces, saved, slope, into.pieces)
        loss = temperature * sample.log_prob - q
        return loss.mean(-1), sample.log_prob.mean(-1), into.flat

    def state_dict(self) -> State:
        return {
            "policy": {"actor": self._actor.flat},
            "optimizer": self._optimizer.state_dict(),
            "critics": self._critics.state_dict(),
            "temperature": self._temperature.state_dict(),
            **self._start.state_dict(),
            "warmup": self._warmup.state_dict(),
            "acting": self._acting_noise.state_dict(),
            "learning": self._update_noise.state_dict(),
            "curiosity": self._intrinsic.state_dict(),
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._actor.flat, state["policy"]["actor"], "the actor")
        self._optimizer.load_state_dict(state["optimizer"])
        self._critics.load_state_dict(state["critics"])
        self._temperature.load_state_dict(state["temperature"])
        self._warmup.load_state_dict(state["warmup"])
        self._acting_noise.load_state_dict(state["acting"])
        self._update_noise.load_state_dict(state["learning"])
        self._intrinsic.load_state_dict(state.get("curiosity", {}))
        self._replay.load_state_dict(state["replay"])
        self._start.load_state_dict(state)
