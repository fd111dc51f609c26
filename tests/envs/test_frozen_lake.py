"""FrozenLake on random maps of any size."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun.core.types import Array
from tests.support.games import LAKE, planned


def lake(**kwargs: Any) -> Array:
    """The map, one letter for each cell."""
    desc: Array = gym.make(LAKE, **kwargs).unwrapped.desc.astype(str)  # type: ignore[attr-defined]
    return desc


def test_the_map_is_that_of_its_seed_and_its_size() -> None:
    first = lake()
    assert first.shape == (20, 20) and first[0, 0] == "S" and first[-1, -1] == "G"
    assert np.array_equal(first, lake())
    assert not np.array_equal(first, lake(map_seed=1))
    assert lake(size=7).shape == (7, 7)


def test_the_share_of_holes_is_the_one_asked_for() -> None:
    """Within 4 standard errors, of 2,500 cells."""
    assert (lake(size=50) == "H").mean() == pytest.approx(0.2, abs=4 * 0.4 / 50)
    assert (lake(size=50, ice=1) == "H").sum() == 0


def test_the_shortest_way_on_plain_ice() -> None:
    """Without holes and slips the value of the start is that of the 2 · 5 - 2 steps to the goal."""
    words = ("env.kwargs.size=5", "env.kwargs.ice=1", "env.kwargs.is_slippery=false", "gamma=0.9")
    assert planned(LAKE, *words)[0].max() == pytest.approx(0.9**7)


@pytest.mark.parametrize("size", [12, 20])
def test_there_is_a_way_to_the_goal(size: int) -> None:
    q = planned(LAKE, f"env.kwargs.size={size}", "env.kwargs.is_slippery=false", "gamma=0.99")
    assert q[0].max() >= 0.99**200
