"""What a person sees of a run: progress while it trains, and a table at its end.

Progress goes to standard error, so that standard output holds results only and can be piped; the
final table is a result and goes to standard output.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Mapping
from time import monotonic
from types import TracebackType
from typing import Any, Self, TextIO

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rlrun.signals import reader_left

REDRAW_SECONDS = 0.2  # a terminal
LINE_SECONDS = 10.0  # anything else
SHOWN_AT_EACH_END = 5  # of the seeds, where there are more than LISTED_SEEDS
LISTED_SEEDS = 20

_Scores = Mapping[str, Any]  # `final` or `best` of result.json


class _Results(Console):
    """Standard output as Rich writes it; a run goes on, and ends well, when nobody reads it."""

    def on_broken_pipe(self) -> None:
        reader_left(sys.stdout)


class Progress:
    """The progress of one run: a bar on a terminal, plain lines anywhere else.

    The bar is drawn by `update` itself, without a thread that would take the interpreter from the
    training loop. Use it as a context manager: also on Ctrl-C the terminal gets its cursor back.
    """

    def __init__(self, title: str, total: int, stream: TextIO | None = None) -> None:
        """Show `title` and prepare to count to `total` steps per seed, on stderr by default."""
        self._title = title
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._step = 0
        self._speed = 0.0
        self._return: float | None = None
        self._evaluation: float | None = None
        self._shown_step = -1
        # The last minute, a sample a second, from which the time left is told: evaluations count
        # in it, which they do not in steps_per_second.
        self._history: deque[tuple[float, int]] = deque(maxlen=60)
        console = Console(file=self._stream, highlight=False)
        self._live: Live | None = None
        self._interval = LINE_SECONDS
        self._next = monotonic() + LINE_SECONDS
        if self._stream.isatty() and console.is_interactive:
            self._live = Live(
                console=console,
                get_renderable=self._bar,
                auto_refresh=False,
                # What is printed on the same terminal goes above the bar; a stdout that is piped
                # elsewhere is left alone.
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
    ) -> None:
        """Tell where the run is; drawn at most 5 times a second, or as a line every 10 seconds.

        `step` counts per seed, `steps_per_second` all seeds together; `ep_return` and `evaluation`
        are means over seeds, None where there is none yet. None leaves the last evaluation
        standing, another value than the last is a new evaluation and is shown at once.
        """
        now = monotonic()
        self._step, self._speed, self._return = step, steps_per_second, ep_return
        if not self._history or now - self._history[-1][0] >= 1.0:
            self._history.append((now, step))
        is_new = evaluation is not None and evaluation != self._evaluation
        if is_new:
            self._evaluation = evaluation
        if is_new or now >= self._next or step >= self._total:
            self._next = now + self._interval
            self._draw()

    def due(self) -> bool:
        """Whether it is time to draw; asked at every step, since telling where the run is costs."""
        return monotonic() >= self._next

    def message(self, text: str) -> None:
        """Print a text of its own, above the bar."""
        if self._live is not None:
            self._live.console.print(text, markup=False, soft_wrap=True)
        else:
            try:
                print(text, file=self._stream, flush=True)
            except BrokenPipeError:
                reader_left(self._stream)

    def close(self) -> None:
        """Show the last state and give the terminal back; once is enough."""
        if self._live is not None:
            self._live.stop()
        elif self._step > self._shown_step and self._history:
            self._draw()

    def _draw(self) -> None:
        self._shown_step = self._step
        if self._live is not None:
            self._live.refresh()
            return
        width = len(f"{self._total:,}")
        count = f"step {self._step:>{width},} of {self._total:,}"
        self.message(" | ".join([count, *self._facts(), self._time_left()]).removesuffix(" | "))

    def _facts(self) -> list[str]:
        if not self._history:
            return []
        facts = [f"{self._speed:,.0f} steps/s"]
        if self._return is not None:
            facts.append(f"return {_number(self._return)}")
        if self._evaluation is not None:
            facts.append(f"evaluation {_number(self._evaluation)}")
        return facts

    def _time_left(self) -> str:
        """Time to the end at the pace of the last minute; empty where there is none to tell."""
        if not self._history or self._step >= self._total:
            return ""
        then, step = self._history[0]
        if self._step <= step:
            return ""
        pace = (monotonic() - then) / (self._step - step)
        return f"{_clock(pace * (self._total - self._step))} left"

    def _bar(self) -> Group:
        """Two rows that fit 80 columns, so that nothing is cut off where numbers grow."""
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(no_wrap=True, overflow="crop")
        row.add_column(ratio=1)
        row.add_column(no_wrap=True, overflow="crop")
        bar = ProgressBar(total=self._total, completed=self._step)
        row.add_row(Text(self._title), bar, Text(f"{self._step:,} of {self._total:,}"))
        facts = [*self._facts(), self._time_left()]
        return Group(row, Text(" | ".join(facts).removesuffix(" | "), no_wrap=True))


def final_table(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the contents of a run's `result.json`: seeds, mean, IQM, interval, time, speed.

    Of more than 20 seeds the 5 lowest and the 5 highest are shown. `final` or `best` may be None,
    as in a run that was interrupted. Without a console it goes to standard output.
    """
    console = _Results(highlight=False) if console is None else console
    final, best = result["final"], result["best"]
    title = f"{result['agent']} on {result['env']}: {result['status']}"
    console.print(title, markup=False, style="bold", soft_wrap=True)
    if final is not None or best is not None:
        console.print(_score_table(result["seeds"], final, best))
    if final is not None:
        console.print(
            f"final: mean of {final['episodes']:,} episodes per seed at step {final['step']:,}"
        )
    count = len(result["seeds"])
    console.print(
        f"{count} {'seed' if count == 1 else 'seeds'}, {result['steps']:,} steps per seed, "
        f"{_clock(result['wall_seconds'])} wall time, {result['steps_per_second']:,.0f} steps/s"
    )


