"""DQN (Mnih et al. 2015) and its extensions, each a setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from rlrun.agents.parts.common import LearningRate, histograms, record_nonfinite
from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.agents.parts.objectives import ObjectiveSettings
from rlrun.agents.parts.starting import LearningStart
from rlrun.core.fields import Count, PerRow, Positive, Share
from rlrun.core.restore import restore_into
from rlrun.core.rows import Number
from rlrun.core.schedules import due
from rlrun.core.types import Array, Batch, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.explore.policies import Explore
from rlrun.nets.acting import Acting
from rlrun.nets.device import Device
from rlrun.nets.noisy import NoisySample, WeightNoise, no_noise, noisy
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters, check_memory
from rlrun.nets.products import TORCH, Products
from rlrun.nets.q_network import ValueNet
from rlrun.replay.ring import Replay


@dataclass(frozen=True, kw_only=True)
class DQNSettings(ObjectiveSettings):
    """The settings of `DQN`; the defaults are DQN of Mnih et al. (2015), with Adam."""

    batch_size: Count = 64
    hidden: tuple[Count, ...] = (128, 128)
    train_every: Count = 2
    target_every: Count = 200
    """Steps, or without an environment updates, between updates of the target network."""
    tau: PerRow[Share] = 1.0
    double: bool = False
    """Double DQN: choose the next action with the online network (van Hasselt et al. 2016)."""
    dueling: bool = False
    """Separate heads for the state's value and the actions' advantages (Wang et al. 2016)."""
    noisy: bool = False
    """Noise in the weights, which explores in addition to epsilon (Fortunato et al. 2018)."""
    max_grad_norm: PerRow[Positive | None] = 10.0

    def network(self, spec: Spec, products: Products = TORCH) -> ValueNet:
        """Return the network for the spaces of ``spec``."""
        actions = spec.action.choices[0]
        style = self.style(products)
        return ValueNet(
            spec.obs, self.hidden, actions, dueling=self.dueling, atoms=self.outputs, style=style
        )

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the networks or a batch do not fit into the memory."""
        self.check_inputs(spec, num_seeds)
        network = self.network(spec)
        noise = network.shapes[network.first_of_heads :] if self.noisy else []
        check_memory(num_seeds, [*network.shapes, *noise])


