"""Choices that gradients pass through: the straight-through Gumbel-softmax.

Jang et al. 2017 and Maddison et al. 2017. Tensors are ``[..., choice]``; impossible choices have
logits of `IMPOSSIBLE`, and get the probability and the gradient 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

IMPOSSIBLE = -1e9


def gumbel(uniform: Tensor) -> Tensor:
    """Return Gumbel noise -log(-log u) from numbers in [0, 1), which is finite for all of them."""
    tiny = torch.finfo(uniform.dtype).tiny
    return -torch.log((-torch.log(uniform.clamp_min(tiny))).clamp_min(tiny))


def one_hot(logits: Tensor) -> Tensor:
    """Return 1 for the first of the largest logits, and 0 for the others."""
    best = logits.argmax(-1, keepdim=True)
    return torch.zeros_like(logits).scatter_(-1, best, 1.0)


def sampled(logits: Tensor, uniform: Tensor, temperature: float | Tensor) -> tuple[Tensor, Tensor]:
    """Return a sample, one-hot, and the softmax that its gradient is taken of, at a temperature.

    The sample is distributed as softmax(logits).
    """
    noisy = (logits + gumbel(uniform)) / temperature
    shifted = torch.exp(noisy - noisy.amax(-1, keepdim=True))
    return one_hot(noisy), shifted / shifted.sum(-1, keepdim=True)


def straight_through(slope: Tensor, soft: Tensor, temperature: float | Tensor) -> Tensor:
    """Return the gradient of the logits, given that of the sample: that of its softmax ``soft``."""
    inner = (slope * soft).sum(-1, keepdim=True)
    return soft * (slope - inner) / temperature
