"""DRQN (Hausknecht and Stone 2015): DQN with a memory, for what one observation does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rlrun.agents.parts.common import LearningRate, histograms, record_nonfinite
from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.agents.parts.objectives import LOSSES
from rlrun.agents.parts.recurrent_targets import burnt_in, targets
from rlrun.agents.parts.settings import OffPolicySettings
from rlrun.agents.parts.starting import LearningStart
from rlrun.core.fields import Count, Natural, PerRow, Positive, Share
from rlrun.core.memory import fits
from rlrun.core.restore import restore_into
from rlrun.core.rows import Number
from rlrun.core.schedules import due
from rlrun.core.types import Array, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.explore.policies import Explore
from rlrun.nets.device import Device
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters, check_memory
from rlrun.nets.products import TORCH, Products, unchecked
from rlrun.nets.recurrent_q import RecurrentValueNet
from rlrun.replay.rollout import step_bytes
from rlrun.replay.sequences import SequenceReplay, Sequences, SequenceShape
from rlrun.rules.td import q_taken, spread


@dataclass(frozen=True, kw_only=True)
class DRQNSettings(OffPolicySettings):
    """The settings of `DRQN`."""

    hidden: tuple[Count, ...] = (64,)
    """Widths of the hidden layers behind the memory; convolutions of images come before it."""
    batch_size: Count = 16
    """Sequences of each seed in an update."""
    train_every: Count = 4
    target_every: Count = 200
    """Steps between updates of the target network."""
    tau: PerRow[Share] = 1.0
    double: bool = True
    """Double DQN: choose the next action with the online network (van Hasselt et al. 2016)."""
    loss: Literal["huber", "squared"] = "huber"
    """huber, which is linear beyond errors of 1, or squared (half the squared error)."""
    max_grad_norm: PerRow[Positive | None] = 10.0
    memory_units: Count = 64
    """Size of the memory, gated recurrent units (Cho et al. 2014); a multiple of 4."""
    sequence_length: Count = 16
    """Consecutive steps of a sequence that an update learns from."""
    burn_in: Natural = 8
    """Steps before those that only bring the stored memory up to date (Kapturowski et al. 2019)."""

    @property
    def shape(self) -> SequenceShape:
        """The parts of a sampled sequence."""
        return SequenceShape(self.burn_in, self.sequence_length, self.n_step)

    @property
    def sampled_steps(self) -> int:
        """Steps of a sampled sequence."""
        return self.shape.total

    def network(self, spec: Spec, products: Products = TORCH) -> RecurrentValueNet:
        """Return the network for the spaces of ``spec``."""
        (actions,), style = spec.action.choices, self.style(products)
        return RecurrentValueNet(spec.obs, self.memory_units, self.hidden, actions, style)

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the networks or a batch do not fit into the memory."""
        sequence = self.sampled_steps * (step_bytes(spec) + 4 * self.memory_units)
        fits("batch_size", self.batch_size, num_seeds * sequence)
        check_memory(num_seeds, self.network(spec).shapes)


