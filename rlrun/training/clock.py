"""The wall time of a run, and the part of it that was training."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rlrun.core.types import State


class WallClock:
    """Wall time, and the part of it that was training: pauses do not count.

    A resumed run's clock goes on from what it showed.
    """

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._paused = 0.0

    def state_dict(self) -> State:
        return {"wall": self.wall, "training": self.training}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        wall, training = float(state["wall"]), float(state["training"])
        self._start = time.perf_counter() - wall
        self._paused = wall - training

    @contextmanager
    def paused(self) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._paused += time.perf_counter() - begin

    @property
    def wall(self) -> float:
        return time.perf_counter() - self._start

    @property
    def training(self) -> float:
        return self.wall - self._paused
