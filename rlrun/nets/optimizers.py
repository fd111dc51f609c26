"""Optimizers of seed-stacked parameters: each row of the buffer is clipped and moved by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlrun.core.rows import Number, column, groups
from rlrun.core.types import State
from rlrun.nets.elementwise import Elementwise
from rlrun.nets.fused_adam import FusedAdam
from rlrun.nets.method import Method
from rlrun.nets.parameters import Parameters


class Optimizer:
    """Moves the rows of ``params``; rows that are frozen do not change.

    Args:
        params: the parameters, updated in place.
        method: how.
        statistics: indices of the pieces that are running statistics, whose gradient is 0: they are
            not decayed.
    """

    def __init__(self, params: Parameters, method: Method, statistics: Sequence[int] = ()) -> None:
        self._params, self._method = params, method
        self._decayed: Tensor | None = None
        if np.any(method.weight_decay):
            ones = Parameters(torch.ones_like(params.flat[:1]), params.shapes, params.networks)
            for piece in statistics:
                ones.pieces[piece].zero_()
            decay = torch.as_tensor(
                np.reshape(method.weight_decay, (-1, 1)), device=ones.flat.device
            )
            self._decayed = ones.flat * decay.float()  # [1 or row, P]
        rule: Callable[[Parameters, Method], FusedAdam | Elementwise] = (
            FusedAdam if method.name in ("adam", "adamw") else Elementwise
        )
        self._rule = rule(params, method)

    def step(self, gradient: Tensor, lr: Number, frozen: Collection[int] = ()) -> None:
        """Take one descent step along ``gradient [seed, P]``, which may be overwritten.

        ``lr`` is the learning rate, or one for each row. The rows of ``frozen`` seeds do not
        change, regardless of their gradient.
        """
        self._clip(gradient)
        if self._decayed is not None:
            self._decay(self._decayed, gradient, lr, frozen)
        self._rule.step(gradient, lr, frozen)

    def _clip(self, gradient: Tensor) -> None:
        """Clip each number of the gradient, then the norm of each row."""
        most = self._method.max_grad_value
        if isinstance(most, np.ndarray):
            limit = torch.from_numpy(column(most, 2)).to(gradient)
            gradient.copy_(torch.maximum(torch.minimum(gradient, limit), -limit))
        elif most is not None:
            gradient.clamp_(-most, most)
        norms = self._method.max_grad_norm
        if isinstance(norms, np.ndarray):
            for norm, which in groups(norms, len(gradient)):
                gradient[which] = gradient[which].renorm_(2, 0, norm)
        elif norms is not None:
            gradient.renorm_(2, 0, norms)

    def _decay(
        self, decayed: Tensor, gradient: Tensor, lr: Number, frozen: Collection[int]
    ) -> None:
        """Decay the weights, directly or by the gradient, by the rates ``decayed``."""
        flat = self._params.flat
        pull = flat * decayed
        if self._method.name != "adamw":
            gradient.add_(pull)
            return
        rates = np.broadcast_to(np.asarray(lr, np.float32), len(flat)).copy()
        rates[list(frozen)] = 0.0
        flat.sub_(pull * torch.from_numpy(rates[:, None]).to(flat.device))

    def state_dict(self) -> State:
        return self._rule.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._rule.load_state_dict(state)
