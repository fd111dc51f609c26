"""The summary on the terminal, in 80 columns where the settings' names allow it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rlrun import stats
from rlrun.outcome import clock, number
from rlrun.reading import RecordedRun
from rlrun.references import Reference, reference
from rlrun.summary.rows import FILE, Row

LISTED = 30  # rows, or runs, that the terminal shows; the file has them all


def _table(*names: str) -> Table:
    """A table whose first column may be wide and whose others are numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(names[0], overflow="fold", min_width=12)
    for name in names[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def show(console: Console, env: str, rows: Sequence[Row]) -> None:
    agents = {row.setting.agent for row in rows}
    title = f"{agents.pop()} on {env}" if len(agents) == 1 else env
    console.print(f"{title}: final return", markup=False, style="bold", soft_wrap=True)
    table = _table("setting", "seeds", "mean", "median", "IQM", "95 % interval", "best", "time")
    for row in rows[:LISTED]:
        known = [
            str(len(row.final)) if len(row.final) == row.seeds else f"{len(row.final)}/{row.seeds}",
            _or_dash(row.mean),
            _or_dash(row.median),
            _or_dash(row.iqm),
            _interval(row.ci95),
            _or_dash(row.best_iqm),
            clock(row.wall_seconds),
        ]
        table.add_row(Text(row.setting.name), *known)
    console.print(table)
    if len(rows) > LISTED:
        console.print(f"... and {len(rows) - LISTED} more settings in {FILE}")
    if len(rows) > 1 and rows[0].final and rows[1].final:
        better = stats.probability_of_improvement([rows[0].final], [rows[1].final])
        _tell_better(console, rows[0].setting.name, rows[1].setting.name, better)


def _tell_better(console: Console, first: str, second: str, better: stats.Estimate) -> None:
    sentence = (
        f"A seed of the first ({first}) ends better than one of the second ({second}) with "
        f"probability {better.value:.2f} (95 % interval: "
    )
    ends = "-" if better.ci95 is None else " to ".join(f"{end:.2f}" for end in better.ci95)
    console.print(Text(f"{sentence}{ends}).\n"))


def show_across(console: Console, by_env: Mapping[str, Sequence[Row]]) -> None:
    """The settings that have results in every environment, on scores that can be compared."""
    known = {env: _reference(rows) for env, rows in sorted(by_env.items())}
    comparable = [(each, by_env[env]) for env, each in known.items() if each is not None]
    if len(comparable) < len(known):
        told = ", ".join(env for env in known if known[env] is None)
        console.print(f"No reference scores are known for {told}: left out below.", markup=False)
    if len(comparable) < 2:
        return
    scores = _normalised(comparable)
    if not scores:
        console.print(f"No setting has results in all {len(comparable)} environments.")
        return
    title = f"{len(comparable)} environments: normalised return (0: random, 1: reference)"
    console.print(title, markup=False, style="bold", soft_wrap=True)
    table = _table("setting", "seeds", "mean", "median", "IQM", "95 % interval", "gap to 1")
    for name, each in scores.items():
        whole = stats.estimate(each)
        table.add_row(
            Text(name),
            str(sum(map(len, each))),
            number(stats.estimate(each, stats.mean).value),
            number(stats.estimate(each, stats.median).value),
            number(whole.value),
            _interval(whole.ci95),
            number(stats.estimate(each, stats.optimality_gap).value),
        )
    console.print(table)
    if len(scores) > 1:
        (first, x), (second, y) = list(scores.items())[:2]
        _tell_better(console, first, second, stats.probability_of_improvement(x, y))


def _reference(rows: Sequence[Row]) -> Reference | None:
    """The reference of an environment; None where it is not the same one in all rows."""
    found = {reference(row.setting.runs[0].settings["env"]) for row in rows}
    return found.pop() if len(found) == 1 else None


def _normalised(
    by_env: Sequence[tuple[Reference, Sequence[Row]]],
) -> dict[str, list[list[float]]]:
    """Normalised scores by the settings' names, `[env][seed]`, best interquartile mean first."""
    found: dict[str, list[list[float]]] = {}
    for known, rows in by_env:
        for row in rows:
            if row.final:
                scores = [known.normalised(score) for score in row.final]
                found.setdefault(row.setting.name, []).append(scores)
    everywhere = {name: each for name, each in found.items() if len(each) == len(by_env)}
    return dict(sorted(everywhere.items(), key=lambda item: -stats.estimate(item[1]).value))


def show_unfinished(console: Console, runs: Sequence[RecordedRun], damaged: Sequence[str]) -> None:
    """Runs without a full result: nobody should have to miss them."""
    told = []
    counts = Counter([*(run.status for run in runs), *["not readable"] * len(damaged)])
    if set(counts) != {"done"}:
        ways = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        console.print(f"{len(runs) + len(damaged)} runs: {ways}")
    for run in runs:
        missing = [s for s, score in zip(run.seeds, run.scores(), strict=True) if score is None]
        if run.status != "done":
            reason = run.meta.get("reason")
            told.append(f"{run.status}: {run.folder}{f' ({reason})' if reason else ''}")
        elif missing:
            seeds = ", ".join(map(str, missing))
            told.append(f"without a final evaluation of seeds {seeds}: {run.folder}")
    told += [f"not readable: {sentence}" for sentence in damaged]
    for line in told[:LISTED]:
        console.print(line, markup=False, soft_wrap=True)
    if len(told) > LISTED:
        console.print(f"... and {len(told) - LISTED} more")


def _or_dash(value: float | None) -> str:
    return "-" if value is None else number(value)


def _interval(ci95: tuple[float, float] | None) -> str:
    """`473.0 to 500.0`, or a dash."""
    return "-" if ci95 is None else " to ".join(map(number, ci95))
