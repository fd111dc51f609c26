"""What a policy network's output says: how likely each action is.

Slopes are written out, as the layers' are. Outputs are ``[seed, batch, width]``, padded; the
log-probabilities and entropies of whole actions are ``[seed, batch]``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from rlrun.core.types import Space
from rlrun.nets.parameters import Pieces, up

LOG_ROOT_TAU = 0.5 * math.log(2 * math.pi)


class Told(NamedTuple):
    """What is known of the actions taken."""

    log_prob: Tensor
    """``[seed, batch]``."""
    entropy: Tensor
    """``[seed, batch]``."""
    saved: Any
    """For `backward`."""


class Distribution(Protocol):
    """How an output is read; ``pieces`` are the distribution's own parameters."""

    outputs: int
    """How many numbers of the network it needs."""
    shapes: Sequence[tuple[int, int]]
    """Of its own parameters, which begin with 0."""
    draws: int
    """Random numbers for one action."""
    normal: bool
    """Whether they are normally distributed, else uniform in [0, 1)."""

    def sample(self, out: Tensor, pieces: Pieces, draw: Tensor) -> Tensor:
        """Actions ``[seed, batch, n]`` for ``draw [seed, batch, draws]``."""
        ...

    def mode(self, out: Tensor) -> Tensor:
        """The likeliest actions ``[seed, batch, n]``; the first of equally likely ones."""
        ...

    def of(self, out: Tensor, pieces: Pieces, action: Tensor) -> Told:
        """How likely ``action [seed, batch, n]`` is."""
        ...

    def backward(self, saved: Any, log_prob: Tensor, entropy: Tensor, into: Pieces) -> Tensor:
        """The gradient of the output, from those of the two numbers ``[seed, batch]``.

        Writes the gradients of the distribution's own parameters ``into`` pieces like them.
        """
        ...


class Categorical:
    """One choice or several independent ones; the outputs are the logits of each, side by side.

    Args:
        choices: how many values each can take.
    """

    normal = False
    shapes: Sequence[tuple[int, int]] = ()

    def __init__(self, choices: Sequence[int]) -> None:
        bounds = list(pairwise(accumulate(choices, initial=0)))
        self._parts = [slice(start, stop) for start, stop in bounds]
        self.outputs, self.draws = sum(choices), len(choices)

    def sample(self, out: Tensor, pieces: Pieces, draw: Tensor) -> Tensor:
        chosen = []
        for n, part in enumerate(self._parts):
            # at which value the probabilities, added up, pass the draw
            upto = out[..., part].double().softmax(-1).cumsum(-1)
            passed = upto > (draw[..., n] * upto[..., -1]).unsqueeze(-1)
            chosen.append(passed.to(torch.uint8).argmax(-1))
        return torch.stack(chosen, -1)

    def mode(self, out: Tensor) -> Tensor:
        return torch.stack([out[..., part].argmax(-1) for part in self._parts], -1)

    def of(self, out: Tensor, pieces: Pieces, action: Tensor) -> Told:
        saved, log_probs, entropies = [], [], []
        for n, part in enumerate(self._parts):
            log_prob, taken = out[..., part].log_softmax(-1), action[..., n : n + 1]
            prob = log_prob.exp()
            entropy = -(prob * log_prob).sum(-1)
            saved.append((log_prob, prob, entropy, taken))
            log_probs.append(log_prob.gather(-1, taken).squeeze(-1))
            entropies.append(entropy)
        return Told(_added(log_probs), _added(entropies), (saved, out.shape[-1]))

    def backward(self, saved: Any, log_prob: Tensor, entropy: Tensor, into: Pieces) -> Tensor:
        parts, width = saved
        grad = log_prob.new_zeros(*log_prob.shape, width)
        log_prob, entropy = log_prob.unsqueeze(-1), entropy.unsqueeze(-1)
        for place, (logs, prob, own, taken) in zip(self._parts, parts, strict=True):
            slope = -prob * (log_prob + entropy * (logs + own.unsqueeze(-1)))
            grad[..., place] = slope.scatter_add_(-1, taken, log_prob)
        return grad


class Gaussian:
    """Independent normal numbers: the outputs are the means; the deviations are parameters.

    The log of the standard deviation is the same for every observation, and begins with 0.

    Args:
        size: how many numbers an action has.
    """

    normal = True

    def __init__(self, size: int) -> None:
        self.outputs = self.draws = self._size = size
        self.shapes = [(1, up(size, 4))]

    def sample(self, out: Tensor, pieces: Pieces, draw: Tensor) -> Tensor:
        deviation = pieces[0][..., : self._size].exp()
        return self.mode(out) + deviation * draw.float()

    def mode(self, out: Tensor) -> Tensor:
        return out[..., : self._size]

    def of(self, out: Tensor, pieces: Pieces, action: Tensor) -> Told:
        log_std = pieces[0][..., : self._size]
        precision = (-log_std).exp()  # its root
        distance = (action - self.mode(out)) * precision
        log_prob = (-0.5 * distance * distance - log_std - LOG_ROOT_TAU).sum(-1)
        entropy = (log_std + (0.5 + LOG_ROOT_TAU)).sum(-1).expand_as(log_prob)
        return Told(log_prob, entropy, (distance, precision, out.shape[-1]))

    def backward(self, saved: Any, log_prob: Tensor, entropy: Tensor, into: Pieces) -> Tensor:
        distance, precision, width = saved
        log_prob, entropy = log_prob.unsqueeze(-1), entropy.unsqueeze(-1)
        deviations = log_prob * (distance * distance - 1) + entropy
        into[0][:, 0, : self._size] = deviations.mT.contiguous().sum(-1)
        grad = log_prob.new_zeros(*distance.shape[:-1], width)
        grad[..., : self._size] = log_prob * distance * precision
        return grad


def _added(parts: Sequence[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def distribution_for(action: Space) -> Categorical | Gaussian:
    """How actions of a space are distributed."""
    if action.kind == "vector":
        return Gaussian(math.prod(action.shape))
    return Categorical(action.choices)
