"""MADDPG (Lowe et al. 2017) and MATD3 (Ackermann et al. 2019): actor-critics of several agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from rlrun.agents.parts.common import LearningRate, histograms, record_nonfinite
from rlrun.agents.parts.joint_actions import Choices, JointActions, Numbers
from rlrun.agents.parts.joint_critics import JointCritics, by_agent, clip_by_agent
from rlrun.agents.parts.joint_settings import MADDPGSettings
from rlrun.agents.parts.starting import LearningStart
from rlrun.core.restore import restore_into
from rlrun.core.rows import Number
from rlrun.core.types import Array, Batch, Mask, Metrics, SpaceKinds, Spec, State, Step
from rlrun.nets.acting import Acting
from rlrun.nets.device import Device
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters
from rlrun.replay.ring import Replay


class MADDPG:
    """An actor and a critic for each agent, which learn together from one replay.

    The critic of an agent gets the observations and actions of all, so that what the others do is
    not a part of an environment that changes while they learn; its actor only needs its own
    observations. In an actor's loss its own action is the current one, the others' are those of the
    batch (Lowe et al. 2017, eq. 6). Choices are one-hot, sampled by the straight-through
    Gumbel-softmax; those of the targets are the best ones.
    """

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete", "vector")
    needs: ClassVar[str] = "agents"
    several_agents: ClassVar[bool] = True
    uses_masks: ClassVar[bool] = True
    settings_class: ClassVar[type[MADDPGSettings]] = MADDPGSettings

    def __init__(
        self,
        spec: Spec,
        seeds: Sequence[int],
        horizon: int,
        device: Device,
        replay: Replay,
        settings: MADDPGSettings,
    ) -> None:
        self._settings = s = settings
        self._replay, self._device, self._stride = replay, device, spec.num_envs
        self._agents = agents = len(spec.agents)
        self._names = spec.agents
        self._actions = self._joint_actions(spec, seeds)
        width = self._actions.width
        self._net = s.actor(spec, width, device.products)
        self._actor = Parameters.zeros(len(seeds), self._net.shapes, device.torch, agents)
        self._net.init(self._actor, seeds)
        self._acting = Acting(self._net.infer, self._net.chain, self._actor, device)
        self._target = self._actor.copy()
        self._gradients = self._actor.zeros_like()  # overwritten by each update
        method = s.optimizer_method()
        self._optimizer = Optimizer(self._actor, method)
        critic = s.critic(spec, width, device.products)
        self._critics = JointCritics(
            critic,
            seeds,
            agents,
            device,
            1 + s.twin,
            independent=s.independent,
            method=method,
            max_norm=s.max_grad_norm,
        )
        actors = {"actors": self._actor, "target actors": self._target}
        self.networks = {name: self._net.named(each) for name, each in actors.items()}
        self.networks |= self._critics.networks
        self._lr = LearningRate(s.lr, s.lr_end, horizon, max(s.train_every, self._stride))
        self._actor_lr_ratio = 1.0 if s.actor_lr is None else s.actor_lr / s.lr
        self._tau = device.number(s.tau, 2)
        self._penalty = device.number(s.logit_penalty, 4)
        self._differentiate_critic = device.differentiator(self._critic_gradient)
        self._differentiate_actor = device.differentiator(self._actor_gradient)
        self._start = LearningStart(s, replay, len(seeds), self._stride)
        self.first_update = self._start.first_update
        self.faults: dict[int, str] = {}
        """The reason why a seed is frozen, by its position."""

    def _joint_actions(self, spec: Spec, seeds: Sequence[int]) -> JointActions:
        s, number = self._settings, self._device.number
        if spec.action.kind == "discrete":
            return Choices(spec, seeds, self._device, number(s.temperature, 4))
        smoothing = [number(each, 4) for each in (s.target_noise, s.target_noise_clip)]
        used = smoothing if np.any(s.target_noise) else None
        return Numbers(spec, seeds, self._device, s.noise, used)

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """Return actions ``[seed, env, agent, ...]``: with noise if ``explore``, else the best."""
        if explore and self._start.all_random:
            return self._actions.random(legal)
        seeds, envs, agents = obs.shape[:3]
        rows = np.ascontiguousarray(obs.swapaxes(1, 2)).reshape(seeds * agents, envs, -1)
        out = self._acting(rows).reshape(seeds, agents, envs, -1).swapaxes(1, 2)
        action = self._actions.act(out, explore=explore, legal=legal)
        if not explore:
            return action
        return self._start.with_random(action, lambda: self._actions.random(legal))

    def histograms(self) -> Mapping[str, Array]:
        """Return the weights by layer, each ``[seed, n]``."""
        weights = self._net.weights(self._actor) | self._critics.weights()
        return histograms(self._device, weights, self._replay)

    def learn(self, t: Step, step: int) -> Metrics:
        """Store the step; if an update is due, update critics, actors and targets."""
        self._replay.add(t)
        self._start.observe(t.last)
        metrics: dict[str, Any] = {}
        for _ in range(self._start.updates_due(step)):
            metrics |= self._update(step, self._lr(step))
        return metrics

    def update(self, step: int) -> Metrics:
        """Update the critics, and every ``actor_every`` updates the actors and the targets."""
        return self._update(step, self._lr.of_update(step))

    def cut(self) -> None:
        """Start new episodes: the next step does not follow the last one."""
        self._replay.cut()

    def _update(self, step: int, lr: Number) -> Metrics:
        s = self._settings
        batch = self._device.batch(self._replay.sample(s.batch_size, s.n_step, step=step))
        action = self._actions.encoded(batch.action)
        loss, mean, gradient = self._differentiate_critic(batch, action)
        total = loss.sum(-1)
        record_nonfinite(self.faults, self._start.masked(total, 0.0), "the critics' loss")
        self._critics.step(gradient, lr, self._start.frozen(self.faults))
        metrics: dict[str, Any] = {
            "train/critic_loss": loss.mean(-1),
            "train/q_mean": mean.mean(-1),
            "train/learning_rate": np.full(len(loss), lr),
        }
        metrics |= {f"train/q_mean/{name}": mean[:, k] for k, name in enumerate(self._names)}
        if (int(self._start.updates[0]) + 1) % s.actor_every == 0:
            loss, gradient = self._differentiate_actor(batch, action)
            record_nonfinite(self.faults, self._start.masked(loss, 0.0), "the actors' loss")
            clip_by_agent(gradient, self._agents, s.max_grad_norm)
            frozen = self._start.frozen(self.faults)
            self._optimizer.step(gradient, lr * self._actor_lr_ratio, frozen)
            self._critics.update_targets(self._tau)
            self._target.move_towards(self._actor, self._tau)
            metrics["train/actor_loss"] = loss
        return self._start.count(metrics)

    def freeze(self, position: int) -> None:
        """Freeze the weights of a seed, permanently."""
        self.faults.setdefault(position, "it was frozen")

    def _by_step(self, out: Tensor) -> Tensor:
        """Return outputs by agent as ``[seed, batch, agent, width]``."""
        return out.view(-1, self._agents, *out.shape[1:]).transpose(1, 2)

    def _critic_gradient(self, batch: Batch, action: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the losses and the mean values ``[seed, agent]``, and the gradient ``[seed, P]``.

        Steps that an agent did not take are not in its loss.
        """
        pieces = self._device.cast_for_update(self._target.pieces)
        out = self._by_step(self._net.infer(pieces, by_agent(batch.next_obs)))
        next_action = self._actions.target(out, batch.next_legal)
        target = self._critics.target(batch.next_obs, next_action, batch.reward, batch.discount)
        weight = by_agent(batch.alive.float())
        if batch.weight is not None:
            weight = weight * batch.weight.repeat_interleave(self._agents, 0)
        return self._critics.gradient(batch.obs, action, target, weight)

    def _actor_gradient(self, batch: Batch, action: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of all actors, ``[seed]``, and its gradient ``[seed, P]``."""
        pieces = self._device.cast_for_update(self._actor.pieces)
        out, saved = self._net.forward(pieces, by_agent(batch.obs))
        by_step = self._by_step(out)
        current, pullback = self._actions.current(by_step, batch.legal)
        q, slope = self._critics.action_gradient(batch.obs, action, current)
        alive = batch.alive.float().unsqueeze(-1)
        by_out = pullback(self._by_step(slope)) * -alive
        penalty = by_step * (2 / by_step.shape[-1]) * self._penalty * alive
        self._net.backward(
            pieces, saved, by_agent(by_out + penalty) / q.shape[-1], self._gradients.pieces
        )
        value = (q * by_agent(batch.alive.float())).mean(-1).view(-1, self._agents).sum(-1)
        return -value, self._gradients.flat

    def state_dict(self) -> State:
        return {
            "policy": {"actor": self._actor.flat},
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
            "critics": self._critics.state_dict(),
            "actions": self._actions.state_dict(),
            **self._start.state_dict(),
            "replay": self._replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._actor.flat, state["policy"]["actor"], "the actors")
        restore_into(self._target.flat, state["target"], "the target actors")
        self._optimizer.load_state_dict(state["optimizer"])
        self._critics.load_state_dict(state["critics"])
        self._actions.load_state_dict(state["actions"])
        self._replay.load_state_dict(state["replay"])
        self._start.load_state_dict(state)
