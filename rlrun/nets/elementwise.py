"""Optimizers that torch has no fused kernel for: gradient descent, RMSprop and NAdam."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlrun.core.restore import restore_into
from rlrun.core.rows import Number
from rlrun.core.types import Array, State
from rlrun.nets.method import BETA1, BETA2, Method
from rlrun.nets.parameters import Parameters

SMOOTHING = 0.99  # of RMSprop's mean square
MOMENTUM_DECAY = 4e-3  # of NAdam


class Elementwise:
    """Gradient descent, RMSprop (Tieleman and Hinton 2012), NAdam (Dozat 2016), as in torch.

    Operations on the whole buffer with one number for each row: a row gives the same alone.
    """

    def __init__(self, params: Parameters, method: Method) -> None:
        self._params, self._method = params, method
        self._buffers: dict[str, Tensor] = {}
        names = {"sgd": (), "rmsprop": ("square",), "nadam": ("mean", "square")}[method.name]
        for name in names:
            self._buffers[name] = torch.zeros_like(params.flat)
        self._steps = np.zeros(len(params.flat), np.int64)
        self._product = np.ones(len(params.flat))  # of NAdam's momentum factors

    def step(self, gradient: Tensor, lr: Number, frozen: Collection[int]) -> None:
        """See `Optimizer.step`; the gradient is clipped."""
        moving = np.ones(len(gradient), np.bool_)
        moving[list(frozen)] = False
        self._steps += moving
        flat, old = self._params.flat, {n: b.clone() for n, b in self._buffers.items() if frozen}
        change = self._change(gradient, np.broadcast_to(lr, moving.shape), moving)
        if not frozen:
            flat.sub_(change)
            return
        mask = torch.from_numpy(moving[:, None]).to(flat.device)
        flat.copy_(torch.where(mask, flat - change, flat))
        for name, buffer in self._buffers.items():
            buffer.copy_(torch.where(mask, buffer, old[name]))

    def _change(self, gradient: Tensor, lr: Array, moving: Array) -> Tensor:
        """Update the means, and return what to subtract from the parameters."""
        if self._method.name == "sgd":
            return gradient * self._column(lr)
        decay = SMOOTHING if self._method.name == "rmsprop" else BETA2
        square = self._buffers["square"]
        square.mul_(decay).add_(gradient * gradient, alpha=1 - decay)
        if self._method.name == "rmsprop":
            return gradient / (square.sqrt() + self._method.epsilon) * self._column(lr)
        self._buffers["mean"].mul_(BETA1).add_(gradient, alpha=1 - BETA1)
        now, following, correction = self._factors()
        self._product = np.where(moving, self._product * now, self._product)
        root = (square / self._column(correction)).sqrt() + self._method.epsilon
        product = np.where(self._steps > 0, self._product, 0.0)  # others are discarded
        own = self._column(lr * (1 - now) / (1 - product))
        mean = self._column(lr * following / (1 - product * following))
        return (gradient * own + self._buffers["mean"] * mean) / root

    def _factors(self) -> Array:
        """Return NAdam's momentum now and next, and its bias correction, ``[3, row]``.

        Computed by Python's power, which does not depend on a number's place in an array.
        """
        by_step = {
            step: (
                BETA1 * (1 - 0.5 * 0.96 ** (step * MOMENTUM_DECAY)),
                BETA1 * (1 - 0.5 * 0.96 ** ((step + 1) * MOMENTUM_DECAY)),
                1 - BETA2 ** max(step, 1),  # a row that never moved is discarded
            )
            for step in set(self._steps.tolist())
        }
        return np.array([by_step[step] for step in self._steps.tolist()]).T

    def _column(self, numbers: Array) -> Tensor:
        """Return ``numbers [row]`` as a tensor ``[row, 1]``."""
        flat = self._params.flat
        return torch.from_numpy(numbers.astype(np.float32)[:, None]).to(flat.device)

    def state_dict(self) -> State:
        return {**self._buffers, "steps": self._steps, "product": self._product}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, buffer in self._buffers.items():
            restore_into(buffer, state[name], "the optimizer")
        restore_into(self._steps, state["steps"], "the optimizer")
        self._product = self._product.copy()
        restore_into(self._product, state["product"], "the optimizer")
