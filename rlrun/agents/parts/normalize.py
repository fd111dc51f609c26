"""Normalisation of observations and rewards by running means and variances."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from rlrun.core.moments import Moments
from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State, Step

CLIP = 10.0
EPSILON = 1e-8


class ObsScale:
    """Scales observation vectors to mean 0 and standard deviation 1, clipped to ±10."""

    def __init__(self, num_seeds: int, width: int) -> None:
        self._moments = Moments(num_seeds, width)

    def __call__(self, obs: Array) -> Array:
        """Return scaled observations, float32 ``[seed, env, n]``, without adding them."""
        mean, variance = self._moments.mean[:, None], self._moments.variance[:, None]
        scaled = (obs - mean) / np.sqrt(variance + EPSILON)
        return np.clip(scaled, -CLIP, CLIP).astype(np.float32)

    def add(self, obs: Array, frozen: Collection[int] = ()) -> None:
        """Add observations ``[seed, env, n]``, except those of the ``frozen`` seeds."""
        self._moments.add(obs, frozen)

    def copy_row(self, position: int, other: ObsScale) -> None:
        """Copy the statistics of the seed at this position from another scale."""
        for name, own in self._moments.state_dict().items():
            own[position] = other._moments.state_dict()[name][position]

    def state_dict(self) -> State:
        return self._moments.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._moments.load_state_dict(state)


class RewardScale:
    """Divides rewards by the standard deviation of their discounted sums; clipped to ±10.

    The sums are R_t = r_t + discount_{t-1} R_{t-1}, from 0 at the start of each episode, as in
    OpenAI's implementation of PPO. The mean is not subtracted, which would change the optimal
    policy.
    """

    def __init__(self, num_seeds: int, envs: int) -> None:
        self._moments = Moments(num_seeds, 1)
        self._sum = np.zeros((num_seeds, envs))  # multiplied by the discount since

    @property
    def unit(self) -> Array:
        """The reward that is scaled to 1, ``[seed, 1]``."""
        unit: Array = np.sqrt(self._moments.variance + EPSILON)
        return unit

    def __call__(self, t: Step) -> Array:
        """Add a step; return its scaled rewards ``[seed, env]``."""
        self._sum += t.reward
        self._moments.add(self._sum[..., None])
        self._sum *= t.discount * ~t.last
        scaled: Array = np.clip(t.reward / self.unit, -CLIP, CLIP)
        return scaled

    def cut(self) -> None:
        """Begin new sums: the next step does not follow the last one."""
        self._sum[...] = 0

    def state_dict(self) -> State:
        return {"sum": self._sum, **self._moments.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._sum, state["sum"], "the sums of rewards")
        self._moments.load_state_dict(state)
