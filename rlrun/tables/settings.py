"""The settings of every agent with a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.fields import NonNegative, PerRow, Share
from rlrun.core.memory import in_words, shortage
from rlrun.core.types import Spec
from rlrun.tables.states import States

LrClock: TypeAlias = Literal["steps", "visits"]


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """The settings of every agent with a table."""

    lr: PerRow[Share] = 0.1
    """Step size at the start."""
    lr_decay: PerRow[NonNegative] = 0.0
    """d in lr / (1 + d k); 0: constant step size."""
    lr_clock: LrClock = "visits"
    """visits or steps: k counts earlier visits of the pair, or steps of the run."""
    initial_value: PerRow[float] = 0.0
    """Initial value of every pair; an optimistic one encourages exploration.

    Sutton and Barto 2018, section 2.6.
    """

    @property
    def counts_visits(self) -> bool:
        """Whether the step size depends on the visits of each pair."""
        return self.lr_clock == "visits" and bool(np.any(self.lr_decay > 0))

    def check_memory(
        self, spec: Spec, num_seeds: int, *, actions: int | None = None, copies: int = 1
    ) -> None:
        """Raise BadInput if the table is larger than the memory, or the observations need bins.

        ``actions`` are the values of a state, by default one for each action; ``copies`` is how
        many arrays of the table's size the agent holds, besides the counts of visits.
        """
        states, actions = States(spec).count, actions or spec.action.choices[0]
        # besides the table: the best one so far, and the policy when it is displayed
        size = 8 * num_seeds * states * actions * (copies + self.counts_visits + 2)
        free = shortage(size)
        if free is not None:
            raise BadInput(
                f"the table for {spec.env_id} has {states:,} states x {actions} actions, which for "
                f"{num_seeds} seeds takes {in_words(size)}, but only {in_words(free)} of memory "
                "is free: use fewer seeds or bins, or an agent with a network (agent=dqn)."
            )
