"""The wall time and the training time of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rlrun.core.types import State


class WallClock:
    """Measures wall time, and training time, which excludes pauses.

    The clock of a resumed run continues from its saved times.
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
