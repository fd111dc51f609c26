"""Adam for seed-stacked parameters: each row of the buffer is clipped and stepped separately."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from rlrun.core.restore import restore_into
from rlrun.core.rows import Number, groups
from rlrun.core.types import State
from rlrun.nets.parameters import Parameters

Rows: TypeAlias = tuple[Tensor, ...]


class Adam:
    """Adam (Kingma & Ba 2015) on the rows of ``params``, with gradients clipped by norm per seed.

    It calls the kernel behind torch's fused Adam directly: torch's optimizer object imports the
    compiler (1 to 2 s), and its functional form takes as long as a small network's step. Row
    widths are multiples of the vector size, so the kernel updates a row bit for bit the same
    whether it gets the whole buffer or that row alone. Each row counts its own steps, so that the
    bias correction of a seed that skips steps is the one it would have alone.

    Args:
        params: the parameters, updated in place.
        max_grad_norm: the largest Euclidean norm of a seed's gradient, or one for each row; None
            does not clip.
        epsilon: added to the root of the mean square.
    """

    def __init__(
        self, params: Parameters, max_grad_norm: Number | None, epsilon: float = 1e-8
    ) -> None:
        self._params, self._epsilon = params, epsilon
        self._max_norm = max_grad_norm
        self._mean = torch.zeros_like(params.flat)
        self._square = torch.zeros_like(self._mean)
        self._steps = torch.zeros(len(params.flat), device=self._mean.device)
        self._in_step = True  # whether all rows have taken the same number of steps
        buffers = (params.flat, self._mean, self._square, self._steps)
        # views are created once: creating them takes as long as a step
        self._rows = [buffer.unbind(0) for buffer in buffers]

    def step(self, gradient: Tensor, lr: Number, frozen: Collection[int] = ()) -> None:
        """Take one descent step along ``gradient [seed, P]``, which may be overwritten.

        ``lr`` is the learning rate, or one for each row. The rows of ``frozen`` seeds do not
        change, regardless of their gradient.
        """
        self._clip(gradient)
        if not frozen:
            self._steps.add_(1)
            if self._in_step and not isinstance(lr, np.ndarray):
                # the whole buffer is one long row
                buffers = (self._params.flat, gradient, self._mean, self._square, self._steps[0])
                self._update(lr, *((buffer,) for buffer in buffers))
                return
        params, *rest = self._rows
        rows: list[Rows] = [params, gradient.unbind(0), *rest]
        if not frozen and not isinstance(lr, np.ndarray):
            self._update(lr, *rows)
            return
        moving = [row for row in range(len(gradient)) if row not in frozen]
        if not moving:
            return
        if frozen:
            self._in_step = False
            torch._foreach_add_([self._rows[-1][row] for row in moving], 1)
        for rate, which in groups(lr, len(gradient)):
            chosen = moving if isinstance(which, slice) else [r for r in which if r in moving]
            if chosen:
                self._update(rate, *(tuple(each[row] for row in chosen) for each in rows))

    def _clip(self, gradient: Tensor) -> None:
        """Scale each row of the gradient down to the largest norm."""
        if isinstance(self._max_norm, np.ndarray):
            for norm, which in groups(self._max_norm, len(gradient)):
                gradient[which] = gradient[which].renorm_(2, 0, norm)
        elif self._max_norm is not None:
            gradient.renorm_(2, 0, self._max_norm)

    def _update(
        self, lr: float, params: Rows, gradients: Rows, means: Rows, squares: Rows, steps: Rows
    ) -> None:
        """Call the kernel once; ``steps`` include the current one."""
        torch._fused_adam_(
            params,
            gradients,
            means,
            squares,
            [],
            steps,
            lr=lr,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=self._epsilon,
            amsgrad=False,
            maximize=False,
        )

    def state_dict(self) -> State:
        return {"mean": self._mean, "square": self._square, "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._mean, state["mean"], "the optimizer")
        restore_into(self._square, state["square"], "the optimizer")
        restore_into(self._steps, state["steps"], "the optimizer")
        self._in_step = bool((self._steps == self._steps[0]).all())
