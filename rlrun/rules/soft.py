"""Rules of soft actor-critic for discrete actions (Christodoulou 2019); results are not averaged.

``[..., action]`` tensors have one entry per action. Expectations over actions are exact sums.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Soft(NamedTuple):
    """The value of a policy in a state, with the entropy that it is rewarded for."""

    value: Tensor
    """The expectation of Q - temperature · log p, ``[...]``."""
    entropy: Tensor
    """The entropy of the policy, ``[...]``."""
    slope: Tensor
    """The gradient of the value with respect to the logits, ``[..., action]``."""


def soft_value(logits: Tensor, q: Tensor, temperature: Tensor) -> Soft:
    """Return the soft value of the policy with these ``logits`` (Christodoulou 2019, eq. 10).

    The actor's loss is its negative (eq. 12). The gradient: p · (Q - temperature · log p - value).
    An action whose logit is -1e8 has the probability 0 and no influence.

    Args:
        logits, q: ``[..., action]``.
        temperature: of a shape that broadcasts to that.
    """
    log_prob = torch.log_softmax(logits, -1)
    prob = torch.exp(log_prob)
    gain = q - temperature * log_prob
    value = (prob * gain).sum(-1)
    entropy = -(prob * log_prob).sum(-1)
    return Soft(value, entropy, prob * (gain - value.unsqueeze(-1)))


def largest_entropy(legal: Tensor) -> Tensor:
    """Return the entropy ``[...]`` of uniformly random ones of the ``legal [..., action]``."""
    return torch.log(legal.sum(-1).float())
