"""Action distributions, parametrized by a policy network's output.

Gradients are written out, as for the layers. Outputs are ``[seed, batch, width]``, padded; the
log-probabilities and entropies of whole actions are ``[seed, batch]``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
from torch import Tensor
from torch.nn import functional

from rlrun.core.rng import pick
from rlrun.core.types import Array, Space
from rlrun.nets.parameters import Pieces, up

ILLEGAL = -1e8  # the logit of a choice that is not legal
LOG_ROOT_TAU = 0.5 * math.log(2 * math.pi)


class LogProb(NamedTuple):
    """Log-probabilities of given actions, with the entropies of their distributions."""

    log_prob: Tensor
    """``[seed, batch]``."""
    entropy: Tensor
    """``[seed, batch]``."""
    saved: Any
    """The input of `backward`."""


class Distribution(Protocol):
    """An action distribution; ``pieces`` are its own parameters."""

    outputs: int
    """Number of network outputs it needs."""
    shapes: Sequence[tuple[int, int]]
    """Shapes of the distribution's parameters, which start at 0."""
    draws: int
    """Random numbers needed for one action."""
    normal: bool
    """Whether those are normally distributed; otherwise they are uniform in [0, 1)."""

    def sample(self, out: Array, pieces: Pieces, draw: Array) -> Array:
        """Return actions ``[seed, batch, n]`` for random numbers ``draw [seed, batch, draws]``."""
        ...

    def mode(self, out: Array) -> Array:
        """Return the likeliest actions ``[seed, batch, n]``; the first among equals."""
        ...

    def of(self, out: Tensor, pieces: Pieces, action: Tensor) -> LogProb:
        """Return the log-probability of ``action [seed, batch, n]``, and the entropy."""
        ...

    def backward(self, saved: Any, log_prob: Tensor, entropy: Tensor, into: Pieces) -> Tensor:
        """Return the gradient of the output, given those of ``log_prob`` and ``entropy``.

        Both are ``[seed, batch]``. The gradients of the distribution's own parameters are written
        ``into`` pieces of the same shapes.
        """
        ...


class Categorical:
    """One or several independent categorical choices; the outputs are their logits, concatenated.

    Args:
        choices: number of categories of each choice.
    """

    normal = False
    shapes: Sequence[tuple[int, int]] = ()

    def __init__(self, choices: Sequence[int]) -> None:
        bounds = list(pairwise(accumulate(choices, initial=0)))
        self._parts = [slice(start, stop) for start, stop in bounds]
        self.outputs, self.draws = sum(choices), len(choices)

    def sample(self, out: Array, pieces: Pieces, draw: Array) -> Array:
        actions = np.empty(draw.shape, np.int64)
        logits = out.astype(np.float64)
        for n, part in enumerate(self._parts):
            one = logits[..., part]
            weight = np.exp(one - one.max(-1, keepdims=True))
            actions[..., n] = pick(weight, draw[..., n])
        return actions

    def mode(self, out: Array) -> Array:
        return np.stack([out[..., part].argmax(-1) for part in self._parts], -1)

    def of(self, out: Tensor, pieces: Pieces, action: Tensor) -> LogProb:
        saved, log_probs, entropies = [], [], []
        for n, part in enumerate(self._parts):
            log_prob, taken = out[..., part].log_softmax(-1), action[..., n : n + 1]
            prob = log_prob.exp()
            entropy = -(prob * log_prob).sum(-1)
            saved.append((log_prob, prob, entropy, taken))
            log_probs.append(log_prob.gather(-1, taken).squeeze(-1))
            entropies.append(entropy)
        return LogProb(_sum(log_probs), _sum(entropies), (saved, out.shape[-1]))

    def backward(self, saved: Any, log_prob: Tensor, entropy: Tensor, into: Pieces) -> Tensor:
        parts, width = saved
        grad = log_prob.new_zeros(*log_prob.shape, width)
        log_prob, entropy = log_prob.unsqueeze(-1), entropy.unsqueeze(-1)
        for place, (logs, prob, part_entropy, taken) in zip(self._parts, parts, strict=True):
            slope = -prob * (log_prob + entropy * (logs + part_entropy.unsqueeze(-1)))
            grad[..., place] = slope.scatter_add_(-1, taken, log_prob)
        return grad


class Gaussian:
    """Independent normal distributions: the outputs are the means, the deviations parameters.

    The log of the standard deviation is the same for every observation, and starts at 0.

    Args:
        size: number of action dimensions.
    """

    normal = True

    def __init__(self, size: int) -> None:
        self.outputs = self.draws = self._size = size
        self.shapes = [(1, up(size, 4))]

    def sample(self, out: Array, pieces: Pieces, draw: Array) -> Array:
        deviation = pieces[0][..., : self._size].exp().numpy(force=True)
        sampled: Array = self.mode(out) + deviation * draw.astype(np.float32)
        return sampled

    def mode(self, out: Array) -> Array:
        return out[..., : self._size]

    def of(self, out: Tensor, pieces: Pieces, action: Tensor) -> LogProb:
        log_std = pieces[0][..., : self._size]
        precision = (-log_std).exp()  # the root of the precision
        distance = (action - out[..., : self._size]) * precision
        log_prob = (-0.5 * distance * distance - log_std - LOG_ROOT_TAU).sum(-1)
        entropy = (log_std + (0.5 + LOG_ROOT_TAU)).sum(-1).expand_as(log_prob)
        return LogProb(log_prob, entropy, (distance, precision, out.shape[-1]))

    def backward(self, saved: Any, log_prob: Tensor, entropy: Tensor, into: Pieces) -> Tensor:
        distance, precision, width = saved
        log_prob, entropy = log_prob.unsqueeze(-1), entropy.unsqueeze(-1)
        deviations = log_prob * (distance * distance - 1) + entropy
        into[0][:, 0, : self._size] = deviations.mT.contiguous().sum(-1)
        grad = log_prob.new_zeros(*distance.shape[:-1], width)
        grad[..., : self._size] = log_prob * distance * precision
        return grad


def only_legal(out: Tensor, legal: Tensor | None) -> Tensor:
    """Return logits ``[seed, batch, width]`` with those of illegal choices set to -1e8.

    Their probability is 0, and so is their gradient (Huang and Ontañón 2022); with -inf the entropy
    would not be a number. ``legal [seed, batch, choice]`` lacks the padding.
    """
    if legal is None:
        return out
    padding = (0, out.shape[-1] - legal.shape[-1])
    return out.masked_fill(~functional.pad(legal, padding, value=True), ILLEGAL)


def _sum(parts: Sequence[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def distribution_for(action: Space) -> Categorical | Gaussian:
    """Return the distribution for the actions of a space."""
    if action.kind == "vector":
        return Gaussian(math.prod(action.shape))
    return Categorical(action.choices)
