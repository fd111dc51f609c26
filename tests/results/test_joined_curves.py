"""Curves of several runs of a setting come to one axis of steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlrun.results.grouping import grouped
from rlrun.results.report.curves import MOST_POINTS, JoinedCurve, join_curves
from rlrun.run_folder.reader import read_runs
from tests.support.reports import Points, leave

pytestmark = pytest.mark.slow


def join(folder: Path, *runs: Points, seeds: int = 1) -> JoinedCurve | None:
    for i, curve in enumerate(runs):
        leave(folder / str(i), None, curve, seed=i * seeds, seeds=seeds)
    (setting,) = grouped(read_runs([folder])[0])
    return join_curves(setting, "eval/mean_reward")


def test_curves_of_other_seeds_are_joined_at_the_steps_that_all_have(tmp_path: Path) -> None:
    every10 = {step: [float(step)] for step in range(10, 101, 10)}
    every20 = {step: [2.0 * step] for step in range(20, 101, 20)}
    curve = join(tmp_path, every10, every20)
    assert curve is not None
    assert (curve.seeds, curve.steps.tolist()) == ([0, 1], [20, 40, 60, 80, 100])
    np.testing.assert_array_equal(curve.values, [curve.steps, 2 * curve.steps])
    assert curve.note == "as configured is shown at the steps that all its seeds share."


def test_curves_at_other_steps_are_interpolated_and_it_is_said(tmp_path: Path) -> None:
    curve = join(
        tmp_path,
        {step: [float(step)] for step in (10, 20, 30, 40)},
        {step: [10.0 * step] for step in (15, 25, 35)},
    )
    assert curve is not None
    assert curve.steps.tolist() == [20, 30]
    np.testing.assert_array_equal(curve.values, [[20, 30], [200, 300]])
    assert "interpolated, and ends at step 30" in curve.note


def test_no_seed_is_missing_from_a_point_and_none_goes_on_past_its_end(tmp_path: Path) -> None:
    curve = join(
        tmp_path, {10: [1.0, None], 20: [2.0, 5.0], 30: [3.0, 6.0], 40: [4.0, None]}, seeds=2
    )
    assert curve is not None
    assert curve.steps.tolist() == [20, 30]
    np.testing.assert_array_equal(curve.values, [[2, 3], [5, 6]])
    assert "ends at step 30, where its shortest seed ends (longest: 40)" in curve.note


def test_seeds_without_a_common_time_have_no_curve_and_a_seed_run_twice_is_the_later(
    tmp_path: Path,
) -> None:
    assert join(tmp_path / "a", {10: [1.0]}, {20: [1.0]}) is None
    for i in range(2):
        leave(tmp_path / "b" / str(i), None, {10: [float(i)], 20: [float(i)]}, seeds=1)
    (setting,) = grouped(read_runs([tmp_path / "b"])[0])
    curve = join_curves(setting, "eval/mean_reward")
    assert curve is not None and curve.values.tolist() == [[1.0, 1.0]] and curve.note == ""


def test_long_curves_keep_their_ends(tmp_path: Path) -> None:
    curve = join(tmp_path, {step: [float(step)] for step in range(1, 1001)})
    assert curve is not None
    assert len(curve.steps) == MOST_POINTS
    assert (curve.steps[0], curve.steps[-1]) == (1, 1000)
    np.testing.assert_array_equal(curve.values[0], curve.steps)
