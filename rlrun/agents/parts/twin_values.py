"""Twin networks of action values, with target networks: the critics of discrete SAC."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch import Tensor

from rlrun.agents.parts.critics import NETWORK_NUMBER, errors
from rlrun.core.restore import restore_into
from rlrun.core.rows import Number
from rlrun.core.types import Batch, State
from rlrun.nets.actor_critic import repeated
from rlrun.nets.device import Device
from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters, Pieces
from rlrun.nets.products import unchecked
from rlrun.nets.q_network import ValueNet
from rlrun.rules.td import q_taken, spread

TWINS = 2


class TwinValues:
    """Two networks for each seed, whose smaller values are used; they are adjacent in the stack.

    Args:
        net: each of the networks.
        seeds: the seed numbers.
        device: the device of the weights.
        method: how the optimizer moves the weights; a seed's gradient is that of both networks.
    """

    def __init__(self, net: ValueNet, seeds: Sequence[int], device: Device, method: Method) -> None:
        self._net, self._device = net, device
        self._online = Parameters.zeros(len(seeds), net.shapes, device.torch, TWINS)
        net.init(self._online, seeds, NETWORK_NUMBER)
        self._target = self._online.copy()
        both = {"critics": self._online, "target critics": self._target}
        self.networks = {name: net.named(params) for name, params in both.items()}
        self._gradients = self._online.zeros_like()  # overwritten by each update
        self._optimizer = Optimizer(self._online, method)

    @unchecked()
    def __call__(self, obs: Tensor) -> Tensor:
        """Return the smaller values ``[seed, batch, action]``."""
        return self._smaller(self._online.pieces, obs)

    def for_update(self, obs: Tensor) -> Tensor:
        """Return the same in the precision of updates."""
        return self._smaller(self._device.cast_for_update(self._online.pieces), obs)

    def target(self, obs: Tensor) -> Tensor:
        """Return the smaller values ``[seed, batch, action]`` of the target networks."""
        return self._smaller(self._device.cast_for_update(self._target.pieces), obs)

    def gradient(self, batch: Batch, target: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the loss, the mean value, the absolute errors and the gradient.

        The loss and the mean value of the actions taken are ``[seed]``, the errors
        ``[seed, batch]``. The loss is half the squared difference to ``target [seed, batch]``,
        summed over the networks; the absolute errors are averaged over them.
        """
        pieces = self._device.cast_for_update(self._online.pieces)
        out, saved = self._net.forward(pieces, repeated(batch.obs, TWINS))
        action = repeated(batch.action, TWINS)
        taken = q_taken(out, action)  # [seed * network, batch]
        q = taken.view(-1, TWINS, taken.shape[-1])
        loss, mean, size, slope = errors(q, target, batch.weight)
        into = self._gradients
        by_output = spread(slope.view(taken.shape), action, out.shape[-1])
        self._net.backward(pieces, saved, by_output, into.pieces)
        return loss, mean, size, into.flat

    def step(self, gradient: Tensor, lr: Number, frozen: Collection[int]) -> None:
        """Take an optimizer step with the result of `gradient`."""
        self._optimizer.step(gradient, lr, frozen)

    def update_targets(self, tau: float | Tensor) -> None:
        """Move the target networks towards the online ones by the fraction ``tau``."""
        self._target.move_towards(self._online, tau)

    def weights(self) -> dict[str, Tensor]:
        """Return the weights by layer, each ``[seed, n]``."""
        return self._net.weights(self._online)

    def _smaller(self, pieces: Pieces, obs: Tensor) -> Tensor:
        q = self._net.infer(pieces, repeated(obs, TWINS))
        return q.view(-1, TWINS, *q.shape[1:]).amin(1)

    def state_dict(self) -> State:
        return {
            "online": self._online.flat,
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._online.flat, state["online"], "the critics")
        restore_into(self._target.flat, state["target"], "the target critics")
        self._optimizer.load_state_dict(state["optimizer"])
