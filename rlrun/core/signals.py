"""Being asked to stop, or to save: signals only leave a note, and the run looks at it.

A handler that raised would interrupt whatever goes on, the writing of a checkpoint too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Self, TextIO

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop, and has saved what it has; ``code`` is the exit code."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.code = CODES[number]


def reader_left(stream: TextIO) -> None:
    """Drop what `stream` still holds and gets from now on, after a `BrokenPipeError`.

    Whoever read it (`| head`, a closed pager) has had enough; that is no reason to end a run.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Signals:
    """Takes SIGINT (Ctrl-C) and SIGTERM as the wish to stop, SIGUSR1 as that to save and go on.

    A second Ctrl-C stops at once. Used as a context manager; outside of the main thread, where
    there are no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.save = False
        """Whether somebody asked for a checkpoint; whoever makes it takes this back."""
        self._stop: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            handlers = {signal.SIGINT: self._asked_to_stop, signal.SIGTERM: self._asked_to_stop}
            if hasattr(signal, "SIGUSR1"):
                handlers[signal.SIGUSR1] = self._asked_to_save
            for number, handler in handlers.items():
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises Interrupted where somebody asked to stop."""
        if self._stop is not None:
            raise Interrupted(self._stop)

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        if self._stop is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self._stop is None and number == signal.SIGINT:
            print("\nrlrun: saving; Ctrl-C again stops at once.", file=sys.stderr, flush=True)
        self._stop = self._stop or signal.Signals(number)

    def _asked_to_save(self, number: int, frame: FrameType | None) -> None:
        self.save = True
