"""Optimizers for seed-stacked parameters: each row of the buffer is clipped and moved by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from rlrun.core.restore import restore_into
from rlrun.core.rows import Number, column, groups
from rlrun.core.types import Array, State
from rlrun.nets.parameters import Parameters

OptimizerName: TypeAlias = Literal["adam", "adamw", "nadam", "sgd", "rmsprop"]
Rows: TypeAlias = tuple[Tensor, ...]
BETA1, BETA2 = 0.9, 0.999  # of Adam and NAdam
SMOOTHING = 0.99  # of RMSprop's mean square
MOMENTUM_DECAY = 4e-3  # of NAdam


@dataclass(frozen=True)
class Method:
    """How parameters are moved along their gradient; the defaults are those of torch.

    ``epsilon`` is added to the root of the mean square. ``weight_decay`` is added to the gradient
    in proportion to the weights, or decays them directly (adamw). Gradients are clipped by value,
    then the Euclidean norm of each seed's by ``max_grad_norm``. Numbers can be one for each row.
    """

    name: OptimizerName = "adam"
    epsilon: float = 1e-8
    amsgrad: bool = False
    weight_decay: Number = 0.0
    max_grad_norm: Number | None = None
    max_grad_value: Number | None = None


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
        rule: Callable[[Parameters, Method], _FusedAdam | _Elementwise] = (
            _FusedAdam if method.name in ("adam", "adamw") else _Elementwise
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


class _FusedAdam:
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


class _Elementwise:
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
        own = self._column(lr * (1 - now) / (1 - self._product))
        mean = self._column(lr * following / (1 - self._product * following))
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
