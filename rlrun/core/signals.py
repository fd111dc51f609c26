"""Signals as requests to stop or to save: handlers only set a flag, which the run checks.

A handler that raised could interrupt anything, even the writing of a checkpoint.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Self

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop and has saved its state; ``code`` is the exit code."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.code = CODES[number]


class Signals:
    """Handles SIGINT (Ctrl-C) and SIGTERM as requests to stop, SIGUSR1 as a request to save.

    A second Ctrl-C stops at once. A context manager; outside the main thread, where there are no
    signals, it does nothing.
    """

    def __init__(self) -> None:
        self.save = False
        """Whether a checkpoint was requested; the code that writes it resets this."""
        self._stop: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            handlers = {signal.SIGINT: self._request_stop, signal.SIGTERM: self._request_stop}
            if hasattr(signal, "SIGUSR1"):
                handlers[signal.SIGUSR1] = self._request_save
            for number, handler in handlers.items():
                self._previous[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise Interrupted if a stop was requested."""
        if self._stop is not None:
            raise Interrupted(self._stop)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        if self._stop is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self._stop is None and number == signal.SIGINT:
            with contextlib.suppress(RuntimeError):  # the signal interrupted another print
                print("\nrlrun: saving; Ctrl-C again stops at once.", file=sys.stderr, flush=True)
        self._stop = self._stop or signal.Signals(number)

    def _request_save(self, number: int, frame: FrameType | None) -> None:
        self.save = True
