"""Goals that are a part of observations, and what steps are worth under other goals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy.typing as npt


class GoalOutcomes(Protocol):
    """The rewards and discounts of steps, if their goals had been others."""

    def prepare(self) -> None:
        """Make what computes them, before the first call. Raises BadInput if that is impossible."""

    def __call__(
        self, achieved: npt.NDArray[Any], desired: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        """Return rewards to learn from, and discounts (None: the steps' own), ``[seed, batch]``.

        ``achieved`` is what the steps have achieved, ``desired`` what they should have, both
        ``[seed, batch, number]``.
        """


@dataclass(frozen=True)
class Goals:
    """Where observations that are numbers have their goals."""

    achieved: int
    """The index of the first number of the goal that the environment has achieved."""
    desired: int
    """The index of the first number of the goal that it should achieve."""
    size: int
    """How many numbers a goal has."""
    outcomes: GoalOutcomes = field(compare=False, repr=False)
    """The rewards and discounts of steps under other goals."""
