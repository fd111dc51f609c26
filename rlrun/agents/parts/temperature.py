"""The temperature of SAC, the weight of the entropy (Haarnoja et al. 2018)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from rlrun.core.restore import restore_into
from rlrun.core.rows import Number
from rlrun.core.types import State
from rlrun.nets.device import Device
from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters


class Temperature:
    """The weight of the entropy, fixed or learnt; its logarithm is learnt, from 0 on.

    Args:
        num_seeds: number of seeds.
        device: the device of the parameters.
        fixed: its value; None learns it.
    """

    def __init__(self, num_seeds: int, device: Device, fixed: Number | None) -> None:
        self._fixed = None
        if fixed is not None:
            self._fixed = torch.as_tensor(device.number(fixed, 2), device=device.torch).float()
        self._log = Parameters.zeros(num_seeds, [(1, 1)], device.torch)
        self.networks = {"temperature": {"log": self._log.flat}}
        self._gradient = self._log.zeros_like()  # overwritten by each update
        self._optimizer = Optimizer(self._log, Method())

    def __call__(self) -> Tensor:
        """Return the temperatures ``[seed, 1]``."""
        log = self._log.flat[:, :1]
        return torch.exp(log) if self._fixed is None else self._fixed.expand_as(log)

    def step(self, surplus: Tensor, lr: Number, frozen: Collection[int]) -> None:
        """Update the temperature, which rises where ``surplus [seed]`` is positive.

        The surplus is the mean log-probability plus the target entropy.
        """
        if self._fixed is not None:
            return
        torch.neg(surplus, out=self._gradient.pieces[0][:, 0, 0])
        self._optimizer.step(self._gradient.flat, lr, frozen)

    def state_dict(self) -> State:
        return {"log": self._log.flat, "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._log.flat, state["log"], "the temperature")
        self._optimizer.load_state_dict(state["optimizer"])
