"""The ``search`` settings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from rlrun.core.checks import at_least

SamplerName = Literal["tpe", "random"]
PrunerName = Literal["median", "halving", "none"]
MOST_SEED = 2**32 - 1


class SearchSettings:
    """The settings of a hyperparameter search; the keys are those of ``search``.

    Args:
        trials: number of trials, including those that fail or are pruned.
        sampler: ``tpe`` favours regions with good trials (Bergstra et al. 2011, "Algorithms for
            hyper-parameter optimization"), ``random`` samples the whole space evenly.
        pruner: which trials end early: ``median`` those whose evaluation is below the median of
            the others at that step, ``halving`` all but the best third at the 1st, 3rd, 9th, ...
            evaluation (Li et al. 2018, "Massively parallel hyperparameter tuning"), or ``none``.
        seed: seed of the sampler.
        space: settings and their values in Hydra's syntax: ``{agent.lr: "interval(1e-4,1)"}``;
            used if the command line gives none.
    """

    def __init__(
        self,
        *,
        trials: int,
        sampler: SamplerName,
        pruner: PrunerName,
        seed: int,
        space: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        at_least(1, trials=trials)
        at_least(0, seed=seed)
        if seed > MOST_SEED:
            raise ValueError(f"seed must be at most {MOST_SEED}, got {seed}")
        for key, words in space.items():
            if not isinstance(words, str):
                raise ValueError(f"space needs text for {key}, such as interval(1e-4,1e-2)")
        self.trials, self.sampler, self.pruner, self.seed = trials, sampler, pruner, seed
        self.space = dict(space)
