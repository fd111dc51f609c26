"""Losses of action-value networks: for values, or for distributions of returns."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from rlrun.core.types import Batch
from rlrun.rules.distributional import cross_entropy, expectation, project
from rlrun.rules.td import huber, legal_values, q_learning_target, q_taken, spread, squared

LossName: TypeAlias = Literal["huber", "squared", "cross_entropy"]
LOSSES = {"huber": huber, "squared": squared}


class Objective(Protocol):
    """The loss of a network's output. Outputs are ``[seed, batch, ...]``."""

    atoms: int
    """Outputs for each action."""

    def values(self, out: Tensor) -> Tensor:
        """Return the action values ``[seed, batch, action]`` of an output."""
        ...

    def __call__(
        self, batch: Batch, out: Tensor, next_out: Tensor, selector: Tensor | None
    ) -> Loss:
        """Return the loss of ``out``, the network's output for the batch's observations.

        ``next_out`` is the target network's output for the next observations. The next actions are
        the best legal ones by ``selector``, the online network's output for them, or by
        ``next_out``.
        """
        ...


class Loss(NamedTuple):
    """The loss of each transition, ``[seed, batch]``, neither weighted nor averaged."""

    loss: Tensor
    q: Tensor
    """The value of the action taken."""
    error: Tensor
    """The signed error of that value; its size is the priority in a replay."""
    slope: Tensor
    """The gradient of the loss with respect to the output, ``[seed, batch, action, ...]``."""

    def weighted(self, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the losses times ``weight [seed, batch]``, and the gradient of their mean."""
        loss, slope = self.loss, self.slope / self.q.shape[-1]
        if weight is None:
            return loss, slope
        return weight * loss, weight.view(*loss.shape, *(1,) * (slope.ndim - 2)) * slope


class ScalarObjective:
    """One value per action, with a loss of the difference to its target (``rlrun.rules.td``)."""

    atoms = 1

    def __init__(self, loss: LossName) -> None:
        self._loss = LOSSES[loss]

    def values(self, out: Tensor) -> Tensor:
        return out

    def __call__(
        self, batch: Batch, out: Tensor, next_out: Tensor, selector: Tensor | None
    ) -> Loss:
        if selector is None:
            next_out = legal_values(next_out, batch.next_legal)
        else:
            selector = legal_values(selector, batch.next_legal)
        target = q_learning_target(batch.reward, batch.discount, next_out, selector)
        q = q_taken(out, batch.action)
        loss, slope = self._loss(q, target)
        return Loss(loss, q, q - target, spread(slope, batch.action, out.shape[-1]))


class CategoricalObjective:
    """A distribution of returns per action, with cross-entropy (``rlrun.rules.distributional``)."""

    def __init__(self, v_min: float, v_max: float, atoms: int, device: torch.device) -> None:
        self.atoms = atoms
        self._support = torch.linspace(v_min, v_max, atoms, device=device)

    def values(self, out: Tensor) -> Tensor:
        return expectation(out, self._support)

    def __call__(
        self, batch: Batch, out: Tensor, next_out: Tensor, selector: Tensor | None
    ) -> Loss:
        next_q = self.values(next_out if selector is None else selector)
        best = legal_values(next_q, batch.next_legal).argmax(-1)
        probability = torch.exp(torch.log_softmax(_logits_of(next_out, best), -1))
        target = project(batch.reward, batch.discount, probability, self._support)
        taken = _logits_of(out, batch.action)
        loss, slope, divergence = cross_entropy(taken, target)
        chosen = functional.one_hot(batch.action, out.shape[-2]).unsqueeze(-1)
        return Loss(
            loss,
            expectation(taken, self._support),
            divergence,
            chosen * slope.unsqueeze(-2),
        )


def objective(
    loss: LossName | None, support: tuple[float, float, int] | None, device: torch.device
) -> Objective:
    """Return the loss of values, or with a ``support`` that of distributions of returns.

    The support is the lowest return, the highest one and their number.
    """
    if support is not None:
        return CategoricalObjective(*support, device)
    return ScalarObjective(loss or "huber")


def check_loss(loss: LossName | None, *, distributional: bool) -> None:
    """Raise ValueError if the loss does not fit what is learnt: values, or distributions."""
    losses = ("cross_entropy",) if distributional else ("huber", "squared")
    if loss is not None and loss not in losses:
        why = (
            "a distribution is learnt (agent.distributional)"
            if distributional
            else "values are learnt, not distributions"
        )
        raise ValueError(f"loss must be {' or '.join(losses)}, because {why}; got {loss}")


def _logits_of(out: Tensor, action: Tensor) -> Tensor:
    """Return the logits ``[seed, batch, atom]`` of the actions ``[seed, batch]``."""
    index = action[..., None, None].expand(*action.shape, 1, out.shape[-1])
    return out.gather(-2, index).squeeze(-2)
