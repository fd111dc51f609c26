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
from itertools import accumulate, pairwise

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

    ``flat`` is what is optimized; the pieces are what a network reads. They are views, so what is
    written into ``flat`` is seen by the network.
    """

    def __init__(self, flat: Tensor, shapes: Shapes) -> None:
        self.flat = flat
        self.shapes = shapes
        self.pieces = cut(flat, shapes)

    @classmethod
    def zeros(cls, seeds: int, shapes: Shapes, device: torch.device) -> Parameters:
        width = sum(_up(math.prod(shape), ALIGN) for shape in shapes)
        return cls(torch.zeros(seeds, width, device=device), shapes)

    def copy(self) -> Parameters:
        """A copy that changes on its own: a target network."""
        return Parameters(self.flat.clone(), self.shapes)


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
        obs: what goes in: vectors ``[seed, batch, n]``, or the numbers of discrete observations,
            ``[seed, batch]`` or several ``[seed, batch, n]``, which become one-hot vectors here.
        hidden: widths of the hidden layers, all positive.
        outputs: values per observation.
    """

    def __init__(self, obs: Space, hidden: Sequence[int], outputs: int) -> None:
        self.outputs = outputs
        self._choices = obs.choices
        width = sum(obs.choices) if obs.choices else obs.shape[0]
        self._sizes = (width, *hidden, outputs)
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

    def infer(self, params: Parameters, obs: Tensor) -> Tensor:
        """``[seed, batch, outputs]`` for observations ``[seed, batch, ...]``."""
        return self.forward(params, obs)[0]

    def forward(self, params: Parameters, obs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The same, and what `backward` needs: the input ``[seed, batch, width]`` of each layer."""
        x = self._encode(obs)
        inputs = []
        for layer in range(0, len(params.pieces), 2):
            if layer:
                x = torch.relu_(x)
            inputs.append(x)
            x = torch.baddbmm(params.pieces[layer + 1], x, params.pieces[layer])
        return x[..., : self.outputs], inputs

    def backward(self, params: Parameters, inputs: Sequence[Tensor], grad: Tensor) -> Tensor:
        """The gradient ``[seed, P]`` of the parameters from that of the values.

        Back-propagation written out: the layout is the optimizer's, and through autograd an update
        of one small network takes half as long again (640 against 420 us).

        Args:
            inputs: of the layers, from `forward`.
            grad: of the values, ``[seed, batch, outputs]``.
        """
        padding = params.shapes[-1][1] - self.outputs
        if padding:
            grad = functional.pad(grad, (0, padding))
        flat = torch.zeros_like(params.flat)
        pieces = cut(flat, params.shapes)
        for layer in reversed(range(len(inputs))):
            x = inputs[layer]
            pieces[2 * layer].copy_(torch.bmm(x.mT, grad))
            torch.sum(grad, 1, keepdim=True, out=pieces[2 * layer + 1])
            if layer:  # x came out of a ReLU: its sign is the slope
                grad = torch.bmm(grad, params.pieces[2 * layer].mT).mul_(x.sign())
        return flat

    def _encode(self, obs: Tensor) -> Tensor:
        if len(self._choices) == 1:
            numbers = obs.squeeze(-1) if obs.ndim == 3 else obs
            return functional.one_hot(numbers, self._width).to(torch.float32)
        if self._choices:
            before = [0, *accumulate(self._choices[:-1])]
            ones = obs.new_zeros(*obs.shape[:-1], self._width, dtype=torch.float32)
            return ones.scatter_(-1, obs + obs.new_tensor(before), 1.0)
        missing = self._width - obs.shape[-1]
        return functional.pad(obs, (0, missing)) if missing else obs
