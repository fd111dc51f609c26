"""Storage of a replay's observations: whole ones here, frame stacks in ``frames.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from rlrun.core.types import Array, State, Step
from rlrun.replay.window import Window


class Observations(Protocol):
    """Stores the observations of steps in arrays ``[seed, time, env, ...]`` owned by the replay."""

    def add(self, t: Step) -> None:
        """Store the observations of the window's next vector step."""
        ...

    def end(self, slot: int) -> None:
        """Prepare to mark the newest step, in this slot, as the last of its episodes."""
        ...

    def pair(self, start: Array, end: Array) -> tuple[Array, Array]:
        """Return ``obs`` of the rows ``start [seed, batch]``, and ``next_obs`` of the rows ``end``.

        A row is the index of a (seed, slot, env). The two arrays may share memory.
        """
        ...

    def check_valid(self) -> tuple[bool, str]: ...

    def state_dict(self) -> State:
        """Return what is stored in addition to the replay's arrays."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


def take(flat: Array, place: Array) -> Array:
    """Return ``flat[place]`` along the first axis."""
    # "clip" skips numpy's check of every index; all are in range by construction
    return flat.take(place, axis=0, mode="clip")


class PlainObservations:
    """Stores ``obs`` and ``next_obs`` unchanged."""

    def __init__(self, window: Window, data: Mapping[str, Array]) -> None:
        self._window = window
        self._obs, self._next_obs = data["obs"], data["next_obs"]
        self._flat = [a.reshape(-1, *a.shape[3:]) for a in (self._obs, self._next_obs)]

    def add(self, t: Step) -> None:
        cursor = self._window.time % self._window.length
        self._obs[:, cursor], self._next_obs[:, cursor] = t.obs, t.next_obs

    def end(self, slot: int) -> None:
        """Do nothing: nothing depends on where episodes end."""

    def pair(self, start: Array, end: Array) -> tuple[Array, Array]:
        return take(self._flat[0], start), take(self._flat[1], end)

    def check_valid(self) -> tuple[bool, str]:
        return True, ""

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Do nothing: all observations are in the replay's arrays."""
