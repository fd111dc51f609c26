"""DQN (Mnih et al. 2015), with double Q-learning and n-step returns as arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from torch import Tensor

from rlrun.checks import at_least, positive
from rlrun.device import Device
from rlrun.explore.policies import Explore, refuse_bonus
from rlrun.nets import MLP
from rlrun.optim import Adam
from rlrun.replay.ring import Replay
from rlrun.rules.td import huber, q_learning_target, q_taken, spread, squared
from rlrun.schedules import Linear, due
from rlrun.state import put
from rlrun.types import Array, Batch, Metrics, SpaceKind, Spec, State, Step

LOSSES = {"huber": huber, "squared": squared}


class DQN:
    """Q-learning with a network, a replay and a target network, for discrete actions.

    Weights start uniform in ±1/√fan_in. All clocks count environment steps per seed.

    Args:
        spec, seeds, horizon, device, replay, explore: what the run is made of; ``horizon`` is the
            length of the run in steps.
        lr: Adam's learning rate at the start.
        lr_end: its value at the end of the run, reached in a straight line; None keeps ``lr``.
        batch_size: transitions per seed and update.
        hidden: widths of the hidden layers.
        learning_starts: steps before the first update.
        train_every: steps between updates.
        gradient_steps: updates each time.
        target_every: steps between updates of the target network.
        tau: how far the target network moves to the online one then; 1 copies it.
        double: choose the next action with the online network (van Hasselt et al. 2016).
        n_step: steps of reward summed before the bootstrap (Sutton 1988).
        loss: ``huber``, or ``squared`` for half the squared error.
        max_grad_norm: largest norm of a seed's gradient; None does not clip.

    Raises:
        ValueError: a value is out of range.
        BadInput: the explorer needs what this agent does not have.
    """

    observes: ClassVar[tuple[SpaceKind, ...]] = ("vector", "discrete", "multi_discrete")
    acts: ClassVar[tuple[SpaceKind, ...]] = ("discrete",)

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        replay: Replay,
        explore: Explore,
        *,
        lr: float,
        lr_end: float | None,
        batch_size: int,
        hidden: tuple[int, ...],
        learning_starts: int,
        train_every: int,
        gradient_steps: int,
        target_every: int,
        tau: float,
        double: bool,
        n_step: int,
        loss: Literal["huber", "squared"],
        max_grad_norm: float | None,
    ) -> None:
        positive(lr=lr, max_grad_norm=max_grad_norm)
        at_least(0, lr_end=lr_end, learning_starts=learning_starts)
        at_least(1, batch_size=batch_size, train_every=train_every, gradient_steps=gradient_steps)
        at_least(1, target_every=target_every, n_step=n_step, hidden=min(hidden, default=1))
        if not 0 < tau <= 1:
            raise ValueError(f"tau must be above 0 and at most 1, got {tau}")
        refuse_bonus(explore, "dqn")
        self._replay, self._explore, self._device = replay, explore, device
        self._stride = spec.num_envs
        self._net = MLP(spec.obs, hidden, spec.action.choices[0])
        self._online = self._net.init(seeds, device.torch)
        self._target = self._online.copy()
        self._optimizer = Adam(self._online, max_grad_norm)
        self._lr = Linear(lr, lr if lr_end is None else lr_end, horizon)
        self._batch_size, self._learning_starts = batch_size, learning_starts
        self._train_every, self._gradient_steps = train_every, gradient_steps
        self._target_every, self._tau = target_every, tau
        self._double, self._n_step = double, n_step
        self._loss = LOSSES[loss]
        self._differentiate = device.compiled(self._gradient)
        self._updates = np.zeros(len(seeds), np.int64)
        self.faults: dict[int, str] = {}
        """The frozen seeds, by position, and why."""
        self._ones = np.ones(len(seeds))

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Actions ``[seed, env]``: as the explorer chooses, or the first of the best ones."""
        if explore:
            return self._explore(step, lambda: self._values(obs))
        greedy: Array = self._values(obs).argmax(-1)
        return greedy

    def _values(self, obs: Array) -> Array:
        return self._device.array(self._net.infer(self._online, self._device.tensor(obs)))

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; where it is time, update the online and then the target network."""
        self._replay.add(t)
        self._explore.observe(t.last)
        metrics: Metrics = {}
        if step >= self._learning_starts:
            times = due(step, self._train_every, self._stride)
            for _ in range(times * self._gradient_steps):
                metrics = self._update(step)
            if due(step, self._target_every, self._stride):
                self._target.flat.lerp_(self._online.flat, self._tau)  # of frozen seeds it is over
        return metrics

    def _update(self, step: int) -> Metrics:
        batch = self._device.batch(self._replay.sample(self._batch_size, self._n_step))
        loss, q_mean, gradient = self._differentiate(batch)
        if not math.isfinite(loss.sum()):
            self._exclude(loss)
        self._optimizer.step(gradient, self._lr(step), self.faults)
        self._updates += 1
        return {
            "train/loss": loss,
            "train/q_mean": q_mean,
            "train/n_updates": self._updates.copy(),
            "train/learning_rate": self._ones * self._lr(step),
            "rollout/exploration_rate": self._explore.rate(step),
        }

    def _exclude(self, loss: Tensor) -> None:
        """Freeze the seeds whose ``loss [seed]`` is not finite."""
        for position, value in enumerate(loss.tolist()):
            if not math.isfinite(value):
                self.faults.setdefault(position, f"the loss is {value}")

    def freeze(self, position: int) -> None:
        """Leave the weights of a seed alone from now on."""
        self.faults.setdefault(position, "it was frozen")

    def _gradient(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Loss and mean value of the actions taken, each ``[seed]``, and gradient ``[seed, P]``."""
        target = q_learning_target(
            batch.reward,
            batch.discount,
            self._net.infer(self._target, batch.next_obs),
            self._net.infer(self._online, batch.next_obs) if self._double else None,
        )
        values, inputs = self._net.forward(self._online, batch.obs)
        q = q_taken(values, batch.action)
        loss, slope = self._loss(q, target)
        if batch.weight is not None:
            loss, slope = batch.weight * loss, batch.weight * slope
        grad = spread(slope / q.shape[-1], batch.action, values.shape[-1])
        gradient = self._net.backward(self._online, inputs, grad)
        return loss.mean(-1), q.mean(-1), gradient

    def state_dict(self) -> State:
        return {
            "policy": {"online": self._online.flat},
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
            "updates": self._updates,
            "explore": self._explore.state_dict(),
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        put(self._online.flat, state["policy"]["online"], "the network")
        put(self._target.flat, state["target"], "the target network")
        self._optimizer.load_state_dict(state["optimizer"])
        put(self._updates, state["updates"], "the number of updates")
        self._explore.load_state_dict(state["explore"])
        self._replay.load_state_dict(state["replay"])
