"""Exclusive or, the function that no network without hidden units computes: a test of NEAT."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlrun.core.types import Array

CASES = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))


class Xor(gym.Env[Array, Array]):
    """An episode of four steps, one for each case of two inputs; the action is the output.

    The observation is the two inputs, the action a number from 0 to 1, to which it is clipped. The
    reward is 1 minus the squared difference from what is right, 1 where the inputs differ and 0
    where they do not. So the return of an episode is 4 minus the sum of the squared errors: 4 at
    most, and 3 for an output of 0.5 in all cases. With more than 3.75 every output is on the right
    side of 0.5.

    After Stanley and Miikkulainen (2002), section 4.1, where the fitness is the square of 4 minus
    the sum of the absolute errors.
    """

    observation_space = spaces.Box(0.0, 1.0, (2,), np.float32)
    action_space = spaces.Box(0.0, 1.0, (1,), np.float32)

    def __init__(self) -> None:
        self._case = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self._case = 0
        return self._obs(), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        first, second = CASES[self._case]
        error = float(np.clip(action, 0.0, 1.0).item()) - float(first != second)
        self._case = (self._case + 1) % len(CASES)
        return self._obs(), 1.0 - error**2, self._case == 0, False, {}

    def _obs(self) -> Array:
        return np.array(CASES[self._case], np.float32)
