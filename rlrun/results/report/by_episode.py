"""The returns of training episodes by their number, as the pictures of textbooks show them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlrun import stats
from rlrun.results.grouping import Variant
from rlrun.results.report.curves import MOST_POINTS, JoinedCurve
from rlrun.run_folder.episodes import LAST, Episodes, means_of_last

MOST_EPISODES = 500  # in a picture: more would be a solid area


class EpisodeCurves(NamedTuple):
    """The curves of a variant over the number of the episode."""

    mean: JoinedCurve
    """The mean return of the last 100 episodes, of each seed."""
    episodes: JoinedCurve
    """The average over the seeds of the return of single episodes: a single row."""


def episode_curves(variant: Variant) -> EpisodeCurves | None:
    """Return the curves of the variant's seeds; None if a seed has no episodes.

    They end with the last episode that all seeds have had. A seed that was run twice counts once,
    with the later run.
    """
    seeds: dict[int, tuple[Episodes, int]] = {}
    for run in variant.runs:
        seeds |= {seed: (run.episodes, row) for row, seed in enumerate(run.seeds)}
    points = [_finite_points(episodes.returns[row]) for episodes, row in seeds.values()]
    common = min(points, default=0)
    if not common:
        return None
    numbers = next(iter(seeds.values()))[0].numbers[:common]
    returns = np.stack([episodes.returns[row, :common] for episodes, row in seeds.values()])
    names, returns = sorted(seeds), returns[np.argsort(list(seeds))]
    note = ""
    if max(points) > common:
        note = (
            f"{variant.label} ends at episode {numbers[-1]:,}, the last one that all its seeds "
            "have had."
        )
    mean = means_of_last(numbers, returns, LAST)
    shown, every = _thinned(numbers, MOST_POINTS), _thinned(numbers, MOST_EPISODES)
    return EpisodeCurves(
        JoinedCurve(names, numbers[shown], mean[:, shown], note),
        JoinedCurve(names[:1], numbers[every], stats.trimmed_mean(returns.T)[None, every]),
    )


def _finite_points(returns: NDArray[np.float64]) -> int:
    """Return how many points there are before the first that is not finite."""
    broken = np.flatnonzero(~np.isfinite(returns))
    return int(broken[0]) if len(broken) else len(returns)


def _thinned(numbers: NDArray[np.int64], most: int) -> NDArray[np.intp]:
    """Return the indices of at most ``most`` points, as evenly spaced by episode as can be."""
    wanted = np.linspace(numbers[0], numbers[-1], min(len(numbers), most))
    return np.unique(np.searchsorted(numbers, wanted - 0.5))
