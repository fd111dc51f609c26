"""What has become of each job of a sweep: ``jobs.jsonl`` in the sweep's folder.

The interface, for everything that runs jobs or looks at them:

- ``record(folder, job, state, ...)`` adds a line: ``queued`` with ``overrides``, ``running``,
  ``done`` with ``value``, ``failed`` with ``reason``, ``interrupted``. Any process of the sweep may
  call it.
- ``read(folder)`` tells of every job, in the order in which the jobs were queued, what it has come
  to: the last line about it, corrected by what the folder of its run says.

A line is one ``write`` at the end of the file, so that lines of several processes stay whole (not
on NFS: there the run's own ``meta.json`` decides). The folder of job ``003_lr=0.001`` is the one of
that name in the sweep's.
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

from rlrun.run_folder.files import (
    DAMAGE,
    MOST_RESULT_BYTES,
    FolderError,
    as_folder_error,
    complete_lines,
    read_json,
)
from rlrun.run_folder.folder import Status, is_open, read_meta

FILE = "jobs.jsonl"
MOST_BYTES = 100 * 2**20
JobState = Literal["queued", "running", "done", "failed", "interrupted", "pruned"]
STARTING = 60.0  # seconds in which a job on another machine opens the folder of its run
ENDED = ("done", "pruned", "failed")
ENDED_BADLY = ("failed", "interrupted")


@dataclass(frozen=True)
class Entry:
    """One job: its last state, and what is known of it.

    ``overrides`` are its words of the command line, ``value`` its result (None where it has none),
    ``reason`` why it failed, ``process`` the number of its process on ``host`` and when that began,
    ``time`` (seconds since 1970) when all this was written.
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
    state: JobState,
    *,
    overrides: Sequence[str] | None = None,
    value: float | None = None,
    reason: str = "",
) -> None:
    """Add what has become of a job of the sweep in ``folder``; this process is what runs it."""
    line: dict[str, Any] = {"job": job, "state": state}
    if overrides is not None:
        line["overrides"] = list(overrides)
    if state == "running":
        line |= {"pid": os.getpid(), "begun": _begun(os.getpid()), "host": platform.node()}
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


def read(folder: Path) -> dict[str, Entry]:
    """Every job and what has become of it.

    ``running`` is a job only while a process is at work on it; one whose process has died is
    ``interrupted``. Raises FolderError where there is no ledger or it is damaged.
    """
    return {job: judged(folder, entry) for job, entry in recorded(folder).items()}


def recorded(folder: Path) -> dict[str, Entry]:
    """Every job as its last line says, whatever has become of its process."""
    path, entries = folder / FILE, dict[str, Entry]()
    with as_folder_error(path, "a sweep", "a line of it tells of no job"):
        if path.stat().st_size > MOST_BYTES:
            raise ValueError
        for line in complete_lines(path.read_bytes()):
            _take(entries, json.loads(line))
    return entries


def _take(entries: dict[str, Entry], line: dict[str, Any]) -> None:
    """Add one line to what is known. Raises an exception of some kind for what is none."""
    job, state = line["job"], line["state"]
    if state not in get_args(JobState) or not is_name(job):
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
    """The processes of this machine that are running jobs, this one aside."""
    running = [e for e in recorded(folder).values() if e.state == "running"]
    here = [e for e in running if e.host == platform.node() and e.process[0] != os.getpid()]
    return {entry.process[0] for entry in here if lives(entry)}


def is_name(job: Any) -> bool:
    """Whether this can be the name of a job: that of a folder in the sweep's."""
    if not isinstance(job, str) or job in ("", ".."):
        return False
    return job == Path(job).name and "\0" not in job


def judged(folder: Path, entry: Entry) -> Entry:
    """The entry, corrected by what the process and the folder of the run say."""
    own = entry.process == (os.getpid(), _begun(os.getpid()))
    if entry.state == "running" and own and entry.host == platform.node():
        return entry  # nor may one ask for the lock of a run of one's own
    run = folder / entry.job
    if is_open(run) or (entry.state == "running" and lives(entry)):
        return replace(entry, state="running")
    meta = _meta(run)
    told: Any = meta.get("status")
    if told not in get_args(Status) or told == "running":  # and nobody is at work there
        lost = entry.state == "running" or (entry.state == "done" and told == "running")
        return replace(entry, state="interrupted", value=None) if lost else entry
    if told == entry.state or (told != "done" and entry.state in ENDED_BADLY):
        return entry
    value = _value(run) if told == "done" else None
    return replace(entry, state=told, value=value, reason=str(meta.get("reason", "")))


def _meta(run: Path) -> dict[str, Any]:
    """What the folder of a run says of itself; nothing where it cannot be read."""
    with contextlib.suppress(FolderError):
        return read_meta(run)
    return {}


def _value(run: Path) -> float | None:
    with contextlib.suppress(OSError, *DAMAGE):
        return float(read_json(run / "result.json", MOST_RESULT_BYTES)["final"]["mean"])
    return None


def lives(entry: Entry) -> bool:
    """Whether the process that ran a job is there, and not another one that got its number."""
    if entry.host != platform.node():  # then only the lock of its run tells, once it has taken that
        return abs(time.time() - entry.time) < STARTING
    pid, begun = entry.process
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return False  # somebody else's: not one of this sweep
    return _begun(pid) == begun


def _begun(pid: int) -> int:
    """When a process began, in ticks since the machine did; 0 where the system does not say.

    -1 where it has ended and only its parent has not noticed.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return -1 if fields[0] in "ZX" else int(fields[19])