class DRQN:
    """Q-learning with a recurrent network, a replay of sequences and a target network.

    A sequence begins with the memory that the agent had there when it acted. The first steps, the
    burn-in, bring it up to date with the present weights, without a gradient (Kapturowski et al.
    2019). Memories begin anew with each episode, in a sequence too. The target network remembers
    the same steps with its own weights, and the value of the observation after a truncation is
    that of the memory of its own episode. Weights start uniform in ±1/√fan_in.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete",)
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[DRQNSettings]] = DRQNSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        replay: SequenceReplay,
        explore: Explore,
        settings: DRQNSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        self._replay, self._explore, self._device = replay, explore, device
        self._stride = spec.num_envs
        self._settings = s = settings
        self._net = s.network(spec, device.products)
        self._online = Parameters.zeros(len(seeds), self._net.shapes, device.torch)
        self._net.init(self._online, seeds)
        self._target = self._online.copy()
        self._gradients = self._online.zeros_like()  # overwritten by each update
        self._tau = device.number(s.tau, 2)
        self._optimizer = Optimizer(self._online, s.method())
        self._lr = LearningRate(s.lr, s.lr_end, horizon, max(s.train_every, self._stride))
        self._differentiate = device.differentiator(self._gradient)
        least = s.sampled_steps * self._stride
        self._start = LearningStart(s, replay, len(seeds), self._stride, least)
        self.first_update = self._start.first_update
        self.faults: dict[int, str] = {}
        """The reason why a seed is frozen, by its position."""
        self._intrinsic = IntrinsicReward(curiosity, self.faults)

    def initial_memory(self, num_envs: int) -> Array:
        """Return memories of nothing, ``[seed, env, unit]``."""
        return np.zeros((len(self._online.flat), num_envs, self._settings.memory_units), np.float32)

    @torch.inference_mode()
    @unchecked()
    def act(
        self,
        obs: Array,
        step: int,
        memory: Array,
        first: Array,
        *,
        explore: bool = True,
        legal: Mask = None,
    ) -> tuple[Array, Array]:
        """Return actions ``[seed, env]`` and memories ``[seed, env, unit]``.

        The actions are the explorer's, or the first of the best ones.
        """
        net, pieces = self._net, self._online.pieces
        begins = np.array(first)  # the mask may be read-only, which torch would warn of
        after = net.remember(pieces, *map(self._device.tensor, (obs, memory, begins)))

        def values() -> Array:
            q = self._device.array(net.values(pieces, after))
            return q if legal is None else np.where(legal, q, -np.inf)

        action: Array = self._explore(step, values, legal) if explore else values().argmax(-1)
        return action, self._device.array(after)

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, each ``[seed, n]``."""
        return histograms(self._device, self._net.weights(self._online))

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

    def cut(self) -> None:
        """Start new episodes: the next step does not follow the last one."""
        self._replay.cut()

    def _update(self, step: int, lr: Number) -> Metrics:
        s = self._settings
        sampled = self._replay.sequences(s.batch_size, s.shape, bonus=self._intrinsic.bonus)
        tensors = (None if x is None else self._device.tensor(x) for x in sampled)
        loss, q_mean, gradient = self._differentiate(Sequences(*tensors))
        record_nonfinite(self.faults, self._start.masked(loss, 0.0), "the loss")
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

    def _gradient(self, batch: Sequences) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss and the mean value of the actions taken, ``[seed]``, and the gradient."""
        net, shape = self._net, self._settings.shape
        online, target = (
            self._device.cast_for_update(each.pieces) for each in (self._online, self._target)
        )
        memory = burnt_in(net, online, batch)  # without a gradient
        out, after, saved = net.forward(online, batch.obs, memory, batch.first)
        out = out.view(len(out), -1, shape.time, net.actions)[:, :, : shape.length]
        q = q_taken(out.flatten(1, 2), batch.action)
        aims = targets(net, online, target, batch, after if self._settings.double else None)
        loss, slope = LOSSES[self._settings.loss](q, aims)
        slope = spread(slope / q.shape[-1], batch.action, net.actions).view(out.shape)
        # steps after the last one to learn from only serve the returns
        slope = functional.pad(slope, (0, 0, 0, shape.time - shape.length)).flatten(1, 2)
        net.backward(online, saved, slope, self._gradients.pieces)
        return loss.mean(-1), q.mean(-1), self._gradients.flat

    def state_dict(self) -> State:
        return {
            "policy": {"online": self._online.flat},
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
            **self._start.state_dict(),
            "explore": self._explore.state_dict(),
            "curiosity": self._intrinsic.state_dict(),
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._online.flat, state["policy"]["online"], "the network")
        restore_into(self._target.flat, state["target"], "the target network")
        self._optimizer.load_state_dict(state["optimizer"])
        self._explore.load_state_dict(state["explore"])
        self._intrinsic.load_state_dict(state.get("curiosity", {}))
        self._replay.load_state_dict(state["replay"])
        self._start.load_state_dict(state)
