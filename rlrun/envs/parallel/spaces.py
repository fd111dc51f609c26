"""The actions of several agents, converted from rlrun's to those of their environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlrun.core.types import Array, Space


class AgentActions:
    """Converts actions ``[env, agent, ...]``, which have the widest agent's width, padded.

    Args:
        spaces: the action space of each agent, all Discrete or all Box with finite bounds.
        widths: how many choices, or numbers, each agent has.
        discrete: which of the two.
    """

    def __init__(self, spaces: Sequence[Any], widths: Sequence[int], *, discrete: bool) -> None:
        self.discrete, width = discrete, max(widths)
        self.space = Space("discrete", (), (width,)) if discrete else Space("vector", (width,))
        self.legal: Array = np.arange(width) < np.array(widths)[:, None]
        """Which choices each agent has, bool ``[agent, choice]``; of numbers, which are used."""
        self.padded = not self.legal.all()
        """Whether agents have different numbers of choices, or of numbers."""
        self._low = np.zeros((len(widths), 0 if discrete else width))
        self._width = self._low.copy()
        if not discrete:
            for agent, (space, size) in enumerate(zip(spaces, widths, strict=True)):
                low, high = (each.ravel().astype(np.float64) for each in (space.low, space.high))
                self._low[agent, :size], self._width[agent, :size] = low, high - low

    def __call__(self, action: Array) -> Array:
        """Return choices unchanged, and numbers in [-1, 1] scaled to the bounds; a copy."""
        if self.discrete:
            return action.copy()
        fraction = (np.minimum(np.maximum(action, -1.0), 1.0) + 1.0) / 2.0
        scaled: Array = self._low + fraction * self._width
        return np.minimum(scaled, self._low + self._width)
