"""Averages of what is logged: each seed's is its own, whatever seeds stand beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rlrun.core.types import Step
from rlrun.training.metrics_window import Average, MetricsWindow
from tests.support.common import differences


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("seeds", [2, 4, 7])
def test_an_average_in_a_stack_is_that_of_the_seed_alone(kind: type, seeds: int) -> None:
    """Bit for bit, over several folds and a rest; tensors as arrays."""
    values = np.random.default_rng(seeds).standard_normal((3 * Average.BLOCK + 100, seeds))
    values = values.astype(kind)
    stack, tensors = Average(), Average()
    for row in values:
        stack.add(row)
        tensors.add(torch.from_numpy(row))
    found = stack.value()
    assert found.tobytes() == tensors.value().tobytes()
    for seed in range(seeds):
        alone = Average()
        for row in values:
            alone.add(row[seed : seed + 1])
        assert alone.value().tobytes() == found[seed : seed + 1].tobytes()
        mean = math.fsum(values[:, seed].tolist()) / len(values)
        assert found[seed] == pytest.approx(mean, abs=1e-14)


def test_values_of_many_times_are_added_one_after_another() -> None:
    """Bit for bit, with NaN and with a seed that has ended, from the middle of a fold on."""
    values = np.random.default_rng(0).standard_normal((700, 3))
    values[5:500, 1] = np.nan
    one, many = (Average(np.array([False, False, True])) for _ in range(2))
    for row in values:
        one.add(row)
    for row in values[:100]:
        many.add(row)
    many.extend(values[100:399])
    many.extend(values[399:])
    assert differences(one.state_dict(), many.state_dict()) == []


def test_integers_count_and_are_not_averaged() -> None:
    average = Average()
    for count in range(2 * Average.BLOCK + 3):
        average.add(np.array([count, 10 * count]))
    assert average.value().tolist() == [514, 5140]


def test_the_windows_hold_the_episodes_that_ended_with_each_step() -> None:
    window, no = MetricsWindow(2), np.zeros((2, 2))

    def step(last: list[list[int]], score: list[list[float]], length: list[list[int]]) -> Step:
        return Step(no, no, no, no, no, np.array(last, bool), np.array(score), np.array(length))

    window.add(step([[0, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]), {})
    window.add(step([[1, 1], [0, 0]], [[4.0, -1.0], [0, 0]], [[3, 5], [0, 0]]), {})
    row = window.row()
    assert row["rollout/ep_rew_mean"][0] == 1.5
    assert row["rollout/ep_len_mean"][0] == 4.0
    assert np.isnan(row["rollout/ep_rew_mean"][1])
    window.add(step([[0, 1], [1, 0]], [[0, 6.0], [8.0, 0]], [[0, 4], [9, 0]]), {"x": np.ones(2)})
    row = window.row()
    assert row["rollout/ep_rew_mean"].tolist() == [3.0, 8.0]
    assert row["rollout/ep_len_mean"].tolist() == [4.0, 9.0]
    assert row["x"].tolist() == [1.0, 1.0]
    assert window.state_dict()["returns"][0].tolist() == [4.0, -1.0, 6.0]
