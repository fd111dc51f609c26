"""Rules for continuous actions in [-1, 1]; nothing is averaged yet.

Log-probabilities are made of exp, log and tanh alone, which give a seed in a stack what they give
it alone. ``[..., number]`` tensors have one entry for each number of an action.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

LOG_STD = (-20.0, 2.0)
"""Between which log standard deviations are kept (Haarnoja et al. 2018, their code)."""
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def bootstrapped(reward: Tensor, discount: Tensor, next_value: Tensor) -> Tensor:
    """r + discount · V(s'), all ``[seed, batch]``.

    Raises ValueError where the shapes differ.
    """
    if not reward.shape == discount.shape == next_value.shape:
        raise ValueError(
            f"reward {tuple(reward.shape)}, discount {tuple(discount.shape)} and next_value "
            f"{tuple(next_value.shape)} are not of the same shape"
        )
    return reward + discount * next_value


def smoothed(action: Tensor, normal: Tensor, std: float, clip: float) -> Tensor:
    """The action with noise of ``std``, cut to ±``clip`` (Fujimoto et al. 2018, eq. 14)."""
    return (action + (normal * std).clamp_(-clip, clip)).clamp_(-1, 1)


class Squashed(NamedTuple):
    """An action a = tanh(u), u drawn from a normal distribution, and what its slopes need."""

    action: Tensor
    """``[..., number]``."""
    log_prob: Tensor
    """Of the whole action, ``[...]``."""
    spread: Tensor
    """u less the mean: du by the logarithm of the standard deviation, ``[..., number]``."""
    free: Tensor
    """1 where that logarithm was not clipped, else 0."""


def squashed(mean: Tensor, log_std: Tensor, normal: Tensor) -> Squashed:
    """tanh of mean + std · normal, and its log-probability (Haarnoja et al. 2018, appendix C).

    log p(a) = Σ log N(u; mean, std) - log(1 - tanh²u), the latter as
    2 (log 2 - |u| - log(1 + exp(-2|u|))), which is finite for every u.
    """
    kept = log_std.clamp(*LOG_STD)
    spread = torch.exp(kept) * normal
    u = mean + spread
    size = u.abs()
    log_slope = 2 * (math.log(2) - size - torch.log(1 + torch.exp(-2 * size)))
    log_prob = (-0.5 * normal * normal - kept - HALF_LOG_2PI - log_slope).sum(-1)
    return Squashed(torch.tanh(u), log_prob, spread, (kept == log_std).to(mean.dtype))


def squashed_gradient(drawn: Squashed, by_action: Tensor, by_log_prob: Tensor) -> Tensor:
    """The gradient of mean and log_std, ``[..., 2 * number]``, for a given ``normal``.

    ``by_action [..., number]`` and ``by_log_prob`` (which broadcasts to that) are those of the
    action and of its log-probability: da/du = 1 - a², d log p / du = 2a, and the log_std also
    counts as -1 in the log-probability.
    """
    a = drawn.action
    by_u = by_action * (1 - a * a) + by_log_prob * 2 * a
    by_log_std = (by_u * drawn.spread - by_log_prob) * drawn.free
    return torch.cat([by_u, by_log_std], -1)
