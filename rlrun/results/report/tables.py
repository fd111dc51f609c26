"""The tables of a report, as HTML; all text from a run's folder is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from rlrun.core.text import as_word
from rlrun.results.certainty import are_means, average
from rlrun.results.grouping import Plain, Variant, differing, flat, is_ignored
from rlrun.results.report.model import EnvSection, last_step
from rlrun.results.tuned import tuned_name
from rlrun.run_folder.reader import RecordedRun
from rlrun.stats import FEWEST_SEEDS
from rlrun.terminal.final_table import clock, interval, number

LISTED = 12  # commands or warnings; more are folded
TUNED = " *"  # marks a value that tuned settings have changed
NO_INTERVAL = f"fewer than {FEWEST_SEEDS} seeds"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> str:
    """Return a table that scrolls in its own box; the cells and ``head`` are HTML.

    The last ``numbers`` columns hold numbers and are aligned right. On a narrow page a row is a
    list of its cells with their headings, so that no column is out of sight.
    """
    words = len(head) - numbers
    kinds = ["" if i < words else ' class="n"' for i in range(len(head))]
    top = "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, head, strict=True))
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td{kind} data-head="{name}">{cell}</td>'
            for kind, name, cell in zip(kinds, head, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def results(part: EnvSection) -> str:
    """Return the table of final scores of an environment, a row for each variant."""
    is_exact = any(row.exact for row in part.variants)
    exact = ["exact"] * is_exact
    interval = "95\u00a0% interval"
    head = ["setting", "seeds", "mean", "IQM", interval, *exact, "best", "steps", "wall time"]
    rows = [_result(row, is_exact) for row in part.variants]
    if are_means(part.variants):  # the column would repeat the means
        place = head.index("IQM")
        for cells in (head, *rows):
            del cells[place]
    numbers = len(head) - 1
    if any(row.tuned is not None for row in part.variants):
        head.insert(1, "tuned settings")
        for row, cells in zip(part.variants, rows, strict=True):
            cells.insert(1, escape(tuned_name(row)))
    return table(head, rows, numbers=numbers)


def _result(row: Variant, is_exact: bool) -> list[str]:
    final, best, exact = row.final, row.best, row.exact
    ends = "-"
    if final:
        ends = interval(final["ci95"]) if final["ci95"] else NO_INTERVAL
    seeds = str(row.num_seeds)
    if final and row.num_scores < row.num_seeds:
        seeds = f"{row.num_scores} of {seeds}"
    states = "".join(f"<br><small>{escape(state)}</small>" for state in unfinished(row))
    return [
        f"{escape(row.label)}{states}",
        seeds,
        number(final["mean"]) if final else "-",
        f"<b>{average(final['iqm'], row.num_scores)}</b>" if final else "-",
        ends.replace(" to ", "\u00a0to\u00a0"),
        *[number(exact["iqm"]) if exact else "-"] * is_exact,
        number(best["iqm"]) if best else "-",
        f"{row.steps:,} updates" if row.counts_updates else f"{row.steps:,}",
        clock(row.wall_seconds) if row.wall_seconds is not None else "-",
    ]


def unfinished(row: Variant) -> list[str]:
    """Return a phrase for each run of a variant that is not done."""
    runs = [run for run in row.runs if run.status != "done"]
    single = len(row.runs) == 1
    return [state(run) if single else f"seeds {seed_range(run)}: {state(run)}" for run in runs]


def state(run: RecordedRun) -> str:
    """Return the status and step of a run that is not done, and the reason if it failed."""
    planned = run.settings["total_steps"]
    how = "still running" if run.status == "running" else run.status
    reason = run.meta.get("reason")
    why = f": {reason}" if isinstance(reason, str) and run.status == "failed" else ""
    return f"{how} at step {last_step(run):,} of {planned:,}{why}"


def seed_range(run: RecordedRun) -> str:
    """Return the seeds of a run: "3", or "3 to 7"."""
    first, last = run.seeds[0], run.seeds[-1]
    return str(first) if first == last else f"{first} to {last}"


def settings(part: EnvSection) -> str:
    """Return one table of the settings that differ, and the remaining configuration.

    With a single agent a row is a variant; with several, whose settings have other names, a column.
    """
    rows = part.variants
    values = [flat(row.runs[0].settings) for row in rows]
    tuned = [row.tuned.keys if row.tuned else () for row in rows]
    keys = differing(row.runs[0] for row in rows)
    agents = list(dict.fromkeys(row.agent for row in rows))
    texts = [f"<h3>{escape(', '.join(agents))} on {escape(part.env)}</h3>"]
    labels = [escape(row.label) for row in rows]

    def cells(key: str) -> list[str]:
        marks = [TUNED if key in own else "" for own in tuned]
        return [_value(each.get(key)) + mark for each, mark in zip(values, marks, strict=True)]

    columns = {key: cells(key) for key in keys if key != "agent.name"}
    if columns and len(agents) == 1:
        lines = zip(labels, *columns.values(), strict=True)
        texts.append(table(["setting", *map(escape, columns)], lines, numbers=len(columns)))
    elif columns:
        by_key = [[escape(key), *own] for key, own in columns.items()]
        texts.append(table(["setting", *labels], by_key, numbers=len(labels)))
    names = dict.fromkeys(row.tuned.name for row in rows if row.tuned and row.tuned.name)
    if names:
        texts.append(f"<p>{TUNED.strip()} tuned settings: {escape(', '.join(names))}.</p>")
    shared = {k: v for k, v in values[0].items() if k not in keys and not is_ignored(k)}
    what = f"The other settings, shared by all {len(rows)}" if keys else "All settings"
    text = "\n".join(f"{escape(k)}={_value(v)}{_mark(k, tuned)}" for k, v in shared.items())
    texts.append(f"<details><summary>{what} ({len(shared)})</summary><pre>{text}</pre></details>")
    return "\n".join(texts)


def _mark(key: str, tuned: Sequence[Sequence[str]]) -> str:
    return TUNED if any(key in own for own in tuned) else ""


def _value(value: Plain | None) -> str:
    return "-" if value is None else escape(as_word(value))


def commands(runs: Sequence[RecordedRun]) -> str:
    """Return the command line of each run; a click selects it."""
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
    """Return the table of versions: all values of each package, in the order of the runs."""
    values: dict[str, dict[str, None]] = {}
    for run in runs:
        for name, value in _recorded_versions(run.meta).items():
            values.setdefault(name, {})[value] = None
    rows = [[escape(name), escape(", ".join(each))] for name, each in values.items()]
    return table(["what", "version"], rows)


def _recorded_versions(meta: Mapping[str, Any]) -> dict[str, str]:
    entry = meta.get("versions")
    packages = entry if isinstance(entry, Mapping) else {}
    where = {"git commit": meta.get("git_commit"), "platform": meta.get("platform")}
    return {str(k): str(v) for k, v in (*packages.items(), *where.items()) if v is not None}
