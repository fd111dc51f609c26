"""Which transitions a replay samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from rlrun.replay.window import Window
from rlrun.types import Array, Draws, State


class Sampler(Protocol):
    """Draws places; what it draws from is one window's, told once."""

    def open(self, seeds: int, window: Window) -> None:
        """Sample from this window from now on; nothing has been added to it yet."""
        ...

    def sample(self, size: int) -> tuple[Array, Array | None]:
        """Places ``[seed, batch]``, and their importance weights, None where all are 1."""
        ...

    def update(self, place: Array, error: Array) -> None:
        """Take in the errors ``[seed, batch]`` of the transitions sampled last."""
        ...

    def check_valid(self) -> tuple[bool, str]: ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """To be called after the window has its time back."""
        ...


class Uniform:
    """Each transition as likely as the others, with replacement.

    Args:
        draws: one stream of random numbers per seed.
    """

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def open(self, seeds: int, window: Window) -> None:
        self._window = window

    def sample(self, size: int) -> tuple[Array, Array | None]:
        number = (self._draws.uniform(size) * len(self._window)).astype(np.int64)
        return self._window.place(number), None

    def update(self, place: Array, error: Array) -> None:
        """Uniform sampling has no priorities."""

    def check_valid(self) -> tuple[bool, str]:
        return True, ""

    def state_dict(self) -> State:
        return {"draws": self._draws.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._draws.load_state_dict(state["draws"])
