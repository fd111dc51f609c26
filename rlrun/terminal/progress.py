"""The progress display of a run while it trains.

It goes to standard error, so that standard output holds only results and can be piped.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import NamedTuple, Self, TextIO, TypeAlias

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rlrun.terminal.final_table import clock, number

REDRAW_SECONDS = 0.2  # between updates of a terminal
LINE_SECONDS = 10.0  # between lines anywhere else
REPORT_SECONDS = 0.5  # between reports to a listener


class Report(NamedTuple):
    """The progress of a run; see `Progress.update`."""

    step: int
    total: int
    ep_return: float | None
    evaluation: float | None


Listener: TypeAlias = Callable[[Report], None]
"""Receives the progress of a run that is a job of a sweep."""


class Progress:
    """The progress of one run: a bar on a terminal, plain lines anywhere else.

    `update` draws the bar itself, without a thread that would compete with the training loop for
    the interpreter. Use it as a context manager, so that the cursor is restored on Ctrl-C too.
    """

    def __init__(
        self,
        title: str,
        total: int,
        stream: TextIO | None = None,
        listener: Listener | None = None,
        unit: str = "step",
    ) -> None:
        """Show `title` and count to `total` steps per seed, on stderr by default.

        `listener` is called with a `Report` every half a second. `unit` is the word for a step.
        """
        self._title, self._unit = title, unit
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._step = 0
        self._speed = 0.0
        self._return: float | None = None
        self._evaluation: float | None = None
        self._more = ""
        self._shown_step = -1
        # A sample a second over the last minute, to estimate the remaining time: it includes
        # evaluations, unlike steps_per_second.
        self._history: deque[tuple[float, int]] = deque(maxlen=60)
        console = Console(file=self._stream, highlight=False)
        self._live: Live | None = None
        self._interval = LINE_SECONDS
        self._next = monotonic() + LINE_SECONDS
        self._next_report = math.inf if listener is None else 0.0
        self._listener = listener
        if self._stream.isatty() and console.is_interactive:
            self._live = Live(
                console=console,
                get_renderable=self._bar,
                auto_refresh=False,
                # Output to the same terminal appears above the bar; a piped stdout is not touched.
                redirect_stdout=sys.stdout.isatty(),
            )
            self._interval = REDRAW_SECONDS
            self._next = 0.0
            self._live.start(refresh=True)
        else:
            self.message(title)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def update(
        self,
        step: int,
        *,
        steps_per_second: float,
        ep_return: float | None,
        evaluation: float | None,
        more: str = "",
    ) -> None:
        """Update the progress; drawn at most 5 times a second, or as a line every 10 seconds.

        `step` counts per seed, `steps_per_second` all seeds together; `ep_return` and `evaluation`
        are means over seeds, None if there is none yet. An `evaluation` of None keeps the last one;
        a value that differs from the last is a new evaluation and is shown at once. `more` is a
        further fact.
        """
        now = monotonic()
        self._step, self._speed, self._return = step, steps_per_second, ep_return
        self._more = more
        if not self._history or now - self._history[-1][0] >= 1.0:
            self._history.append((now, step))
        is_new = evaluation is not None and evaluation != self._evaluation
        if is_new:
            self._evaluation = evaluation
        is_due = is_new or now >= self._next_report or step >= self._total
        if self._listener is not None and is_due:
            self._next_report = now + REPORT_SECONDS
            self._listener(Report(step, self._total, ep_return, self._evaluation))
        if is_new or now >= self._next or step >= self._total:
            self._next = now + self._interval
            self._draw()

    def due(self) -> bool:
        """Return whether to call `update`; checked at every step, since its arguments cost time."""
        return monotonic() >= min(self._next, self._next_report)

    def message(self, text: str) -> None:
        """Print a separate line of text, above the bar."""
        if self._live is not None:
            self._live.console.print(text, markup=False, soft_wrap=True)
        else:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Show the last state and restore the terminal; a second call does nothing."""
        if self._live is not None:
            self._live.stop()
        else:
            self.flush()

    def flush(self) -> None:
        """Show the latest state, unless it is shown already."""
        if self._step > self._shown_step and self._history:
            self._draw()

    def _draw(self) -> None:
        self._shown_step = self._step
        if self._live is not None:
            self._live.refresh()
            return
        width = len(f"{self._total:,}")
        count = f"{self._unit} {self._step:>{width},} of {self._total:,}"
        self.message(" | ".join([count, *self._facts(), self._time_left()]).removesuffix(" | "))

    def _facts(self) -> list[str]:
        if not self._history:
            return []
        facts = [f"{self._speed:,.0f} {self._unit}s/s"]
        if self._return is not None:
            facts.append(f"return {number(self._return)}")
        if self._evaluation is not None:
            facts.append(f"evaluation {number(self._evaluation)}")
        return [*facts, self._more] if self._more else facts

    def _time_left(self) -> str:
        """Return the remaining time at the pace of the last minute; "" if it is unknown."""
        if not self._history or self._step >= self._total:
            return ""
        then, step = self._history[0]
        if self._step <= step:
            return ""
        pace = (monotonic() - then) / (self._step - step)
        return f"{clock(pace * (self._total - self._step))} left"

    def _bar(self) -> Group:
        """Return two rows that fit 80 columns, so that large numbers are not cut off."""
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(no_wrap=True, overflow="crop")
        row.add_column(ratio=1)
        row.add_column(no_wrap=True, overflow="crop")
        bar = ProgressBar(total=self._total, completed=self._step)
        row.add_row(Text(self._title), bar, Text(f"{self._step:,} of {self._total:,}"))
        facts = [*self._facts(), self._time_left()]
        return Group(row, Text(" | ".join(facts).removesuffix(" | "), no_wrap=True))
