"""The scale of observations and of bonuses, by running statistics of each seed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from rlrun.core.moments import Moments
from rlrun.core.restore import restore_into
from rlrun.core.rows import Number, column
from rlrun.core.types import Array, Spec, State

CLIP = 5.0  # of observations, as in Burda et al. (2018)
EPSILON = 1e-8


class Whitening:
    """Scales vectors to mean 0 and standard deviation 1, clipped to ±5; other kinds are unchanged.

    Discrete observations are one-hot for a network, and images and grids are scaled by their range.
    """

    def __init__(self, spec: Spec, num_seeds: int) -> None:
        width = spec.obs.shape[0] if spec.obs.kind == "vector" else 0
        self._moments = Moments(num_seeds, width) if width else None

    def add(self, obs: Array, frozen: Collection[int]) -> None:
        """Add observations ``[seed, env, ...]``, except those of the ``frozen`` seeds."""
        if self._moments is not None:
            self._moments.add(obs, frozen)

    def __call__(self, obs: Array) -> Array:
        """Return scaled observations ``[seed, batch, ...]``, without adding them."""
        if self._moments is None:
            return np.ascontiguousarray(obs)
        mean, variance = self._moments.mean[:, None], self._moments.variance[:, None]
        scaled = (obs - mean) / np.sqrt(variance + EPSILON)
        return np.clip(scaled, -CLIP, CLIP).astype(np.float32)

    def state_dict(self) -> State:
        return {} if self._moments is None else self._moments.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self._moments is not None:
            self._moments.load_state_dict(state)


class BonusScale:
    """Divides bonuses by the standard deviation of their discounted sums (Burda et al. 2018).

    Each environment has the sum R_t = b_t + discount R_{t-1} of all its bonuses so far, across the
    ends of episodes. The mean is not subtracted: a bonus is never negative.
    """

    def __init__(self, num_seeds: int, envs: int, discount: Number) -> None:
        self._moments = Moments(num_seeds, 1)
        self._sum, self._discount = np.zeros((num_seeds, envs)), column(discount, 2)

    def add(self, bonus: Array, frozen: Collection[int]) -> None:
        """Add the bonuses ``[seed, env]`` of one step, except those of the ``frozen`` seeds."""
        self._sum = self._discount * self._sum + bonus
        self._moments.add(self._sum[..., None], frozen)

    def __call__(self, bonus: Array) -> Array:
        """Return scaled bonuses ``[seed, batch]``, without adding them."""
        scaled: Array = bonus / np.sqrt(self._moments.variance + EPSILON)
        return scaled

    def state_dict(self) -> State:
        return {"sum": self._sum, **self._moments.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._sum = self._sum.copy()
        restore_into(self._sum, state["sum"], "the sums of bonuses")
        self._moments.load_state_dict(state)
