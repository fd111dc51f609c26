"""The reward that agents learn from, which may differ from the environment's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlrun.core.rows import Number, column
from rlrun.core.types import Array


@dataclass(frozen=True)
class RewardTransform:
    """The true reward, clipped to [-clip, clip] (None: unclipped), then multiplied by ``scale``."""

    clip: float | None = None
    scale: Number = 1.0
    """A factor, or one for each row."""

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.clip is None and isinstance(self.scale, float) and self.scale == 1

    def __call__(self, reward: Array) -> Array:
        """Transform true rewards of any shape; the same array is returned if nothing changes."""
        if self.clip is not None:
            reward = np.clip(reward, -self.clip, self.clip)
        if isinstance(self.scale, np.ndarray):
            scaled: Array = reward * column(self.scale, reward.ndim)
            return scaled
        return reward if self.scale == 1 else reward * self.scale


IDENTITY = RewardTransform()
