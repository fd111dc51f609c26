"""The exact rank test, by hand, as published, and against every division of the scores."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from rlrun import stats


@pytest.mark.parametrize(
    ("x", "y", "p"),
    [
        ([1.0], [2.0], 1.0),  # both divisions are as extreme
        ([3.0, 4.0], [1.0, 2.0], 2 / 6),  # of 4 choose 2 divisions, this one and its reverse
        ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], 2 / 20),
        ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], 2 / 70),
        ([1.0], [2.0, 3.0, 4.0, 5.0], 2 / 5),
        ([1.0, 4.0], [2.0, 3.0], 1.0),  # wins as often as it loses
        ([1.0, 1.0], [1.0, 1.0, 1.0], 1.0),
        # the example of scipy.stats.mannwhitneyu, method exact
        ([19, 22, 16, 29, 24], [20, 11, 17, 12], 1 / 9),
    ],
)
def test_one_environment_by_hand(x: list[float], y: list[float], p: float) -> None:
    assert stats.rank_test([x], [y]) == pytest.approx(p, rel=1e-12)
    assert stats.rank_test([y], [x]) == pytest.approx(p, rel=1e-12)


def every_division(x: Sequence[Sequence[float]], y: Sequence[Sequence[float]]) -> float:
    """The p-value, division by division."""
    divisions = []
    for a, b in zip(x, y, strict=True):
        pooled, found = np.array([*a, *b], float), []
        for chosen in itertools.combinations(range(pooled.size), len(a)):
            rest = np.delete(pooled, chosen)
            found.append(float(np.sign(pooled[list(chosen), None] - rest).mean()))
        divisions.append(found)
    totals = [sum(each) for each in itertools.product(*divisions)]
    observed = sum(found[0] for found in divisions)  # the first division is the given one
    return float(np.mean([abs(total) >= abs(observed) - 1e-9 for total in totals]))


@pytest.mark.parametrize("draw", range(12))
def test_against_every_division_with_ties_and_several_environments(draw: int) -> None:
    rng = np.random.default_rng(draw)
    sizes = rng.integers(1, 5, size=(1 + draw % 3, 2))
    x, y = ([rng.integers(6, size=n).tolist() for n in sizes[:, column]] for column in (0, 1))
    assert stats.rank_test(x, y) == pytest.approx(every_division(x, y), rel=1e-12)


def test_several_environments_can_decide_what_one_cannot() -> None:
    one, two = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    assert stats.rank_test([one] * 3, [two] * 3) == pytest.approx(2 / 20**3)
    assert stats.rank_test([one, two], [two, one]) == 1.0
    with pytest.raises(ValueError, match="there are 1 and 2"):
        stats.rank_test([one], [two, two])


def test_few_seeds_against_many() -> None:
    """The three best of 203 scores: 2 of 203 choose 3 divisions."""
    many = np.arange(200.0)
    assert stats.rank_test([[300.0, 301.0, 302.0]], [many]) == pytest.approx(
        2 * 6 / (203 * 202 * 201), rel=1e-9
    )
