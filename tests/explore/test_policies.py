"""Exploration: shares of actions, ties, clocks, masks, and that only what is needed is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.core.rng import pick
from rlrun.core.schema import construct
from rlrun.core.types import Array, Space, Spec
from rlrun.explore.options import (
    BonusSettings,
    ExponentialSettings,
    LinearSettings,
    SoftmaxSettings,
    UniformSettings,
)
from rlrun.explore.policies import EpsilonGreedy, Rate, best

SPEC = Spec("test", Space("vector", (1,)), Space("discrete", (), (4,)), 5)
LINE: dict[str, Any] = {"fraction": 0.5, "clock": "steps", "over": None}


def constant(epsilon: float, seeds: int = 2) -> Rate:
    return Rate(lambda step: epsilon, seeds, "steps")


def uniform(spec: Spec, seeds: list[int]) -> EpsilonGreedy:
    return UniformSettings().build(spec, seeds, 1000)


def linear(seeds: list[int], horizon: int, **given: Any) -> EpsilonGreedy:
    return LinearSettings(**given).build(SPEC, seeds, horizon)


def values() -> Array:
    """Action 3 is the best of four, for two seeds and five environments."""
    return np.broadcast_to([0.0, 1.0, -1.0, 2.0], (2, 5, 4))


def shares(explore: Any, q: Array, count: int, possible: Array | None = None) -> Array:
    """How often each action was chosen, ``[seed, action]``."""
    drawn = np.stack([explore(0, lambda: q, possible) for _ in range(count)])
    counts = [np.bincount(each.ravel(), minlength=4) for each in drawn.swapaxes(0, 1)]
    share: Array = np.array(counts) / (count * q.shape[1])
    return share


def test_epsilon_is_the_share_of_random_actions() -> None:
    found = shares(EpsilonGreedy(SPEC, [0, 1], constant(0.4)), values(), 4000)
    for seed in range(2):
        assert found[seed] == pytest.approx([0.1, 0.1, 0.1, 0.7], abs=0.012)  # 5 deviations


def test_equally_good_actions_are_equally_likely() -> None:
    q = np.broadcast_to([5.0, 1.0, 5.0, 5.0], (2, 5, 4))
    explore = EpsilonGreedy(SPEC, [0, 1], constant(0.0))
    assert shares(explore, q, 4000) == pytest.approx(
        np.array([[1 / 3, 0, 1 / 3, 1 / 3]] * 2), abs=0.017
    )
    assert explore.probabilities(0, q)[0, 0] == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3])


def test_a_tie_of_one_seed_does_not_change_another() -> None:
    q = values().copy()
    draw = np.full((2, 5), 0.6)
    alone = best(q[1:], draw[1:])
    q[0] = 0.0
    both = best(q, draw)
    assert both.tolist() == [[2] * 5, [3] * 5]
    assert np.array_equal(both[1:], alone)


def test_picking_by_hand() -> None:
    candidates = np.array([[False, True, False, True, True]])
    for draw, expected in ((0.0, 1), (0.32, 1), (0.34, 3), (0.65, 3), (0.67, 4), (1 - 2**-53, 4)):
        assert pick(candidates, np.array([draw])) == expected


def test_with_epsilon_one_nobody_is_asked_for_values() -> None:
    def refuse() -> Array:
        raise AssertionError("asked")

    for explore in (EpsilonGreedy(SPEC, [0], constant(1.0, 1)), uniform(SPEC, [0])):
        counts = np.bincount(np.stack([explore(0, refuse) for _ in range(2000)]).ravel())
        assert counts / 10_000 == pytest.approx([0.25] * 4, abs=0.022)


def test_with_epsilon_zero_all_is_greedy() -> None:
    explore = EpsilonGreedy(SPEC, [0, 1], constant(0.0))
    assert all((explore(0, values) == 3).all() for _ in range(100))


@pytest.mark.parametrize("make", [uniform, lambda s, n: EpsilonGreedy(s, n, constant(0.5))])
def test_impossible_actions_are_never_taken(make: Any) -> None:
    possible = np.broadcast_to([True, False, True, False], (2, 5, 4))
    q = np.where(possible, values(), -np.inf)
    explore = make(SPEC, [0, 1])
    found = shares(explore, q, 1000, possible)
    assert (found[:, [1, 3]] == 0).all()
    assert (found[:, [0, 2]] > 0.2).all()
    chance = explore.probabilities(0, q, possible)
    assert (chance[..., [1, 3]] == 0).all()
    assert chance.sum(-1) == pytest.approx(1.0)


def test_softmax_by_hand() -> None:
    """Values ln 1, ln 2, ln 4 at temperature 1 are chosen 1 : 2 : 4; at 0.5 it is 1 : 4 : 16."""
    q = np.broadcast_to([0.0, np.log(2.0), np.log(4.0), -np.inf], (2, 5, 4))
    warm = SoftmaxSettings(start=1.0, end=0.5, **LINE).build(SPEC, [0, 1], 100)
    assert warm.probabilities(0, q)[1, 4] == pytest.approx([1 / 7, 2 / 7, 4 / 7, 0])
    assert warm.probabilities(50, q)[1, 4] == pytest.approx([1 / 21, 4 / 21, 16 / 21, 0])
    expected = np.array([[1 / 7, 2 / 7, 4 / 7, 0]] * 2)
    assert shares(warm, q, 4000) == pytest.approx(expected, abs=0.018)


def test_draws_do_not_depend_on_the_stack_or_on_what_was_done() -> None:
    stack = EpsilonGreedy(SPEC, [7, 2], constant(0.5))
    alone = EpsilonGreedy(SPEC, [2], constant(0.5, 1))
    for step in range(300):
        a = stack(step, lambda: values() * 0)
        b = alone(step, lambda: values()[:1] * 0)
        assert np.array_equal(a[1], b[0])


def test_the_settings_are_schedules_of_the_run() -> None:
    falling = linear([0], 1000, start=1.0, end=0.2, **LINE)
    assert [falling.rate(s)[0] for s in (0, 250, 500, 900)] == pytest.approx([1, 0.6, 0.2, 0.2])
    soon = linear([0], 1000, start=1.0, end=0.0, **LINE | {"over": 100})
    assert [soon.rate(s)[0] for s in (0, 50, 100, 900)] == pytest.approx([1, 0.5, 0, 0])
    slow = ExponentialSettings(start=1.0, end=0.0, decay=100).build(SPEC, [0], 1000)
    assert slow.rate(100)[0] == pytest.approx(0.36788, abs=1e-5)


def test_episodes_are_counted_by_each_seed_for_itself() -> None:
    how = LINE | {"clock": "episodes", "over": 8}
    explore = linear([0, 1], 10, start=1.0, end=0.0, **how)
    last = np.zeros((2, 5), np.bool_)
    last[1, :2] = True
    for _ in range(3):
        explore.observe(last)
        explore.observe(np.zeros((2, 5), np.bool_))
    assert explore.rate(10**6).tolist() == [1.0, 0.25]
    other = linear([0, 1], 10, start=1.0, end=0.0, **how)
    other.load_state_dict(explore.state_dict())
    assert other.rate(0).tolist() == [1.0, 0.25]
    found = shares(explore, values(), 4000)
    assert found[0] == pytest.approx([0.25] * 4, abs=0.016)
    assert found[1] == pytest.approx([1 / 16, 1 / 16, 1 / 16, 13 / 16], abs=0.016)


def test_a_rate_that_was_returned_does_not_change_later() -> None:
    """Metrics keep the arrays until they are logged."""
    line = LinearSettings(start=1.0, end=0.0, clock="episodes", over=4)
    explore = line.build(SPEC, [0, 1], 10)
    first = explore.rate(0)
    explore.observe(np.ones((2, 5), np.bool_))
    assert first.tolist() == [1.0, 1.0]
    assert explore.rate(0).tolist() == [0.0, 0.0]


def test_probabilities_are_those_of_the_choices() -> None:
    explore = EpsilonGreedy(SPEC, [0, 1], constant(0.4))
    assert explore.probabilities(0, values())[0, 0] == pytest.approx([0.1, 0.1, 0.1, 0.7])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"start": 1.5, "end": 0.1}, "start must be between 0 and 1, got 1.5"),
        ({"start": 1.0, "end": -0.1}, "end must be between 0 and 1, got -0.1"),
        ({"start": 1.0, "end": 0.1, "fraction": 2.0}, "fraction must be between 0 and 1, got 2.0"),
        ({"start": 1.0, "end": 0.1, "clock": "episodes"}, "clock=episodes needs over"),
        ({"start": 1.0, "end": 0.1, "over": 0}, "over must be at least 1, got 0"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=rf"^explore\.{message}"):
        construct(LinearSettings, LINE | values, "explore")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"start": -0.5}, "start must be between 0 and 1, got -0.5"),
        ({"end": 1.5}, "end must be between 0 and 1, got 1.5"),
        ({"decay": 0}, "decay must be positive, got 0"),
    ],
)
def test_an_exponential_decay_refuses_them_too(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=rf"^explore\.{message}"):
        construct(ExponentialSettings, values, "explore")


def test_temperatures_and_bonuses_are_positive() -> None:
    with pytest.raises(BadInput, match=r"^explore\.start must be positive, got 0"):
        construct(SoftmaxSettings, {"start": 0.0, "end": 1.0, **LINE}, "explore")
    with pytest.raises(BadInput, match=r"^explore\.end must be positive, got 0"):
        construct(SoftmaxSettings, {"start": 1.0, "end": 0.0, **LINE}, "explore")
    with pytest.raises(BadInput, match=r"^explore\.clock=episodes needs over"):
        construct(SoftmaxSettings, {"clock": "episodes"}, "explore")
    with pytest.raises(BadInput, match=r"^explore\.k must be positive, got 0"):
        construct(BonusSettings, {"k": 0.0}, "explore")
