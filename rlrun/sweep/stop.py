"""Stopping a sweep so that it can be resumed: running jobs save, the others stay queued.

A file ``STOP`` in the sweep's folder keeps its processes and launchers from starting another job.
It is written when a user stops the sweep, and when a job fails with ``sweep.on_error=stop``.
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
_sweep_process = 0  # id of the process that runs the sweep: not that of a job's process


def requested(folder: Path) -> bool:
    """Return whether no other job of the sweep may start."""
    return (folder / FILE).exists()


def request(folder: Path) -> None:
    """Keep other jobs of the sweep from starting."""
    (folder / FILE).touch()


def withdraw(folder: Path) -> None:
    """Let jobs start again."""
    (folder / FILE).unlink(missing_ok=True)


def in_sweep_process() -> bool:
    """Return whether this process runs the sweep, and was not started for a job."""
    return _sweep_process == os.getpid()


@contextlib.contextmanager
def taking_signals(folder: Path) -> Iterator[None]:
    """Handle SIGINT (Ctrl-C) and SIGTERM in the process that runs a sweep.

    The jobs in other processes on this machine save and end; then `Interrupted` is raised. A
    second signal stops at once.
    """
    global _sweep_process
    stopping = False

    def end(number: int, _: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            raise KeyboardInterrupt
        stopping = True
        request(folder)
        _end_others(folder)
        raise Interrupted(signal.Signals(number))

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    _sweep_process = os.getpid()
    try:
        yield
    finally:
        _sweep_process = 0
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_others(folder: Path) -> None:
    """Send SIGTERM to the jobs in other processes, so that they save, and wait for their end."""
    signalled, running = set[int](), ledger.others(folder)
    if running:
        jobs = "1 job" if len(running) == 1 else f"{len(running)} jobs"
        _say(f"\nrlrun: saving {jobs}; Ctrl-C again stops at once.\n")
    while running:
        for process in running - signalled:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        signalled |= running
        time.sleep(LOOK_SECONDS)
        running = ledger.others(folder)


def _say(text: str) -> None:
    """Write to stderr without Python's buffer, which the signal may have interrupted."""
    with contextlib.suppress(OSError):
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, text.encode())
