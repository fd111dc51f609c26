"""Ends a process in which an environment never answers."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable

OnHang = Callable[[str], object]
"""Is told who hangs, and ends the process."""


def give_up(sentence: str) -> None:
    """Say it and end the process at once: whatever hangs cannot be asked to stop."""
    print(f"rlrun: {sentence}", file=sys.stderr, flush=True)
    os._exit(1)


class Watchdog:
    """Looks now and then, from a thread of its own, whether something has been going on too long.

    Args:
        seconds: how long is too long; None: nothing is.
        who: says in a sentence who hangs.
        on_hang: what is done then.
    """

    def __init__(self, seconds: float | None, who: Callable[[], str], on_hang: OnHang) -> None:
        self.since = 0.0
        """When what is watched began, by the monotonic clock; 0 while nothing is going on."""
        self._seconds, self._who, self._on_hang = seconds, who, on_hang
        self._over = threading.Event()
        if seconds is not None:
            # The thread does not keep alive what it watches: environments that are forgotten
            # without being closed take it with them.
            given = (weakref.ref(self), self._over, min(1.0, seconds / 4))
            threading.Thread(target=_watch, args=given, daemon=True).start()

    def look(self, seen: float, looks: int, pause: float) -> tuple[float, int]:
        """See what goes on, and for how many looks it has been the same."""
        looks = looks + 1 if self.since == seen else 0
        # Looks are counted, not seconds: a process that was stopped for a while did not hang.
        if self._seconds is not None and self.since and looks * pause > self._seconds:
            self._over.set()
            self._on_hang(self._who())
        return self.since, looks

    def close(self) -> None:
        self._over.set()


def _watch(dog: weakref.ref[Watchdog], over: threading.Event, pause: float) -> None:
    """Look each ``pause`` seconds, until it is over or nobody is left to be watched."""
    seen, looks = 0.0, 0
    while not over.wait(pause):
        alive = dog()
        if alive is None:
            return
        seen, looks = alive.look(seen, looks, pause)
        del alive
