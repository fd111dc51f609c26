"""Temporal-difference rules for action values.

``q`` tensors are ``[..., action]``, all others ``[...]``, with the same leading axes (no silent
broadcasting: shapes are checked). Callers keep targets out of the gradient.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional


def q_taken(q: Tensor, action: Tensor) -> Tensor:
    """Return Q(s, a) of the actions taken.

    Raises ValueError if the leading axes differ.
    """
    if q.shape[:-1] != action.shape:
        raise ValueError(f"q {tuple(q.shape)} does not fit actions {tuple(action.shape)}")
    return q.gather(-1, action.unsqueeze(-1)).squeeze(-1)


def spread(slope: Tensor, action: Tensor, actions: int) -> Tensor:
    """Return the gradient of q, ``[..., action]``, given that of the values of `q_taken`."""
    zeros = slope.new_zeros(*slope.shape, actions)
    return zeros.scatter_(-1, action.unsqueeze(-1), slope.unsqueeze(-1))


def legal_values(q: Tensor, legal: Tensor | None) -> Tensor:
    """Return ``q`` with -inf for the actions that ``legal [..., action]`` rules out, if any."""
    return q if legal is None else q.masked_fill(~legal, -math.inf)


def q_learning_target(
    reward: Tensor, discount: Tensor, next_q: Tensor, selector_q: Tensor | None = None
) -> Tensor:
    """Return r + discount · Q(s', a'), where a' is the best action of ``selector_q``.

    ``selector_q`` defaults to ``next_q``. The former from the online and the latter from the target
    network is double Q-learning (van Hasselt et al. 2016, eq. 4); one network for both is
    Q-learning (Mnih et al. 2015, eq. 1).

    Raises ValueError if the leading axes differ.
    """
    if not reward.shape == discount.shape == next_q.shape[:-1]:
        raise ValueError(
            f"reward {tuple(reward.shape)}, discount {tuple(discount.shape)} and next_q "
            f"{tuple(next_q.shape)} do not share their leading axes"
        )
    if selector_q is None:
        return reward + discount * next_q.amax(-1)
    return reward + discount * q_taken(next_q, selector_q.argmax(-1))


def squared(value: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return half the squared error, and its gradient by ``value``: the error itself."""
    error = value - target
    return 0.5 * error * error, error


def huber(value: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Huber loss, and its gradient by ``value``: the error clipped to ±1.

    The loss is half the squared error within ±1 and linear beyond. It corresponds to the clipped
    error of Mnih et al. 2015, "Methods".
    """
    loss = functional.huber_loss(value, target, reduction="none")
    return loss, (value - target).clamp_(-1, 1)
