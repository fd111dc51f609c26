"""The reward that is learnt from, which need not be the true one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlrun.core.types import Array


@dataclass(frozen=True)
class RewardTransform:
    """The true reward, clipped to [-clip, clip] (None: not at all), then times ``scale``."""

    clip: float | None = None
    scale: float = 1.0

    def __call__(self, reward: Array) -> Array:
        """Of true rewards of any shape; where nothing is to do the same array."""
        if self.clip is not None:
            reward = np.clip(reward, -self.clip, self.clip)
        return reward if self.scale == 1 else reward * self.scale


IDENTITY = RewardTransform()
