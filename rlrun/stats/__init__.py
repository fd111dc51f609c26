"""Statistics over seeds and environments: point estimates and their intervals.

Source: Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice"
(https://arxiv.org/abs/2108.13264). `seeds` covers one environment, `environments` several, `ranks`
comparisons of few seeds. Imports nothing of rlrun.
"""

from rlrun.stats.environments import (
    Estimate,
    Profile,
    estimate,
    interquartile_mean,
    mean,
    median,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
)
from rlrun.stats.ranks import rank_test
from rlrun.stats.seeds import (
    FEWEST_SEEDS,
    MOST_FOR_MEAN,
    FloatArray,
    Summary,
    bootstrap_ci,
    interval_curve,
    iqm,
    summary,
    trimmed_mean,
)

__all__ = [
    "FEWEST_SEEDS",
    "MOST_FOR_MEAN",
    "Estimate",
    "FloatArray",
    "Profile",
    "Summary",
    "bootstrap_ci",
    "estimate",
    "interquartile_mean",
    "interval_curve",
    "iqm",
    "mean",
    "median",
    "optimality_gap",
    "performance_profile",
    "probability_of_improvement",
    "rank_test",
    "summary",
    "trimmed_mean",
]
