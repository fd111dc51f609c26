"""Losses of action-value networks: for values, or for distributions of returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from rlrun.agents.parts.settings import OffPolicySettings
from rlrun.core.fields import Range
from rlrun.core.memory import fits
from rlrun.core.types import Batch, Spec
from rlrun.rules.distributional import cross_entropy, expectation, project, quantile_huber
from rlrun.rules.td import huber, legal_values, q_learning_target, q_taken, spread, squared

LossName: TypeAlias = Literal["huber", "squared", "cross_entropy", "quantile_huber"]
LOSSES = {"huber": huber, "squared": squared}


class Objective(Protocol):
    """The loss of a network's output. Outputs are ``[seed, batch, ...]``."""

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
        self._support = torch.linspace(v_min, v_max, atoms, device=device)

    def values(self, out: Tensor) -> Tensor:
        return expectation(out, self._support)

    def __call__(
        self, batch: Batch, out: Tensor, next_out: Tensor, selector: Tensor | None
    ) -> Loss:
        next_q = self.values(next_out if selector is None else selector)
        best = legal_values(next_q, batch.next_legal).argmax(-1)
        probability = torch.exp(torch.log_softmax(_of_action(next_out, best), -1))
        target = project(batch.reward, batch.discount, probability, self._support)
        taken = _of_action(out, batch.action)
        loss, slope, divergence = cross_entropy(taken, target)
        return Loss(
            loss,
            expectation(taken, self._support),
            divergence,
            _spread(slope, batch.action, out.shape[-2]),
        )


class QuantileObjective:
    """Quantiles of the returns per action (``rlrun.rules.distributional``); values are their means.

    The error of a value is the difference of the means.
    """

    def __init__(self, quantiles: int, device: torch.device) -> None:
        self._levels = (torch.arange(quantiles, device=device) + 0.5) / quantiles

    def values(self, out: Tensor) -> Tensor:
        return out.mean(-1)

    def __call__(
        self, batch: Batch, out: Tensor, next_out: Tensor, selector: Tensor | None
    ) -> Loss:
        next_q = self.values(next_out if selector is None else selector)
        best = legal_values(next_q, batch.next_legal).argmax(-1)
        after = _of_action(next_out, best)
        target = batch.reward.unsqueeze(-1) + batch.discount.unsqueeze(-1) * after
        taken = _of_action(out, batch.action)
        loss, slope = quantile_huber(taken, target, self._levels)
        q = taken.mean(-1)
        return Loss(loss, q, q - target.mean(-1), _spread(slope, batch.action, out.shape[-2]))


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings(OffPolicySettings):
    """The settings of what a network of action values learns: values, or distributions."""

    distributional: bool = False
    """Learn the distribution of returns (Bellemare et al. 2017)."""
    atoms: Annotated[int, Range(least=2)] = 51
    """Number of returns in that distribution, evenly spaced from v_min to v_max."""
    v_min: float = -10.0
    """The lowest return in that distribution."""
    v_max: float = 10.0
    """The highest return in that distribution."""
    quantiles: Annotated[int, Range(least=2)] | None = None
    """Learn so many quantiles of the return's distribution (Dabney et al. 2018; null: none)."""
    loss: LossName | None = None
    """huber or squared for values, cross_entropy for atoms, quantile_huber (null: what fits).

    For values that is huber. ``squared`` is half the squared error; ``huber`` is linear beyond
    errors of 1, and so is ``quantile_huber``.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.distributional and self.quantiles is not None:
            raise ValueError(
                "quantiles must be null with agent.distributional=true, the other way to learn a "
                f"distribution; got {self.quantiles}"
            )
        losses, why = self._losses
        if self.loss is not None and self.loss not in losses:
            raise ValueError(f"loss must be {' or '.join(losses)}, because {why}; got {self.loss}")
        if self.distributional and not self.v_min < self.v_max:
            raise ValueError(f"v_min must be below v_max ({self.v_max}), got {self.v_min}")

    @property
    def _losses(self) -> tuple[Sequence[LossName], str]:
        """The losses that fit what is learnt, and why."""
        if self.quantiles is not None:
            return ("quantile_huber",), "quantiles are learnt (agent.quantiles)"
        if self.distributional:
            return ("cross_entropy",), "a distribution is learnt (agent.distributional)"
        return ("huber", "squared"), "values are learnt, not distributions"

    def check_inputs(self, spec: Spec, num_seeds: int) -> None:
        """Raise ValueError if a batch does not fit into the memory."""
        super().check_inputs(spec, num_seeds)
        if self.quantiles is not None:  # each is compared with each quantile of the target
            pairs = num_seeds * self.batch_size * self.quantiles * 5  # differences, losses, ...
            fits("quantiles", self.quantiles, pairs * torch.float32.itemsize)

    @property
    def outputs(self) -> int:
        """Outputs of the network for each action."""
        return self.quantiles or (self.atoms if self.distributional else 1)

    def objective(self, device: torch.device) -> Objective:
        """Return the loss of what is learnt."""
        if self.quantiles is not None:
            return QuantileObjective(self.quantiles, device)
        if self.distributional:
            return CategoricalObjective(self.v_min, self.v_max, self.atoms, device)
        return ScalarObjective(self.loss or "huber")


def _of_action(out: Tensor, action: Tensor) -> Tensor:
    """Return the outputs ``[seed, batch, atom]`` of the actions ``[seed, batch]``."""
    index = action[..., None, None].expand(*action.shape, 1, out.shape[-1])
    return out.gather(-2, index).squeeze(-2)


def _spread(slope: Tensor, action: Tensor, actions: int) -> Tensor:
    """Return the gradient ``[seed, batch, action, atom]``, given that of `_of_action`'s result."""
    return functional.one_hot(action, actions).unsqueeze(-1) * slope.unsqueeze(-2)
