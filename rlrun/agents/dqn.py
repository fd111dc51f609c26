"""DQN (Mnih et al. 2015) and what was added to it: each addition is an argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from rlrun.agents.parts.common import LearningRate, check_batch, exclude, histograms
from rlrun.agents.parts.objectives import LossName, objective_for
from rlrun.core.checks import at_least, positive
from rlrun.core.restore import restore_into
from rlrun.core.schedules import due, first_due
from rlrun.core.types import Array, Batch, Metrics, SpaceKinds, Spec, State, Step
from rlrun.explore.policies import Explore, refuse_bonus
from rlrun.nets.adam import Adam
from rlrun.nets.device import Device
from rlrun.nets.noisy import NoisySample, WeightNoise
from rlrun.nets.parameters import Parameters, Pieces
from rlrun.nets.q_network import ValueNet
from rlrun.replay.ring import Replay


class DQN:
    """Q-learning with a network, a replay and a target network, for discrete actions.

    Weights start uniform in ±1/√fan_in. All clocks count environment steps per seed. With every
    addition it is Rainbow (Hessel et al. 2018).

    Args:
        spec, seeds, horizon, device, replay, explore: what the run is made of; ``horizon`` is the
            length of the run in steps.
        lr: Adam's learning rate at the start.
        lr_end: its value at the end of the run, reached in a straight line; None keeps ``lr``.
        adam_epsilon: Adam's epsilon.
        batch_size: transitions per seed and update.
        hidden: widths of the hidden layers; images and grids go through convolutions before.
        learning_starts: steps before the first update.
        train_every: steps between updates.
        gradient_steps: updates each time.
        target_every: steps between updates of the target network.
        tau: how far the target network moves to the online one then; 1 copies it.
        double: choose the next action with the online network (van Hasselt et al. 2016).
        dueling: a head for the state's value and one for advantages (Wang et al. 2016).
        n_step: steps of reward summed before the bootstrap (Sutton 1988).
        distributional: learn the distribution of returns (Bellemare et al. 2017).
        atoms, v_min, v_max: how many returns it has, evenly from the lowest to the highest.
        noisy: noise in the heads' weights, which explores (Fortunato et al. 2018); epsilon comes
            on top.
        loss: ``huber``, ``squared`` for half the squared error, or ``cross_entropy`` for
            distributions; None takes huber, and cross_entropy for distributions.
        max_grad_norm: largest norm of a seed's gradient; None does not clip.

    Raises:
        ValueError: a value is out of range, or the loss is not for what is learnt.
        BadInput: the explorer needs what this agent does not have.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete",)

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
        adam_epsilon: float,
        batch_size: int,
        hidden: tuple[int, ...],
        learning_starts: int,
        train_every: int,
        gradient_steps: int,
        target_every: int,
        tau: float,
        double: bool,
        dueling: bool,
        n_step: int,
        distributional: bool,
        atoms: int,
        v_min: float,
        v_max: float,
        noisy: bool,
        loss: LossName | None,
        max_grad_norm: float | None,
    ) -> None:
        positive(lr=lr, adam_epsilon=adam_epsilon, max_grad_norm=max_grad_norm)
        at_least(0, lr_end=lr_end, learning_starts=learning_starts)
        at_least(1, batch_size=batch_size, train_every=train_every, gradient_steps=gradient_steps)
        check_batch(batch_size, spec, len(seeds))
        at_least(1, target_every=target_every, n_step=n_step, hidden=min(hidden, default=1))
        if not 0 < tau <= 1:
            raise ValueError(f"tau must be above 0 and at most 1, got {tau}")
        refuse_bonus(explore, "dqn")
        self._replay, self._explore, self._device = replay, explore, device
        self._stride = spec.num_envs
        self._objective = objective_for(
            loss,
            device.torch,
            distributional=distributional,
            atoms=atoms,
            v_min=v_min,
            v_max=v_max,
        )
        actions, atoms = spec.action.choices[0], self._objective.atoms
        self._net = ValueNet(spec.obs, hidden, actions, dueling=dueling, atoms=atoms)
        self._noise = WeightNoise(self._net, seeds, device.torch) if noisy else None
        shapes = [*self._net.shapes, *(self._noise.shapes if self._noise else ())]
        self._online = Parameters.zeros(len(seeds), shapes, device.torch)
        self._net.init(self._online, seeds)
        if self._noise:
            self._noise.init(self._online)
        self._target = self._online.copy()
        self._gradients = self._online.zeros_like()  # written anew by each update
        self._optimizer = Adam(self._online, max_grad_norm, adam_epsilon)
        self._lr = LearningRate(lr, lr_end, horizon, max(train_every, self._stride))
        self._batch_size, self._learning_starts = batch_size, learning_starts
        self.first_update = first_due(train_every, learning_starts)
        self._train_every, self._gradient_steps = train_every, gradient_steps
        self._target_every, self._tau = target_every, tau
        self._double, self._n_step = double, n_step
        self._differentiate = device.compiled(self._gradient)
        self._updates = np.zeros(len(seeds), np.int64)
        self.faults: dict[int, str] = {}
        """The frozen seeds, by position, and why."""
        self._ones = np.ones(len(seeds))

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Actions ``[seed, env]``: as the explorer chooses, or the first of the best ones."""
        if explore:
            pieces = self._perturbed(self._online, self._draw())  # drawn whether needed or not
            return self._explore(step, lambda: self._values(pieces, obs))
        greedy: Array = self._values(self._online.pieces, obs).argmax(-1)
        return greedy

    def value(self, obs: Array) -> Array:
        """What the best action is believed to be worth, ``[seed, env]``."""
        best: Array = self._values(self._online.pieces, obs).max(-1)
        return best

    def histograms(self) -> Mapping[str, Array]:
        """The weights by layer, and the priorities of the replay, each ``[seed, n]``."""
        return histograms(self._device, self._net.weights(self._online), self._replay)

    def _values(self, pieces: Pieces, obs: Array) -> Array:
        out = self._net.infer(pieces, self._device.tensor(obs))
        return self._device.array(self._objective.values(out))

    def _draw(self) -> NoisySample | None:
        """Fresh noise for one use of the network, where it has any."""
        return self._noise.draw() if self._noise else None

    def _perturbed(self, params: Parameters, drawn: NoisySample | None) -> Pieces:
        """The network's parameters, with the noise that was drawn."""
        if self._noise is None or drawn is None:
            return params.pieces
        return self._noise.noisy(params.pieces, drawn)

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; where it is time, update the online and then the target network."""
        self._replay.add(t)
        self._explore.observe(t.last)
        metrics: Metrics = {}
        if self._replay.added >= self._learning_starts:
            times = due(step, self._train_every, self._stride)
            for _ in range(times * self._gradient_steps):
                metrics = self._update(step)
            if due(step, self._target_every, self._stride):
                self._target.flat.lerp_(self._online.flat, self._tau)  # of frozen seeds it is over
        return metrics

    def cut(self) -> None:
        """The next step will not follow the last one."""
        self._replay.cut()

    def _update(self, step: int) -> Metrics:
        sampled = self._replay.sample(self._batch_size, self._n_step, step=step)
        noise = self._draw(), self._draw()  # here: what is compiled must not move a stream
        batch = self._device.batch(sampled)
        loss, q_mean, error, gradient = self._differentiate(batch, *noise)
        exclude(self.faults, loss, "the loss")
        if sampled.weight is not None:
            self._replay.update(sampled.index, np.abs(self._device.array(error)))
        self._optimizer.step(gradient, self._lr(step), self.faults)
        self._updates += 1
        return {
            "train/loss": loss,
            "train/q_mean": q_mean,
            "train/n_updates": self._updates.copy(),
            "train/learning_rate": self._ones * self._lr(step),
            "rollout/exploration_rate": self._explore.rate(step),
        }

    def freeze(self, position: int) -> None:
        """Leave the weights of a seed alone from now on."""
        self.faults.setdefault(position, "it was frozen")

    def _gradient(
        self, batch: Batch, noise: NoisySample | None, target_noise: NoisySample | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss and mean value of the actions taken, ``[seed]``; errors ``[seed, batch]``; gradient.

        The gradient is ``[seed, P]``.
        """
        online = self._device.cast_for_update(self._perturbed(self._online, noise))
        target = self._device.cast_for_update(self._perturbed(self._target, target_noise))
        next_out = self._net.infer(target, batch.next_obs)
        selector = self._net.infer(online, batch.next_obs) if self._double else None
        out, saved = self._net.forward(online, batch.obs)
        judged = self._objective(batch, out, next_out, selector)
        loss, slope = judged.loss, judged.slope / judged.q.shape[-1]
        if batch.weight is not None:
            loss = batch.weight * loss
            slope = batch.weight.view(*loss.shape, *(1,) * (slope.ndim - 2)) * slope
        into = self._gradients.pieces
        self._net.backward(online, saved, slope, into)
        if self._noise and noise:
            self._noise.backward(into, noise)
        return loss.mean(-1), judged.q.mean(-1), judged.error, self._gradients.flat

    def state_dict(self) -> State:
        return {
            "policy": {"online": self._online.flat},
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
            "updates": self._updates,
            "explore": self._explore.state_dict(),
            "noise": self._noise.state_dict() if self._noise else {},
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._online.flat, state["policy"]["online"], "the network")
        restore_into(self._target.flat, state["target"], "the target network")
        self._optimizer.load_state_dict(state["optimizer"])
        restore_into(self._updates, state["updates"], "the number of updates")
        self._explore.load_state_dict(state["explore"])
        if self._noise:
            self._noise.load_state_dict(state["noise"])
        self._replay.load_state_dict(state["replay"])
