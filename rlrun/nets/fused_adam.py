"""Adam by torch's fused kernel, row by row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from rlrun.core.restore import restore_into
from rlrun.core.rows import Number, groups
from rlrun.core.types import State
from rlrun.nets.method import BETA1, BETA2, Method
from rlrun.nets.parameters import Parameters

Rows: TypeAlias = tuple[Tensor, ...]


class FusedAdam:
    """Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), AMSGrad (Reddi et al. 2018).

    It calls the kernel behind torch's fused Adam directly: torch's optimizer object imports the
    compiler (1 to 2 s), and its functional form takes as long as a small network's step. Row
    widths are multiples of the vector size, so the kernel updates a row bit for bit the same
    whether it gets the whole buffer or that row alone. Each row counts its own steps, so that the
    bias correction of a seed that skips steps is the one it would have alone.
    """

    def __init__(self, params: Parameters, method: Method) -> None:
        self._params, self._method = params, method
        self._mean = torch.zeros_like(params.flat)
        self._square = torch.zeros_like(self._mean)
        # the largest mean squares, for AMSGrad
        self._largest = torch.zeros_like(self._mean) if method.amsgrad else None
        self._steps = torch.zeros(len(params.flat), device=self._mean.device)
        self._in_step = True  # whether all rows have taken the same number of steps
        buffers = [params.flat, self._mean, self._square, self._steps]
        if self._largest is not None:
            buffers.append(self._largest)
        # views are created once: creating them takes as long as a step
        self._rows = [buffer.unbind(0) for buffer in buffers]

    def step(self, gradient: Tensor, lr: Number, frozen: Collection[int]) -> None:
        """See `Optimizer.step`; the gradient is clipped."""
        if not frozen:
            self._steps.add_(1)
            if self._in_step and not isinstance(lr, np.ndarray):
                # the whole buffer is one long row
                buffers = [self._params.flat, self._mean, self._square, self._steps[0]]
                if self._largest is not None:
                    buffers.append(self._largest)
                self._update(lr, (gradient,), *((buffer,) for buffer in buffers))
                return
        gradients = gradient.unbind(0)
        if not frozen and not isinstance(lr, np.ndarray):
            self._update(lr, gradients, *self._rows)
            return
        moving = [row for row in range(len(gradient)) if row not in frozen]
        if not moving:
            return
        if frozen:
            self._in_step = False
            torch._foreach_add_([self._rows[3][row] for row in moving], 1)
        for rate, which in groups(lr, len(gradient)):
            chosen = moving if isinstance(which, slice) else [r for r in which if r in moving]
            if chosen:
                parts = (gradients, *self._rows)
                self._update(rate, *(tuple(each[row] for row in chosen) for each in parts))

    def _update(
        self,
        lr: float,
        gradients: Rows,
        params: Rows,
        means: Rows,
        squares: Rows,
        steps: Rows,
        largest: Rows = (),
    ) -> None:
        """Call the kernel once; ``steps`` include the current one."""
        torch._fused_adam_(
            params,
            gradients,
            means,
            squares,
            largest,
            steps,
            lr=lr,
            beta1=BETA1,
            beta2=BETA2,
            weight_decay=0.0,
            eps=self._method.epsilon,
            amsgrad=bool(largest),
            maximize=False,
        )

    def state_dict(self) -> State:
        largest = {} if self._largest is None else {"largest": self._largest}
        return {"mean": self._mean, "square": self._square, "steps": self._steps, **largest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._mean, state["mean"], "the optimizer")
        restore_into(self._square, state["square"], "the optimizer")
        restore_into(self._steps, state["steps"], "the optimizer")
        if self._largest is not None:
            restore_into(self._largest, state["largest"], "the optimizer")
        self._in_step = bool((self._steps == self._steps[0]).all())
