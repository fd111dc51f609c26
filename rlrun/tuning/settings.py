"""The ``search`` settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from rlrun.core.fields import Count, Range

SamplerName = Literal["tpe", "random"]
PrunerName = Literal["median", "halving", "none"]


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The settings of a hyperparameter search (``search``)."""

    trials: Count = 20
    """Number of trials in a search (hydra/sweeper=optuna).

    Trials that fail or are pruned count.
    """
    sampler: SamplerName = "tpe"
    """How settings are chosen: tpe, which learns from earlier trials, or random.

    TPE favours regions with good trials (Bergstra et al. 2011, "Algorithms for hyper-parameter
    optimization").
    """
    pruner: PrunerName = "median"
    """Which trials are pruned: median (those below it), halving or none.

    Median prunes trials whose evaluation is below the median of the others at that step; halving
    all but the best third at the 1st, 3rd, 9th, ... evaluation (Li et al. 2018, "Massively parallel
    hyperparameter tuning").
    """
    seed: Annotated[int, Range(least=0, most=2**32 - 1)] = 0
    """Seed of the sampler."""
    space: Mapping[str, Any] = field(default_factory=dict)
    """Settings and their values in Hydra's syntax: {agent.lr: "interval(1e-4,1)"}.

    It is used if the command line gives none.
    """

    def __post_init__(self) -> None:
        for key, words in self.space.items():
            if not isinstance(words, str):
                raise ValueError(f"space needs text for {key}, such as interval(1e-4,1e-2)")
