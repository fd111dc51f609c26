"""One critic, or twin critics, with target networks: the value estimates of DDPG, TD3 and SAC."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rlrun.agents.parts.targeted import Targeted
from rlrun.core.types import Batch
from rlrun.nets.actor_critic import CriticNet
from rlrun.nets.device import Device
from rlrun.nets.method import Method
from rlrun.nets.parameters import Pieces
from rlrun.nets.products import unchecked
from rlrun.rules.actor_critic import bootstrapped
from rlrun.rules.td import squared

NETWORK_NUMBER = 1  # in the seeds of the initial weights; the actor has 0


class Critics(Targeted):
    """One or two critics for each seed; twins are adjacent rows of the stack.

    Args:
        net: the network of each critic.
        seeds, device, method, last: those of `Targeted`.
        count: 1, or 2 for twins, whose smaller value is used (Fujimoto et al. 2018).
    """

    def __init__(
        self,
        net: CriticNet,
        seeds: Sequence[int],
        device: Device,
        count: int,
        last: float | None,
        method: Method,
    ) -> None:
        super().__init__(net, seeds, device, count, method, place=NETWORK_NUMBER, last=last)
        self._net, self._count, self._device = net, count, device

    @unchecked()
    def min_value(self, obs: Tensor, action: Tensor) -> Tensor:
        """Return the smaller value ``[seed, batch]`` of ``action [seed, batch, number]``."""
        return self._min_value(self.online.pieces, obs, action)

    def target(self, batch: Batch, next_action: Tensor, next_bonus: Tensor | None = None) -> Tensor:
        """Return r + discount · (Q(s', a') + bonus), ``[seed, batch]``, by the target networks."""
        pieces = self._device.cast_for_update(self._target.pieces)
        q = self._min_value(pieces, batch.next_obs, next_action)
        value = q if next_bonus is None else q + next_bonus
        return bootstrapped(batch.reward, batch.discount, value)

    def gradient(
        self, batch: Batch, action: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the loss, the mean value, the absolute errors and the gradient.

        The loss and the mean value of the actions taken are ``[seed]``, the errors
        ``[seed, batch]``. The loss is half the squared error, summed over twins; the absolute
        errors are averaged over twins.
        """
        pieces = self._device.cast_for_update(self.online.pieces)
        q, saved = self._net.forward(pieces, batch.obs, action)
        loss, mean, size, slope = errors(self._by_network(q), target, batch.weight)
        into = self._gradients
        self._net.backward(pieces, saved, slope.view(q.shape), into.pieces)
        return loss, mean, size, into.flat

    def action_gradient(
        self, obs: Tensor, action: Tensor, *, minimum: bool
    ) -> tuple[Tensor, Tensor]:
        """Return values ``[seed, batch]``, and their gradient in ``action [seed, batch, number]``.

        The values are the smaller ones of twins with ``minimum``, else those of the first critic.
        The statistics of batch normalisation are not updated.
        """
        pieces = self._device.cast_for_update(self.online.pieces)
        if self._count == 1 or not minimum:
            pieces = [piece[:: self._count] for piece in pieces]
            q, saved = self._net.forward(pieces, obs, action, learning=False)
            return q, self._net.action_gradient(pieces, saved, q.new_ones(q.shape))
        both, saved = self._net.forward(pieces, obs, action, learning=False)
        q = self._by_network(both)
        min_q, network = q.min(1)
        chosen = q.new_zeros(q.shape).scatter_(1, network.unsqueeze(1), 1.0)
        slope = self._net.action_gradient(pieces, saved, chosen.view(both.shape))
        return min_q, slope.view(*q.shape, -1).sum(1)

    def _min_value(self, pieces: Pieces, obs: Tensor, action: Tensor) -> Tensor:
        q = self._by_network(self._net.infer(pieces, obs, action))
        return q[:, 0] if self._count == 1 else q.amin(1)

    def _by_network(self, x: Tensor) -> Tensor:
        """Return ``x [seed * network, batch]`` as ``[seed, network, batch]``."""
        return x.view(-1, self._count, x.shape[-1])


def errors(
    q: Tensor, target: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what the values ``q [seed, network, batch]`` of the actions taken differ by.

    The loss ``[seed]`` is half the squared difference to ``target [seed, batch]``, summed over the
    networks, and a mean over the batch with its ``weight``; the values' mean ``[seed]``; the
    absolute errors ``[seed, batch]``, averaged over the networks; and the loss's gradient by ``q``.
    """
    loss, slope = squared(q, target.unsqueeze(1))
    size = slope.abs().mean(1)
    if weight is not None:
        loss, slope = weight.unsqueeze(1) * loss, weight.unsqueeze(1) * slope
    return loss.mean(-1).sum(-1), q.mean(-1).mean(-1), size, slope / q.shape[-1]
