"""Rules for distributions over returns.

A distribution is the logits or the probabilities ``[..., atom]`` of fixed, evenly spaced returns,
the ``support [atom]`` (Bellemare et al. 2017, "C51"), or the returns ``[..., quantile]`` at fixed
levels of probability (Dabney et al. 2018, "QR-DQN"). Callers keep targets out of the gradient.
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


def quantile_huber(value: Tensor, target: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
    """Return the quantile Huber loss ``[...]`` of quantiles, and its gradient by ``value``.

    For a quantile and a sample of the target, with the difference u from the first to the second,
    it is the Huber loss of u (linear beyond ±1) times the level where u is positive, and one minus
    the level elsewhere. It is summed over quantiles and averaged over samples (Dabney et al. 2018,
    eq. 10 and algorithm 1).

    Args:
        value: quantiles ``[..., quantile]``.
        target: equally likely samples ``[..., sample]``, such as the quantiles of the target.
        level: the level of each quantile, between 0 and 1, ``[quantile]``.
    """
    level = level.unsqueeze(-1)
    difference = target.unsqueeze(-2) - value.unsqueeze(-1)  # [..., quantile, sample]
    clipped = difference.clamp(-1, 1)
    pull = torch.where(difference < 0, 1 - level, level) * clipped
    loss = (pull * (difference - 0.5 * clipped)).mean(-1).sum(-1)
    return loss, -pull.mean(-1)