class DQN:
    """Q-learning with a network, a replay and a target network, for discrete actions.

    Weights start uniform in ±1/√fan_in. With every extension it is Rainbow (Hessel et al. 2018).
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete",)
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[DQNSettings]] = DQNSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        replay: Replay,
        explore: Explore,
        settings: DQNSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        self._replay, self._explore, self._device = replay, explore, device
        self._stride = spec.num_envs
        self._settings = s = settings
        self._objective = s.objective(device.torch)
        self._net = s.network(spec, device.products)
        self._noise = WeightNoise(self._net, seeds, device.torch) if s.noisy else None
        shapes = [*self._net.shapes, *(self._noise.shapes if self._noise else ())]
        self._online = Parameters.zeros(len(seeds), shapes, device.torch)
        self._draw: Callable[[], NoisySample | None] = self._noise.draw if self._noise else no_noise
        self._net.init(self._online, seeds)
        if self._noise:
            self._noise.init(self._online)
        net, values = self._net, self._objective.values
        self._acting = Acting(lambda *x: values(net.infer(*x)), net.chain, self._online, device)
        self._target = self._online.copy()
        self.networks = {"online": net.named(self._online), "target": net.named(self._target)}
        self._gradients = self._online.zeros_like()  # overwritten by each update
        self._tau = device.number(s.tau, 2)
        self._optimizer = Optimizer(self._online, s.method())
        self._lr = LearningRate(s.lr, s.lr_end, horizon, max(s.train_every, self._stride))
        self._differentiate = device.differentiator(self._gradient)
        self._start = LearningStart(s, replay, len(seeds), self._stride)
        self.first_update = self._start.first_update
        self.faults: dict[int, str] = {}
        """The reason why a seed is frozen, by its position."""
        self._intrinsic = IntrinsicReward(curiosity, self.faults)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env]``: the explorer's, or the first of the best ones."""
        if explore:
            noise = self._draw()  # even if it is not needed
            return self._explore(step, lambda: self._values(obs, legal, noise), legal)
        greedy: Array = self._values(obs, legal).argmax(-1)
        return greedy

    def value(self, obs: Array, legal: Mask = None) -> Array:
        """Return the estimated value of the best action, ``[seed, env]``."""
        best: Array = self._values(obs, legal).max(-1)
        return best

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, and the priorities of the replay, each ``[seed, n]``."""
        return histograms(self._device, self._net.weights(self._online), self._replay)

    def _values(self, obs: Array, legal: Mask, noise: NoisySample | None = None) -> Array:
        """Return the action values ``[seed, env, action]``, -inf for illegal actions."""
        pieces = noisy(self._noise, self._online, noise)
        values = self._acting(obs) if noise is None else self._acting.using(pieces, obs)
        return values if legal is None else np.where(legal, values, -np.inf)

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; if an update is due, update the online and then the target network."""
        self._replay.add(t)
        self._explore.observe(t.last)
        self._intrinsic.observe(t)
        self._start.observe(t.last)
        metrics: Metrics = {}
        for _ in range(self._start.updates_due(step)):
            metrics = self._update(step, self._lr(step))
        if self._start.reached and due(step, self._settings.target_every, self._stride):
            self._target.move_towards(self._online, self._tau)  # frozen seeds too: no effect
        return metrics

    def update(self, step: int) -> Metrics:
        """Update the online network, and the target network every ``target_every`` updates."""
        metrics = self._update(step, self._lr.of_update(step))
        if due(step, self._settings.target_every, 1):
            self._target.move_towards(self._online, self._tau)
        return metrics

    def cut(self) -> None:
        """Start new episodes: the next step does not follow the last one."""
        self._replay.cut()

    def _update(self, step: int, lr: Number) -> Metrics:
        s, bonus = self._settings, self._intrinsic.bonus
        sampled = self._replay.sample(s.batch_size, s.n_step, step=step, bonus=bonus)
        noise = self._draw(), self._draw()  # drawn here: compiled code must not advance a stream
        batch = self._device.batch(sampled)
        loss, q_mean, error, gradient = self._differentiate(batch, *noise)
        record_nonfinite(self.faults, self._start.masked(loss, 0.0), "the loss")
        self._start.prioritize(sampled, self._device.array(error))
        self._optimizer.step(gradient, lr, self._start.frozen(self.faults))
        metrics = {
            "train/loss": loss,
            "train/q_mean": q_mean,
            "train/learning_rate": np.full(len(loss), lr),
            "rollout/exploration_rate": self._explore.rate(step),
            **self._intrinsic.metrics,
        }
        return self._start.count(metrics)

    def freeze(self, position: int) -> None:
        """Freeze the weights of a seed, permanently."""
        self.faults.setdefault(position, "it was frozen")
        self._intrinsic.freeze(position)

    def _gradient(
        self, batch: Batch, noise: NoisySample | None, target_noise: NoisySample | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the loss, the mean value, the errors and the gradient.

        The loss and the mean value of the actions taken are ``[seed]``, the errors
        ``[seed, batch]``, the gradient ``[seed, P]``.
        """
        online = self._device.cast_for_update(noisy(self._noise, self._online, noise))
        target = self._device.cast_for_update(noisy(self._noise, self._target, target_noise))
        next_out = self._net.infer(target, batch.next_obs)
        selector = self._net.infer(online, batch.next_obs) if self._settings.double else None
        out, saved = self._net.forward(online, batch.obs)
        result = self._objective(batch, out, next_out, selector)
        loss, slope = result.weighted(batch.weight)
        into = self._gradients.pieces
        self._net.backward(online, saved, slope, into)
        if self._noise and noise:
            self._noise.backward(into, noise)
        return loss.mean(-1), result.q.mean(-1), result.error, self._gradients.flat

    def state_dict(self) -> State:
        return {
            "policy": {"online": self._online.flat},
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
            **self._start.state_dict(),
            "explore": self._explore.state_dict(),
            "noise": self._noise.state_dict() if self._noise else {},
            "curiosity": self._intrinsic.state_dict(),
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._online.flat, state["policy"]["online"], "the network")
        restore_into(self._target.flat, state["target"], "the target network")
        self._optimizer.load_state_dict(state["optimizer"])
        self._explore.load_state_dict(state["explore"])
        if self._noise:
            self._noise.load_state_dict(state["noise"])
        self._intrinsic.load_state_dict(state.get("curiosity", {}))
        self._replay.load_state_dict(state["replay"])
        self._start.load_state_dict(state)
