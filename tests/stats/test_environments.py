"""Aggregates over environments: by hand, by laws, and against every resample there is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from rlrun import stats
from rlrun.stats import FloatArray
from rlrun.stats.environments import Scores, Statistic
from tests.support.work import calls

HALF = [[0.0, 1.0], [0.5, 0.5, 2.0]]  # two environments of 2 and 3 seeds; means 0.5 and 1
ALL: tuple[Statistic, ...] = (
    stats.mean,
    stats.median,
    stats.interquartile_mean,
    stats.optimality_gap,
)


@pytest.mark.parametrize(
    ("statistic", "scores", "expected"),
    [
        (stats.mean, HALF, 0.75),
        (stats.median, [*HALF, [9.0]], 1.0),  # of 0.5, 1 and 9
        (stats.median, HALF, 0.75),
        (stats.interquartile_mean, HALF, (0.5 + 0.5 + 1.0) / 3),  # 0 and 2 are cut off
        (stats.interquartile_mean, np.array([[8.0, 1], [7, 2], [6, 3], [5, 4]]), 4.5),
        (stats.optimality_gap, HALF, 1 - (0.5 + (0.5 + 0.5 + 1.0) / 3) / 2),
        (stats.optimality_gap, [[1.0, 3.0], [-1.0]], 1.0),  # 0 in the first, 2 in the second
    ],
)
def test_aggregates_by_hand(statistic: Statistic, scores: Scores, expected: float) -> None:
    assert stats.estimate(scores, statistic).value == pytest.approx(expected, rel=1e-15)


Resample = tuple[FloatArray, float]  # the scores that are drawn, and the probability of it


def resamples(values: Sequence[float]) -> list[Resample]:
    """Every resample there is, regardless of its order, with its probability."""
    count, found = len(values), []
    for drawn in itertools.combinations_with_replacement(range(count), count):
        orders = math.factorial(count)
        for place in range(count):
            orders //= math.factorial(drawn.count(place))
        found.append((np.array(values)[list(drawn)], orders / count**count))
    return found


def together(*scores: Sequence[float]) -> list[tuple[list[FloatArray], float]]:
    """Every resample of several vectors of scores, with its probability."""
    every = itertools.product(*map(resamples, scores))
    return [([x for x, _ in each], math.prod(p for _, p in each)) for each in every]


def assert_ends(
    interval: tuple[float, float] | None, exact: Sequence[float], chances: Sequence[float]
) -> None:
    """The ends lie where the distribution over all resamples has 2.5 % below and above."""
    assert interval is not None and sum(chances) == pytest.approx(1)
    order = np.argsort(exact)
    below = np.cumsum(np.array(chances)[order])
    for end, tail in zip(interval, (0.025, 0.975), strict=True):
        places = np.searchsorted(below, (tail - 0.012, tail + 0.012))
        low, high = np.array(exact)[order][places]
        assert low - 1e-9 <= end <= high + 1e-9


@pytest.mark.parametrize("statistic", ALL)
def test_intervals_against_every_resample(statistic: Statistic) -> None:
    scores = [[0.1, 0.9, 0.5, 0.45, 0.8], [0.3, 1.4, 0.2, 0.0, 0.65]]
    every = together(*scores)
    assert len(every) == 126 * 126
    exact = [float(statistic(drawn)) for drawn, _ in every]
    assert_ends(stats.estimate(scores, statistic).ci95, exact, [p for _, p in every])


def improvement(x: Sequence[Sequence[float]], y: Sequence[Sequence[float]]) -> float:
    """Pair by pair."""
    chances = []
    for a, b in zip(x, y, strict=True):
        won = sum((p > q) + (p == q) / 2 for p in a for q in b)
        chances.append(won / (len(a) * len(b)))
    return sum(chances) / len(chances)


def test_probability_of_improvement_by_hand_and_as_published() -> None:
    # the example of scipy.stats.mannwhitneyu: U = 17 of 5 * 4 pairs
    males, females = [19, 22, 16, 29, 24], [20, 11, 17, 12]
    assert stats.probability_of_improvement([males], [females]).value == 17 / 20
    # 4 pairs, 1 won, 1 tied; and 1 of 1 won
    assert (
        stats.probability_of_improvement([[1, 2], [5]], [[2, 1.5], [4]]).value == (1.5 / 4 + 1) / 2
    )


def test_probability_of_improvement_against_a_double_loop_and_every_resample() -> None:
    rng = np.random.default_rng(0)
    x = [rng.integers(5, size=n).tolist() for n in (4, 6, 3)]
    y = [rng.integers(4, size=n).tolist() for n in (5, 3, 7)]
    assert stats.probability_of_improvement(x, y).value == pytest.approx(improvement(x, y))
    a, b = [1.0, 3.0, 4.0, 2.5, 0.0], [2.0, 3.0, 0.5, 0.7, 3.5]
    every = together(a, b)
    exact = [float((np.sign(p[:, None] - q) / 2 + 0.5).mean()) for (p, q), _ in every]
    assert_ends(stats.probability_of_improvement([a], [b]).ci95, exact, [p for _, p in every])


def test_what_one_gains_the_other_loses() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(9, size=(10, 3)), rng.integers(9, size=(7, 3))
    forth = stats.probability_of_improvement(x.astype(float), y.astype(float))
    back = stats.probability_of_improvement(y.astype(float), x.astype(float))
    assert forth.value + back.value == pytest.approx(1.0, rel=1e-15)
    assert forth.ci95 is not None and back.ci95 is not None
    assert forth.ci95 == pytest.approx((1 - back.ci95[1], 1 - back.ci95[0]), abs=0.03)
    same = stats.probability_of_improvement([[1.0, 2.0, 3.0]], [[3.0, 2.0, 1.0]])
    assert same.value == 0.5


def test_profile_by_hand() -> None:
    grid = [-1.0, 0.0, 0.5, 1.0, 2.0]
    profile = stats.performance_profile(HALF, grid)
    # 2/2 and 3/3, 1/2 and 3/3, 1/2 and 1/3, 0/2 and 1/3, none: a score is not above itself
    np.testing.assert_allclose(profile.fraction, [1, 0.75, 5 / 12, 1 / 6, 0])
    profile = stats.performance_profile([each * 3 for each in HALF], grid)  # of 6 and 9 seeds
    np.testing.assert_allclose(profile.fraction, [1, 0.75, 5 / 12, 1 / 6, 0])
    assert profile.low[0] == profile.high[0] == 1 and profile.high[-1] == 0
    assert (profile.low <= profile.fraction).all() and (profile.fraction <= profile.high).all()


def test_profile_against_every_resample_and_falls() -> None:
    scores = [[0.1, 0.9, 0.5, 0.45, 0.8], [0.3, 1.4, 0.2, 0.0, 0.65]]
    grid = np.linspace(-0.5, 2.0, 10)
    profile = stats.performance_profile(scores, grid)
    assert all((np.diff(curve) <= 0).all() for curve in profile)
    every = together(*scores)
    chances = [p for _, p in every]
    drawn = np.array([x for x, _ in every])  # [resample, env, seed]: as many seeds in each
    for i, threshold in enumerate(grid):
        exact = (drawn > threshold).mean((1, 2)).tolist()
        assert_ends((profile.low[i], profile.high[i]), exact, chances)


def test_area_below_a_profile_is_the_mean() -> None:
    """The mean of scores from 0 on is the integral of their distribution's tail."""
    scores = np.random.default_rng(2).random((6, 4))
    grid = (np.arange(1000) + 0.5) / 1000
    area = stats.performance_profile(scores, grid).fraction.mean()
    assert area == pytest.approx(stats.estimate(scores, stats.mean).value, abs=2e-3)


