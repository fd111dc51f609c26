"""Searches without gradients: numbers by hand, and laws."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.rules.evolution import (
    adapted,
    best,
    centred_ranks,
    crossover,
    evolution_gradient,
    mirrored,
    random_search_step,
)


def test_the_best_come_first_and_the_first_among_equals() -> None:
    fitness = np.array([3.0, 9.0, 3.0, 7.0, 9.0])
    assert best(fitness, 4).tolist() == [1, 4, 3, 0]


def test_ranks_by_hand() -> None:
    assert centred_ranks(np.array([30.0, -1e9, 31.0])).tolist() == [0.0, -0.5, 0.5]
    # places 0, 1, 2, 3, of which the two in the middle share 1.5
    assert centred_ranks(np.array([5.0, 9.0, 5.0, 1.0])).tolist() == pytest.approx(
        [0, 0.5, 0, -0.5]
    )
    assert centred_ranks(np.full(4, 500.0)).tolist() == [0.0] * 4


@pytest.mark.parametrize("draw", range(5))
def test_ranks_do_not_depend_on_the_scale(draw: int) -> None:
    fitness = np.random.default_rng(draw).integers(0, 6, 9).astype(float)
    ranks = centred_ranks(fitness)
    assert np.array_equal(ranks, centred_ranks(np.exp(fitness)))
    assert ranks.sum() == pytest.approx(0)


def test_a_gradient_by_hand() -> None:
    noise = np.array([[1.0, 0.0], [2.0, -1.0]])
    assert mirrored(noise).tolist() == [[1, 0], [2, -1], [-1, 0], [-2, 1]]
    # differences 4 - 1 = 3 and 2 - 3 = -1: (3·[1, 0] - [2, -1]) / (4 · 0.5)
    found = evolution_gradient(np.array([4.0, 2.0, 1.0, 3.0]), noise, 0.5)
    assert found.tolist() == [0.5, 0.5]


def test_the_gradient_of_a_slope_is_the_slope() -> None:
    """Of f(x) = a·x with the returns themselves: E[ε ε'] a = a."""
    slope, noise = np.array([2.0, -1.0, 0.5]), np.random.default_rng(0).normal(size=(200_000, 3))
    found = evolution_gradient(mirrored(0.1 * noise) @ slope, noise, 0.1)
    assert found == pytest.approx(slope, abs=0.02)


def test_a_step_of_augmented_random_search_by_hand() -> None:
    noise = np.array([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    fitness = np.array([8.0, 2.0, 1.0, 4.0, 6.0, 0.0])  # r+ of the three directions, then r-
    # the best two by the larger return: the first (8, 4) and the second (2, 6)
    deviation = np.std([8.0, 4.0, 2.0, 6.0])  # √5
    found = random_search_step(fitness, noise, 2)
    assert found == pytest.approx(np.array([8 - 4, 2 - 6]) / (2 * deviation))
    assert deviation == pytest.approx(5**0.5)


def test_equal_returns_are_no_direction() -> None:
    assert random_search_step(np.full(4, 500.0), np.ones((2, 3)), 2).tolist() == [0.0] * 3


def test_units_are_inherited_whole() -> None:
    mother, father = np.zeros((2, 6)), np.full((2, 6), 7.0)
    unit = np.array([0, 1, 2, 0, 1, 2])  # two weights into each of three units
    chosen = np.array([[True, False, False], [False, True, True]])
    found = crossover(mother, father, unit, chosen)
    assert found.tolist() == [[7, 0, 0, 7, 0, 0], [0, 7, 7, 0, 7, 7]]


def test_noise_is_halved_or_doubled_within_its_bounds() -> None:
    assert adapted(0.1, True, 0.01, 2.0) == 0.05
    assert adapted(0.1, False, 0.01, 2.0) == 0.2
    assert adapted(0.015, True, 0.01, 2.0) == 0.01
    assert adapted(1.5, False, 0.01, 2.0) == 2.0
