"""The best policies of a search so far, evaluated again in every generation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlrun.core.restore import restore_into
from rlrun.core.types import Array, State
from rlrun.rules.evolution import best


class Elite:
    """Keeps the first individuals of each generation, the elite, or replaces them by better ones.

    A fitness is a noisy number, and the largest of many is mostly one that was lucky. So the elite
    is a part of every generation, the fitness of each of them is the mean over all generations so
    far, and the policy of a seed is the best one that was evaluated more than once.

    Args:
        num_seeds: number of seeds.
        size: policies that are kept.
    """

    def __init__(self, num_seeds: int, size: int) -> None:
        self._size = size
        self._total = np.zeros((num_seeds, size))
        self._count = np.zeros((num_seeds, size), np.int64)

    def update(self, position: int, fitness: Array) -> tuple[Array, int]:
        """Choose the elite of the next generation, by the ``fitness [individual]`` of this one.

        Returns the indices of the best individuals, best first, and that of the policy.
        """
        total, count = fitness.copy(), np.ones(len(fitness), np.int64)
        total[: self._size] += self._total[position]
        count[: self._size] += self._count[position]
        mean = total / count
        kept = best(mean, self._size)
        self._total[position], self._count[position] = total[kept], count[kept]
        proven = kept[count[kept] > 1]
        return kept, int((proven if len(proven) else kept)[0])

    def state_dict(self) -> State:
        return {"total": self._total, "count": self._count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._total, state["total"], "the fitness of the elite")
        restore_into(self._count, state["count"], "the numbers of evaluations of the elite")
