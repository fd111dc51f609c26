"""What a person sees at the end of a run: the table of scores."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from rich.console import Console

from rlrun.terminal.final_table import final_table

pytestmark = pytest.mark.usefixtures("plain_environment")


def scores(values: list[float], step: Any, ci95: list[float] | None) -> dict[str, Any]:
    return {
        "step": step,
        "episodes": 100,
        "per_seed": values,
        "mean": 249.96,
        "iqm": 251.2,
        "ci95": ci95,
    }


def table(final: dict[str, Any] | None, best: dict[str, Any] | None, seeds: list[int]) -> list[str]:
    """The words of each line of the table at 80 columns, in a file."""
    stream = io.StringIO()
    result = {
        "agent": "dqn",
        "env": "[odd]-v1",
        "seeds": seeds,
        "steps": 50_000,
        "final": final,
        "best": best,
        "wall_seconds": 83.4,
        "steps_per_second": 98_123.4,
        "status": "finished",
    }
    final_table(result, Console(file=stream, width=80, highlight=False))
    lines = stream.getvalue().splitlines()
    assert "\x1b" not in stream.getvalue() and max(map(len, lines)) <= 80
    return [" ".join(line.split()) for line in lines if line.strip()]


def test_the_table_lists_seeds_and_then_their_summary() -> None:
    final = scores([500.0, -0.25, 1.0, 2.0, 3.0], 50_000, [12.0, 1500.25])
    best = scores([500.0, 9.75, 1.0, 2.0, 3.0], [20_000, 5000, 1, 2, 3], [9.5, 500.0])
    lines = table(final, best, [703, 9, 11, 12, 13])
    assert lines[:2] == ["dqn on [odd]-v1: finished", "seed final best at step"]
    assert set(lines[2]) == {"─"}
    assert lines[3:] == [
        "703 500.0 500.0 20,000",
        "9 -0.250 9.750 5,000",
        "11 1.000 1.000 1",
        "12 2.000 2.000 2",
        "13 3.000 3.000 3",
        "mean 250.0 250.0",
        "IQM 251.2 251.2",
        "95 % interval 12.0 to 1,500.2 9.500 to 500.0",
        "final: mean of 100 episodes per seed at step 50,000",
        "5 seeds, 50,000 steps per seed, 1:23 wall time, 98,123 steps/s",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_few_seeds_have_no_interval_and_up_to_three_a_mean_alone(count: int) -> None:
    values = [float(i) for i in range(count)]
    lines = table(scores(values, 9, None), scores(values, [1] * count, None), list(range(count)))
    names = [line.split()[0] for line in lines[3 + count :]]
    assert names == [
        "mean",
        *["IQM"] * (count == 4),
        "A",
        "final:",
        str(count),
    ]
    assert "A 95 % interval needs at least 5 seeds." in lines


def test_an_interrupted_run_has_no_final() -> None:
    lines = table(None, scores([33.0], [20_000], None), [703])
    assert "703 - 33.0 20,000" in lines and "mean - 250.0" in lines
    assert lines[-1].startswith("1 seed, ") and not any("final:" in line for line in lines)
    assert len(table(None, None, [703])) == 2


@pytest.mark.parametrize(("count", "listed"), [(20, 20), (21, 10), (50, 10)])
def test_many_seeds_show_the_lowest_and_the_highest(count: int, listed: int) -> None:
    values = [float(11 * i % count) + 100.0 for i in range(count)]  # each value once
    seeds = list(range(700, 700 + count))
    lines = table(scores(values, 50_000, None), None, seeds)
    rows = [line.split()[:2] for line in lines if line.startswith("7")]
    assert len(rows) == listed
    if listed < count:
        shown = [float(value) for _, value in rows]
        assert shown == sorted(values)[:5] + sorted(values)[-5:]
        assert all(values[int(seed) - 700] == float(value) for seed, value in rows)
        assert f"... {count - 10} seeds between" in lines


def test_the_table_goes_to_standard_output_in_any_encoding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        final_table(
            {
                "agent": "dqn",
                "env": "CartPole-v1",
                "seeds": [1, 2],
                "steps": 10,
                "final": scores([1.0, 2.0], 10, [1.0, 2.0]),
                "best": None,
                "wall_seconds": 4000.0,
                "steps_per_second": 5.0,
                "status": "finished",
            }
        )
        stream.flush()
        assert b"1:06:40 wall time" in raw.getvalue()
