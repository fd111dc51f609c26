"""Twin networks of action values, with target networks: the critics of discrete SAC."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rlrun.agents.parts.critics import NETWORK_NUMBER, errors
from rlrun.agents.parts.targeted import Targeted
from rlrun.core.types import Batch
from rlrun.nets.actor_critic import repeated
from rlrun.nets.device import Device
from rlrun.nets.method import Method
from rlrun.nets.parameters import Pieces
from rlrun.nets.products import unchecked
from rlrun.nets.q_network import ValueNet
from rlrun.rules.td import q_taken, spread

TWINS = 2


class TwinValues(Targeted):
    """Two networks for each seed, whose smaller values are used; they are adjacent in the stack.

    ``net`` is each of the networks, and the other arguments are those of `Targeted`.
    """

    def __init__(self, net: ValueNet, seeds: Sequence[int], device: Device, method: Method) -> None:
        super().__init__(net, seeds, device, TWINS, method, place=NETWORK_NUMBER)
        self._net, self._device = net, device

    @unchecked()
    def __call__(self, obs: Tensor) -> Tensor:
        """Return the smaller values ``[seed, batch, action]``."""
        return self._smaller(self.online.pieces, obs)

    def for_update(self, obs: Tensor) -> Tensor:
        """Return the same in the precision of updates."""
        return self._smaller(self._device.cast_for_update(self.online.pieces), obs)

    def target(self, obs: Tensor) -> Tensor:
        """Return the smaller values ``[seed, batch, action]`` of the target networks."""
        return self._smaller(self._device.cast_for_update(self._target.pieces), obs)

    def gradient(self, batch: Batch, target: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the loss, the mean value, the absolute errors and the gradient.

        The loss and the mean value of the actions taken are ``[seed]``, the errors
        ``[seed, batch]``. The loss is half the squared difference to ``target [seed, batch]``,
        summed over the networks; the absolute errors are averaged over them.
        """
        pieces = self._device.cast_for_update(self.online.pieces)
        out, saved = self._net.forward(pieces, repeated(batch.obs, TWINS))
        action = repeated(batch.action, TWINS)
        taken = q_taken(out, action)  # [seed * network, batch]
        q = taken.view(-1, TWINS, taken.shape[-1])
        loss, mean, size, slope = errors(q, target, batch.weight)
        into = self._gradients
        by_output = spread(slope.view(taken.shape), action, out.shape[-1])
        self._net.backward(pieces, saved, by_output, into.pieces)
        return loss, mean, size, into.flat

    def _smaller(self, pieces: Pieces, obs: Tensor) -> Tensor:
        q = self._net.infer(pieces, repeated(obs, TWINS))
        return q.view(-1, TWINS, *q.shape[1:]).amin(1)
