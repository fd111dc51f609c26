"""A run's folder: what ran, how it ended, and what came out, each in a file others can read."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self

import rlrun
from rlrun.errors import RunFailed

VERSION = 1  # of meta.json
MOST_BYTES = 2**20  # of a file of settings: none of ours comes near
MOST_RESULT_BYTES = 10 * MOST_BYTES
DAMAGE = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
LINES = "metrics.jsonl"
VIDEOS = "videos"
CURVES = ("iqm", "ci_low", "ci_high", "threshold", "published")  # as the logger writes them
FOLDERS = ("checkpoint", "best", "report", "figures", VIDEOS, *CURVES)
Status = Literal["running", "done", "interrupted", "failed", "pruned"]
PACKAGES = ("gymnasium", "numpy", "hydra-core", "ale-py")


class FolderError(RunFailed):
    """A folder is not that of a run, or somebody else is at work in it; a sentence."""


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


def versions() -> dict[str, str]:
    """What a result may depend on."""
    import torch  # here: who only reads a folder need not wait for it

    packages = {"torch": torch.__version__, **{name: version(name) for name in PACKAGES}}
    return {"rlrun": rlrun.__version__, "python": platform.python_version(), **packages}


def check_files(path: Path) -> None:
    """Raises FolderError for what no run leaves: links, pipes, devices, and files in wrong places.

    Looked at before anything in the folder is read.
    """
    if not path.exists():
        raise FolderError(f"there is no folder {path}.")
    for file in (path, *path.rglob("*")):
        try:
            mode = file.lstat().st_mode
        except FileNotFoundError:
            continue  # a run that goes on has replaced it
        if stat.S_ISLNK(mode) and file != path:
            raise FolderError(f"{file} is a link: a run's folder has none.")
        is_folder = file == path or file.name in FOLDERS or file.name.startswith("seed_")
        fits = stat.S_ISDIR(mode) or stat.S_ISLNK(mode) if is_folder else stat.S_ISREG(mode)
        if not fits and (is_folder or file.parent in (path, *map(path.joinpath, FOLDERS))):
            kind = "a folder" if is_folder else "a file"
            raise FolderError(f"{file} should be {kind}: this is not the folder of a run.")


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
    with reading(file, "a run", "it does not describe a run"):
        meta = read_json(file)
        found, horizon = meta["version"], meta["horizon"]
    if found != VERSION:
        raise FolderError(f"{file} has format version {found!r}, but this program reads {VERSION}.")
    texts = all(isinstance(meta.get(name), str) for name in ("status", "command"))
    if type(horizon) is not int or horizon < 1 or not texts:
        raise FolderError(f"{file} is damaged: it does not describe a run.")
    return dict(meta)


@contextlib.contextmanager
def reading(file: Path, owner: str, damage: str) -> Iterator[None]:
    """Whatever a file that may come from anybody does to its reader, as a FolderError.

    ``owner`` is what has such a file in its folder, ``damage`` what is wrong with one that cannot
    be made sense of.
    """
    try:
        yield
    except FileNotFoundError as error:
        missing = f"{file.parent} is not the folder of {owner}: it has no {file.name}."
        raise FolderError(missing) from error
    except OSError as error:
        raise FolderError(f"{file} cannot be read: {error.strerror}.") from error
    except DAMAGE as error:
        raise FolderError(f"{file} is damaged: {damage}.") from error


def read_json(file: Path, most_bytes: int = MOST_BYTES) -> Any:
    """What a file of JSON holds. Raises ValueError where it is larger, or not JSON."""
    if file.stat().st_size > most_bytes:
        raise ValueError(f"{file} is larger than {most_bytes} bytes")
    return json.loads(file.read_text("utf-8"))


def whole_lines(content: bytes) -> list[bytes]:
    """The lines of a file that is being written: the last may be half a line, and is left out."""
    return content[: content.rfind(b"\n") + 1].splitlines()


def cut_half_line(file: Path) -> None:
    """Take half a line off the end, which a process left that was killed; nobody may be writing."""
    content = file.read_bytes() if file.exists() else b""
    if content and not content.endswith(b"\n"):
        with file.open("r+b") as opened:
            opened.truncate(content.rfind(b"\n") + 1)


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _git_commit() -> str | None:
    """The commit of the checkout that rlrun runs from; None where it is installed as a wheel."""
    checkout = Path(rlrun.__file__).parents[1]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
