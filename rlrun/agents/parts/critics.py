"""One critic or twins with their targets: what judges actions in DDPG, TD3 and SAC."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch import Tensor

from rlrun.core.restore import restore_into
from rlrun.core.types import Batch, State
from rlrun.nets.actor_critic import CriticNet
from rlrun.nets.adam import Adam
from rlrun.nets.device import Device
from rlrun.nets.parameters import Parameters, Pieces
from rlrun.rules.actor_critic import bootstrapped
from rlrun.rules.td import squared

PLACE = 1  # of the weights' generators: the actor has 0


class Critics:
    """Critics of the same shape for each seed; twins are two rows of the stack.

    Args:
        net: the network of each.
        seeds: the seed numbers.
        device: where they are.
        count: 1, or 2 for twins, of whose values the smaller one counts (Fujimoto et al. 2018).
        last: the last layer starts uniform in ±last; None for the usual ±1/√fan_in.
        max_grad_norm: largest norm of a seed's gradient, of twins together; None does not clip.
    """

    def __init__(
        self,
        net: CriticNet,
        seeds: Sequence[int],
        device: Device,
        count: int,
        last: float | None,
        max_grad_norm: float | None,
    ) -> None:
        self._net, self._count, self._device = net, count, device
        self.online = Parameters.zeros(len(seeds), net.shapes, device.torch, count)
        net.init(self.online, seeds, PLACE, last)
        self._target = self.online.copy()
        self._gradients = self.online.zeros_like()  # written anew by each update
        self._optimizer = Adam(self.online, max_grad_norm)

    def least(self, obs: Tensor, action: Tensor) -> Tensor:
        """The smaller value ``[seed, batch]`` of ``action [seed, batch, number]``."""
        return self._least(self.online.pieces, obs, action)

    def target(self, batch: Batch, next_action: Tensor, next_bonus: Tensor | None = None) -> Tensor:
        """r + discount · (Q(s', a') + bonus) by the target networks, ``[seed, batch]``."""
        pieces = self._device.cast_for_update(self._target.pieces)
        q = self._least(pieces, batch.next_obs, next_action)
        value = q if next_bonus is None else q + next_bonus
        return bootstrapped(batch.reward, batch.discount, value)

    def gradient(
        self, batch: Batch, action: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss and mean value of the actions taken, ``[seed]``; errors ``[seed, batch]``; gradient.

        The loss is half the squared error, of twins the sum; the error the mean of their sizes.
        """
        pieces = self._device.cast_for_update(self.online.pieces)
        q, saved = self._net.forward(pieces, self._rows(batch.obs), self._rows(action))
        loss, slope = squared(self._apart(q), target.unsqueeze(1))  # [seed, network, batch]
        size = slope.abs().mean(1)
        if batch.weight is not None:
            loss, slope = batch.weight.unsqueeze(1) * loss, batch.weight.unsqueeze(1) * slope
        into = self._gradients
        self._net.backward(pieces, saved, slope.view(q.shape) / q.shape[-1], into.pieces)
        means = loss.mean(-1), self._apart(q).mean(-1)
        return means[0].sum(-1), means[1].mean(-1), size, into.flat

    def step(self, gradient: Tensor, lr: float, frozen: Collection[int]) -> None:
        """Go against what `gradient` gives."""
        self._net.track(self.online, gradient, frozen)
        self._optimizer.step(gradient, lr, frozen)

    def rise(self, obs: Tensor, action: Tensor, *, least: bool) -> tuple[Tensor, Tensor]:
        """Values ``[seed, batch]``, and how they change with the action, ``[seed, batch, number]``.

        Of the smaller value each, or of the first critic's. They judge as they stand: these batches
        leave no trace in a batch normalisation.
        """
        pieces = self._device.cast_for_update(self.online.pieces)
        if self._count == 1 or not least:
            pieces = [piece[:: self._count] for piece in pieces]
            q, saved = self._net.forward(pieces, obs, action, learning=False)
            return q, self._net.action_gradient(pieces, saved, q.new_ones(q.shape))
        both, saved = self._net.forward(pieces, self._rows(obs), self._rows(action), learning=False)
        q = self._apart(both)
        least_q, which = q.min(1)
        chosen = q.new_zeros(q.shape).scatter_(1, which.unsqueeze(1), 1.0)
        slope = self._net.action_gradient(pieces, saved, chosen.view(both.shape))
        return least_q, slope.view(*q.shape, -1).sum(1)

    def follow(self, tau: float) -> None:
        """Move the targets to the online critics by ``tau`` of the way."""
        self._target.flat.lerp_(self.online.flat, tau)

    def weights(self) -> dict[str, Tensor]:
        """By layer, ``[seed, n]``."""
        return self._net.weights(self.online)

    def _least(self, pieces: Pieces, obs: Tensor, action: Tensor) -> Tensor:
        q = self._apart(self._net.infer(pieces, self._rows(obs), self._rows(action)))
        return q[:, 0] if self._count == 1 else q.amin(1)

    def _rows(self, x: Tensor) -> Tensor:
        """``[seed * network, ...]``, the same for each network of a seed."""
        return x if self._count == 1 else x.repeat_interleave(self._count, 0)

    def _apart(self, x: Tensor) -> Tensor:
        """``[seed, network, batch]``."""
        return x.view(-1, self._count, x.shape[-1])

    def state_dict(self) -> State:
        return {
            "online": self.online.flat,
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.online.flat, state["online"], "the critic")
        restore_into(self._target.flat, state["target"], "the target critic")
        self._optimizer.load_state_dict(state["optimizer"])
