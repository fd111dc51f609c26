"""Soft actor-critic for discrete actions (Christodoulou 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from rlrun.agents.parts.common import LearningRate, histograms, record_nonfinite
from rlrun.agents.parts.intrinsic import IntrinsicReward
from rlrun.agents.parts.settings import OffPolicySettings
from rlrun.agents.parts.starting import LearningStart
from rlrun.agents.parts.temperature import Temperature
from rlrun.agents.parts.twin_values import TwinValues
from rlrun.core.fields import Fraction, Natural, NonNegative, PerRow, Share
from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose, Streams
from rlrun.core.rows import Number
from rlrun.core.types import Array, Batch, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.curiosity.interface import Curiosity
from rlrun.nets.acting import Acting
from rlrun.nets.actor_critic import ActorNet
from rlrun.nets.device import Device
from rlrun.nets.distributions import ILLEGAL, Categorical, only_legal
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters, check_memory
from rlrun.nets.products import TORCH, Products
from rlrun.nets.q_network import ValueNet
from rlrun.replay.ring import Replay
from rlrun.rules.actor_critic import bootstrapped
from rlrun.rules.soft import largest_entropy, soft_value


@dataclass(frozen=True, kw_only=True)
class SACDiscreteSettings(OffPolicySettings):
    """The settings of `SACDiscrete`; actor, critics and temperature share the learning rate."""

    learning_starts: Natural = 1000
    """Steps (or episodes) before the first update; until then actions are uniformly random."""
    tau: PerRow[Share] = 0.005
    """Step of the target critics towards the online ones at each update (1: a copy)."""
    ent_coef: PerRow[NonNegative | None] = None
    """Temperature, the weight of the entropy (null: learnt, from 1 on)."""
    target_entropy_share: PerRow[Fraction] = 0.5
    """Entropy that a learnt temperature aims at, as a share of the largest possible.

    The largest is the logarithm of the number of (legal) actions. The paper has 0.98, with which a
    policy of few actions stays close to random.
    """

    def actor(self, spec: Spec, products: Products = TORCH) -> ActorNet:
        """Return the actor's network, whose outputs are the actions' logits."""
        return ActorNet(spec.obs, self.hidden, spec.action.choices[0], style=self.style(products))

    def critic(self, spec: Spec, products: Products = TORCH) -> ValueNet:
        """Return the network of one critic."""
        return ValueNet(spec.obs, self.hidden, spec.action.choices[0], style=self.style(products))

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError if the networks or a batch do not fit into the memory."""
        self.check_inputs(spec, num_seeds)
        check_memory(num_seeds, self.actor(spec).shapes, *(self.critic(spec).shapes,) * 2)


