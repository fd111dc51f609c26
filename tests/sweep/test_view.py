"""The progress display of a sweep."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from rlrun.sweep import view
from rlrun.sweep.ledger import Entry
from rlrun.sweep.view import View
from rlrun.terminal.progress import Report


@pytest.fixture
def sleep(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Advance the clock that the view reads; it stands still otherwise."""
    now = [1000.0]
    monkeypatch.setattr(view, "monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_what_ended_before_counts_but_took_no_time(sleep: Callable[[float], None]) -> None:
    """10 of 20 before, 2 more and half of one in 60 s: 7.5 of 20 are left, which take 180 s."""
    stream = io.StringIO()
    display = View(20, ["done"] * 8 + ["pruned", "failed"], stream)
    for job in ("010", "011", "012"):
        display.started(job)
    sleep(60)
    display.ended(Entry("010", "done", value=1.5))
    display.ended(Entry("011", "pruned"))
    display.update("012", Report(500, 1000, None, None))
    display.draw()
    assert stream.getvalue().splitlines() == [
        "begins: 010",
        "begins: 011",
        "begins: 012",
        "done:   010 1.500 (1:00)",
        "pruned: 011 (1:00)",
        "9 of 20 jobs done | 2 pruned | 1 failed | 1 running | 62 % | 3:00 left",
    ]


def test_nothing_is_printed_twice_within_ten_seconds(sleep: Callable[[float], None]) -> None:
    stream = io.StringIO()
    display = View(2, stream=stream)
    display.started("0")
    for seconds in (9, 2, 9):
        sleep(seconds)
        display.draw()
    assert stream.getvalue() == "begins: 0\n0 of 2 jobs done | 1 running | 0 %\n"
