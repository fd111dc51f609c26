"""The tables of a report, as HTML; whatever comes from a run's folder is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from rlrun.results.grouping import Plain, Variant, differing, flat, is_aside
from rlrun.results.report.model import EnvSection, reached
from rlrun.run_folder.reader import RecordedRun
from rlrun.terminal.final_table import clock, interval, number

LISTED = 12  # commands or warnings; more are folded


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> str:
    """A table that scrolls in a box of its own; its cells are HTML.

    The last ``numbers`` columns are of numbers, which stand at the right.
    """
    words = len(head) - numbers
    kinds = ["" if i < words else ' class="n"' for i in range(len(head))]
    top = "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, head, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{k}>{c}</td>" for k, c in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def results(part: EnvSection) -> str:
    """The final scores of an environment's settings."""
    head = ["setting", "seeds", "mean", "IQM", "95\u00a0% interval", "best", "steps", "wall time"]
    return table(head, map(_result, part.settings), numbers=7)


def _result(row: Variant) -> list[str]:
    final, best = row.final, row.best
    asked, told = row.seeds, row.told
    between = "-"
    if final:
        between = interval(final["ci95"]) if final["ci95"] else "none: a single seed"
    states = "".join(f"<br><small>{escape(state)}</small>" for state in unfinished(row))
    return [
        f"{escape(row.label)}{states}",
        f"{told} of {asked}" if final and told < asked else str(asked),
        number(final["mean"]) if final else "-",
        f"<b>{number(final['iqm'])}</b>" if final else "-",
        between.replace(" to ", "\u00a0to\u00a0"),
        number(best["iqm"]) if best else "-",
        f"{row.steps:,}",
        clock(row.wall_seconds) if row.wall_seconds is not None else "-",
    ]


def unfinished(row: Variant) -> list[str]:
    """What is to be said of the runs of a setting that are not done, a phrase each."""
    runs = [run for run in row.runs if run.status != "done"]
    single = len(row.runs) == 1
    return [state(run) if single else f"seeds {named(run)}: {state(run)}" for run in runs]


def state(run: RecordedRun) -> str:
    """Where a run that is not done is, or why it ended."""
    planned = run.settings["total_steps"]
    how = "still running" if run.status == "running" else run.status
    reason = run.meta.get("reason")
    why = f": {reason}" if isinstance(reason, str) and run.status == "failed" else ""
    return f"{how} at step {reached(run):,} of {planned:,}{why}"


def named(run: RecordedRun) -> str:
    """The seeds of a run: 3, or 3 to 7."""
    first, last = run.seeds[0], run.seeds[-1]
    return str(first) if first == last else f"{first} to {last}"


def settings(part: EnvSection) -> str:
    """By agent: the keys in which its settings differ as a table, and the whole configuration."""
    texts = []
    for agent in dict.fromkeys(row.agent for row in part.settings):
        rows = [row for row in part.settings if row.agent == agent]
        found = [flat(row.runs[0].settings) for row in rows]
        keys = differing(row.runs[0] for row in rows)
        title = f"{escape(agent)} on {escape(part.env)}"
        texts.append(f"<h3>{title}</h3>")
        if keys:
            cells = (
                [escape(row.label), *(_value(values.get(key)) for key in keys)]
                for row, values in zip(rows, found, strict=True)
            )
            texts.append(table(["setting", *map(escape, keys)], cells, numbers=len(keys)))
        shared = {k: v for k, v in found[0].items() if k not in keys and not is_aside(k)}
        what = f"The other settings, shared by all {len(rows)}" if keys else "All settings"
        lines = "\n".join(f"{escape(k)}={_value(v)}" for k, v in shared.items())
        texts.append(
            f"<details><summary>{what} ({len(shared)})</summary><pre>{lines}</pre></details>"
        )
    return "\n".join(texts)


def _value(value: Plain | None) -> str:
    if value is None:
        return "-"
    return escape(str(value).lower() if isinstance(value, bool) else str(value))


def commands(runs: Sequence[RecordedRun]) -> str:
    """The command line of each run; a click selects it."""
    lines = "\n".join(
        f"<li><code>{escape(run.meta['command'])}</code><br>"
        f"<small>{escape(str(run.folder))}</small></li>"
        for run in runs
    )
    box = f'<ul class="commands">\n{lines}\n</ul>'
    if len(runs) <= LISTED:
        return box
    return f"<details><summary>All {len(runs)} commands</summary>{box}</details>"


def versions(runs: Sequence[RecordedRun]) -> str:
    """What the runs were made with: each version that was met, in the order of the runs."""
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        for name, value in _told(run.meta).items():
            found.setdefault(name, {})[value] = None
    rows = [[escape(name), escape(", ".join(values))] for name, values in found.items()]
    return table(["what", "version"], rows)


def _told(meta: Mapping[str, Any]) -> dict[str, str]:
    told = meta.get("versions")
    packages = told if isinstance(told, Mapping) else {}
    where = {"git commit": meta.get("git_commit"), "platform": meta.get("platform")}
    return {str(k): str(v) for k, v in (*packages.items(), *where.items()) if v is not None}
