"""A run's folder: what ran, how it ended, and what came out, each in a file others can read."""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from rlrun.run_folder.files import FolderError, as_folder_error, read_json
from rlrun.run_folder.provenance import _git_commit, now, versions

VERSION = 1  # of meta.json
Status = Literal["running", "done", "interrupted", "failed", "pruned"]


class RunFolder:
    """Writes ``meta.json``, ``result.json`` and ``run.log`` into the folder of a run.

    While it is open nobody else can open it; a process that dies gives it free.
    """

    def __init__(self, path: Path, meta: dict[str, Any]) -> None:
        """Take the folder; use `create` or `reopen`. Raises FolderError where it is taken."""
        self.path, self._meta = path, meta
        try:
            self._lock = (path / ".lock").open("a")
            # not flock: processes of environments would inherit it, and may outlive the run
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            if not hasattr(self, "_lock"):
                raise FolderError(f"{path} cannot be written: {error.strerror}.") from error
            self._lock.close()
            raise FolderError(f"{path} is in use: a run is going on in it.") from error
        except OSError as error:
            raise FolderError(f"{path} cannot be written: {error.strerror}.") from error
        self._write("meta.json", self._meta)

    @classmethod
    def create(cls, path: Path, command: str, horizon: int) -> Self:
        """A new run's; ``horizon`` is the length that its schedules are made for."""
        meta: dict[str, Any] = {
            "version": VERSION,
            "status": "running",
            "exact": True,
            "command": command,
            "horizon": horizon,
            "versions": versions(),
            "git_commit": _git_commit(),
            "host": platform.node(),
            "platform": platform.platform(),
            "started": now(),
        }
        folder = cls(path, meta)
        folder.log(command)
        return folder

    @classmethod
    def reopen(cls, path: Path, command: str) -> Self:
        """That of a run which goes on. Raises FolderError where there is no such run."""
        meta = read_meta(path)
        before, meta["versions"] = meta.get("versions"), versions()
        if meta["status"] in ("done", "pruned"):
            meta["past"] = meta.get("saved")
        for ending in ("ended", "reason"):
            meta.pop(ending, None)
        folder = cls(path, meta | {"status": "running"})
        folder.log(command)
        (path / "result.json").unlink(missing_ok=True)  # it is not the result of what begins now
        if before != meta["versions"]:
            folder.inexact(f"the versions were {before}")
        return folder

    def saved(self, step: int) -> None:
        """Record that there is a checkpoint, of this step."""
        self._meta["saved"] = step
        self._write("meta.json", self._meta)
        self.log(f"step {step}: saved")

    @property
    def was_saved(self) -> bool:
        """Whether there has ever been a checkpoint."""
        return "saved" in self._meta

    @property
    def command(self) -> str:
        """The command line that does the run again."""
        return str(self._meta["command"])

    @property
    def horizon(self) -> int:
        """The length of the run that its schedules are made for."""
        return int(self._meta["horizon"])

    @property
    def past(self) -> int:
        """The step at which the run had ended when it was last asked to go on, -1 if never."""
        step = self._meta.get("past")
        return step if type(step) is int else -1

    def inexact(self, reason: str) -> None:
        """Record that the run is not what it would be uninterrupted, and why."""
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
            file.write(f"{now()} {line}\n")

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace a file at once, so that a reader never sees half of it."""
        temporary = self.path / f".{name}.tmp"
        with temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path / name)


def is_open(path: Path) -> bool:
    """Whether a process is at work in the folder of a run; never ask it of one's own run."""
    try:
        with (path / ".lock").open("r") as lock:
            fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return (path / ".lock").exists()
    except OSError:
        return False
    return False


def read_meta(path: Path) -> dict[str, Any]:
    """``meta.json`` of a run. Raises FolderError where it is none that this program reads."""
    file = path / "meta.json"
    with as_folder_error(file, "a run", "it does not describe a run"):
        meta = read_json(file)
        found, horizon = meta["version"], meta["horizon"]
    if found != VERSION:
        raise FolderError(f"{file} has format version {found!r}, but this program reads {VERSION}.")
    texts = all(isinstance(meta.get(name), str) for name in ("status", "command"))
    if type(horizon) is not int or horizon < 1 or not texts:
        raise FolderError(f"{file} is damaged: it does not describe a run.")
    return dict(meta)
