"""Batch normalisation (Ioffe & Szegedy 2015): per unit, over the batch of a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from rlrun.nets.norm import EPSILON
from rlrun.nets.parameters import Pieces
from rlrun.nets.products import sum_over_batch


class BatchNorm:
    """A `rlrun.nets.norm.Normalisation`; its rows are gain, shift, running mean and variance.

    Without ``learning`` the running statistics are used instead of the batch's. They are stored
    with the parameters, and so are part of target networks and checkpoints, but have no gradient.
    """

    count = 4
    ones: Sequence[int] = (0, 3)
    statistics: Sequence[int] = (2, 3)

    def forward(self, rows: Pieces, y: Tensor, size: int, learning: bool) -> tuple[Tensor, Any]:
        gain, shift, mean, variance = (row.float() for row in rows)
        real = y.float()
        if learning:
            mean = real.sum(1, keepdim=True) / real.shape[1]
            variance = (real - mean).square().sum(1, keepdim=True) / real.shape[1]
        scale = (variance + EPSILON).rsqrt()
        standard = (real - mean) * scale
        saved = (mean, variance) if learning else None, scale, standard
        return (standard * gain + shift).to(y.dtype), saved

    def backward(
        self, rows: Pieces, saved: Any, grad: Tensor, into: Pieces | None
    ) -> tuple[Tensor, bool]:
        batch, scale, standard = saved
        slope = grad.float()
        if into is not None:
            sum_over_batch(slope * standard, into[0])
            sum_over_batch(slope, into[1])
        slope = slope * rows[0].float()
        if batch is not None:
            slope = _centred(slope, standard)
            if into is not None:
                into[2].copy_(batch[0])
                into[3].copy_(batch[1])
        return (slope * scale).to(grad.dtype), batch is None


def _centred(slope: Tensor, standard: Tensor) -> Tensor:
    """Remove from ``slope [seed, batch, unit]`` what would change the batch's mean or variance."""
    size = slope.shape[1]
    along = (slope * standard).sum(1, keepdim=True) / size
    return slope - slope.sum(1, keepdim=True) / size - standard * along
