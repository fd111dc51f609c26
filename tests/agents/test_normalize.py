"""Running means and variances against numpy's of everything seen."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.agents.parts.normalize import ObsScale, RewardScale
from rlrun.core.moments import Moments
from rlrun.core.types import Step
from tests.support.common import differences, host, row


def test_moments_are_those_of_everything_seen() -> None:
    rng = np.random.default_rng(0)
    seen = 3 * rng.normal(size=(50, 2, 4, 3)) + [[[1, 100, -5]]]
    moments = Moments(2, 3)
    for values in seen:
        moments.add(values)
    everything = seen.swapaxes(0, 1).reshape(2, -1, 3)
    assert moments.mean == pytest.approx(everything.mean(1))
    assert moments.variance == pytest.approx(everything.var(1))


def test_a_seed_in_a_stack_has_its_own_moments() -> None:
    for width, envs in ((1, 1), (1, 16), (3, 8), (17, 5)):
        seen = np.random.default_rng(1).normal(size=(9, 3, envs, width))
        stack, alone = Moments(3, width), [Moments(1, width) for _ in range(3)]
        for values in seen:
            stack.add(values)
            for k, each in enumerate(alone):
                each.add(values[k : k + 1])
        for k, each in enumerate(alone):
            assert differences(row(host(stack.state_dict()), k), host(each.state_dict())) == []


def test_observations_are_scaled_and_clipped() -> None:
    scale = ObsScale(1, 2)
    raw = np.array([[[3.0, -200.0]]], np.float32)
    assert scale(raw).tolist() == [[[3.0, -10.0]]]  # nothing is known yet
    scale.add(np.array([[[1.0, 0.0], [5.0, 4.0]]]))  # means 3 and 2, deviations 2 and 2
    found = scale(np.array([[[5.0, 1.0], [3.0, 99.0]]], np.float32))
    assert found == pytest.approx(np.array([[[1.0, -0.5], [0.0, 10.0]]]))
    assert found.dtype == np.float32
    assert differences(host(scale(raw)), host(scale(raw))) == []  # to look changes nothing


def steps(rewards: list[float], discounts: list[float], lasts: list[bool]) -> list[Step]:
    none = np.zeros((1, 1))
    return [
        Step(none, none, np.full((1, 1), r), np.full((1, 1), d), none, np.full((1, 1), last))
        for r, d, last in zip(rewards, discounts, lasts, strict=True)
    ]


def test_rewards_are_over_the_deviation_of_their_discounted_sums() -> None:
    scale = RewardScale(1, 1)
    told = [
        scale(t).item()
        for t in steps([4.0, 2.0, 8.0, 6.0], [0.5, 0.5, 0.0, 0.5], [False, True, True, False])
    ]
    # the sums: 4; 2 + .5 · 4 = 4; 8 from the beginning of an episode; 6 of the next
    sums = [4.0, 4.0, 8.0, 6.0]
    deviations = [np.std(sums[: n + 1]) for n in range(4)]
    assert told[2:] == pytest.approx([8 / deviations[2], 6 / deviations[3]])
    assert told[:2] == [10.0, 10.0]  # there is no variance yet: clipped
    assert scale.unit.item() == pytest.approx(deviations[3])


def test_a_cut_begins_new_sums() -> None:
    cut, apart = RewardScale(1, 1), RewardScale(1, 1)
    first, second = steps([4.0, 8.0], [0.5, 0.5], [False, False])
    cut(first)
    cut.cut()
    apart(first._replace(last=first.last | True))
    assert cut(second).item() == apart(second).item()
    assert cut.unit.item() == pytest.approx(np.std([4.0, 8.0]))


def test_the_scale_of_rewards_goes_on_after_a_load() -> None:
    one, other = RewardScale(1, 1), RewardScale(1, 1)
    first, second, third = steps([1.0, 5.0, -2.0], [0.9] * 3, [False] * 3)
    one(first)
    one(second)
    other.load_state_dict(host(one.state_dict()))
    assert one(third).item() == other(third).item()
