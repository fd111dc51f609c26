"""SAC: an actor that is paid for staying random (Haarnoja et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rlrun.agents.parts.common import LearningRate, check_batch, exclude, histograms
from rlrun.agents.parts.critics import Critics
from rlrun.agents.parts.exploration import NormalDraws, Warmup
from rlrun.agents.parts.temperature import Temperature
from rlrun.core.checks import at_least, positive
from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose
from rlrun.core.schedules import due, first_due
from rlrun.core.types import Array, Batch, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.actor_critic import ActionLayer, ActorNet, CriticNet, Norm
from rlrun.nets.adam import Adam
from rlrun.nets.device import Device
from rlrun.nets.parameters import Parameters
from rlrun.replay.ring import Replay
from rlrun.rules.actor_critic import Squashed, squashed, squashed_gradient


class SAC:
    """Draws actions from a normal distribution squashed by tanh; for continuous actions.

    Two critics, of whose values the smaller one counts. Rewards are the environment's, plus the
    policy's entropy times a temperature, which is learnt. Weights start uniform in ±1/√fan_in. All
    clocks count environment steps per seed. Without exploration it takes the mean.

    Args:
        spec, seeds, horizon, device, replay: what the run is made of; ``horizon`` is the length of
            the run in steps.
        lr: Adam's learning rate at the start, of the actor, the critics and the temperature.
        lr_end: its value at the end of the run, reached in a straight line; None keeps ``lr``.
        batch_size: transitions per seed and update.
        hidden: widths of the hidden layers, of the actor and of the critics; images and grids go
            through convolutions before.
        action_layer: the layer of the critics that the action goes into, 1 or 2.
        norm: normalize the hidden layers: "layer" (Ba et al. 2016), "batch" (Ioffe & Szegedy 2015).
        learning_starts: steps before the first update; until then actions are uniformly random.
        train_every: steps between updates.
        gradient_steps: updates each time.
        tau: how far the target critics move to the online ones after each update.
        n_step: steps of reward summed before the bootstrap (Sutton 1988).
        ent_coef: the temperature, fixed; None learns it, from 1 on (section 5 of "Soft
            actor-critic algorithms and applications").
        target_entropy: the entropy that a learnt temperature aims at; None for minus the number of
            an action's numbers.
        max_grad_norm: largest norm of the gradient of a seed's critics; None does not clip.

    Raises:
        ValueError: a value is out of range.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("vector",)

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        replay: Replay,
        *,
        lr: float,
        lr_end: float | None,
        batch_size: int,
        hidden: tuple[int, ...],
        action_layer: ActionLayer,
        norm: Norm | None,
        learning_starts: int,
        train_every: int,
        gradient_steps: int,
        tau: float,
        n_step: int,
        ent_coef: float | None,
        target_entropy: float | None,
        max_grad_norm: float | None,
    ) -> None:
        positive(lr=lr, max_grad_norm=max_grad_norm)
        at_least(0, lr_end=lr_end, learning_starts=learning_starts, ent_coef=ent_coef)
        at_least(2 if norm == "batch" else 1, batch_size=batch_size)
        at_least(1, train_every=train_every, gradient_steps=gradient_steps)
        check_batch(batch_size, spec, len(seeds))
        at_least(1, n_step=n_step, hidden=min(hidden, default=1))
        if not 0 < tau <= 1:
            raise ValueError(f"tau must be above 0 and at most 1, got {tau}")
        self._replay, self._device = replay, device
        self._stride, self._shape = spec.num_envs, spec.action.shape
        self._size = size = math.prod(self._shape)
        self._net = ActorNet(spec.obs, hidden, 2 * size, norm=norm)
        self._actor = Parameters.zeros(len(seeds), self._net.shapes, device.torch)
        self._net.init(self._actor, seeds, 0, None)
        self._gradients = self._actor.zeros_like()  # written anew by each update
        self._optimizer = Adam(self._actor, None)
        critic = CriticNet(spec.obs, size, hidden, action_layer=action_layer, norm=norm)
        self._critics = Critics(critic, seeds, device, 2, None, max_grad_norm)
        self._temperature = Temperature(len(seeds), device, ent_coef)
        self._target_entropy = -size if target_entropy is None else target_entropy
        self._warmup, self._learning_starts = Warmup(spec, seeds), learning_starts
        self.first_update = first_due(train_every, learning_starts)
        self._acting = NormalDraws(seeds, Purpose.EXPLORE, device)
        self._learning = NormalDraws(seeds, Purpose.NOISE, device)
        self._lr = LearningRate(lr, lr_end, horizon, max(train_every, self._stride))
        self._batch_size, self._n_step, self._tau = batch_size, n_step, tau
        self._train_every, self._gradient_steps = train_every, gradient_steps
        self._judge = device.compiled(self._critic_gradient)
        self._improve = device.compiled(self._actor_gradient)
        self._updates = np.zeros(len(seeds), np.int64)
        self.faults: dict[int, str] = {}
        """The frozen seeds, by position, and why."""
        self._ones = np.ones(len(seeds))

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Actions ``[seed, env, ...]`` in [-1, 1]: drawn while learning, else the mean."""
        if explore and self._replay.added < self._learning_starts and not self._updates.any():
            return self._warmup()
        seen = self._device.tensor(obs)
        if explore:
            out = self._net.infer(self._actor.pieces, seen)
            action = self._squashed(out, self._acting(obs.shape[1], self._size)).action
        else:
            action = self._greedy(seen)
        return self._device.array(action).reshape(*obs.shape[:2], *self._shape)

    def value(self, obs: Array) -> Array:
        """What the mean action is believed to be worth, with entropy to come, ``[seed, env]``."""
        seen = self._device.tensor(obs)
        return self._device.array(self._critics.least(seen, self._greedy(seen)))

    def histograms(self) -> Mapping[str, Array]:
        """The weights by layer, and the priorities of the replay, each ``[seed, n]``."""
        weights = self._net.weights(self._actor) | self._critics.weights()
        return histograms(self._device, weights, self._replay)

    def _greedy(self, obs: Tensor) -> Tensor:
        """``[seed, batch, number]``."""
        return torch.tanh(self._net.infer(self._actor.pieces, obs)[..., : self._size])

    def _squashed(self, out: Tensor, normal: Tensor) -> Squashed:
        return squashed(out[..., : self._size], out[..., self._size :], normal)

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; where it is time, update the critics, the actor and the temperature."""
        self._replay.add(t)
        metrics: Metrics = {}
        if self._replay.added >= self._learning_starts:
            for _ in range(due(step, self._train_every, self._stride) * self._gradient_steps):
                metrics = self._update(step)
        return metrics

    def cut(self) -> None:
        """The next step will not follow the last one."""
        self._replay.cut()

    def _update(self, step: int) -> Metrics:
        sampled = self._replay.sample(self._batch_size, self._n_step, step=step)
        batch, lr = self._device.batch(sampled), self._lr(step)
        temperature = self._temperature()
        critic_loss, q_mean, error, gradient = self._judge(batch, temperature, self._draw())
        exclude(self.faults, critic_loss, "the critic's loss")
        if sampled.weight is not None:
            self._replay.update(sampled.index, self._device.array(error))
        self._critics.step(gradient, lr, self.faults)
        actor_loss, log_prob, gradient = self._improve(batch.obs, temperature, self._draw())
        exclude(self.faults, actor_loss, "the actor's loss")
        self._net.track(self._actor, gradient, self.faults)
        self._optimizer.step(gradient, lr, self.faults)
        self._temperature.step(log_prob + self._target_entropy, lr, self.faults)
        self._critics.follow(self._tau)
        self._updates += 1
        return {
            "train/critic_loss": critic_loss,
            "train/actor_loss": actor_loss,
            "train/ent_coef": temperature[:, 0],
            "train/q_mean": q_mean,
            "train/n_updates": self._updates.copy(),
            "train/learning_rate": self._ones * lr,
        }

    def freeze(self, position: int) -> None:
        """Leave the weights of a seed alone from now on."""
        self.faults.setdefault(position, "it was frozen")

    def _draw(self) -> Tensor:
        """Normal numbers for the actions of a batch."""
        return self._learning(self._batch_size, self._size)

    def _critic_gradient(
        self, batch: Batch, temperature: Tensor, normal: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss and mean value ``[seed]``, errors ``[seed, batch]``, gradient ``[seed, P]``."""
        pieces = self._device.cast_for_update(self._actor.pieces)
        drawn = self._squashed(self._net.infer(pieces, batch.next_obs), normal)
        target = self._critics.target(batch, drawn.action, -temperature * drawn.log_prob)
        action = batch.action.reshape(drawn.action.shape)
        return self._critics.gradient(batch, action, target)

    def _actor_gradient(
        self, obs: Tensor, temperature: Tensor, normal: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The loss (temperature · log p - Q) and mean log p, ``[seed]``; gradient ``[seed, P]``."""
        pieces = self._device.cast_for_update(self._actor.pieces)
        out, saved = self._net.forward(pieces, obs)
        drawn = self._squashed(out, normal)
        q, rise = self._critics.rise(obs, drawn.action, least=True)
        into = self._gradients
        slope = squashed_gradient(drawn, -rise, temperature.unsqueeze(-1)) / q.shape[-1]
        self._net.backward(pieces, saved, slope, into.pieces)
        loss = temperature * drawn.log_prob - q
        return loss.mean(-1), drawn.log_prob.mean(-1), into.flat

    def state_dict(self) -> State:
        return {
            "policy": {"actor": self._actor.flat},
            "optimizer": self._optimizer.state_dict(),
            "critics": self._critics.state_dict(),
            "temperature": self._temperature.state_dict(),
            "updates": self._updates,
            "warmup": self._warmup.state_dict(),
            "acting": self._acting.state_dict(),
            "learning": self._learning.state_dict(),
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._actor.flat, state["policy"]["actor"], "the actor")
        self._optimizer.load_state_dict(state["optimizer"])
        self._critics.load_state_dict(state["critics"])
        self._temperature.load_state_dict(state["temperature"])
        restore_into(self._updates, state["updates"], "the number of updates")
        self._warmup.load_state_dict(state["warmup"])
        self._acting.load_state_dict(state["acting"])
        self._learning.load_state_dict(state["learning"])
        self._replay.load_state_dict(state["replay"])
