"""When checkpoints are written, and what they contain."""

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

RECORD = "tuned"  # says where the values of settings come from, and decides nothing
MAY_CHANGE = ("total_steps", "checkpoint", "stop")  # settings that may change when a run is resumed


@dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """When checkpoints are written, and what they contain (``checkpoint``)."""

    every_minutes: Positive | None = 5.0
    """Minutes between checkpoints (null: no checkpoints by time)."""
    every_steps: Natural = 0
    """Steps between checkpoints (0: no checkpoints by steps)."""
    replay: bool = True
    """Save the replay (false: smaller checkpoints, but a resumed run is not exact).

    Without it, a resumed run fills a new replay up to ``learning_starts`` before it learns again,
    or at once from its ``data``.
    """


class Saver:
    """Writes the checkpoints of one run, in ``folder``."""

    def __init__(self, folder: Path, settings: CheckpointSettings) -> None:
        self._store, self._settings = Checkpoints(folder), settings
        self.every_steps = settings.every_steps
        self._seconds = 60 * (settings.every_minutes or float("inf"))
        self._next = monotonic() + self._seconds

    def due(self, step: int, stride: int) -> bool:
        """Return whether a checkpoint is due, after ``stride`` more steps."""
        return self.is_late() or due(step, self.every_steps, stride) > 0

    def is_late(self) -> bool:
        """Return whether a checkpoint is due by time."""
        return monotonic() >= self._next

    def save(self, state: State) -> None:
        """Write a checkpoint. Raises CheckpointError on failure, and keeps the last good one."""
        if not self._settings.replay:
            state = {**state, "agent": {k: v for k, v in state["agent"].items() if k != "replay"}}
        self._store.save(state)
        self._next = monotonic() + self._seconds

    def exists(self) -> bool:
        """Return whether there is any checkpoint."""
        return self._store.exists()

    def load(self) -> tuple[State | None, list[str]]:
        """Return the newest intact state, None without any checkpoint, and what was damaged."""
        if not self.exists():
            return None, []
        return self._store.load(), self._store.damaged


def has_replay(saved: State | None) -> bool:
    """Return whether a checkpoint has a replay, so that a resumed run does not have to fill one."""
    return saved is not None and "replay" in saved.get("agent", {})


def restore_agent(agent: Agent, state: Mapping[str, Any]) -> bool:
    """Restore an agent; return whether the saved state was complete.

    If the replay was left out of the checkpoint the agent keeps its own, which is new.
    """
    own = agent.state_dict()
    complete = "replay" not in own or "replay" in state
    agent.load_state_dict(state if complete else {**state, "replay": own["replay"]})
    return complete


def mismatch(error: Exception) -> CheckpointError:
    """Return the error for a checkpoint that does not match the settings of its run."""
    return CheckpointError(f"the checkpoint does not match the settings of its run: {error}.")


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Return a digest of all settings that may not change when a run is resumed."""
    fixed = {k: v for k, v in settings.items() if k not in (*MAY_CHANGE, RECORD)}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def check_belonging(record: RunFolder, settings: Mapping[str, Any], saved: State | None) -> None:
    """Raise FolderError if the run cannot be resumed from ``saved`` with these settings."""
    if saved is None and record.was_saved:
        raise FolderError(
            f"{record.path} has lost its checkpoints: there is nothing to resume from."
        )
    if saved is not None and saved.get("settings") != fingerprint(settings):
        raise FolderError(
            f"{record.path / 'config.yaml'} is not the one that the checkpoint was made with."
        )
    position = {"step": 0, "lines": 0, "events": {}} if saved is None else saved.get("log")
    if not isinstance(position, dict) or not all(
        type(size) is int and size >= 0
        for size in (
            *_sizes(position.get("events")),
            position.get("lines"),
            position.get("step"),
            position.get("episodes", 0),  # not in runs of version 0.1
        )
    ):
        raise FolderError(f"{record.path / 'checkpoint'} does not say how far the log was written.")


def _sizes(events: Any) -> list[Any]:
    return list(events.values()) if isinstance(events, dict) else [None]
