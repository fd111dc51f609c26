"""Rules for continuous actions in [-1, 1]; results are not averaged.

Log-probabilities use only exp, log and tanh, whose results for a seed are the same in a stack and
alone. ``[..., number]`` tensors have one entry per action dimension.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats: TypeAlias = npt.NDArray[np.float32]
LOG_STD = (-20.0, 2.0)
"""Bounds of log standard deviations (Haarnoja et al. 2018, their code)."""
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def bootstrapped(reward: Tensor, discount: Tensor, next_value: Tensor) -> Tensor:
    """Return r + discount · V(s'), all ``[seed, batch]``.

    Raises ValueError if the shapes differ.
    """
    if not reward.shape == discount.shape == next_value.shape:
        raise ValueError(
            f"reward {tuple(reward.shape)}, discount {tuple(discount.shape)} and next_value "
            f"{tuple(next_value.shape)} are not of the same shape"
        )
    return reward + discount * next_value


def smoothed(action: Tensor, normal: Tensor, std: float | Tensor, clip: float | Tensor) -> Tensor:
    """Return the action in [-1, 1] after adding noise of ``std``, clipped to ±``clip``.

    Target policy smoothing (Fujimoto et al. 2018, eq. 14).
    """
    noise = torch.clamp(normal * std, -clip, clip)  # type: ignore[arg-type]
    return (action + noise).clamp_(-1, 1)


def squashed_action(mean: Floats, log_std: Floats, normal: Floats) -> Floats:
    """Return tanh(mean + std · normal) ``[..., number]``, for acting."""
    action: Floats = np.tanh(mean + np.exp(log_std.clip(*LOG_STD)) * normal)
    return action


class Squashed(NamedTuple):
    """An action a = tanh(u), u drawn from a normal distribution, and what its gradients need."""

    action: Tensor
    """``[..., number]``."""
    log_prob: Tensor
    """The log-probability of the whole action, ``[...]``."""
    spread: Tensor
    """u minus the mean, ``[..., number]``: the derivative of u by the log standard deviation."""
    free: Tensor
    """Whether the log standard deviation was not clipped."""


def squashed(mean: Tensor, log_std: Tensor, normal: Tensor) -> Squashed:
    """Return tanh(mean + std · normal) and its log-probability (Haarnoja et al. 2018, appendix C).

    log p(a) = Σ log N(u; mean, std) - log(1 - tanh²u), the latter as
    2 (log 2 - |u| - log(1 + exp(-2|u|))), which is finite for every u.
    """
    clipped = log_std.clamp(*LOG_STD)
    spread = torch.exp(clipped) * normal
    u = mean + spread
    size = u.abs()
    log_slope = 2 * (math.log(2) - size - torch.log(1 + torch.exp(-2 * size)))
    log_prob = (-0.5 * normal * normal - clipped - HALF_LOG_2PI - log_slope).sum(-1)
    return Squashed(torch.tanh(u), log_prob, spread, clipped == log_std)


def squashed_gradient(drawn: Squashed, by_action: Tensor, by_log_prob: Tensor) -> Tensor:
    """Return the gradient of mean and log_std, ``[..., 2 * number]``, with ``normal`` held fixed.

    ``by_action [..., number]`` and ``by_log_prob`` (which broadcasts to that) are the gradients of
    the action and of its log-probability: da/du = 1 - a², d log p / du = 2a, and log_std also
    enters the log-probability directly, with the derivative -1.
    """
    a = drawn.action
    by_u = by_action * (1 - a * a) + by_log_prob * 2 * a
    by_log_std = (by_u * drawn.spread - by_log_prob) * drawn.free
    return torch.cat([by_u, by_log_std], -1)
