"""A search as recorded in ``study.log``, for reports: its trials, scales and importances."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlrun.tuning.study import FILE, as_study_error, import_optuna, load

if TYPE_CHECKING:
    from optuna import Study

Scale = Literal["log", "linear"]


@dataclass(frozen=True)
class SearchHistory:
    """The trials of a search.

    Args:
        folder: the sweep's folder.
        scores: the score of each finished trial by number, in the order of the trials.
        others: how many trials there are in each other state ("pruned", "failed", "running").
        scales: how each setting with an interval is searched.
        importance: the share of each setting in what distinguishes good trials; they add up to 1.
            Empty if it is unknown: for a single setting, or too few trials.
    """

    folder: Path
    scores: Mapping[int, float]
    others: Mapping[str, int]
    scales: Mapping[str, Scale]
    importance: Mapping[str, float]


def read_history(folder: Path) -> SearchHistory:
    """Read the search in ``folder``.

    Raises FolderError if its file is damaged, BadInput if Optuna is not installed.
    """
    optuna = import_optuna()
    path = folder / FILE
    with as_study_error(path):
        study = load(path)
        trials = study.get_trials(deepcopy=False)
        states = {"PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
        intervals = (
            optuna.distributions.FloatDistribution,
            optuna.distributions.IntDistribution,
        )
        done = (optuna.trial.TrialState.COMPLETE,)  # a pruned trial has its latest evaluation
        scales: dict[str, Scale] = {}
        for trial in trials:
            for key, each in trial.distributions.items():
                if isinstance(each, intervals):
                    scales[key.lstrip("+")] = "log" if each.log else "linear"
        return SearchHistory(
            folder,
            {
                t.number: t.value
                for t in study.get_trials(deepcopy=False, states=done)
                if t.value is not None and math.isfinite(t.value)
            },
            Counter(states[t.state.name] for t in trials if t.state.name in states),
            scales,
            _importance(study),
        )


def _importance(study: Study) -> dict[str, float]:
    """Return the importance of each setting by Optuna's PED-ANOVA, the highest first.

    Watanabe et al. 2023, "PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary
    subspaces". It needs no other package.
    """
    optuna: Any = import_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it warns where it cannot distinguish the settings
        try:
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (Warning, ValueError, RuntimeError, ArithmeticError, ImportError):
            return {}
    if len(found) < 2:
        return {}
    shares = {key.lstrip("+"): float(share) for key, share in found.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
