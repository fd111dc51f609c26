"""Bonuses for stored transitions, computed when a batch is sampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rlrun.core.types import Array, Step
from rlrun.replay.observations import Observations, take

Bonus: TypeAlias = Callable[[Step], Array]
"""Returns what is added to the rewards of transitions, in their shape ``[seed, batch, ...]``."""


def bonuses(
    bonus: Bonus, observations: Observations, fields: Mapping[str, Array], row: Array
) -> Array:
    """Return the bonuses of the transitions in rows ``[seed, ...]``, of the rewards' dtype.

    With several agents each has its own, on a last axis. ``fields`` are the other stored arrays by
    name, ``[row, ...]``.
    """
    flat = row.reshape(len(row), -1)  # [seed, batch]
    obs, next_obs = observations.pair(flat, flat)
    t = Step(obs=obs, next_obs=next_obs, **{n: take(each, flat) for n, each in fields.items()})
    return bonus(t).astype(t.reward.dtype).reshape(*row.shape, *t.reward.shape[2:])
