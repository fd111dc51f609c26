"""The table of results at the end of a run, written to standard output."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from rlrun.stats import FEWEST_SEEDS, MOST_FOR_MEAN

SHOWN_AT_EACH_END = 5  # seeds, if there are more than LISTED_SEEDS
LISTED_SEEDS = 20
NO_INTERVAL = f"A 95 % interval needs at least {FEWEST_SEEDS} seeds."

_Scores = Mapping[str, Any]  # `final` or `best` of result.json


def final_table(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the contents of a run's `result.json`: seeds, mean, IQM, interval, time, speed.

    Of more than 20 seeds the 5 lowest and the 5 highest are shown. Few seeds have no interval, and
    their IQM is the mean. `final` or `best` may be None, as in an interrupted run. The default
    console is standard output.
    """
    console = Console(highlight=False) if console is None else console
    final, best = result["final"], result["best"]
    title = f"{result['agent']} on {result['env']}: {result['status']}"
    console.print(title, markup=False, style="bold", soft_wrap=True)
    unit = "update" if result.get("clock") == "updates" else "step"
    if final is not None or best is not None:
        console.print(_score_table(result["seeds"], final, best, unit))
        if len(result["seeds"]) < FEWEST_SEEDS:
            console.print(NO_INTERVAL)
    if final is not None:
        console.print(
            f"final: mean of {final['episodes']:,} episodes per seed at {unit} {final['step']:,}"
        )
    count = len(result["seeds"])
    console.print(
        f"{count} {'seed' if count == 1 else 'seeds'}, {result['steps']:,} {unit}s per seed, "
        f"{clock(result['wall_seconds'])} wall time, {result['steps_per_second']:,.0f} {unit}s/s"
    )


def failed_sentence(result: Mapping[str, Any]) -> str:
    """Return a sentence that lists the failed seeds."""
    scores = (result["final"] or result["best"] or {}).get("per_seed", [])
    failed = [str(s) for s, score in zip(result["seeds"], scores, strict=False) if score is None]
    return f"failed seeds: {', '.join(failed) or 'see run.log'}; the others are done"


def _score_table(seeds: list[int], final: _Scores | None, best: _Scores | None, unit: str) -> Table:
    exact = final.get("exact") if final is not None else None
    table = columns("seed", "final", *(["exact"] if exact else []), "best", f"at {unit}")
    rows: list[tuple[str, ...]] = [
        (
            str(seed),
            "-" if final is None else number(final["per_seed"][i]),
            *([number(exact["per_seed"][i])] if exact else []),
            "-" if best is None else number(best["per_seed"][i]),
            "-" if best is None else f"{best['step'][i]:,}",
        )
        for i, seed in enumerate(seeds)
    ]
    for row in _ends(rows, (final or best or {})["per_seed"]):
        table.add_row(*row)
    table.add_section()
    totals = [("mean", "mean")]
    totals += [("IQM", "iqm")] * (len(seeds) > MOST_FOR_MEAN)
    totals += [("95 % interval", "ci95")] * (len(seeds) >= FEWEST_SEEDS)
    for name, key in totals:
        middle = [_total(exact, key)] if exact else []
        table.add_row(name, _total(final, key), *middle, _total(best, key))
    return table


def columns(first: str, *others: str) -> Table:
    """Return an empty table: a first column of labels, and columns of numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _ends(rows: list[tuple[str, ...]], scores: list[float | None]) -> list[tuple[str, ...]]:
    """Return all rows, or those with the lowest and highest scores if there are many."""
    if len(rows) <= LISTED_SEEDS:
        return rows
    known = [-math.inf if score is None else score for score in scores]
    order = [rows[i] for i in sorted(range(len(rows)), key=known.__getitem__)]
    low, high = order[:SHOWN_AT_EACH_END], order[-SHOWN_AT_EACH_END:]
    return [*low, (f"... {len(rows) - len(low) - len(high)} seeds between",), *high]


def _total(scores: _Scores | None, key: str) -> str:
    if scores is None or scores[key] is None:
        return "-"
    return interval(scores[key]) if key == "ci95" else number(scores[key])


def number(value: float | None) -> str:
    """Format to a tenth from 10 up, else to a thousandth: 1,234.5 and 0.731; "none" for None."""
    if value is None:
        return "none"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3f}"


def interval(ends: Iterable[float]) -> str:
    """Format the ends of an interval: `473.0 to 500.0`."""
    return " to ".join(map(number, ends))


def clock(seconds: float) -> str:
    """Format seconds as m:ss or h:mm:ss."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