@pytest.mark.parametrize("statistic", ALL)
def test_nothing_depends_on_an_order(statistic: Statistic) -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(7, 4))
    shuffled = rng.permuted(scores, axis=0)[:, [2, 0, 3, 1]]
    assert stats.estimate(scores, statistic) == stats.estimate(list(shuffled.T), statistic)
    other = rng.normal(size=(5, 4))
    assert stats.probability_of_improvement(scores, other) == stats.probability_of_improvement(
        rng.permuted(scores, axis=0)[:, ::-1], rng.permuted(other, axis=0)[:, ::-1]
    )
    for one, two in zip(
        stats.performance_profile(scores, [0.0, 1.0]),
        stats.performance_profile(shuffled, [0.0, 1.0]),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


def test_one_environment_is_what_it_is_alone() -> None:
    values = np.random.default_rng(4).normal(size=9)
    assert stats.estimate([values]) == (stats.iqm(values), stats.bootstrap_ci(values))


def test_seeds_are_drawn_within_their_environments() -> None:
    """Environments that differ, whose seeds do not, leave nothing to chance; pooled, they would."""
    for statistic in ALL:
        value, ci95 = stats.estimate([[0.0] * 6, [0.75] * 5, [0.5] * 5], statistic)
        assert ci95 == (value, value)


def test_equal_environments_do_not_share_their_draws() -> None:
    """The interval of a mean over 16 environments is a quarter as wide as that of one."""
    one = np.random.default_rng(5).normal(size=20)
    alone, sixteen = (stats.estimate([one] * n, stats.mean).ci95 for n in (1, 16))
    assert alone is not None and sixteen is not None
    assert (sixteen[1] - sixteen[0]) / (alone[1] - alone[0]) == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize("few", [1, 2, 3, 4])
def test_without_five_seeds_in_every_environment_there_is_no_interval(few: int) -> None:
    many, some = [1.0] * 3 + [2.0] * 3, [3.0] * few
    assert stats.estimate([many, some]).ci95 is None
    assert stats.probability_of_improvement([many], [some]) == (0.0, None)
    assert stats.probability_of_improvement([some], [many]) == (1.0, None)
    profile = stats.performance_profile([many, some], [1.5])
    assert profile.fraction == [0.75] and np.isnan([profile.low, profile.high]).all()
    enough = [*some, *[3.0] * (5 - few)]
    assert stats.estimate([many, enough]).ci95 is not None
    assert stats.probability_of_improvement([many], [enough]).ci95 == (0.0, 0.0)
    assert np.isfinite(stats.performance_profile([many, enough], [1.5])).all()


REFUSING: tuple[Callable[[Scores], object], ...] = (
    stats.estimate,
    lambda scores: stats.probability_of_improvement(scores, scores),
    lambda scores: stats.performance_profile(scores, [0.0]),
)


@pytest.mark.parametrize("function", REFUSING)
@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ([], "at least one environment"),
        ([[1.0], []], "one value per seed"),
        ([[1.0, np.nan]], "finite"),
        (np.array([[1.0, np.inf]]), "finite"),
        (np.zeros(3), r"shape \[run, env\]"),
        (np.zeros((0, 2)), "one value per seed"),
    ],
)
def test_what_cannot_be_told_is_refused(
    function: Callable[[Scores], object], bad: Scores, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        function(bad)


def test_other_environments_are_refused() -> None:
    with pytest.raises(ValueError, match="there are 2 and 1"):
        stats.probability_of_improvement(HALF, HALF[:1])
    with pytest.raises(ValueError, match="finite"):
        stats.performance_profile(HALF, [0.0, np.nan])


def test_nothing_loops_over_the_resamples() -> None:
    """10 seeds of 57 environments: a loop over 2,000 resamples would make more calls."""
    x, y = np.random.default_rng(6).random((2, 10, 57))
    assert calls(lambda: stats.estimate(x)) < 57 * 2000
    assert calls(lambda: stats.probability_of_improvement(x, y)) < 5000
    assert calls(lambda: stats.performance_profile(x, np.linspace(0, 1, 200))) < 5000
