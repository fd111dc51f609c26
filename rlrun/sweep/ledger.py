"""The state of each job of a sweep: ``jobs.jsonl`` in the sweep's folder.

The interface, for code that runs or shows jobs:

- ``record(folder, job, state, ...)`` appends a line: ``queued`` with ``overrides``, ``running``,
  ``done`` with ``value``, ``failed`` with ``reason``, ``interrupted``. Any process of the sweep may
  call it. ``record_death`` does so for a job whose process died.
- ``read(folder)`` returns the state of every job, in the order in which the jobs were queued: its
  last line, corrected by its run's folder. A finished job whose folder was removed is ``missing``.

A line is appended with one ``write``, so that lines of several processes stay whole (not on NFS:
there the run's ``meta.json`` decides). Job ``003_lr=0.001`` has the folder of that name in the
sweep's folder.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from rlrun.run_folder import folder as folders
from rlrun.run_folder.files import (
    DAMAGE,
    MOST_RESULT_BYTES,
    FolderError,
    as_folder_error,
    complete_lines,
    read_json,
)
from rlrun.run_folder.folder import Status, is_open, read_meta
from rlrun.run_folder.reader import score

FILE = "jobs.jsonl"
MOST_BYTES = 100 * 2**20
RecordedState = Literal["queued", "running", "done", "failed", "interrupted", "pruned"]
JobState = RecordedState | Literal["missing"]
STARTING = 60.0  # seconds within which a job on another machine opens its run's folder
ENDED = ("done", "pruned", "failed")
ENDED_BADLY = ("failed", "interrupted")


@dataclass(frozen=True)
class Entry:
    """The state of one job.

    ``overrides`` are its words on the command line, ``value`` its result (None if it has none),
    ``reason`` why it failed, ``process`` the id and start time of its process on ``host``,
    ``time`` (seconds since 1970) when its last line was written.
    """

    job: str
    state: JobState
    overrides: tuple[str, ...] = ()
    value: float | None = None
    reason: str = ""
    host: str = ""
    process: tuple[int, int] = (0, 0)
    time: float = 0.0


def record(
    folder: Path,
    job: str,
    state: RecordedState,
    *,
    overrides: Sequence[str] | None = None,
    value: float | None = None,
    reason: str = "",
) -> None:
    """Append a job's state to the ledger in ``folder``; ``running`` means in this process."""
    line: dict[str, Any] = {"job": job, "state": state}
    if overrides is not None:
        line["overrides"] = list(overrides)
    if state == "running":
        line |= {"pid": os.getpid(), "begun": _start_time(os.getpid()), "host": platform.node()}
    if value is not None and math.isfinite(value):
        line["value"] = value
    if reason:
        line["reason"] = reason
    line["time"] = round(time.time(), 6)
    file = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(file, (json.dumps(line) + "\n").encode())
    finally:
        os.close(file)


def record_death(folder: Path, job: str, reason: str) -> None:
    """Record in the ledger and in its run's folder that a job failed because its process died."""
    folders.record_death(folder / job, reason)
    record(folder, job, "failed", reason=reason)


def read(folder: Path) -> dict[str, Entry]:
    """Return the state of every job.

    A job is ``running`` only while its process lives; one whose process has died is
    ``interrupted``. Raises FolderError if there is no ledger or it is damaged.
    """
    return {job: corrected(folder, entry) for job, entry in recorded(folder).items()}


def recorded(folder: Path) -> dict[str, Entry]:
    """Return every job's last line, without checking its process or its run's folder."""
    path, entries = folder / FILE, dict[str, Entry]()
    with as_folder_error(path, "a sweep", "a line of it does not describe a job"):
        if path.stat().st_size > MOST_BYTES:
            raise ValueError
        for line in complete_lines(path.read_bytes()):
            _take(entries, json.loads(line))
    return entries


def _take(entries: dict[str, Entry], line: dict[str, Any]) -> None:
    """Update ``entries`` by one line. Raises an exception in `DAMAGE` if it is malformed."""
    job, state = line["job"], line["state"]
    if state not in get_args(RecordedState) or not is_name(job):
        raise ValueError
    before = entries.get(job) or Entry(job, "queued")
    overrides = line.get("overrides", before.overrides)
    if isinstance(overrides, str) or not all(isinstance(word, str) for word in overrides):
        raise ValueError
    value = line.get("value")
    entries[job] = Entry(
        job,
        state,
        tuple(overrides),
        None if value is None else float(value),
        str(line.get("reason", "")),
        str(line.get("host", before.host)),
        (int(line.get("pid", before.process[0])), int(line.get("begun", before.process[1]))),
        float(line["time"]),
    )


def others(folder: Path) -> set[int]:
    """Return the ids of other processes on this machine that are running jobs of the sweep."""
    running = [e for e in recorded(folder).values() if e.state == "running"]
    here = [e for e in running if e.host == platform.node() and e.process[0] != os.getpid()]
    return {entry.process[0] for entry in here if is_alive(entry)}


def is_name(job: Any) -> bool:
    """Return whether this is a valid job name: that of a folder directly in the sweep's."""
    if not isinstance(job, str) or job in ("", ".."):
        return False
    return job == Path(job).name and "\0" not in job


def corrected(folder: Path, entry: Entry) -> Entry:
    """Return the entry, corrected by the state of its process and its run's folder."""
    own = entry.process == (os.getpid(), _start_time(os.getpid()))
    if entry.state == "running" and own and entry.host == platform.node():
        return entry  # a process must not test the lock of its own run
    run = folder / entry.job
    if is_open(run) or (entry.state == "running" and is_alive(entry)):
        return replace(entry, state="running")
    if entry.state == "done" and not run.is_dir():
        return replace(entry, state="missing", value=None)
    meta = _meta(run)
    status: Any = meta.get("status")
    if status not in get_args(Status) or status == "running":  # but its process has died
        lost = entry.state == "running" or (entry.state == "done" and status == "running")
        return replace(entry, state="interrupted", value=None) if lost else entry
    if status == entry.state or (status != "done" and entry.state in ENDED_BADLY):
        return entry
    value = _value(run) if status == "done" else None
    return replace(entry, state=status, value=value, reason=str(meta.get("reason", "")))


def _meta(run: Path) -> dict[str, Any]:
    """Return ``meta.json`` of a run; empty if it cannot be read."""
    with contextlib.suppress(FolderError):
        return read_meta(run)
    return {}


def _value(run: Path) -> float | None:
    with contextlib.suppress(OSError, *DAMAGE):
        return score(read_json(run / "result.json", MOST_RESULT_BYTES))
    return None


def is_alive(entry: Entry) -> bool:
    """Return whether the process that ran a job exists, and its id has not been reused."""
    if entry.host != platform.node():  # only its run's lock shows it, once that is taken
        return abs(time.time() - entry.time) < STARTING
    pid, start_time = entry.process
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return False  # another user's process: not one of this sweep
    return _start_time(pid) == start_time


def _start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 if that is unknown.

    -1 if it has ended and its parent has not collected it yet (a zombie).
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return -1 if fields[0] in "ZX" else int(fields[19])
