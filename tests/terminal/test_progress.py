"""What a person sees while a run goes on, on a terminal and in a file."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from functools import partial

import pytest

from rlrun.terminal import progress
from rlrun.terminal.progress import Progress
from tests.support.work import calls

pytestmark = pytest.mark.usefixtures("plain_environment")

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def sleep(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Advance the clock that progress reads; it stands still otherwise."""
    now = [1000.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def run_in(stream: io.StringIO, title: str = "dqn on CartPole-v1") -> Progress:
    return Progress(title, 50_000, stream)


def test_plain_lines_come_every_ten_seconds(sleep: Callable[[float], None]) -> None:
    stream = io.StringIO()
    with run_in(stream) as shown:
        for step in range(0, 26_000, 1000):  # a second each
            shown.update(step, steps_per_second=9812.4, ep_return=121.34, evaluation=None)
            sleep(1.0)
    assert stream.getvalue().splitlines() == [
        "dqn on CartPole-v1",
        "step 10,000 of 50,000 | 9,812 steps/s | return 121.3 | 0:40 left",
        "step 20,000 of 50,000 | 9,812 steps/s | return 121.3 | 0:30 left",
        "step 25,000 of 50,000 | 9,812 steps/s | return 121.3 | 0:26 left",
    ]


def test_the_unit_is_named(sleep: Callable[[float], None]) -> None:
    stream = io.StringIO()
    with Progress("dqn", 500, stream, unit="update") as shown:
        shown.update(500, steps_per_second=70.0, ep_return=None, evaluation=None)
    assert stream.getvalue().splitlines()[1] == "update 500 of 500 | 70 updates/s"


def test_a_new_evaluation_has_its_line_at_once(sleep: Callable[[float], None]) -> None:
    stream = io.StringIO()
    with run_in(stream) as shown:
        for step, evaluation in ((1, None), (2, 9.5), (3, 9.5), (4, None), (5, 1234.56), (6, None)):
            shown.update(step, steps_per_second=5.0, ep_return=None, evaluation=evaluation)
    lines = stream.getvalue().splitlines()[1:]
    assert lines == [
        "step      2 of 50,000 | 5 steps/s | evaluation 9.500 | 0:00 left",
        "step      5 of 50,000 | 5 steps/s | evaluation 1,234.6 | 0:00 left",
        "step      6 of 50,000 | 5 steps/s | evaluation 1,234.6 | 0:00 left",
    ]


def test_the_end_is_shown_once(sleep: Callable[[float], None]) -> None:
    stream = io.StringIO()
    with run_in(stream) as shown:
        shown.update(49_000, steps_per_second=1.0, ep_return=None, evaluation=None)
        sleep(30.0)
        shown.update(50_000, steps_per_second=1.0, ep_return=None, evaluation=500.0)
        shown.close()
    assert stream.getvalue().splitlines()[1:] == [
        "step 50,000 of 50,000 | 1 steps/s | evaluation 500.0"
    ]


def test_the_end_of_a_run_that_stops_early_comes_before_what_follows(
    sleep: Callable[[float], None],
) -> None:
    stream = io.StringIO()
    with run_in(stream) as shown:
        sleep(10.0)
        for step in (2_000, 2_010):
            shown.update(step, steps_per_second=1.0, ep_return=None, evaluation=None)
            sleep(1.0)
        shown.flush()
        shown.message("final evaluation")
        shown.flush()
    assert stream.getvalue().splitlines()[1:] == [
        "step  2,000 of 50,000 | 1 steps/s",
        "step  2,010 of 50,000 | 1 steps/s | 2:39:58 left",
        "final evaluation",
    ]


def test_nothing_is_printed_of_a_run_that_never_started() -> None:
    stream = io.StringIO()
    run_in(stream, "title").close()
    assert stream.getvalue() == "title\n"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.25, "0:02 left"), (10.0, "1:30 left"), (400.0, "1:00:00 left"), (4000.0, "10:00:00 left")],
)
def test_time_left_counts_from_where_a_resumed_run_began(
    sleep: Callable[[float], None], seconds: float, expected: str
) -> None:
    stream = io.StringIO()
    with Progress("resumed", 50_000, stream) as shown:
        shown.update(40_000, steps_per_second=1.0, ep_return=None, evaluation=None)
        sleep(seconds)
        shown.update(41_000, steps_per_second=1.0, ep_return=None, evaluation=1.0)
    assert stream.getvalue().splitlines()[1].endswith(f"| {expected}")


