"""The statistics against numbers worked out by hand, and the interval against its own promise."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.stats import bootstrap_ci, interval_curve, iqm, summary
from tests.support.work import calls


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], 7.0),
        ([0.0, 0.0, 3.0], 1.0),  # int(0.75) = 0: nothing is cut
        ([1000.0, 10.0, 0.0, 20.0], 15.0),  # 1 cut on each side
        ([5.0, 1.0, 2.0, 3.0, -90.0], 2.0),  # int(1.25) = 1: 1, 2, 3 remain
        ([8.0, 1.0, 7.0, 2.0, 6.0, 3.0, 5.0, 4.0], 4.5),  # 3, 4, 5, 6 remain
        ([19, 500, 500, 195, 500, 500, 299, 500, 500, 500], (299 + 5 * 500) / 6),
    ],
)
def test_iqm_is_the_mean_of_the_middle_half(values: list[float], expected: float) -> None:
    assert iqm(values) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("values", "confidence", "expected"),
    [
        # five draws from {0, 0, 0, 0, 3}, of which the middle three are averaged: with 0 or 1
        # threes 0, with 2 of them 1, with 3 of them 2, else 3; cumulated 0.737, 0.942, 0.993, 1
        ([0.0, 0.0, 0.0, 0.0, 3.0], 0.95, (0.0, 2.0)),
        ([0.0, 0.0, 0.0, 0.0, 3.0], 0.80, (0.0, 1.0)),
        ([0.0, 0.0, 0.0, 0.0, 3.0], 0.30, (0.0, 0.0)),
        # with {0, 0, 0, 3, 3}: cumulated 0.337, 0.683, 0.913, 1
        ([0.0, 3.0, 0.0, 3.0, 0.0], 0.95, (0.0, 3.0)),
        ([0.0, 3.0, 0.0, 3.0, 0.0], 0.70, (0.0, 2.0)),
        ([0.0, 3.0, 0.0, 3.0, 0.0], 0.20, (1.0, 1.0)),
        ([4.0, 4.0, 4.0, 4.0, 4.0], 0.95, (4.0, 4.0)),
    ],
)
def test_interval_of_an_enumerable_bootstrap(
    values: list[float], confidence: float, expected: tuple[float, float]
) -> None:
    assert bootstrap_ci(values, confidence=confidence) == pytest.approx(expected)


def test_interval_moves_with_its_values_and_not_with_their_order() -> None:
    values = np.random.default_rng(3).exponential(size=12)
    low, high = bootstrap_ci(values)
    assert low < iqm(values) < high
    assert bootstrap_ci(values[::-1]) == (low, high)
    assert bootstrap_ci(10.0 * values - 5.0) == pytest.approx((10 * low - 5, 10 * high - 5))
    assert bootstrap_ci(-values) == pytest.approx((-high, -low), abs=0.1)


def test_another_seed_gives_another_interval_and_the_global_generator_is_left_alone() -> None:
    values = np.random.default_rng(4).normal(size=12)
    before = np.random.get_state(legacy=False)["state"]["pos"]
    assert bootstrap_ci(values, seed=1) != bootstrap_ci(values, seed=2)
    assert np.random.get_state(legacy=False)["state"]["pos"] == before


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """The percentile bootstrap is somewhat short for small samples: 95 % becomes about 92 %."""
    rng = np.random.default_rng(5)
    for confidence, least, most in ((0.95, 0.88, 0.97), (0.50, 0.42, 0.56)):
        intervals = [
            bootstrap_ci(rng.normal(7.0, 2.0, size=20), resamples=500, confidence=confidence)
            for _ in range(500)
        ]
        assert least < np.mean([low <= 7.0 <= high for low, high in intervals]) < most


def test_interval_of_the_mean_has_the_width_of_its_standard_error() -> None:
    values = np.random.default_rng(6).normal(size=400)
    low, high = bootstrap_ci(values, statistic=lambda x: x.mean(axis=-1), resamples=4000)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.05)


def test_summary_of_several_seeds() -> None:
    assert summary(np.array([0, 9, 0, 0, 3], dtype=np.float32)) == {
        "per_seed": [0.0, 9.0, 0.0, 0.0, 3.0],
        "mean": 2.4,
        "iqm": 1.0,
        "ci95": list(bootstrap_ci([0.0, 0.0, 0.0, 3.0, 9.0])),
    }


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_fewer_than_five_seeds_have_no_interval(seeds: int) -> None:
    """Also of equal scores, whose interval would have no width and look certain."""
    for values in ([12.5] * seeds, list(range(seeds))):
        assert summary(values)["ci95"] is None
        with pytest.raises(ValueError, match=f"at least 5 seeds, got {seeds}"):
            bootstrap_ci(values)
        middle, low, high = interval_curve(np.transpose([values]))
        assert middle == [iqm(values)] and np.isnan([low, high]).all()
    assert summary([*range(seeds), *[9] * (5 - seeds)])["ci95"] is not None


@pytest.mark.parametrize("bad", [[1.0, np.nan], [np.inf, 1.0], [], [[1.0], [2.0]]])
def test_what_is_not_a_finite_vector_is_refused(bad: list[float]) -> None:
    for function in (iqm, bootstrap_ci, summary):
        with pytest.raises(ValueError, match=r"finite|one value per seed"):
            function(bad)


@pytest.mark.parametrize("seeds", [5, 10, 33])
def test_a_curve_is_iqm_and_interval_of_each_column(seeds: int) -> None:
    values = np.random.default_rng(seeds).exponential(size=(seeds, 600))
    iqms, low, high = interval_curve(values)
    for t in (0, 1, 250, 599):
        column = values[:, t]
        assert (iqms[t], (low[t], high[t])) == (iqm(column), bootstrap_ci(column))


def test_a_curve_is_missing_where_a_seed_is() -> None:
    values = np.array([[1.0, np.nan, 3.0, 4.0], *[[1.0, 2.0, np.inf, 4.0]] * 4])
    for part in interval_curve(values):
        np.testing.assert_array_equal(part, [1.0, np.nan, np.nan, 4.0])
    one = interval_curve([[7.0, np.nan]])
    np.testing.assert_array_equal(one, [[7.0, np.nan], [np.nan] * 2, [np.nan] * 2])
    assert [part.shape for part in interval_curve(np.zeros((3, 0)))] == [(0,)] * 3
    for bad in (np.zeros((0, 4)), np.zeros(4)):
        with pytest.raises(ValueError, match=r"\[seed, time\]"):
            interval_curve(bad)


def test_a_curve_is_vectorised() -> None:
    """A loop over the 500 points makes several calls for each."""
    values = np.random.default_rng(0).normal(size=(10, 500))
    assert calls(lambda: interval_curve(values)) < 1000


def test_interval_is_vectorised() -> None:
    """A loop over the 2,000 resamples makes a call for each."""
    assert calls(lambda: bootstrap_ci(np.arange(10.0))) < 1000
