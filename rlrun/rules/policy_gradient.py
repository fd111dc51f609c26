"""Policy gradients: advantages, returns, and what is made large or small. Nothing is averaged.

Advantages and returns are arrays ``[seed, time, ...]`` on the host; losses are tensors of any
shape, and come with their slopes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.floating]


def gae(
    reward: Floats,
    discount: Floats,
    last: npt.NDArray[np.bool_],
    value: Floats,
    next_value: Floats,
    *,
    trace_decay: float,
) -> Floats:
    """Advantages by generalised advantage estimation (Schulman et al. 2016, eq. 16).

    A_t = δ_t + discount_t · λ · A_{t+1} with δ_t = r_t + discount_t · V(s'_t) - V(s_t). Nothing
    flows back over an episode's end: at ``last`` the sum is cut, and what comes after is the value
    of the true next observation, times the discount, which is 0 where the episode terminated. With
    λ = 0 it is the TD error, with λ = 1 the return less the value.

    Args:
        reward, discount, last: of the steps, ``[seed, time, ...]``.
        value, next_value: of the observation and of the next one, of the same shape.
        trace_decay: λ.
    """
    error = reward + discount * next_value - value
    carry = discount * (trace_decay * ~last)
    found = np.empty_like(error)
    following = np.zeros_like(error[:, 0])
    for time in range(error.shape[1] - 1, -1, -1):
        following = error[:, time] + carry[:, time] * following
        found[:, time] = following
    return found


def clipped_objective(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float | None
) -> tuple[Tensor, Tensor, Tensor]:
    """PPO's objective, its slope in ``log_prob``, and the log of the ratio (Schulman et al. 2017).

    Equation 7: min(ratio · A, clamp(ratio, 1 ± clip) · A), to be made large; None does not clip,
    and where the ratio is 1 the slope is then that of the policy gradient: A.
    """
    log_ratio = log_prob - old_log_prob
    ratio = log_ratio.exp()
    surrogate = ratio * advantage
    if clip is None:
        return surrogate, surrogate, log_ratio
    clipped = ratio.clamp(1 - clip, 1 + clip) * advantage
    slope = torch.where(surrogate <= clipped, surrogate, 0.0)
    return torch.minimum(surrogate, clipped), slope, log_ratio


def value_loss(
    value: Tensor, target: Tensor, old_value: Tensor, clip: float | None
) -> tuple[Tensor, Tensor]:
    """The squared error, and its slope in ``value``.

    With ``clip`` it is the larger of that and of the error of a value that stays within ±clip of
    the old one, as in OpenAI's implementation of PPO.
    """
    error = value - target
    loss, slope = error * error, 2 * error
    if clip is None:
        return loss, slope
    away = value - old_value
    kept = old_value + away.clamp(-clip, clip) - target
    # within the clip the two errors are one, though rounding may make either the larger
    counts = (away.abs() <= clip) | (loss >= kept * kept)
    return torch.maximum(loss, kept * kept), torch.where(counts, slope, 0.0)
