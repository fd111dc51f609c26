"""Epsilon-greedy: its rate, and that only what is needed is computed."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.explore import EpsilonGreedy, exponential, linear
from rlrun.types import Array, Space, Spec

SPEC = Spec("test", Space("vector", (1,)), Space("discrete", (), (4,)), 5)


def greedy() -> Array:
    return np.full((2, 5), 3)


def test_epsilon_is_the_share_of_random_actions() -> None:
    explore = EpsilonGreedy(SPEC, [0, 1], lambda step: 0.4)
    actions = np.stack([explore(0, greedy) for _ in range(4000)])
    for seed in range(2):
        counts = np.bincount(actions[:, seed].ravel(), minlength=4) / 20_000
        assert counts == pytest.approx([0.1, 0.1, 0.1, 0.7], abs=0.012)  # 5 standard deviations


def test_with_epsilon_one_nobody_is_asked_for_the_greedy_action() -> None:
    def refuse() -> Array:
        raise AssertionError("asked")

    explore = EpsilonGreedy(SPEC, [0], lambda step: 1.0)
    counts = np.bincount(np.stack([explore(0, refuse) for _ in range(2000)]).ravel(), minlength=4)
    assert counts / 10_000 == pytest.approx([0.25] * 4, abs=0.022)


def test_with_epsilon_zero_all_is_greedy() -> None:
    explore = EpsilonGreedy(SPEC, [0, 1], lambda step: 0.0)
    assert all((explore(0, greedy) == 3).all() for _ in range(100))


def test_draws_do_not_depend_on_the_stack_or_on_what_was_done() -> None:
    stack = EpsilonGreedy(SPEC, [7, 2], lambda step: 0.5)
    alone = EpsilonGreedy(SPEC, [2], lambda step: 0.5)
    for step in range(300):
        a = stack(step, lambda: np.full((2, 5), -1))
        b = alone(step, lambda: np.full((1, 5), -1))
        assert np.array_equal(a[1], b[0])


def test_the_settings_are_schedules_of_the_run() -> None:
    falling = linear(SPEC, [0], 1000, start=1.0, end=0.2, fraction=0.5)
    assert [falling.epsilon(s) for s in (0, 250, 500, 900)] == pytest.approx([1, 0.6, 0.2, 0.2])
    slow = exponential(SPEC, [0], start=1.0, end=0.0, decay=100)
    assert slow.epsilon(100) == pytest.approx(0.36788, abs=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"start": 1.5, "end": 0.1, "fraction": 0.1}, "start is a probability"),
        ({"start": 1.0, "end": -0.1, "fraction": 0.1}, "end is a probability"),
        ({"start": 1.0, "end": 0.1, "fraction": 2.0}, "fraction must lie"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        linear(SPEC, [0], 1000, **values)
