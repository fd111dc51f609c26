"""Ending a sweep so that it can be gone on with: what runs saves itself, the rest stays queued.

A file ``STOP`` in the sweep's folder says that no other job may begin, to all processes of the
sweep and whoever launches them. It is written when somebody stops the sweep, and when a job has
failed with ``sweep.on_error=stop``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rlrun.core.signals import Interrupted
from rlrun.sweep import ledger

FILE = "STOP"
LOOK_SECONDS = 0.1
_home = 0  # the process that runs a sweep, as that one knows it: a job's has another number


def asked(folder: Path) -> bool:
    """Whether no other job of the sweep may begin."""
    return (folder / FILE).exists()


def ask(folder: Path) -> None:
    (folder / FILE).touch()


def withdraw(folder: Path) -> None:
    """Let jobs begin again."""
    (folder / FILE).unlink(missing_ok=True)


def in_sweep_process() -> bool:
    """Whether this process runs the sweep, and is not one that was started for a job."""
    return _home == os.getpid()


@contextlib.contextmanager
def taking_signals(folder: Path) -> Iterator[None]:
    """Take SIGINT (Ctrl-C) and SIGTERM in the process that runs a sweep.

    The jobs in other processes of this machine are asked to save themselves and waited for; then
    `Interrupted` is raised. A second signal stops at once.
    """
    global _home
    met = False

    def end(number: int, _: FrameType | None) -> None:
        nonlocal met
        if met:
            raise KeyboardInterrupt
        met = True
        ask(folder)
        _end_others(folder)
        raise Interrupted(signal.Signals(number))

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    _home = os.getpid()
    try:
        yield
    finally:
        _home = 0
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_others(folder: Path) -> None:
    """Ask the jobs in other processes to save themselves, and wait until they have ended."""
    told, running = set[int](), ledger.others(folder)
    if running:
        jobs = "1 job" if len(running) == 1 else f"{len(running)} jobs"
        _say(f"\nrlrun: saving {jobs}; Ctrl-C again stops at once.\n")
    while running:
        for process in running - told:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        told |= running
        time.sleep(LOOK_SECONDS)
        running = ledger.others(folder)


def _say(text: str) -> None:
    """Write past Python's own buffer, which this may have interrupted."""
    with contextlib.suppress(OSError):
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, text.encode())
