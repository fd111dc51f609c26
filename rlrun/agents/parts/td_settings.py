"""The settings of Q-learning, SARSA and expected SARSA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from rlrun.core.fields import OFF_AT_0, Fraction, PerRow, Range
from rlrun.core.types import Spec
from rlrun.explore.options import BonusSettings
from rlrun.tables.pending import MAX_STEPS
from rlrun.tables.settings import TableSettings
from rlrun.tables.traces import TraceKind


@dataclass(frozen=True, kw_only=True)
class TDControlSettings(TableSettings):
    """The settings of `TDControl`: Q-learning, SARSA or expected SARSA by ``bootstrap``."""

    bootstrap: Literal["max", "taken", "expected"] = "max"
    """The next state's value: max, taken (SARSA), expected (expected SARSA).

    ``max`` of its actions' values (Watkins 1989), that of the action ``taken`` there (Rummery and
    Niranjan 1994), or the one ``expected`` of the exploring policy (van Seijen et al. 2009).
    """
    n_step: Annotated[int, Range(least=1, most=MAX_STEPS)] = 1
    """Rewards summed before the bootstrap.

    Q-learning sums them without a correction for exploring actions.
    """
    trace_decay: Annotated[PerRow[Fraction], OFF_AT_0] = 0.0
    """Lambda of the eligibility traces (0: none).

    With ``max`` they are cut at an exploring action (Watkins's Q(lambda)).
    """
    traces: TraceKind = "replacing"
    """Kind of the traces: replacing, accumulating or dutch (true online TD).

    Singh and Sutton 1996; Sutton 1988; van Seijen et al. 2016.
    """

    def __post_init__(self) -> None:
        if self.n_step > 1 and self.trace_decay:
            raise ValueError(
                f"n_step must be 1 with eligibility traces (trace_decay above 0), got {self.n_step}"
            )

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise BadInput if the table is larger than the memory, or the observations need bins."""
        counts = isinstance(explore, BonusSettings) and not self.counts_visits
        copies = 1 + counts + (spec.num_envs if np.any(self.trace_decay) else 0)
        self.check_memory(spec, num_seeds, copies=copies)
