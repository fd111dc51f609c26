"""Stacked dense layers with layer normalisation (Ba et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rlrun.nets.dense import sum_over_batch, through_relu, times_transposed
from rlrun.nets.parameters import Pieces, draw_uniform, padded, up

EPSILON = 1e-5  # added to the variance


class Layout(NamedTuple):
    """The pieces of a chain of dense layers with normalisations."""

    normalized: list[bool]
    """Of each layer, whether it has a normalisation and a ReLU."""
    shapes: list[tuple[int, int]]
    """Of each piece: weight, bias and, where it is normalized, further rows."""
    real: list[tuple[int, int]]
    """Of each piece, what is not padding."""
    fans: list[int]
    """Of each piece, the inputs of its layer; 0 of the further rows."""


def layout(sizes: Sequence[int], *, rectify: bool, further: int) -> Layout:
    """With so many rows behind the bias of each normalized layer."""
    found = Layout([rectify or n < len(sizes) - 2 for n in range(len(sizes) - 1)], [], [], [])
    for normalized, (i, o) in zip(found.normalized, pairwise(sizes), strict=True):
        rows = further if normalized else 0
        found.shapes.extend([(up(i, 4), up(o, 4)), *[(1, up(o, 4))] * (1 + rows)])
        found.real.extend([(i, o), *[(1, o)] * (1 + rows)])
        found.fans.extend([i, i, *[0] * rows])
    return found


class NormalizedDense:
    """What `rlrun.nets.dense.Dense` is, with a normalisation in front of each ReLU.

    There the outputs of a layer get the mean 0 and the variance 1 for each observation, then a
    gain and a shift of their own, which start at 1 and 0.
    """

    def __init__(self, sizes: Sequence[int], *, rectify: bool) -> None:
        self.sizes = tuple(sizes)
        self.width = up(sizes[-1], 4)
        # weight, bias, gain, shift, weight, bias, ...
        pieces = layout(sizes, rectify=rectify, further=2)
        self._normalized, self.shapes, self.real, self.fans = pieces

    def init(self, pieces: Pieces, row: int, generator: torch.Generator) -> None:
        """Draw one seed's weights and biases uniformly from ±1/√fan_in."""
        for n, (piece, real, fan_in) in enumerate(zip(pieces, self.real, self.fans, strict=True)):
            if fan_in:
                draw_uniform(piece, row, real, fan_in, generator)
            elif self.fans[n - 1]:  # the gain stands behind the bias
                piece[row, :, : real[1]] = 1.0

    def forward(self, pieces: Pieces, x: Tensor) -> tuple[Tensor, list[Any]]:
        """The output ``[seed, batch, width]``, and what `backward` needs.

        ``x`` is ``[seed, batch, in]``, padded.
        """
        saved: list[Any] = []
        first = 0
        for normalized, size in zip(self._normalized, self.sizes[1:], strict=True):
            y = torch.baddbmm(pieces[first + 1], x, pieces[first])
            if not normalized:
                saved.append((x, None, None, None, None, y))
                x, first = y, first + 2
                continue
            real = y[..., :size].contiguous()
            standard, mean, scale = torch.native_layer_norm(real, (size,), None, None, EPSILON)
            standard = padded(standard, y.shape[-1])
            out = torch.relu_(standard * pieces[first + 2] + pieces[first + 3])
            saved.append((x, real, mean, scale, standard, out))
            x, first = out, first + 4
        return x, saved

    def backward(
        self,
        pieces: Pieces,
        saved: Sequence[Any],
        grad: Tensor,
        into: Pieces | None,
        to_input: bool,
    ) -> Tensor:
        """Write the gradients of the parameters, return that of the input, as `Dense` does."""
        end = len(self.shapes)
        for layer in reversed(range(len(self._normalized))):
            x, real, mean, scale, standard, out = saved[layer]
            end -= 4 if self._normalized[layer] else 2
            if self._normalized[layer]:
                grad = through_relu(grad, out)
                if into is not None:
                    sum_over_batch(grad * standard, into[end + 2])
                    sum_over_batch(grad, into[end + 3])
                size = real.shape[-1]
                grad = torch.ops.aten.native_layer_norm_backward(
                    (grad * pieces[end + 2])[..., :size].contiguous(),
                    real,
                    (size,),
                    mean,
                    scale,
                    None,
                    None,
                    [True, False, False],
                )[0]
                grad = padded(grad, out.shape[-1])
            if into is not None:
                into[end].copy_(torch.bmm(x.mT, grad))
                sum_over_batch(grad, into[end + 1])
            if layer or to_input:
                grad = times_transposed(grad, pieces[end])
        return grad
