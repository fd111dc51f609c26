"""What agents may be able to do beyond acting and learning: one Protocol for each ability.

Whoever wants an ability asks ``isinstance(agent, CanCut)``. Agents inherit from none of these:
they have the method or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from rlrun.core.types import Array


@runtime_checkable
class EstimatesValue(Protocol):
    """Knows what acting greedily is worth; evaluations compare that with what comes."""

    def value(self, obs: Array) -> Array:
        """The discounted return ``[seed, env]`` of acting greedily from ``obs [seed, env, ...]``.

        Draws nothing random and changes nothing.
        """
        ...


@runtime_checkable
class HasHistograms(Protocol):
    """Holds numbers whose distribution is worth seeing, such as weights."""

    def histograms(self) -> Mapping[str, Array]:
        """By tag, such as "weights/online", numbers ``[seed, n]``; asked for by log.histograms.

        Draws nothing random and changes nothing.
        """
        ...


@runtime_checkable
class CanCut(Protocol):
    """Keeps something of the episodes under way, which it can drop."""

    def cut(self) -> None:
        """The next step will not follow the last one."""
        ...


@runtime_checkable
class CanFreeze(Protocol):
    """Can leave the weights of one seed alone, whatever happens to it."""

    def freeze(self, position: int) -> None:
        """Stop learning for the seed at this position in the stack, for good."""
        ...


@runtime_checkable
class ReportsFaults(Protocol):
    """Notices numbers that are not finite; it leaves the weights of such a seed alone."""

    faults: dict[int, str]
    """The seeds, by position in the stack, and what was not finite."""


@runtime_checkable
class LearnsLater(Protocol):
    """Does not learn from its first step on."""

    first_update: int
    """The step before which nothing is learnt."""


@runtime_checkable
class Tabular(Protocol):
    """Keeps its values in a table, which can be shown."""

    @property
    def values(self) -> Array:
        """``[seed, state, action]``, -inf where an action is impossible; ``[seed, state, 1]``
        where states alone have values."""
        ...

    def policy(self) -> Array:
        """Probabilities ``[seed, state, action]`` of the policy that acts in an evaluation."""
        ...