def test_time_left_follows_the_pace_of_the_last_minute(sleep: Callable[[float], None]) -> None:
    stream = io.StringIO()
    step = 0
    with run_in(stream) as shown:
        for pace, count in ((1000, 20), (10, 70)):  # quick without learning, then slow
            for _ in range(count):
                shown.update(step, steps_per_second=1.0, ep_return=None, evaluation=None)
                sleep(1.0)
                step += pace
    seconds = (50_000 - 20_690) / 10  # less than an hour at 10 steps a second
    last = stream.getvalue().splitlines()[-1]
    minutes, second = last.removesuffix(" left").rsplit("| ", 1)[1].split(":")
    assert int(minutes) * 60 + int(second) == pytest.approx(seconds, rel=0.05)


def test_the_last_minute_is_a_minute_however_often_it_is_told(
    sleep: Callable[[float], None],
) -> None:
    stream = io.StringIO()
    step = 0
    with run_in(stream) as shown:
        for pace, count in ((100, 300), (50, 250)):  # 30 s at 1000 a second, 25 s at 500
            for _ in range(count):
                sleep(0.1)
                step += pace
                shown.update(step, steps_per_second=1.0, ep_return=None, evaluation=None)
    # 42,500 steps in 55 s: the 7,500 that are left take 9.7 s
    assert stream.getvalue().splitlines()[-1].endswith("0:10 left")


def test_a_terminal_gets_a_bar_and_its_cursor_back() -> None:
    terminal = Terminal()
    with run_in(terminal) as shown:
        shown.update(12_000, steps_per_second=98_123.0, ep_return=121.3, evaluation=230.1)
        shown.message("[b]saved[/b]")
    text = terminal.getvalue()
    assert text.startswith(HIDE_CURSOR) and text.endswith(SHOW_CURSOR)
    last = text[text.rindex("dqn on CartPole-v1") :]
    for part in ("━", "12,000 of 50,000", "98,123 steps/s | return 121.3 | evaluation 230.1"):
        assert part in last
    assert "[b]saved[/b]\n" in text


def test_an_interrupt_leaves_the_terminal_and_the_streams_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, terminal)
    with pytest.raises(KeyboardInterrupt), Progress("title", 10) as shown:
        shown.update(3, steps_per_second=1.0, ep_return=None, evaluation=None)
        print("printed meanwhile")
        raise KeyboardInterrupt
    assert sys.stdout is terminal and sys.stderr is terminal
    assert terminal.getvalue().endswith(SHOW_CURSOR)
    assert "printed meanwhile\n" in terminal.getvalue()


def test_a_piped_stdout_does_not_end_up_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.StringIO()
    monkeypatch.setattr(sys, "stdout", piped)
    terminal = Terminal()
    with run_in(terminal):
        print("result")
    assert piped.getvalue() == "result\n"
    assert "result" not in terminal.getvalue()


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    with run_in(terminal) as shown:
        shown.update(1, steps_per_second=1.0, ep_return=None, evaluation=None)
    assert "\x1b" not in terminal.getvalue()
    assert len(terminal.getvalue().splitlines()) == 2


def test_no_color_leaves_the_bar_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for _ in range(2):
        terminal = Terminal()
        with run_in(terminal) as shown:
            shown.update(20_000, steps_per_second=1.0, ep_return=None, evaluation=None)
        texts.append(terminal.getvalue())
        monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[38;5;" in texts[0]
    assert "\x1b[38;5;" not in texts[1] and "20,000 of 50,000" in texts[1]


def test_forced_colours_do_not_make_a_file_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    run_in(stream).close()
    assert stream.getvalue() == "dqn on CartPole-v1\n"


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_an_update_that_draws_nothing_costs_nothing(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_in(stream) as shown:
        shown.update(0, steps_per_second=1.0, ep_return=1.0, evaluation=None)
        now = time.monotonic()
        monkeypatch.setattr(progress, "monotonic", lambda: now)  # else a busy machine draws
        for step in range(1, 10):
            update = partial(shown.update, step, steps_per_second=1.0, ep_return=1.0)
            assert calls(partial(update, evaluation=None)) <= 5
