"""Features of an observation: tile coding, and the Fourier and polynomial bases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from rlrun.core.types import Array, Spec
from rlrun.features.ranges import Scale
from rlrun.tables.states import place_values


class Active(NamedTuple):
    """The features of observations that are not 0; both arrays are ``[..., active]``."""

    number: Array
    """Their numbers, int64."""
    x: Array
    """What they are."""


class Features(Protocol):
    """The features of an observation."""

    count: int
    """How many there are."""
    active: int
    """How many of them are not 0."""
    rate: Array
    """``[feature]``: the step size of each one's weights, relative to that of the agent."""
    constant: Array
    """``[feature]``: weights that give every observation the value 1."""

    def __call__(self, obs: Array) -> Active:
        """Return the features of observations ``[..., number]``."""
        ...


class Tiles:
    """Tile coding: each tiling is a grid, whose tile with the observation in it has the feature 1.

    Tiling i of n is shifted by i (1, 3, 5, ...) / n tiles, in the numbers of the observation. It
    has one tile more along each number, so that it covers the range however it is shifted. Step
    sizes are divided by the number of tilings.

    Source: Sutton and Barto 2018, section 9.5.4.

    Args:
        spec: the specification of the environment.
        tilings: number of tilings.
        tiles: tiles of each tiling along each number of an observation.
    """

    def __init__(self, spec: Spec, tilings: int, tiles: Sequence[int]) -> None:
        self._scale = Scale(spec)
        odd = 2 * np.arange(self._scale.numbers) + 1
        self._tiles = np.array(tiles, np.float64)
        self._shift = np.arange(tilings)[:, None] * odd % tilings / tilings  # [tiling, number]
        sizes = [each + (tilings > 1) for each in tiles]
        self._most = np.array(tiles, np.float64) - (tilings == 1)  # the largest number of a tile
        self._weights = place_values(sizes)
        size = math.prod(sizes)
        self._first = np.arange(tilings) * size
        self.count, self.active = tilings * size, tilings
        self.rate: Array = np.full(self.count, 1.0 / tilings)
        self.constant: Array = self.rate

    def __call__(self, obs: Array) -> Active:
        place = self._scale(obs)[..., None, :] * self._tiles + self._shift  # [..., tiling, number]
        tile = np.minimum(np.floor(place), self._most).astype(np.int64)
        number = (tile * self._weights).sum(-1) + self._first
        return Active(number, np.ones(number.shape))


class Fourier:
    """The Fourier cosine basis: cos(π c·s), for all c of whole numbers up to the order.

    The step size of a feature is divided by the length of its c, unless that is 0.

    Source: Konidaris, Osentoski and Thomas 2011, equation 5 and section 4.
    """

    def __init__(self, spec: Spec, order: int) -> None:
        self._scale = Scale(spec)
        self._c = _exponents(self._scale.numbers, order)
        self.count = self.active = len(self._c)
        length = np.sqrt((self._c**2).sum(-1))
        self.rate: Array = 1.0 / np.where(length > 0, length, 1.0)
        self.constant: Array = (length == 0).astype(np.float64)
        self._all = np.arange(self.count)

    def __call__(self, obs: Array) -> Active:
        s = self._scale(obs)[..., None, :]
        x = np.cos(np.pi * (s * self._c).sum(-1))
        return Active(np.broadcast_to(self._all, x.shape), x)


class Polynomials:
    """The polynomial basis: Π_j s_j^c_j, for all c of whole numbers up to the order.

    Source: Sutton and Barto 2018, section 9.5.1.
    """

    def __init__(self, spec: Spec, order: int) -> None:
        self._scale, self._order = Scale(spec), order
        self._c = _exponents(self._scale.numbers, order)
        self.count = self.active = len(self._c)
        self.rate: Array = np.ones(self.count)
        self.constant: Array = (self._c.sum(-1) == 0).astype(np.float64)
        self._all = np.arange(self.count)

    def __call__(self, obs: Array) -> Active:
        s = self._scale(obs)
        powers = [np.ones_like(s)]
        for _ in range(self._order):
            powers.append(powers[-1] * s)
        table = np.stack(powers, -1)  # [..., number, power]
        x = np.ones((*s.shape[:-1], self.count))
        for number, c in enumerate(self._c.T):
            x *= table[..., number, c]
        return Active(np.broadcast_to(self._all, x.shape), x)


def _exponents(numbers: int, order: int) -> Array:
    """Return all combinations ``[(order + 1) ** numbers, number]`` of 0 to the order."""
    every = np.indices((order + 1,) * numbers).reshape(numbers, -1).T
    return np.ascontiguousarray(every)
