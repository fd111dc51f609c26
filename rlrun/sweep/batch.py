"""Running a batch of jobs with any of Hydra's launchers, and telling how each of them ended.

The interface, for sweepers: queue jobs with ``ledger.record(folder, job, "queued",
overrides=...)``, then ``launch(launcher, folder, jobs)`` runs them and returns an ``Entry`` for
each: ``done`` with a value, ``failed`` with a reason, ``interrupted``, or still ``queued`` where
the sweep was stopped. No job takes another one with it, whatever the launcher does.
``holding(folder)`` around all of it keeps others out, saves what runs when somebody stops the
sweep, and says how to go on.
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

NOTHING_LEFT = ("done", "pruned", "running")  # to be done about a job, by this process


_SUBDIR = "hydra.sweep.subdir="


class Launcher(Protocol):
    """What is used of ``hydra.plugins.launcher.Launcher``."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Any: ...


def launch(
    launcher: Launcher,
    folder: Path,
    jobs: Sequence[str],
    arguments: Sequence[str] = (),
    first: int = 0,
) -> dict[str, Entry]:
    """Run those of ``jobs`` that are not done and that nobody is running, and tell how all ended.

    ``arguments`` are the words of the sweep, of which every job gets those on how jobs are run
    besides its own; ``first`` is the number that Hydra gives to the first job. A launcher that
    loses its workers is called again: for each job that went with them alone, then for those it
    has not run. Raises RunFailed where it starts none.
    """
    common = [word for word in arguments if word.lstrip("+").startswith("sweep.")]
    tries = dict.fromkeys(jobs, 0.0)
    while not stop.asked(folder):
        before = ledger.read(folder)
        todo = [j for j in jobs if tries[j] < 1 and before[j].state not in NOTHING_LEFT]
        if not todo:
            break
        todo = [j for j in todo if tries[j]][:1] or todo  # who was a bystander, alone, is none now
        words = [[*before[j].overrides, *common, f"{_SUBDIR}'{j}'"] for j in todo]
        failure: Exception | None = None
        try:
            launcher.launch(words, initial_job_idx=first)
        except Exception as error:
            failure = error
        first += len(todo)
        after, told = ledger.read(folder), ledger.recorded(folder)
        begun = [j for j in todo if told[j].time != before[j].time]
        if not begun and not stop.asked(folder):
            raise RunFailed(f"the launcher started no job: {failure or 'it does not say why'}")
        for job in begun:
            # whose process died with others' may have been a bystander, and has another chance
            bystander = failure is not None and after[job].state == "interrupted"
            tries[job] += 0.5 if bystander else 1
    told = ledger.recorded(folder)
    for job in jobs:
        if tries[job] and told[job].state == "running":
            _close(folder, told[job])
    found = ledger.read(folder)
    return {job: found[job] for job in jobs}


def job_of(words: Sequence[str]) -> str:
    """The job whose words these are, as `launch` hands them to a launcher."""
    name = next(word for word in reversed(words) if word.startswith(_SUBDIR))
    return name.removeprefix(_SUBDIR).strip("'")


def _close(folder: Path, entry: Entry) -> None:
    """A job that went away without a word has failed, unless it was stopped."""
    if ledger.judged(folder, entry).state == "interrupted" and not stop.asked(folder):
        ledger.record(folder, entry.job, "failed", reason="its process died")


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Keep others out of a sweep's folder while its jobs run, and let it be stopped.

    Raises FolderError where somebody else is at work in it.
    """
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderError(f"{folder} is in use: its jobs are being run.") from error
        stop.withdraw(folder)
        drop_partial_line(folder / ledger.FILE)  # else the next line would become its end
        try:
            with stop.taking_signals(folder):
                yield
        except KeyboardInterrupt:
            stop.ask(folder)
            plan.say_how_to_go_on(folder)
            raise
