"""A watchdog that ends the process if an environment never responds."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable

OnHang = Callable[[str], object]
"""Receives a sentence on what hangs, and ends the process."""


def give_up(sentence: str) -> None:
    """Print a sentence and end the process at once: code that hangs cannot be asked to stop."""
    print(f"rlrun: {sentence}", file=sys.stderr, flush=True)
    os._exit(1)


class Watchdog:
    """Checks regularly, in a separate thread, whether a call has taken too long.

    Args:
        seconds: the longest that a call may take; None for no limit.
        describe: returns a sentence on what hangs.
        on_hang: called with that sentence if a call takes longer.
    """

    def __init__(self, seconds: float | None, describe: Callable[[], str], on_hang: OnHang) -> None:
        self.since = 0.0
        """The start of the current call by the monotonic clock; 0 between calls."""
        self._seconds, self._describe, self._on_hang = seconds, describe, on_hang
        self._over = threading.Event()
        if seconds is not None:
            # The thread holds a weak reference only: it ends with environments that are deleted
            # without being closed.
            arguments = (weakref.ref(self), self._over, min(1.0, seconds / 4))
            threading.Thread(target=_watch, args=arguments, daemon=True).start()

    def check(self, previous: float, checks: int, pause: float) -> tuple[float, int]:
        """Return the start of the current call, and the number of checks that found the same start.

        Calls ``on_hang`` if the call takes too long.
        """
        checks = checks + 1 if self.since == previous else 0
        # Checks are counted, not seconds: a process that was suspended for a while did not hang.
        if self._seconds is not None and self.since and checks * pause > self._seconds:
            self._over.set()
            self._on_hang(self._describe())
        return self.since, checks

    def close(self) -> None:
        self._over.set()


def _watch(dog: weakref.ref[Watchdog], over: threading.Event, pause: float) -> None:
    """Check the call every ``pause`` seconds, until the watchdog is closed or deleted."""
    start, checks = 0.0, 0
    while not over.wait(pause):
        alive = dog()
        if alive is None:
            return
        start, checks = alive.check(start, checks, pause)
        del alive
