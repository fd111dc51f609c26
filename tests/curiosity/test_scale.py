"""The scale of bonuses and of what predictors see, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.types import Space
from rlrun.curiosity.scale import BonusScale, Whitening
from tests.curiosity.test_count import spec


def test_bonuses_are_divided_by_the_deviation_of_their_discounted_sums() -> None:
    """Two environments with bonuses 4, 2 and 0, 2, and a discount of a half."""
    scale = BonusScale(1, 2, 0.5)
    scale.add(np.array([[4.0, 0.0]]), ())
    scale.add(np.array([[2.0, 2.0]]), ())
    sums = [4, 0, 4, 2]  # 2 + 4 / 2, and 2 + 0 / 2
    assert scale(np.array([[3.0]]))[0, 0] == pytest.approx(3 / np.std(sums))
    assert (scale(np.array([[0.5, 0.0]])) >= 0).all()  # the mean is not subtracted


def test_each_seed_has_its_own_discount_and_deviation() -> None:
    rng = np.random.default_rng(0)
    factor, bonuses = np.array([0.9, 0.3]), rng.random((50, 2, 3))
    both = BonusScale(2, 3, factor)
    for each in bonuses:
        both.add(each, ())
    for seed in range(2):
        total, sums = np.zeros(3), []
        for each in bonuses:
            total = factor[seed] * total + each[seed]
            sums += total.tolist()
        assert both(np.ones((2, 1)))[seed, 0] == pytest.approx(1 / np.std(sums))


def test_a_frozen_seed_keeps_its_deviation() -> None:
    scale, rng = BonusScale(2, 3, 0.9), np.random.default_rng(1)
    scale.add(rng.random((2, 3)), ())
    before = scale(np.ones((2, 1)))
    scale.add(rng.random((2, 3)), {1})
    after = scale(np.ones((2, 1)))
    assert after[0] != before[0] and after[1] == before[1]


def test_vectors_are_whitened_and_clipped() -> None:
    one = Whitening(spec(Space("vector", (2,)), envs=2), 1)
    one.add(np.array([[[1.0, 0.0], [3.0, 10.0]]]), ())
    seen = one(np.array([[[4.0, 0.0], [2.0, 5.0], [-100.0, 30.0]]]))
    assert seen[0] == pytest.approx(np.array([[2, -1], [0, 0], [-5, 5]]), abs=1e-6)
    assert seen.dtype == np.float32


def test_numbers_of_states_stay_what_they_are() -> None:
    one = Whitening(spec(), 2)
    one.add(np.array([[2], [0]]), ())
    assert one(np.array([[2, 1], [0, 1]])).tolist() == [[2, 1], [0, 1]]
    assert one.state_dict() == {}
