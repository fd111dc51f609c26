"""The critics of several agents: centralised, of all observations and actions, or independent.

Rows of the stack are ``seed * agent * twin``; "by agent" means ``[seed * agent, batch, ...]``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from rlrun.agents.parts.critics import errors
from rlrun.agents.parts.targeted import Targeted
from rlrun.core.rows import Number
from rlrun.nets.actor_critic import CriticNet
from rlrun.nets.device import Device
from rlrun.nets.method import Method
from rlrun.nets.parameters import Pieces


def by_agent(x: Tensor) -> Tensor:
    """Return ``x [seed, batch, agent, ...]`` as ``[seed * agent, batch, ...]``, contiguous."""
    return x.transpose(1, 2).flatten(0, 1).contiguous()


class JointCritics(Targeted):
    """One critic, or twins, for each agent of each seed.

    Args:
        net: the network of each critic.
        seeds: the seed numbers.
        agents: the number of agents.
        device: the device of the weights.
        count: 1, or 2 for twins, whose smaller value is used.
        independent: whether a critic gets only what its own agent observes and does.
        method: how the optimizer moves the weights.
        max_norm: largest norm of the gradient of one agent's critics; None for no limit.
    """

    def __init__(
        self,
        net: CriticNet,
        seeds: Sequence[int],
        agents: int,
        device: Device,
        count: int,
        *,
        independent: bool,
        method: Method,
        max_norm: float | None,
    ) -> None:
        # the actors have the numbers before
        super().__init__(net, seeds, device, agents * count, method, place=agents)
        self._net, self._agents, self._count, self._device = net, agents, count, device
        self._independent, self._max_norm = independent, max_norm

    def _inputs(self, obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Return what critics get of ``[seed, batch, agent, ...]``: all agents', or their own."""
        if self._independent:
            return by_agent(obs), by_agent(action)
        return obs.flatten(2), action.flatten(2)

    def target(self, obs: Tensor, action: Tensor, reward: Tensor, discount: Tensor) -> Tensor:
        """Return r + discount · Q(x', a'), by agent, of the next observations and actions.

        All arguments are ``[seed, batch, agent, ...]``.
        """
        pieces = self._device.cast_for_update(self._target.pieces)
        q = self._by_twin(self._net.infer(pieces, *self._inputs(obs, action)))
        value = q[:, 0] if self._count == 1 else q.amin(1)
        return by_agent(reward) + by_agent(discount) * value

    def gradient(
        self, obs: Tensor, action: Tensor, target: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return each agent's loss and mean value, ``[seed, agent]``, and the gradient.

        ``weight`` is that of each transition in an agent's loss, by agent.
        """
        pieces = self._device.cast_for_update(self.online.pieces)
        q, saved = self._net.forward(pieces, *self._inputs(obs, action))
        loss, mean, _, slope = errors(self._by_twin(q), target, weight)
        into = self._gradients
        self._net.backward(pieces, saved, slope.view(q.shape), into.pieces)
        return loss.view(-1, self._agents), mean.view(-1, self._agents), into.flat

    def action_gradient(
        self, obs: Tensor, action: Tensor, current: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return values by agent, and their gradients in each agent's ``current`` action.

        In the value of agent i the action of i is the current one, those of the others are the
        batch's: so gradients never mix agents. All are ``[seed, batch, agent, ...]``; the gradient
        is by agent.
        """
        pieces: Pieces = self._device.cast_for_update(self.online.pieces)
        pieces = [piece[:: self._count] for piece in pieces]  # the first of twins
        size = action.shape[-1]
        if self._independent:
            inputs = self._inputs(obs, current)
        else:
            rows = torch.stack([action] * self._agents, 1)  # [seed, row, batch, agent, number]
            rows.diagonal(dim1=1, dim2=3).copy_(current.permute(0, 1, 3, 2))
            all_obs = obs.flatten(2).repeat_interleave(self._agents, 0)
            inputs = all_obs, rows.flatten(3).flatten(0, 1)
        q, saved = self._net.forward(pieces, *inputs)
        slope = self._net.action_gradient(pieces, saved, q.new_ones(q.shape))
        if self._independent:
            return q, slope
        own = slope.view(-1, self._agents, slope.shape[1], self._agents, size)
        return q, own.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2).flatten(0, 1).contiguous()

    def step(self, gradient: Tensor, lr: Number, frozen: Collection[int]) -> None:
        """Take an optimizer step with the result of `gradient`, clipped for each agent."""
        clip_by_agent(gradient, self._agents, self._max_norm)
        super().step(gradient, lr, frozen)

    def _by_twin(self, q: Tensor) -> Tensor:
        """Return values ``[row, batch]`` as ``[seed * agent, twin, batch]``."""
        return q.view(-1, self._count, q.shape[-1])


def clip_by_agent(gradient: Tensor, agents: int, most: float | None) -> None:
    """Clip the norm of each agent's part of ``gradient [seed, P]``, in place."""
    if most is not None:
        gradient.view(len(gradient) * agents, -1).renorm_(2, 0, most)
