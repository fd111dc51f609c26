"""Seed-stacked networks: every weight is ``[seed, in, out]``, one product serves all seeds.

What makes seed k of a stack equal seed k alone, bit for bit:

- the parameters of a seed are one row of one buffer ``[seed, parameter]``; rows, and the pieces
  of a row, start at multiples of 64 bytes wherever the seed stands in the stack;
- the in and out sizes of each layer are padded to multiples of 4 floats, because the matrix
  library takes another path for odd sizes that depends on the number of products; what is
  padded is zero, gets no gradient, and is cut from the output;
- products write into tensors of their own: into a piece of the buffer, torch would take another
  path for one seed than for several;
- nothing is reduced over the seed axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rlrun.rng import Numbers, Purpose
from rlrun.types import Space

ALIGN = 16  # floats in 64 bytes
Shapes = Sequence[tuple[int, int]]


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


class Parameters:
    """Rows ``flat [seed, P]`` of one buffer, and its ``pieces [seed, row, column]``.

    ``flat`` is what is differentiated and optimized; the pieces are what a network reads. They are
    views, so what is written into ``flat`` is seen by the network.
    """

    def __init__(self, flat: Tensor, shapes: Shapes) -> None:
        self.flat = flat
        self.shapes = shapes
        self.pieces = cut(flat.detach(), shapes)

    @classmethod
    def zeros(cls, seeds: int, shapes: Shapes, device: torch.device) -> Parameters:
        width = sum(_up(math.prod(shape), ALIGN) for shape in shapes)
        return cls(torch.zeros(seeds, width, device=device, requires_grad=True), shapes)

    def frozen_copy(self) -> Parameters:
        """A copy that is never differentiated: a target network."""
        return Parameters(self.flat.detach().clone(), self.shapes)

    def load(self, flat: Tensor) -> None:
        """Take over the values of a buffer of the same layout."""
        self.flat.detach().copy_(flat)


def cut(flat: Tensor, shapes: Shapes) -> list[Tensor]:
    """Views ``[seed, row, column]`` of consecutive pieces of the rows of ``flat [seed, P]``."""
    seeds, width = flat.shape
    pieces, start = [], flat.storage_offset()
    for rows, columns in shapes:
        strides = (width, columns, 1)
        pieces.append(flat.as_strided((seeds, rows, columns), strides, start))
        start += _up(rows * columns, ALIGN)
    return pieces


class MLP:
    """A stacked perceptron with ReLU between its layers and raw values at its end.

    Args:
        obs: what goes in: vectors ``[seed, batch, n]``, or numbers ``[seed, batch]`` of discrete
            observations, which become one-hot vectors here.
        hidden: widths of the hidden layers, all positive.
        outputs: values per observation.
    """

    def __init__(self, obs: Space, hidden: Sequence[int], outputs: int) -> None:
        self.outputs = outputs
        self._discrete = obs.kind == "discrete"
        self._sizes = (obs.choices[0] if self._discrete else obs.shape[0], *hidden, outputs)
        padded = [_up(size, 4) for size in self._sizes]
        self._width = padded[0]
        # weight, bias, weight, bias, ...
        self.shapes = [shape for i, o in pairwise(padded) for shape in ((i, o), (1, o))]

    def init(self, seeds: Sequence[int], device: torch.device) -> Parameters:
        """Parameters drawn uniformly from ±1/√fan_in, each seed from a generator of its own."""
        params = Parameters.zeros(len(seeds), self.shapes, device)
        numbers = Numbers(Purpose.WEIGHTS)
        for row, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(numbers(seed, 0, 0))
            for layer, (i, o) in enumerate(pairwise(self._sizes)):
                for piece, rows in (
                    (params.pieces[2 * layer], i),
                    (params.pieces[2 * layer + 1], 1),
                ):
                    drawn = torch.rand(rows, o, generator=generator) * 2 - 1
                    piece[row, :rows, :o] = drawn / math.sqrt(i)
        return params

    def __call__(self, params: Parameters, obs: Tensor) -> Tensor:
        """``[seed, batch, outputs]`` for observations ``[seed, batch, ...]``, differentiable."""
        apply = _Layers.apply
        values: Tensor = apply(self._encode(obs), params.flat, params, self.outputs)  # type: ignore[no-untyped-call]
        return values

    def infer(self, params: Parameters, obs: Tensor) -> Tensor:
        """The same values to the bit, without a gradient."""
        return _forward(self._encode(obs), params.pieces)[-1][..., : self.outputs]

    def _encode(self, obs: Tensor) -> Tensor:
        if self._discrete:
            return functional.one_hot(obs, self._width).to(torch.float32)
        missing = self._width - obs.shape[-1]
        return functional.pad(obs, (0, missing)) if missing else obs


def _forward(x: Tensor, pieces: Sequence[Tensor]) -> list[Tensor]:
    """The input of each layer, and at the end the output; each ``[seed, batch, width]``."""
    values = [x]
    for layer in range(0, len(pieces), 2):
        if layer:
            x = torch.relu_(x)
        x = torch.baddbmm(pieces[layer + 1], x, pieces[layer])
        values.append(x)
    return values


class _Layers(torch.autograd.Function):
    """`_forward` with its gradient written out.

    It fills one flat gradient ``[seed, P]`` that is clipped and optimized as it is, where autograd
    would give a tensor for each piece to be gathered.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, flat: Tensor, params: Parameters, outputs: int) -> Tensor:
        *inputs, output = _forward(x, params.pieces)
        ctx.save_for_backward(*inputs)
        ctx.params, ctx.padding = params, output.shape[-1] - outputs
        return output[..., :outputs]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        inputs, params = ctx.saved_tensors, ctx.params
        if ctx.padding:
            grad = functional.pad(grad, (0, ctx.padding))
        flat = torch.zeros_like(params.flat)
        pieces = cut(flat, params.shapes)
        for layer in reversed(range(len(inputs))):
            x = inputs[layer]
            pieces[2 * layer].copy_(torch.bmm(x.mT, grad))
            torch.sum(grad, 1, keepdim=True, out=pieces[2 * layer + 1])
            if layer or ctx.needs_input_grad[0]:
                grad = torch.bmm(grad, params.pieces[2 * layer].mT)
            if layer:  # x came out of a ReLU: its sign is the slope
                grad.mul_(x.sign())
        return grad if ctx.needs_input_grad[0] else None, flat, None, None
