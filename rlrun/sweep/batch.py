"""Running a batch of jobs with any of Hydra's launchers, and returning how each ended.

The interface, for sweepers: queue jobs with ``ledger.record(folder, job, "queued",
overrides=...)``, then ``launch(launcher, folder, jobs)`` runs them and returns an ``Entry`` for
each: ``done`` with a value, ``failed`` with a reason, ``interrupted``, or still ``queued`` if the
sweep was stopped. A failing job does not affect the others, with any launcher.
``holding(folder)`` around all of it locks the folder, saves running jobs when a user stops the
sweep, and prints the command that resumes it.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from rlrun.core.errors import RunFailed
from rlrun.run_folder.files import FolderError, drop_partial_line
from rlrun.sweep import ledger, plan, stop
from rlrun.sweep.ledger import Entry

SKIPPED = ("done", "pruned", "running")  # states of jobs that are not launched again


_SUBDIR = "hydra.sweep.subdir="


class Launcher(Protocol):
    """The part of ``hydra.plugins.launcher.Launcher`` that is used here."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Any: ...


def launch(
    launcher: Launcher,
    folder: Path,
    jobs: Sequence[str],
    arguments: Sequence[str] = (),
    first: int = 0,
) -> dict[str, Entry]:
    """Run those of ``jobs`` that are neither done nor running, and return how all of them ended.

    ``arguments`` are the words of the sweep; every job gets those that start with ``sweep.`` in
    addition to its own. ``first`` is Hydra's number of the first job. A launcher that loses its
    workers is called again: once for each job that died with them, alone, then for those it has
    not run. Raises RunFailed if it starts no job.
    """
    common = [word for word in arguments if word.lstrip("+").startswith("sweep.")]
    tries = dict.fromkeys(jobs, 0.0)
    while not stop.requested(folder):
        before = ledger.read(folder)
        todo = [j for j in jobs if tries[j] < 1 and before[j].state not in SKIPPED]
        if not todo:
            break
        todo = [j for j in todo if tries[j]][:1] or todo  # a possible bystander is retried alone
        words = [[*before[j].overrides, *common, f"{_SUBDIR}'{j}'"] for j in todo]
        failure: Exception | None = None
        try:
            launcher.launch(words, initial_job_idx=first)
        except Exception as error:
            failure = error
        first += len(todo)
        after, entries = ledger.read(folder), ledger.recorded(folder)
        started = [j for j in todo if entries[j].time != before[j].time]
        if not started and not stop.requested(folder):
            raise RunFailed(f"the launcher started no job: {failure or 'it gave no reason'}")
        for job in started:
            # a job whose process died with others' may have been a bystander: it is retried
            bystander = failure is not None and after[job].state == "interrupted"
            tries[job] += 0.5 if bystander else 1
    entries = ledger.recorded(folder)
    for job in jobs:
        if tries[job] and entries[job].state == "running":
            _close(folder, entries[job])
    states = ledger.read(folder)
    return {job: states[job] for job in jobs}


def job_of(words: Sequence[str]) -> str:
    """Return the job that `launch` passed to a launcher with these words."""
    name = next(word for word in reversed(words) if word.startswith(_SUBDIR))
    return name.removeprefix(_SUBDIR).strip("'")


def _close(folder: Path, entry: Entry) -> None:
    """Record a job whose process died as failed, unless the sweep was stopped."""
    if ledger.corrected(folder, entry).state == "interrupted" and not stop.requested(folder):
        ledger.record_death(folder, entry.job, "its process died")


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Lock a sweep's folder while its jobs run, and stop the sweep cleanly on a signal.

    Raises FolderError if another process is running the sweep.
    """
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderError(f"{folder} is in use: its jobs are being run.") from error
        stop.withdraw(folder)
        drop_partial_line(folder / ledger.FILE)  # else the next line would be appended to it
        try:
            with stop.taking_signals(folder):
                yield
        except KeyboardInterrupt:
            stop.request(folder)
            plan.print_resume_command(folder)
            raise
