"""Networks that are learnt with target networks that follow them, such as critics."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch import Tensor

from rlrun.core.restore import restore_into
from rlrun.core.rows import Number
from rlrun.core.types import State
from rlrun.nets.chain import Parts
from rlrun.nets.device import Device
from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters


class Targeted:
    """The weights of one or several networks for each seed, their targets, and the optimizer.

    Args:
        net: each of the networks.
        seeds: the seed numbers.
        device: the device of the weights.
        count: how many there are for each seed; they are adjacent rows of the stack.
        method: how the optimizer moves the weights; a seed's gradient is that of all its networks.
        place: the number of the first one in the seeds of the initial weights.
        last: the last layer starts uniform in ±last; None for the usual ±1/√fan_in.
    """

    def __init__(
        self,
        net: Parts,
        seeds: Sequence[int],
        device: Device,
        count: int,
        method: Method,
        *,
        place: int,
        last: float | None = None,
    ) -> None:
        self._parts = net
        self.online = Parameters.zeros(len(seeds), net.shapes, device.torch, count)
        net.init(self.online, seeds, place, last)
        self._target = self.online.copy()
        both = {"critics": self.online, "target critics": self._target}
        self.networks = {name: net.named(params) for name, params in both.items()}
        self._gradients = self.online.zeros_like()  # overwritten by each update
        self._optimizer = Optimizer(self.online, method, net.statistics)

    def step(self, gradient: Tensor, lr: Number, frozen: Collection[int]) -> None:
        """Take an optimizer step along ``gradient [seed, P]``, which may be overwritten."""
        self._parts.track(self.online, gradient, frozen)
        self._optimizer.step(gradient, lr, frozen)

    def update_targets(self, tau: float | Tensor) -> None:
        """Move the target networks towards the online ones by the fraction ``tau``."""
        self._target.move_towards(self.online, tau)

    def weights(self) -> dict[str, Tensor]:
        """Return the weights by layer, each ``[seed, n]``."""
        return self._parts.weights(self.online)

    def state_dict(self) -> State:
        return {
            "online": self.online.flat,
            "target": self._target.flat,
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self.online.flat, state["online"], "the critics")
        restore_into(self._target.flat, state["target"], "the target critics")
        self._optimizer.load_state_dict(state["optimizer"])
