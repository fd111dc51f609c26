"""The seeds with which episodes begin: ``env.episode_seed``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Array, Model

EpisodeSeed: TypeAlias = Literal["fresh", "fixed"]
"""The setting ``env.episode_seed``."""


class EpisodeSeeds:
    """A function of (position of the seed, environment, number of the episode).

    Args:
        seeds: the seed numbers.
        purpose: training or evaluation, which have different seeds.
        fixed: whether all episodes of a seed number, in all its environments, have the same one.
    """

    def __init__(self, seeds: Sequence[int], purpose: Purpose, fixed: bool) -> None:
        self._seeds, self._numbers, self._fixed = tuple(seeds), Numbers(purpose), fixed

    def __call__(self, position: int, env: int, episode: int) -> int:
        where = (0, 0) if self._fixed else (env, episode)
        return self._numbers(self._seeds[position], *where)

    def all(self, episode: Array) -> list[int]:
        """Return the seeds of the episodes with these numbers, ``[seed, env]``, as a flat list."""
        return [self(s, e, int(episode[s, e])) for s, e in np.ndindex(*episode.shape)]


def is_deterministic(model: Model) -> bool:
    """Return whether an episode of a table is a function of its actions alone."""
    single = ((model.probability > 0).sum(-1) <= 1).all()
    return bool(single and np.count_nonzero(model.start) == 1)
