"""Stacked dense layers with batch normalisation (Ioffe & Szegedy 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rlrun.nets.dense import sum_over_batch, through_relu, times_transposed
from rlrun.nets.norm import EPSILON, layout
from rlrun.nets.parameters import Pieces, draw_uniform, up


class BatchNormalizedDense:
    """What `rlrun.nets.dense.Dense` is, with a normalisation in front of each ReLU.

    There each unit gets the mean 0 and the variance 1 over the batch of its seed, then a gain and
    a shift of its own, which start at 1 and 0. Outside learning, running means and variances take
    the batch's place, so that an output does not depend on the rest of the batch. They stand among
    the parameters, so that they go into targets and checkpoints as these do. They have no
    gradient: `backward` leaves the batch's statistics there, for `rlrun.nets.parts.Parts.track`.
    """

    def __init__(self, sizes: Sequence[int], *, rectify: bool) -> None:
        self.sizes = tuple(sizes)
        self.width = up(sizes[-1], 4)
        # weight, bias, gain, shift, mean, variance, weight, bias, ...
        pieces = layout(sizes, rectify=rectify, further=4)
        self._normalized, self.shapes, self.real, self.fans = pieces
        gains = [
            n + 1 for n in range(1, len(self.fans) - 1) if self.fans[n] and not self.fans[n + 1]
        ]
        self.statistics = [gain + place for gain in gains for place in (2, 3)]
        """Which of the pieces are running means and variances."""

    def init(self, pieces: Pieces, row: int, generator: torch.Generator) -> None:
        """Draw one seed's weights and biases uniformly from ±1/√fan_in."""
        for piece, real, fan_in in zip(pieces, self.real, self.fans, strict=True):
            if fan_in:
                draw_uniform(piece, row, real, fan_in, generator)
        for variance in self.statistics[1::2]:
            for ones in (variance, variance - 3):  # and the gain
                pieces[ones][row, :, : self.real[ones][1]] = 1.0

    def forward(self, pieces: Pieces, x: Tensor, *, learning: bool) -> tuple[Tensor, list[Any]]:
        """The output ``[seed, batch, width]``, and what `backward` needs.

        ``x`` is ``[seed, batch, in]``, padded. While learning, its batch is what is normalized.
        """
        saved: list[Any] = []
        first = 0
        for normalized in self._normalized:
            y = torch.baddbmm(pieces[first + 1], x, pieces[first])
            if not normalized:
                saved.append((x, None, None, None, None, y))
                x, first = y, first + 2
                continue
            gain, shift, mean, variance = (piece.float() for piece in pieces[first + 2 : first + 6])
            real = y.float()
            if learning:
                mean = real.sum(1, keepdim=True) / real.shape[1]
                variance = (real - mean).square().sum(1, keepdim=True) / real.shape[1]
            scale = (variance + EPSILON).rsqrt()
            standard = (real - mean) * scale
            out = torch.relu(standard * gain + shift).to(y.dtype)
            saved.append((x, (mean, variance) if learning else None, scale, standard, gain, out))
            x, first = out, first + 6
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
            x, batch, scale, standard, gain, out = saved[layer]
            end -= 6 if self._normalized[layer] else 2
            if self._normalized[layer]:
                slope = through_relu(grad, out).float()
                if into is not None:
                    sum_over_batch(slope * standard, into[end + 2])
                    sum_over_batch(slope, into[end + 3])
                slope = slope * gain
                if batch is not None:
                    slope = _centred(slope, standard)
                    if into is not None:
                        into[end + 4].copy_(batch[0])
                        into[end + 5].copy_(batch[1])
                grad = (slope * scale).to(grad.dtype)
            if into is not None:
                into[end].copy_(torch.bmm(x.mT, grad))
                if batch is None:  # else the mean takes the bias away, and its gradient is 0
                    sum_over_batch(grad, into[end + 1])
            if layer or to_input:
                grad = times_transposed(grad, pieces[end])
        return grad


def _centred(slope: Tensor, standard: Tensor) -> Tensor:
    """What of ``slope [seed, batch, unit]`` changes neither mean nor variance of the batch."""
    size = slope.shape[1]
    along = (slope * standard).sum(1, keepdim=True) / size
    return slope - slope.sum(1, keepdim=True) / size - standard * along