def _score_table(seeds: list[int], final: _Scores | None, best: _Scores | None) -> Table:
    exact = final.get("exact") if final is not None else None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("seed", "final", *(["exact"] if exact else []), "best", "at step"):
        table.add_column(name, justify="left" if name == "seed" else "right")
    rows: list[tuple[str, ...]] = [
        (
            str(seed),
            "-" if final is None else _number(final["per_seed"][i]),
            *([_number(exact["per_seed"][i])] if exact else []),
            "-" if best is None else _number(best["per_seed"][i]),
            "-" if best is None else f"{best['step'][i]:,}",
        )
        for i, seed in enumerate(seeds)
    ]
    for row in _ends(rows, (final or best or {})["per_seed"]):
        table.add_row(*row)
    table.add_section()
    for name, key in (("mean", "mean"), ("IQM", "iqm"), ("95 % interval", "ci95")):
        middle = [_total(exact, key)] if exact else []
        table.add_row(name, _total(final, key), *middle, _total(best, key))
    return table


def _ends(rows: list[tuple[str, ...]], scores: list[float | None]) -> list[tuple[str, ...]]:
    """All rows where they are few; else the lowest and the highest by their scores."""
    if len(rows) <= LISTED_SEEDS:
        return rows
    known = [-math.inf if score is None else score for score in scores]
    order = [rows[i] for i in sorted(range(len(rows)), key=known.__getitem__)]
    low, high = order[:SHOWN_AT_EACH_END], order[-SHOWN_AT_EACH_END:]
    return [*low, (f"... {len(rows) - len(low) - len(high)} seeds between",), *high]


def _total(scores: _Scores | None, key: str) -> str:
    if scores is None or scores[key] is None:
        return "-"
    value = scores[key]
    return " to ".join(map(_number, value)) if key == "ci95" else _number(value)


def _number(value: float | None) -> str:
    """Tenths of a large value, thousandths of a small one: 1,234.5 and 0.731; none for None."""
    if value is None:
        return "none"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _clock(seconds: float) -> str:
    """Write seconds as m:ss or h:mm:ss."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
