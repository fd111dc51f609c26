"""Ends a process in which an environment never answers."""

from __future__ import annotations

import os
import sys
import threading
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
            threading.Thread(target=self._watch, args=(seconds,), daemon=True).start()

    def _watch(self, seconds: float) -> None:
        # Looks are counted, not seconds: a process that was stopped for a while did not hang.
        pause = min(1.0, seconds / 4)
        seen, looks = 0.0, 0
        while not self._over.wait(pause):
            looks = looks + 1 if self.since == seen else 0
            seen = self.since
            if seen and looks * pause > seconds:
                self._on_hang(self._who())
                return

    def close(self) -> None:
        self._over.set()
