"""When a run saves itself, and what it is made of then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from rlrun.checkpoint.files import CheckpointError
from rlrun.checkpoint.store import Checkpoints
from rlrun.core.fields import Natural, Positive
from rlrun.core.schedules import due
from rlrun.core.types import Agent, State
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.folder import RunFolder

MAY_CHANGE = ("total_steps", "checkpoint", "stop")  # what may change when a run goes on


@dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """When checkpoints are written, and what they contain (``checkpoint``)."""

    every_minutes: Positive | None = 5.0
    """Minutes between checkpoints (null: no checkpoints by time)."""
    every_steps: Natural = 0
    """Steps between checkpoints (0: no checkpoints by steps)."""
    replay: bool = True
    """Save the replay (false: smaller checkpoints, but a resumed run is not exact).

    Without it, a resumed run fills a new replay up to ``learning_starts`` before it learns again.
    """


class Saver:
    """Makes the checkpoints of one run, in ``folder``."""

    def __init__(self, folder: Path, settings: CheckpointSettings) -> None:
        self._store, self._settings = Checkpoints(folder), settings
        self._seconds = 60 * (settings.every_minutes or float("inf"))
        self._next = monotonic() + self._seconds

    def due(self, step: int, stride: int) -> bool:
        """Whether it is time for a checkpoint, after ``stride`` more steps."""
        return monotonic() >= self._next or due(step, self._settings.every_steps, stride) > 0

    def save(self, state: State) -> None:
        """Save the run; raises CheckpointError where that fails, and the last good one stays."""
        if not self._settings.replay:
            state = {**state, "agent": {k: v for k, v in state["agent"].items() if k != "replay"}}
        self._store.save(state)
        self._next = monotonic() + self._seconds

    def exists(self) -> bool:
        """Whether there is any checkpoint."""
        return self._store.exists()

    def load(self) -> tuple[State | None, list[str]]:
        """The newest state that is whole, None where there is none, and what was damaged."""
        if not self.exists():
            return None, []
        return self._store.load(), self._store.damaged


def restore_agent(agent: Agent, state: Mapping[str, Any]) -> bool:
    """Give an agent its saved state; whether all of it was there.

    Where the replay was left out of the checkpoint the agent keeps its own, which is empty.
    """
    own = agent.state_dict()
    whole = "replay" not in own or "replay" in state
    agent.load_state_dict(state if whole else {**state, "replay": own["replay"]})
    return whole


def mismatch(error: Exception) -> CheckpointError:
    """What a state is told with that is not one of this run's."""
    return CheckpointError(f"the checkpoint does not fit the settings of its run: {error}.")


def fingerprint(settings: Mapping[str, Any]) -> str:
    """A digest of all settings that a run fixes."""
    fixed = {k: v for k, v in settings.items() if k not in MAY_CHANGE}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def check_belonging(record: RunFolder, settings: Mapping[str, Any], saved: State | None) -> None:
    """Raises FolderError where going on would not be going on with this run."""
    if saved is None and record.was_saved:
        raise FolderError(
            f"{record.path} has lost its checkpoints: there is nothing to go on from."
        )
    if saved is not None and saved.get("settings") != fingerprint(settings):
        raise FolderError(
            f"{record.path / 'config.yaml'} is not the one that the checkpoint was made with."
        )
    position = {"step": 0, "lines": 0, "events": {}} if saved is None else saved.get("log")
    if not isinstance(position, dict) or not all(
        type(size) is int and size >= 0
        for size in (*_sizes(position.get("events")), position.get("lines"), position.get("step"))
    ):
        raise FolderError(f"{record.path / 'checkpoint'} does not say how far the log had come.")


def _sizes(events: Any) -> list[Any]:
    return list(events.values()) if isinstance(events, dict) else [None]
