"""The settings of Q-learning, SARSA and expected SARSA."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.fields import OFF_AT_0, Count, Fraction, PerRow, Range
from rlrun.core.memory import in_words, shortage
from rlrun.core.types import Spec
from rlrun.explore.options import BonusSettings
from rlrun.features.bases import Features, Fourier, Polynomials, Tiles
from rlrun.features.ranges import Scale
from rlrun.tables.pending import MAX_STEPS
from rlrun.tables.settings import TableSettings
from rlrun.tables.traces import TraceKind

Basis: TypeAlias = Literal["tiles", "fourier", "polynomial"]


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

    features: Basis | None = None
    """tiles, fourier or polynomial: values linear in features of the observation (null: a table).

    Tile coding and polynomials: Sutton and Barto 2018, section 9.5. Fourier: Konidaris et al. 2011.
    """
    tilings: Count = 8
    """Number of tilings of tile coding, by which step sizes are divided."""
    tiles: Count | tuple[Count, ...] = 8
    """Tiles of each tiling along each number of an observation; a list has one for each number."""
    order: Count = 3
    """Order of the Fourier or polynomial basis, which has (order + 1)^numbers features."""

    def __post_init__(self) -> None:
        if self.n_step > 1 and self.trace_decay:
            raise ValueError(
                f"n_step must be 1 with eligibility traces (trace_decay above 0), got {self.n_step}"
            )
        if self.features is None:
            return
        if self.n_step > 1:
            raise ValueError(
                f"n_step must be 1 with features, got {self.n_step}: use trace_decay instead"
            )
        if self.counts_visits:
            raise ValueError(
                "lr_clock must be steps where features have a step size that decays, since visits "
                "of pairs are not counted (agent.lr_decay=0 keeps it constant)"
            )
        if self.features != "tiles" and self.traces == "replacing" and self.trace_decay:
            raise ValueError(
                f"traces must be dutch or accumulating with features={self.features}: replacing "
                "traces are defined for features of 0 and 1"
            )

    @property
    def implementation(self) -> str:
        """The class that learns with these settings, by import path."""
        if self.features is None:
            return "rlrun.agents.td_control:TDControl"
        return "rlrun.agents.linear_td:LinearTD"

    def build_features(self, spec: Spec) -> Features:
        """Return the features. Raises BadInput if the ranges of observations are not known."""
        if self.features == "tiles":
            return Tiles(spec, self.tilings, self._tiles(spec))
        return (Fourier if self.features == "fourier" else Polynomials)(spec, self.order)

    def _tiles(self, spec: Spec) -> tuple[int, ...]:
        numbers = spec.obs.shape[0]
        tiles = (self.tiles,) * numbers if isinstance(self.tiles, int) else self.tiles
        if len(tiles) != numbers:
            raise ValueError(
                f"tiles must be one number, or one for each of the {numbers} numbers of an "
                f"observation, got {len(tiles)}"
            )
        return tiles

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise BadInput if the values are larger than the memory, or do not fit the observations.

        Raises ValueError if the tiles do not.
        """
        if self.features is not None:
            self._check_features(spec, num_seeds)
            return
        counts = isinstance(explore, BonusSettings) and not self.counts_visits
        copies = 1 + counts + (spec.num_envs if np.any(self.trace_decay) else 0)
        self.check_memory(spec, num_seeds, copies=copies)

    def _check_features(self, spec: Spec, num_seeds: int) -> None:
        """Raise BadInput if the ranges are not known, or the features larger than the memory."""
        numbers, actions = Scale(spec).numbers, spec.action.choices[0]
        if self.features == "tiles":
            number = self.tilings * math.prod(
                each + (self.tilings > 1) for each in self._tiles(spec)
            )
            fewer = "fewer tiles"
        else:
            number, fewer = (self.order + 1) ** numbers, "a lower order"
        # besides the weights: the best ones so far and a copy, and an agent's own of Fourier's
        traces = spec.num_envs + 1 if np.any(self.trace_decay) else 0
        size = 8 * number * (num_seeds * actions * (3 + traces) + numbers)
        free = shortage(size)
        if free is not None:
            raise BadInput(
                f"{number:,} features of {spec.env_id} x {actions} actions take "
                f"{in_words(size)} for {num_seeds} seeds, but only {in_words(free)} of memory is "
                f"free: use {fewer} or seeds, or an agent with a network (agent=dqn).",
                "agent.features",
            )
