"""Rules for distributions over returns (Bellemare et al. 2017, "C51").

A distribution is the logits or the probabilities ``[..., atom]`` of fixed, evenly spaced returns,
the ``support [atom]``. Callers keep targets out of the gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor


def expectation(logits: Tensor, support: Tensor) -> Tensor:
    """Return the mean return ``[...]`` of distributions ``[..., atom]``."""
    return (torch.exp(torch.log_softmax(logits, -1)) * support).sum(-1)


def project(reward: Tensor, discount: Tensor, probability: Tensor, support: Tensor) -> Tensor:
    """Return the distribution of r + discount · Z, projected onto the support.

    Z has the distribution ``probability``. Mass between two atoms is divided between them in
    proportion to nearness; mass beyond the ends goes to the end atoms (Bellemare et al. 2017,
    eq. 7).

    Args:
        reward, discount: ``[...]``.
        probability: ``[..., atom]``.
        support: ``[atom]``.
    """
    atoms = len(support)
    step = (support[-1] - support[0]) / (atoms - 1)
    shifted = reward.unsqueeze(-1) + discount.unsqueeze(-1) * support
    place = ((shifted - support[0]) / step).clamp_(0, atoms - 1)
    low = place.floor()
    upper = place - low  # the share of the atom above
    low = low.to(torch.int64)
    projected = torch.zeros_like(probability)
    projected.scatter_add_(-1, low, probability * (1 - upper))
    return projected.scatter_add_(-1, (low + 1).clamp_(max=atoms - 1), probability * upper)


def cross_entropy(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss ``[...]`` of ``logits [..., atom]``, its gradient, and the KL divergence.

    The divergence of the logits' distribution from the target is the loss minus the target's
    entropy: 0 if both are the same.
    """
    log_probability = torch.log_softmax(logits, -1)
    loss = -(target * log_probability).sum(-1)
    entropy = -torch.special.xlogy(target, target).sum(-1)
    slope = torch.exp(log_probability) * target.sum(-1, keepdim=True) - target
    return loss, slope, loss - entropy
