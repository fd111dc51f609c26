"""Cells: what Go-Explore counts as the same place, a function of the observation."""

from __future__ import annotations

import numpy as np

from rlrun.core.types import Array, Spec
from rlrun.tables.states import Bins


class Cells:
    """Maps observations to the keys of their cells.

    Discrete observations and grids are their own cells, continuous ones those of their bins
    (``env.bins``). An image is scaled down: grey, averaged over ``height`` by ``width`` areas, of
    ``levels`` brightnesses (Ecoffet et al. 2021). Of a stack of frames the newest one counts.

    Raises:
        BadInput: continuous observations have no bins.
    """

    def __init__(self, spec: Spec, height: int, width: int, levels: int) -> None:
        self._obs = obs = spec.obs
        self.dtype = np.dtype(np.uint8 if obs.has_frames else np.int64)
        self.size = int(np.prod(obs.shape)) // obs.stack
        """How many numbers make a key."""
        if obs.kind == "vector":
            self._bins = Bins(spec, "cells need")
        if obs.kind == "image":
            self.size, self._levels = height * width, levels
            self._rows = _overlaps(obs.shape[1], height)
            self._columns = _overlaps(obs.shape[2], width)

    def numbers(self, obs: Array) -> Array:
        """Return the numbers of each key, ``[seed, env, n]``, of observations ``[seed, env, ...]``.

        Those of an image are exact, whole numbers until the last division.
        """
        if self._obs.has_frames:
            obs = obs[:, :, obs.shape[2] - obs.shape[2] // self._obs.stack :]  # the newest frame
        if self._obs.kind == "vector":
            obs = self._bins(obs)
        elif self._obs.kind == "image":
            total = self._rows @ obs.sum(2, dtype=np.float64) @ self._columns.T
            most = 256 * obs.shape[2] * obs.shape[3] * obs.shape[4]
            obs = total * self._levels // most
        return np.ascontiguousarray(obs.reshape(*obs.shape[:2], self.size), self.dtype)

    def __call__(self, obs: Array) -> list[list[bytes]]:
        """Return the key of each observation, by seed and environment."""
        numbers = self.numbers(obs)
        keys = numbers.view(f"V{self.size * self.dtype.itemsize}")[..., 0]
        return [[each.tobytes() for each in row] for row in keys]


def _overlaps(pixels: int, areas: int) -> Array:
    """Return how much of each pixel lies in each of equal areas, ``[area, pixel]``.

    In units of 1 / areas of a pixel, so that they are whole numbers: those of an area sum to
    ``pixels``.
    """
    area, pixel = np.arange(areas)[:, None], np.arange(pixels)
    low = np.maximum(area * pixels, pixel * areas)
    high = np.minimum((area + 1) * pixels, (pixel + 1) * areas)
    overlaps: Array = np.maximum(high - low, 0).astype(np.float64)
    return overlaps
