"""Features of a point, by hand, and laws of tile coding."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.types import Array, Space, Spec
from rlrun.features.bases import Features, Fourier, Polynomials, Tiles

ACTION = Space("discrete", (), (3,))
PLANE = Spec("plane", Space("vector", (2,)), ACTION, 1, bounds=((0.0, 1.0), (-1.0, 1.0)))
LINE = Spec("line", Space("vector", (1,)), ACTION, 1, bounds=((-1.0, 1.0),))


def point(features: Features, *obs: float) -> Array:
    """The features ``[feature]`` of one observation."""
    number, x = features(np.array(obs, np.float32))
    found = np.zeros(features.count)
    found[number] = x
    return found


def test_two_tilings_of_two_by_two_tiles() -> None:
    """(0.3, 0.2) is (0.6, 1.2) tiles from the corner; the second tiling adds half a tile to each.

    So it is in the tiles (0, 1) of the first and (1, 1) of the second, of 3 x 3 tiles each.
    """
    tiles = Tiles(PLANE, 2, [2, 2])
    assert tiles.count == 18
    number, x = tiles(np.array([[[0.3, 0.2]]], np.float32))
    assert number.tolist() == [[[1, 9 + 4]]]
    assert x.tolist() == [[[1.0, 1.0]]]
    assert set(tiles.rate.tolist()) == {0.5}


def test_asymmetric_shifts() -> None:
    """Of four tilings, in quarters of a tile: (0, 0), (1, 3), (2, 6 - 4) and (3, 9 - 8)."""
    tiles = Tiles(PLANE, 4, [2, 2])
    assert (tiles._shift * 4).tolist() == [[0, 0], [1, 3], [2, 2], [3, 1]]


def test_tiles_are_those_of_suttons_program() -> None:
    """His tiles have (floor(n s) + i (1 + 2 j)) // n as coordinates, without an end to the grid."""
    n, size, rng = 8, np.array([5, 3]), np.random.default_rng(0)
    tiles = Tiles(PLANE, n, size.tolist())
    s = rng.uniform(size=(400, 2))
    number, _ = tiles(s * [1, 2] - [0, 1])
    for i in range(n):
        theirs = (np.floor(s * size * n) + i * np.array([1, 3])) // n
        same = (theirs[:, None] == theirs).all(-1)
        assert np.array_equal(number[:, None, i] == number[:, i], same)
    assert len(np.unique(number // (6 * 4))) == n  # each tiling has its own features


def test_the_ends_of_the_ranges_and_what_is_beyond_them_are_in_the_grid() -> None:
    for tilings in (1, 8):
        tiles = Tiles(PLANE, tilings, [3, 1])
        ends = [[0.0, -1.0], [1.0, 1.0], [-9.0, 9.0], [9.0, -9.0]]
        number, _ = tiles(np.array(ends, np.float32))
        assert number.min() >= 0
        assert number.max() < tiles.count
        assert (number // (tiles.count // tilings) == np.arange(tilings)).all()


def test_fourier_features() -> None:
    """cos(0), cos(π/4), cos(π/2) of s = 0.25; the step sizes of c = 0, 1, 2 are 1, 1, 1/2."""
    basis = Fourier(LINE, 2)
    assert point(basis, -0.5) == pytest.approx([1.0, np.sqrt(0.5), 0.0], abs=1e-12)
    assert basis.rate.tolist() == [1.0, 1.0, 0.5]


def test_fourier_features_of_two_numbers() -> None:
    """s = (0.5, 1): c·s is 0, 1, 0.5 and 1.5 for c = (0, 0), (0, 1), (1, 0) and (1, 1)."""
    basis = Fourier(PLANE, 1)
    assert point(basis, 0.5, 1.0) == pytest.approx([1.0, -1.0, 0.0, 0.0], abs=1e-12)
    assert basis.rate.tolist() == pytest.approx([1.0, 1.0, 1.0, np.sqrt(0.5)])


def test_polynomial_features() -> None:
    """s = (0.5, 0.25), whose second power changes fastest."""
    basis = Polynomials(PLANE, 2)
    expected = [1, 0.25, 0.0625, 0.5, 0.125, 0.03125, 0.25, 0.0625, 0.015625]
    assert point(basis, 0.5, -0.5).tolist() == expected
    assert set(basis.rate.tolist()) == {1.0}


@pytest.mark.parametrize(
    "basis", [Tiles(PLANE, 8, [4, 4]), Fourier(PLANE, 3), Polynomials(PLANE, 3)]
)
def test_the_constant_has_the_same_value_everywhere(basis: Features) -> None:
    for obs in ([0.1, 0.9], [0.7, -1.0]):
        assert point(basis, *obs) @ basis.constant == pytest.approx(1.0)
    assert basis(np.array([0.5, 0.5])).number.shape == (basis.active,)
