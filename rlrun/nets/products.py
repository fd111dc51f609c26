"""The matrix products of dense layers, in the orientation that is fastest on the device.

With a narrow output MKL's kernels for ``x @ weight`` and for the weight's gradient take several
times as long as those for the transposed products. Which of them is computed depends on widths and
the size of the batch, never on the number of seeds: a seed alone gets what it gets in a stack.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlrun.nets.parameters import up

NARROW = 8  # the largest padded width for which the transposed products are faster
BATCH = 128  # the smallest batch for which they are


def is_narrow(width: int) -> bool:
    """Return whether a layer has so few outputs that its products may be transposed."""
    return up(width, 4) <= NARROW


def narrow_affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return ``x @ weight + bias``, ``[seed, batch, out]``, for a narrow layer.

    ``x`` is ``[seed, batch, in]``, ``weight [seed, in, out]``, ``bias [seed, 1, out]``. For other
    layers it is ``torch.baddbmm``.
    """
    if _is_faster_transposed(x):
        return (torch.bmm(weight.mT, x.mT).mT + bias).contiguous()
    return torch.baddbmm(bias, x, weight)


def weight_gradient(x: Tensor, grad: Tensor, into: Tensor, *, narrow: bool) -> None:
    """Write the transpose of ``x [seed, batch, in]`` times ``grad [seed, batch, out]``."""
    if narrow and _is_faster_transposed(x):
        into.copy_(torch.bmm(grad.mT, x).mT)
    else:
        into.copy_(torch.bmm(x.mT, grad))


def _is_faster_transposed(x: Tensor) -> bool:
    return x.shape[1] >= BATCH and x.dtype == torch.float32 and x.device.type == "cpu"


def times_transposed(grad: Tensor, weight: Tensor) -> Tensor:
    """Return ``grad [seed, batch, out]`` times the transpose of ``weight [seed, in, out]``."""
    if grad.dtype == torch.float32:
        return torch.bmm(grad, weight.mT)
    # a bfloat16 product copies a transposed operand: transpose the smaller one
    return torch.bmm(weight, grad.mT).mT.contiguous()


def sum_over_batch(grad: Tensor, into: Tensor) -> None:
    """Write the sum of ``grad [seed, batch, width]`` into a piece ``[seed, 1, width]``."""
    into.copy_(grad.sum(1, keepdim=True, dtype=into.dtype))  # out= does not compile
