"""The progress display of a sweep: all jobs in one view, drawn by one process.

It goes to standard error, like the progress of a single run.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from time import monotonic
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rlrun.sweep.ledger import Entry
from rlrun.terminal.final_table import clock, number
from rlrun.terminal.progress import LINE_SECONDS, REDRAW_SECONDS, Report

NAME_WIDTH = 36
MARGIN = 4  # lines of the terminal that the view leaves free
ENOUGH = 0.01  # fraction of the work from which the remaining time is estimated


class View:
    """The jobs of a sweep: a table that is redrawn on a terminal, plain lines anywhere else.

    Args:
        total: number of jobs of the whole sweep.
        before: states of the jobs that have already ended.
        stream: the output, standard error by default.
    """

    def __init__(
        self, total: int, before: Iterable[str] = (), stream: TextIO | None = None
    ) -> None:
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._running: dict[str, Report | None] = {}
        self._begun: dict[str, float] = {}
        self._ended = Counter(before)
        self._start, self._share_before = monotonic(), self._share()
        console = Console(file=self._stream, highlight=False)
        self._live: Live | None = None
        self._interval = LINE_SECONDS
        if self._stream.isatty() and console.is_interactive:
            self._interval = REDRAW_SECONDS
            self._live = Live(console=console, get_renderable=self._table, auto_refresh=False)
            self._live.start(refresh=True)
        self._next = monotonic() + self._interval

    def close(self) -> None:
        """Restore the terminal."""
        if self._live is not None:
            self._live.stop()

    def started(self, job: str) -> None:
        self._running[job], self._begun[job] = None, monotonic()
        if self._live is None:
            self._say(f"begins: {job}")

    def update(self, job: str, report: Report) -> None:
        """Store the progress of a job."""
        self._running[job] = report

    def ended(self, entry: Entry) -> None:
        """Show a job that has ended, in the state of the ledger."""
        self._running.pop(entry.job, None)
        self._ended[entry.state] += 1
        took = clock(monotonic() - self._begun.get(entry.job, monotonic()))
        match entry.state:
            case "done":
                value = "" if entry.value is None else f" {number(entry.value)}"
                self._say(f"done:   {entry.job}{value} ({took})")
            case "failed":
                self._say(f"FAILED: {entry.job}: {entry.reason}", style="red")
            case "pruned":
                self._say(f"pruned: {entry.job} ({took})")
            case "interrupted":
                self._say(f"saved:  {entry.job}")

    def draw(self) -> None:
        """Draw the view if it is due."""
        now = monotonic()
        if now < self._next:
            return
        self._next = now + self._interval
        if self._live is not None:
            self._live.refresh()
        elif self._running:
            self._say(self._overall())

    def _say(self, text: str, style: str = "") -> None:
        if self._live is not None:
            self._live.console.print(Text(text, style), soft_wrap=True)
            self._live.refresh()
        else:
            print(text, file=self._stream, flush=True)

    def _share(self) -> float:
        """Return the fraction of all work that is done, from 0 to 1."""
        reports = [report for report in self._running.values() if report is not None]
        under_way = sum(report.step / report.total for report in reports)
        return (self._ended.total() + under_way) / max(self._total, 1)

    def _overall(self) -> str:
        share, passed = self._share(), monotonic() - self._start
        facts = [f"{self._ended['done']} of {self._total} jobs done"]
        for state in ("pruned", "failed"):
            if self._ended[state]:
                facts.append(f"{self._ended[state]} {state}")
        if self._running:
            facts.append(f"{len(self._running)} running")
        facts.append(f"{100 * share:.0f} %")
        done = share - self._share_before
        if done > ENOUGH and share < 1:
            facts.append(f"{clock(passed * (1 - share) / done)} left")
        return " | ".join(facts)

    def _table(self) -> Group:
        """Return a line for each running job, as far as there is room, and one for the total."""
        rows = Table.grid(padding=(0, 1), expand=True)
        rows.add_column(no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH)
        rows.add_column(ratio=1)
        rows.add_column(no_wrap=True, justify="right")
        rows.add_column(no_wrap=True, justify="right")
        room = max(1, Console(file=self._stream).height - MARGIN)
        for job, report in list(self._running.items())[:room]:
            if report is None:
                rows.add_row(Text(job), Text("begins"), "", "")
                continue
            score = report.evaluation if report.evaluation is not None else report.ep_return
            rows.add_row(
                Text(job),
                ProgressBar(total=report.total, completed=report.step),
                Text("" if score is None else f"return {number(score)}"),
                Text(f"{100 * report.step / report.total:.0f} %"),
            )
        return Group(rows, Text(self._overall(), no_wrap=True, style="bold"))
