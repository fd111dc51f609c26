"""Policy gradients: advantages, objectives and losses. Results are not averaged.

Advantages are arrays ``[seed, time, ...]`` on the host; losses are tensors of any shape, returned
with their gradients.
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
    trace_decay: float | Floats,
) -> Floats:
    """Return advantages by generalised advantage estimation (Schulman et al. 2016, eq. 16).

    A_t = δ_t + discount_t · λ · A_{t+1} with δ_t = r_t + discount_t · V(s'_t) - V(s_t). The sum
    does not cross the end of an episode: at ``last`` it stops, bootstrapping from the value of the
    true next observation multiplied by the discount, which is 0 if the episode terminated. With
    λ = 0 it is the TD error, with λ = 1 the return minus the value.

    The sums of all times double in reach at once (Hillis and Steele 1986): after n passes each has
    its first 2^n terms.

    Args:
        reward, discount, last: ``[seed, time, ...]``.
        value, next_value: values of the observation and of the next one, of the same shape.
        trace_decay: λ; an array must broadcast.
    """
    error = reward + discount * next_value - value
    advantage = np.ascontiguousarray(error.swapaxes(0, 1))  # [time, seed, ...]
    carry = np.ascontiguousarray((discount * (trace_decay * ~last)).swapaxes(0, 1))
    reach = 1
    while reach < len(advantage):
        advantage[:-reach] += carry[:-reach] * advantage[reach:]
        carry[:-reach] *= carry[reach:]
        reach *= 2
    return np.ascontiguousarray(advantage.swapaxes(0, 1))


def clipped_objective(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float | Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return PPO's objective, its gradient by ``log_prob``, and the log of the ratio.

    Schulman et al. 2017, eq. 7: min(ratio · A, clamp(ratio, 1 ± clip) · A), to be maximised. None
    does not clip; if the ratio is 1, the gradient is then that of the policy gradient: A.
    """
    log_ratio = log_prob - old_log_prob
    ratio = log_ratio.exp()
    surrogate = ratio * advantage
    if clip is None:
        return surrogate, surrogate, log_ratio
    low, high = 1 - clip, 1 + clip
    if isinstance(low, Tensor) and isinstance(high, Tensor):  # one for each row, float64
        low, high = low.to(ratio.dtype), high.to(ratio.dtype)
    clipped = _clamp(ratio, low, high) * advantage
    slope = torch.where(surrogate <= clipped, surrogate, 0.0)
    return torch.minimum(surrogate, clipped), slope, log_ratio


def value_loss(
    value: Tensor, target: Tensor, old_value: Tensor, clip: float | Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the squared error, and its gradient by ``value``.

    With ``clip`` it is the larger of that and the squared error of a value clipped to ±clip around
    the old one, as in OpenAI's implementation of PPO.
    """
    error = value - target
    loss, slope = error * error, 2 * error
    if clip is None:
        return loss, slope
    change = value - old_value
    clipped_error = old_value + _clamp(change, -clip, clip) - target
    clipped_loss = clipped_error * clipped_error
    # within the clip the two errors are equal, though rounding may make either the larger
    unclipped = (change.abs() <= clip) | (loss >= clipped_loss)
    return torch.maximum(loss, clipped_loss), torch.where(unclipped, slope, 0.0)


def _clamp(x: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    return torch.clamp(x, low, high)  # type: ignore[arg-type]
