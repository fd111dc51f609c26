"""The reward that agents learn from, which may differ from the environment's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlrun.core.types import Array


@dataclass(frozen=True)
class RewardTransform:
    """The true reward, clipped to [-clip, clip] (None: unclipped), then multiplied by ``scale``."""

    clip: float | None = None
    scale: float = 1.0

    def __call__(self, reward: Array) -> Array:
        """Transform true rewards of any shape; the same array is returned if nothing changes."""
        if self.clip is not None:
            reward = np.clip(reward, -self.clip, self.clip)
        return reward if self.scale == 1 else reward * self.scale


IDENTITY = RewardTransform()