class SACDiscrete:
    """Maximise return plus policy entropy with a stochastic actor; for discrete actions.

    The critics have a value for each action, so that expectations over actions are exact. The
    smaller value of two critics is used. Actions are samples, or without exploration the likeliest.
    """

    observes: ClassVar[SpaceKinds] = ("vector", "discrete", "multi_discrete", "image", "grid")
    acts: ClassVar[SpaceKinds] = ("discrete",)
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[SACDiscreteSettings]] = SACDiscreteSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        replay: Replay,
        settings: SACDiscreteSettings,
        curiosity: Curiosity | None = None,
    ) -> None:
        self._settings = s = settings
        self._replay, self._device = replay, device
        self._stride, self._actions = spec.num_envs, spec.action.choices[0]
        self._distribution = Categorical(spec.action.choices)
        self._net = s.actor(spec, device.products)
        self._actor = Parameters.zeros(len(seeds), self._net.shapes, device.torch)
        self._net.init(self._actor, seeds)
        self._acting = Acting(self._net.infer, self._net.chain, self._actor, device)
        self._gradients = self._actor.zeros_like()  # overwritten by each update
        self._optimizer = Optimizer(self._actor, s.method())
        self._critics = TwinValues(s.critic(spec, device.products), seeds, device, s.method())
        self._temperature = Temperature(len(seeds), device, s.ent_coef)
        self.networks = {"actor": self._net.named(self._actor), **self._critics.networks}
        self.networks |= self._temperature.networks
        self._share = device.number(s.target_entropy_share, 1)
        self._usual = device.number(s.target_entropy_share * math.log(self._actions), 1)
        self._tau = device.number(s.tau, 2)
        self._draws = Streams(seeds, Purpose.EXPLORE)
        self._lr = LearningRate(s.lr, s.lr_end, horizon, max(s.train_every, self._stride))
        self._differentiate_critics = device.differentiator(self._critic_gradient)
        self._differentiate_actor = device.differentiator(self._actor_gradient)
        self._start = LearningStart(s, replay, len(seeds), self._stride)
        self.first_update = self._start.first_update
        self.faults: dict[int, str] = {}
        """The reason why a seed is frozen, by its position."""
        self._intrinsic = IntrinsicReward(curiosity, self.faults)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env]``: samples, or without exploration the likeliest ones.

        Before the first update, exploring actions are uniformly random.
        """
        if not explore:
            return self._likeliest(obs, legal)
        lead = obs.shape[:2]
        equal = np.zeros((*lead, self._actions), np.float32)
        random = self._start.all_random
        out = equal if random else self._start.with_random(self._acting(obs), lambda: equal)
        draw = self._draws.uniform(lead[1]).reshape(*lead, 1)
        return self._distribution.sample(_masked(out, legal), [], draw)[..., 0]

    def value(self, obs: Array, legal: Mask = None) -> Array:
        """Return the value of the likeliest action, with future entropy, ``[seed, env]``."""
        q = self._device.array(self._critics(self._device.tensor(obs)))
        chosen = self._likeliest(obs, legal)
        return np.take_along_axis(q, chosen[..., None], -1)[..., 0]

    def _likeliest(self, obs: Array, legal: Mask) -> Array:
        return self._distribution.mode(_masked(self._acting(obs), legal))[..., 0]

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, and the priorities of the replay, each ``[seed, n]``."""
        weights = self._net.weights(self._actor) | self._critics.weights()
        return histograms(self._device, weights, self._replay)

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
        batch, temperature = self._device.batch(sampled), self._temperature()
        critic_loss, q_mean, error, gradient = self._differentiate_critics(batch, temperature)
        record_nonfinite(self.faults, self._start.masked(critic_loss, 0.0), "the critics' loss")
        self._start.prioritize(sampled, self._device.array(error))
        self._critics.step(gradient, lr, self._start.frozen(self.faults))
        actor_loss, entropy, missing, gradient = self._differentiate_actor(batch, temperature)
        record_nonfinite(self.faults, self._start.masked(actor_loss, 0.0), "the actor's loss")
        frozen = self._start.frozen(self.faults)
        self._optimizer.step(gradient, lr, frozen)
        self._temperature.step(missing, lr, frozen)
        self._critics.update_targets(self._tau)
        metrics = {
            "train/critic_loss": critic_loss,
            "train/actor_loss": actor_loss,
            "train/entropy": entropy,
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

    def _critic_gradient(
        self, batch: Batch, temperature: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what `TwinValues.gradient` does, for the soft values of the next states."""
        pieces = self._device.cast_for_update(self._actor.pieces)
        logits = only_legal(self._net.infer(pieces, batch.next_obs), batch.next_legal)
        after = soft_value(logits, self._critics.target(batch.next_obs), temperature[..., None])
        target = bootstrapped(batch.reward, batch.discount, after.value)
        return self._critics.gradient(batch, target)

    def _actor_gradient(
        self, batch: Batch, temperature: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the loss, the entropy, what it lacks of its target, and the gradient.

        The first three are means ``[seed]``, the gradient is ``[seed, P]``.
        """
        pieces = self._device.cast_for_update(self._actor.pieces)
        out, saved = self._net.forward(pieces, batch.obs)
        logits, q = only_legal(out, batch.legal), self._critics.for_update(batch.obs)
        soft = soft_value(logits, q, temperature[..., None])
        into = self._gradients
        self._net.backward(pieces, saved, -soft.slope / soft.value.shape[-1], into.pieces)
        entropy = soft.entropy.mean(-1)
        if batch.legal is None:
            missing = self._usual - entropy
        else:
            missing = self._share * largest_entropy(batch.legal).mean(-1) - entropy
        return -soft.value.mean(-1), entropy, missing, into.flat

    def state_dict(self) -> State:
        return {
            "policy": {"actor": self._actor.flat},
            "optimizer": self._optimizer.state_dict(),
            "critics": self._critics.state_dict(),
            "temperature": self._temperature.state_dict(),
            **self._start.state_dict(),
            "acting": self._draws.state_dict(),
            "curiosity": self._intrinsic.state_dict(),
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._actor.flat, state["policy"]["actor"], "the actor")
        self._optimizer.load_state_dict(state["optimizer"])
        self._critics.load_state_dict(state["critics"])
        self._temperature.load_state_dict(state["temperature"])
        self._draws.load_state_dict(state["acting"])
        self._intrinsic.load_state_dict(state.get("curiosity", {}))
        self._replay.load_state_dict(state["replay"])
        self._start.load_state_dict(state)


def _masked(logits: Array, legal: Mask) -> Array:
    return logits if legal is None else np.where(legal, logits, ILLEGAL)
