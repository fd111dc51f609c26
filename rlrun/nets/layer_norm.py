"""Layer normalisation (Ba et al. 2016): per observation, over the units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rlrun.nets.norm import EPSILON
from rlrun.nets.parameters import Pieces, padded
from rlrun.nets.products import sum_over_batch


class LayerNorm:
    """A `rlrun.nets.norm.Normalisation`; its rows are the gain and the shift."""

    count = 2
    ones: Sequence[int] = (0,)
    statistics: Sequence[int] = ()

    def forward(self, rows: Pieces, y: Tensor, size: int, learning: bool) -> tuple[Tensor, Any]:
        real = y[..., :size].contiguous()
        standard, mean, scale = torch.native_layer_norm(real, (size,), None, None, EPSILON)
        standard = padded(standard, y.shape[-1])
        return standard * rows[0] + rows[1], (real, mean, scale, standard)

    def backward(
        self, rows: Pieces, saved: Any, grad: Tensor, into: Pieces | None
    ) -> tuple[Tensor, bool]:
        real, mean, scale, standard = saved
        if into is not None:
            sum_over_batch(grad * standard, into[0])
            sum_over_batch(grad, into[1])
        size = real.shape[-1]
        below = torch.ops.aten.native_layer_norm_backward(
            (grad * rows[0])[..., :size].contiguous(),
            real,
            (size,),
            mean,
            scale,
            None,
            None,
            [True, False, False],
        )[0]
        return padded(below, grad.shape[-1]), True
