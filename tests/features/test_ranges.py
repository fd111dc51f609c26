"""The ranges that observations are scaled by, and what is refused without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.features.ranges import Scale
from tests.features.test_bases import LINE, PLANE
from tests.support.common import parts_and_env

INF = float("inf")


def test_ranges_of_bins_are_used_before_the_bounds_of_the_space() -> None:
    bins = replace(PLANE, bins=((0.0, 2.0, 7), (0.0, 4.0, 1)))
    obs = np.array([1.0, 1.0], np.float32)
    assert Scale(PLANE)(obs).tolist() == [1.0, 1.0]
    assert Scale(bins)(obs).tolist() == [0.5, 0.25]
    assert Scale(bins)(np.array([-1.0, 9.0])).tolist() == [0.0, 1.0]


def test_unbounded_numbers_are_refused_with_what_to_write() -> None:
    four = replace(PLANE, bounds=((-1.0, 1.0), (-INF, INF), (-3e38, 3e38), (0.0, INF)))
    four = replace(four, obs=replace(four.obs, shape=(4,)), env_id="Four-v0")
    with pytest.raises(BadInput) as error:
        Scale(four)
    assert str(error.value) == (
        "agent.features needs the range of each of the 4 numbers that Four-v0 has as observations, "
        "and its space has no bounds for those at 2, 3, 4: write "
        "'env.bins=[[-1,1,8],[-1,1,8],...]' with their ranges; how many bins does not matter."
    )


def test_other_refusals() -> None:
    with pytest.raises(BadInput, match=r"2 continuous observations, but env.bins has 1: write"):
        Scale(replace(PLANE, bins=((0.0, 1.0, 3),)))
    discrete = replace(LINE, obs=replace(LINE.obs, kind="multi_discrete", choices=(4,)))
    with pytest.raises(
        BadInput, match=r"those of line are multi-discrete: write agent.features=nul"
    ):
        Scale(discrete)


def test_the_bounds_of_an_environment() -> None:
    _, env = parts_and_env("agent=sarsa", "env=CartPole-v1")
    assert env.spec.bounds[1] == (-INF, INF)
    assert env.spec.bounds[2] == pytest.approx((-0.41888, 0.41888), abs=1e-5)
    _, env = parts_and_env("agent=sarsa", "env=MountainCar-v0", "env.scale_obs=true")
    assert env.spec.bounds == ((-1.0, 1.0), (-1.0, 1.0))
    assert env.spec.bins is not None
    assert env.spec.bins[0][:2] == pytest.approx((-1.0, 1.0))
    _, env = parts_and_env("agent=sarsa", "env=FrozenLake-v1")
    assert env.spec.bounds == ()
