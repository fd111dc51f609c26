"""DDPG (Lillicrap et al. 2016) and what made TD3 of it (Fujimoto et al. 2018), as arguments."""

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
from rlrun.core.checks import at_least, positive
from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose
from rlrun.core.schedules import due, first_due
from rlrun.core.types import Array, Batch, Metrics, SpaceKinds, Spec, State, Step
from rlrun.explore.noise import ActionNoise
from rlrun.nets.actor_critic import ActionLayer, ActorNet, CriticNet, Norm
from rlrun.nets.adam import Adam
from rlrun.nets.device import Device
from rlrun.nets.parameters import Parameters
from rlrun.replay.ring import Replay
from rlrun.rules.actor_critic import smoothed

LAST = 3e-3  # the last layers start uniform in ±this (Lillicrap et al. 2016, section 7)


class DDPG:
    """A deterministic actor, and a critic that tells it where to go; for continuous actions.

    Weights start uniform in ±1/√fan_in, those of the last layers in ±3e-3. All clocks count
    environment steps per seed. With twins, ``actor_every=2`` and target noise it is TD3.

    Args:
        spec, seeds, horizon, device, replay, noise: what the run is made of; ``horizon`` is the
            length of the run in steps.
        lr: Adam's learning rate at the start.
        lr_end: its value at the end of the run, reached in a straight line; None keeps ``lr``.
        actor_lr: the actor's learning rate, which falls in the same proportion; None for ``lr``.
        batch_size: transitions per seed and update.
        hidden: widths of the hidden layers, of the actor and of the critic; images and grids go
            through convolutions before.
        action_layer: the layer of the critic that the action goes into: 1, or 2 as in the paper.
        norm: normalize the hidden layers: "layer" (Ba et al. 2016), "batch" (Ioffe & Szegedy 2015).
        learning_starts: steps before the first update; until then actions are uniformly random.
        train_every: steps between updates.
        gradient_steps: updates each time.
        tau: how far the target networks move to the online ones after each update of the actor.
        n_step: steps of reward summed before the bootstrap (Sutton 1988).
        twin: two critics, of whose values the smaller one counts.
        actor_every: updates of the critic for one of the actor and of the targets.
        target_noise: standard deviation of noise on the target's action; 0 for none.
        target_noise_clip: what that noise is cut to.
        max_grad_norm: largest norm of a seed's critic gradient; None does not clip.

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
        noise: ActionNoise,
        *,
        lr: float,
        lr_end: float | None,
        actor_lr: float | None,
        batch_size: int,
        hidden: tuple[int, ...],
        action_layer: ActionLayer,
        norm: Norm | None,
        learning_starts: int,
        train_every: int,
        gradient_steps: int,
        tau: float,
        n_step: int,
        twin: bool,
        actor_every: int,
        target_noise: float,
        target_noise_clip: float,
        max_grad_norm: float | None,
    ) -> None:
        positive(lr=lr, actor_lr=actor_lr, max_grad_norm=max_grad_norm)
        at_least(0, lr_end=lr_end, learning_starts=learning_starts)
        at_least(0, target_noise=target_noise, target_noise_clip=target_noise_clip)
        at_least(2 if norm == "batch" else 1, batch_size=batch_size)
        at_least(1, train_every=train_every, gradient_steps=gradient_steps)
        check_batch(batch_size, spec, len(seeds))
        at_least(1, n_step=n_step, actor_every=actor_every, hidden=min(hidden, default=1))
        if not 0 < tau <= 1:
            raise ValueError(f"tau must be above 0 and at most 1, got {tau}")
        self._replay, self._noise, self._device = replay, noise, device
        self._stride, self._shape = spec.num_envs, spec.action.shape
        self._size = size = math.prod(self._shape)
        self._net = ActorNet(spec.obs, hidden, size, norm=norm)
        self._actor = Parameters.zeros(len(seeds), self._net.shapes, device.torch)
        self._net.init(self._actor, seeds, 0, LAST)
        self._target = self._actor.copy()
        self._gradients = self._actor.zeros_like()  # written anew by each update
        self._optimizer = Adam(self._actor, None)
        critic = CriticNet(spec.obs, size, hidden, action_layer=action_layer, norm=norm)
        self._critics = Critics(critic, seeds, device, 1 + twin, LAST, max_grad_norm)
        self._warmup, self._learning_starts = Warmup(spec, seeds), learning_starts
        self.first_update = first_due(train_every, learning_starts)
        self._smoothing = NormalDraws(seeds, Purpose.NOISE, device) if target_noise else None
        self._target_noise = target_noise, target_noise_clip
        self._lr = LearningRate(lr, lr_end, horizon, max(train_every, self._stride))
        self._actor_share = 1.0 if actor_lr is None else actor_lr / lr
        self._batch_size, self._n_step, self._tau = batch_size, n_step, tau
        self._train_every, self._gradient_steps = train_every, gradient_steps
        self._actor_every = actor_every
        self._judge = device.compiled(self._critic_gradient)
        self._improve = device.compiled(self._actor_gradient)
        self._updates = np.zeros(len(seeds), np.int64)
        self.faults: dict[int, str] = {}
        """The frozen seeds, by position, and why."""
        self._ones = np.ones(len(seeds))

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Actions ``[seed, env, ...]`` in [-1, 1]: the actor's, with noise while learning."""
        if explore and self._replay.added < self._learning_starts and not self._updates.any():
            return self._warmup()
        action = self._device.array(self._greedy(self._actor, self._device.tensor(obs)))
        action = action.reshape(*obs.shape[:2], *self._shape)
        if not explore:
            return action
        noisy: Array = (action + self._noise(step)).clip(-1, 1).astype(np.float32)
        return noisy

    def value(self, obs: Array) -> Array:
        """What the actor's action is believed to be worth, ``[seed, env]``."""
        seen = self._device.tensor(obs)
        return self._device.array(self._critics.least(seen, self._greedy(self._actor, seen)))

    def histograms(self) -> Mapping[str, Array]:
        """The weights by layer, and the priorities of the replay, each ``[seed, n]``."""
        weights = self._net.weights(self._actor) | self._critics.weights()
        return histograms(self._device, weights, self._replay)

    def _greedy(self, params: Parameters, obs: Tensor) -> Tensor:
        """``[seed, batch, number]``."""
        return torch.tanh(self._net.infer(params.pieces, obs))

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; where it is time, update the critic, then the actor and the targets."""
        self._replay.add(t)
        self._noise.observe(t.last)
        metrics: dict[str, Any] = {}
        if self._replay.added >= self._learning_starts:
            for _ in range(due(step, self._train_every, self._stride) * self._gradient_steps):
                metrics |= self._update(step)
        return metrics

    def cut(self) -> None:
        """The next step will not follow the last one."""
        self._replay.cut()
        self._noise.observe(np.ones((len(self._ones), self._stride), np.bool_))

    def _update(self, step: int) -> Metrics:
        sampled = self._replay.sample(self._batch_size, self._n_step, step=step)
        batch, lr = self._device.batch(sampled), self._lr(step)
        drawn = self._smoothing(self._batch_size, self._size) if self._smoothing else None
        loss, q_mean, error, gradient = self._judge(batch, drawn)
        exclude(self.faults, loss, "the critic's loss")
        if sampled.weight is not None:
            self._replay.update(sampled.index, self._device.array(error))
        self._critics.step(gradient, lr, self.faults)
        self._updates += 1
        metrics: dict[str, Any] = {
            "train/critic_loss": loss,
            "train/q_mean": q_mean,
            "train/n_updates": self._updates.copy(),
            "train/learning_rate": self._ones * lr,
            "rollout/exploration_rate": self._noise.rate(step),
        }
        if int(self._updates[0]) % self._actor_every == 0:
            loss, gradient = self._improve(batch.obs)
            exclude(self.faults, loss, "the actor's loss")
            self._net.track(self._actor, gradient, self.faults)
            self._optimizer.step(gradient, lr * self._actor_share, self.faults)
            self._critics.follow(self._tau)
            self._target.flat.lerp_(self._actor.flat, self._tau)
            metrics["train/actor_loss"] = loss
        return metrics

    def freeze(self, position: int) -> None:
        """Leave the weights of a seed alone from now on."""
        self.faults.setdefault(position, "it was frozen")

    def _critic_gradient(
        self, batch: Batch, drawn: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss and mean value ``[seed]``, errors ``[seed, batch]``, gradient ``[seed, P]``."""
        pieces = self._device.cast_for_update(self._target.pieces)
        next_action = torch.tanh(self._net.infer(pieces, batch.next_obs))
        if drawn is not None:
            next_action = smoothed(next_action, drawn, *self._target_noise)
        target = self._critics.target(batch, next_action)
        action = batch.action.reshape(next_action.shape)
        return self._critics.gradient(batch, action, target)

    def _actor_gradient(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """The loss -Q(s, mu(s)), ``[seed]``, and its gradient ``[seed, P]``."""
        pieces = self._device.cast_for_update(self._actor.pieces)
        out, saved = self._net.forward(pieces, obs)
        action = torch.tanh(out)
        q, rise = self._critics.rise(obs, action, least=False)
        into = self._gradients
        slope = rise * (action * action - 1) / q.shape[-1]
        self._net.backward(pieces, saved, slope, into.pieces)
        return -q.mean(-1), into.flat

    def state_dict(self) -> State:
        return {
            "policy": {"actor": self._actor.flat},
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
            "critics": self._critics.state_dict(),
            "updates": self._updates,
            "warmup": self._warmup.state_dict(),
            "noise": self._noise.state_dict(),
            "smoothing": self._smoothing.state_dict() if self._smoothing else {},
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._actor.flat, state["policy"]["actor"], "the actor")
        restore_into(self._target.flat, state["target"], "the target actor")
        self._optimizer.load_state_dict(state["optimizer"])
        self._critics.load_state_dict(state["critics"])
        restore_into(self._updates, state["updates"], "the number of updates")
        self._warmup.load_state_dict(state["warmup"])
        self._noise.load_state_dict(state["noise"])
        if self._smoothing:
            self._smoothing.load_state_dict(state["smoothing"])
        self._replay.load_state_dict(state["replay"])
