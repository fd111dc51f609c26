"""A run's folder: its description, status, result and log, each in a readable file."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from rlrun.core.rng import Purpose
from rlrun.core.text import readable
from rlrun.run_folder.files import FolderError, as_folder_error, read_json
from rlrun.run_folder.provenance import _git_commit, now, versions

VERSION = 1  # of meta.json
Status = Literal["running", "done", "interrupted", "failed", "pruned"]


class RunFolder:
    """Writes ``meta.json``, ``result.json`` and ``run.log`` into the folder of a run.

    It locks the folder until it is closed or its process dies.
    """

    def __init__(self, path: Path, meta: dict[str, Any]) -> None:
        """Lock the folder; use `create` or `reopen`. Raises FolderError if it is locked."""
        self.path, self._meta = path, meta
        try:
            self._lock = (path / ".lock").open("a")
            # not flock: environment processes would inherit it, and may outlive the run
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            if not hasattr(self, "_lock"):
                raise FolderError(f"{path} cannot be written: {error.strerror}.") from error
            self._lock.close()
            raise FolderError(f"{path} is in use: another process runs in it.") from error
        except OSError as error:
            raise FolderError(f"{path} cannot be written: {error.strerror}.") from error
        self._write("meta.json", self._meta)

    @classmethod
    def create(
        cls, path: Path, command: str, horizon: int, products: str, clock: str = "steps"
    ) -> Self:
        """Open the folder of a new run.

        ``horizon`` is the length that its schedules are made for, ``products`` what multiplies, and
        ``clock`` what is counted: steps or updates.
        """
        meta: dict[str, Any] = {
            "version": VERSION,
            "status": "running",
            "exact": True,
            "command": command,
            "horizon": horizon,
            "own_final_episodes": True,
            "versions": versions(),
            "products": products,
            **({} if clock == "steps" else {"clock": clock}),
            "git_commit": _git_commit(),
            "host": platform.node(),
            "platform": platform.platform(),
            "started": now(),
        }
        folder = cls(path, meta)
        folder.log(command)
        return folder

    @classmethod
    def reopen(cls, path: Path, recorded: Mapping[str, Any], command: str) -> Self:
        """Open the folder of a run to resume, whose ``meta.json`` was read as ``recorded``."""
        meta = dict(recorded)
        before, meta["versions"] = meta.get("versions"), versions()
        if meta["status"] in ("done", "pruned"):
            meta["past"] = meta.get("saved")
        for ending in ("ended", "reason"):
            meta.pop(ending, None)
        folder = cls(path, meta | {"status": "running"})
        folder.log(command)
        (path / "result.json").unlink(missing_ok=True)  # it would be outdated from here on
        if before != meta["versions"]:
            folder.inexact(f"the versions were {before}")
        return folder

    def saved(self, step: int) -> None:
        """Record that a checkpoint of this step was saved."""
        self._meta["saved"] = step
        self._write("meta.json", self._meta)
        self.log(f"step {step}: saved")

    @property
    def was_saved(self) -> bool:
        """Whether a checkpoint was ever saved."""
        return "saved" in self._meta

    @property
    def command(self) -> str:
        """The command line that repeats the run."""
        return str(self._meta["command"])

    @property
    def horizon(self) -> int:
        """The number of steps that the run's schedules are made for."""
        return int(self._meta["horizon"])

    @property
    def final_purpose(self) -> Purpose:
        """The stream that the episodes of the final evaluation come from."""
        return final_purpose(self._meta)

    @property
    def past(self) -> int:
        """The step at which the run had ended when it was last resumed, -1 if it never had."""
        step = self._meta.get("past")
        return step if type(step) is int else -1

    def inexact(self, reason: str) -> None:
        """Record why the run is not, or would not be after a resume, exactly reproducible."""
        known = self._meta.get("not_exact_because")
        reasons = known if isinstance(known, list) else []
        self._meta["not_exact_because"] = [*reasons, *([reason] if reason not in reasons else [])]
        self._meta["exact"] = False
        self._write("meta.json", self._meta)
        self.log(f"not exact from here on: {reason}")

    def close(self, status: Status, reason: str | None = None) -> None:
        """Record how the run ended."""
        ending = {"status": status, "ended": now()} | ({"reason": reason} if reason else {})
        self._meta |= ending
        try:
            self._write("meta.json", self._meta)
            self.log(": ".join([status, reason] if reason else [status]))
        finally:
            self._lock.close()

    def result(self, result: Mapping[str, Any]) -> None:
        self._write("result.json", result)

    def log(self, line: str) -> None:
        """Add a line with the time to ``run.log``."""
        with (self.path / "run.log").open("a", encoding="utf-8") as file:
            file.write(readable(f"{now()} {line}\n"))

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace a file atomically, so that a reader never sees part of it."""
        temporary = self.path / f".{name}.tmp"
        with temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path / name)


def record_death(path: Path, reason: str) -> None:
    """Record that the process of a run died, unless the run itself recorded that it ended.

    Its status is then ``failed``. For the process that started the run's: it knows the reason.
    """
    with contextlib.suppress(FolderError, OSError):  # it may have died before it had a folder
        meta = read_meta(path)
        if meta["status"] in ("running", "interrupted"):
            RunFolder(path, meta).close("failed", reason)


def final_purpose(meta: Mapping[str, Any]) -> Purpose:
    """The stream of the final evaluation's episodes, by ``meta.json``.

    In runs of 0.1.0, which have no mark there, it repeats the episodes of those in training.
    """
    own = meta.get("own_final_episodes") is True
    return Purpose.FINAL_EPISODES if own else Purpose.EVAL_EPISODES


def is_open(path: Path) -> bool:
    """Return whether a process holds a run's lock; a process must not call it for its own run."""
    try:
        with (path / ".lock").open("r") as lock:
            fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return (path / ".lock").exists()
    except OSError:
        return False
    return False


def read_meta(path: Path) -> dict[str, Any]:
    """Return ``meta.json`` of a run. Raises FolderError if it is damaged or of another version."""
    file = path / "meta.json"
    with as_folder_error(file, "a run", "it does not describe a run"):
        meta = read_json(file)
        version, horizon = meta["version"], meta["horizon"]
    if version != VERSION:
        raise FolderError(
            f"{file} has format version {version!r}, but this program reads version {VERSION}."
        )
    texts = all(isinstance(meta.get(name), str) for name in ("status", "command"))
    if type(horizon) is not int or horizon < 1 or not texts:
        raise FolderError(f"{file} is damaged: it does not describe a run.")
    return dict(meta)
