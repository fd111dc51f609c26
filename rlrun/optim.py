"""The optimizer for stacks: each seed is a row of one buffer, clipped and stepped on its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from rlrun.nets.parameters import Parameters
from rlrun.state import put
from rlrun.types import State


class Adam:
    """Adam (Kingma & Ba 2015) on the rows of ``params``, with gradients clipped by norm per seed.

    It calls torch's functional Adam, because the optimizer object imports torch's compiler (1 to
    2 s). The fused kernel over the whole buffer gives each row, whose width is a multiple of the
    vector size, bit for bit what it gives that row alone.

    Args:
        params: the parameters to change in place.
        max_grad_norm: the largest Euclidean norm of a seed's gradient; None leaves it alone.
        epsilon: what is added to the root of the mean square.
    """

    def __init__(
        self, params: Parameters, max_grad_norm: float | None, epsilon: float = 1e-8
    ) -> None:
        self._params, self._epsilon = params, epsilon
        self._max_norm = max_grad_norm
        self._mean = torch.zeros_like(params.flat)
        self._square = torch.zeros_like(self._mean)
        self._steps = torch.zeros((), device=self._mean.device)

    def step(self, gradient: Tensor, lr: float, frozen: Collection[int] = ()) -> None:
        """Go against ``gradient [seed, P]``, which may be changed here.

        The rows of ``frozen`` seeds stay as they are, whatever their gradient is.
        """
        rows = list(frozen)
        kept = [(each, each[rows].clone()) for each in self._rows] if rows else []
        self._step(gradient, lr)
        for each, before in kept:
            each[rows] = before

    @property
    def _rows(self) -> tuple[Tensor, ...]:
        return self._params.flat, self._mean, self._square

    def _step(self, gradient: Tensor, lr: float) -> None:
        if self._max_norm is not None:
            gradient.renorm_(2, 0, self._max_norm)  # each row on its own
        adam(
            [self._params.flat],
            [gradient],
            [self._mean],
            [self._square],
            [],
            [self._steps],
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=lr,
            weight_decay=0.0,
            eps=self._epsilon,
            maximize=False,
        )

    def state_dict(self) -> State:
        return {"mean": self._mean, "square": self._square, "steps": int(self._steps)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        put(self._mean, state["mean"], "the optimizer")
        put(self._square, state["square"], "the optimizer")
        self._steps.fill_(state["steps"])
