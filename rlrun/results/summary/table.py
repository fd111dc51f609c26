"""The summary on the terminal, in 80 columns if the names of the variants allow it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from rlrun import stats
from rlrun.results.certainty import are_means, average, compare
from rlrun.results.grouping import Variant
from rlrun.results.references import Reference, shared_reference
from rlrun.results.summary.csv_file import FILE
from rlrun.results.tuned import mixture, tuned_agents, tuned_name
from rlrun.run_folder.reader import RecordedRun
from rlrun.stats.environments import Scores
from rlrun.terminal.final_table import NO_INTERVAL, clock, interval, number

LISTED = 30  # most rows, or runs, that the terminal shows; the file has all
NAME_WIDTH = 24  # longer names are folded before a column of numbers is left out


def _table(*names: str) -> Table:
    """Return an empty table whose first column may be wide and whose others hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(names[0], overflow="fold", min_width=12)
    for name in names[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def show(console: Console, env: str, variants: Sequence[Variant]) -> None:
    agents = {variant.agent for variant in variants}
    title = f"{agents.pop()} on {env}" if len(agents) == 1 else env
    console.print(f"{title}: final return", markup=False, style="bold", soft_wrap=True)
    console.print(_fitting_table(console, variants[:LISTED]))
    for line in filter(None, (tuned_agents(variants), mixture(variants))):
        console.print(line, markup=False, soft_wrap=True)
    if any(variant.exact for variant in variants):
        console.print("The order is that of the exact returns (IQM), where they are known.")
    if len(variants) > LISTED:
        console.print(f"... and {len(variants) - LISTED} more settings in {FILE}")
    if any(variant.counts_updates for variant in variants):
        console.print("The steps of runs that learn from data are updates.")
    if any(variant.final and not variant.final["ci95"] for variant in variants):
        console.print(f"{NO_INTERVAL}\n")
    first, second = variants[0], variants[1:2]
    if first.final and second and second[0].final:
        scores = first.final["per_seed"], second[0].final["per_seed"]
        _print_probability(console, first.name, second[0].name, [scores[0]], [scores[1]])


def _fitting_table(console: Console, variants: Sequence[Variant]) -> Table:
    """Return the table with all columns that fit; median, then best are dropped first.

    The column of tuned settings is left out if it is the same in all rows, and one of IQMs that are
    all means, as those of few seeds, because it would repeat the means.
    """
    longest = max(len(variant.name) for variant in variants)
    is_exact = any(variant.exact for variant in variants)
    rows = [_cells(variant, is_exact) for variant in variants]
    same = ["tuned"] if len({tuned_name(variant) for variant in variants}) == 1 else []
    same += ["IQM"] if are_means(variants) else []
    for left_out in (same, [*same, "median"], [*same, "median", "best"]):
        names = [name for name in rows[0] if name not in left_out]
        table = _table("setting", *names)
        for variant, row in zip(variants, rows, strict=True):
            table.add_row(Text(variant.name), *(row[name] for name in names))
        unlimited = console.options.update(max_width=10_000)
        width = Measurement.get(console, unlimited, table).maximum
        if width - max(0, longest - NAME_WIDTH) <= console.width:
            break
    return table


def _cells(variant: Variant, is_exact: bool) -> dict[str, str]:
    """Return the numbers of a row by column name, exact returns if ``is_exact``."""
    final, best, exact = variant.final, variant.best, variant.exact
    exact_column = {"exact": number(exact["iqm"]) if exact else "-"}
    scored, total = variant.num_scores, variant.num_seeds
    return {
        "tuned": {"none": "no", "?": "?"}.get(tuned_name(variant), "yes"),
        "seeds": str(scored) if scored == total else f"{scored}/{total}",
        "mean": number(final["mean"]) if final else "-",
        "median": number(float(np.median(final["per_seed"]))) if final else "-",
        "IQM": average(final["iqm"], scored) if final else "-",
        "95 % interval": interval(final["ci95"]) if final and final["ci95"] else "-",
        **(exact_column if is_exact else {}),
        "best": number(best["iqm"]) if best else "-",
        "time": clock(variant.wall_seconds or 0.0),
    }


def _print_probability(console: Console, first: str, second: str, x: Scores, y: Scores) -> None:
    better = compare(x, y)
    sentence = (
        f"A seed of the first ({first}) ends better than one of the second ({second}) with "
        f"probability {better.chance:.2f} ({better.certainty})."
    )
    console.print(Text(f"{sentence}\n"))


def show_across(console: Console, by_env: Mapping[str, Sequence[Variant]]) -> None:
    """Print the variants with results in every environment, compared by normalised scores."""
    known = {
        env: shared_reference(variant.runs[0].settings["env"] for variant in variants)
        for env, variants in sorted(by_env.items())
    }
    comparable = [(each, by_env[env]) for env, each in known.items() if each is not None]
    if len(comparable) < len(known):
        missing = ", ".join(env for env in known if known[env] is None)
        console.print(f"No reference scores are known for {missing}: left out below.", markup=False)
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
            average(whole.value, sum(map(len, each))),
            interval(whole.ci95) if whole.ci95 else "-",
            number(stats.estimate(each, stats.optimality_gap).value),
        )
    console.print(table)
    if any(len(each) < stats.FEWEST_SEEDS for several in scores.values() for each in several):
        console.print(f"{NO_INTERVAL.removesuffix('.')} in every environment.\n")
    if len(scores) > 1:
        (first, x), (second, y) = list(scores.items())[:2]
        _print_probability(console, first, second, x, y)


def _normalised(
    by_env: Sequence[tuple[Reference, Sequence[Variant]]],
) -> dict[str, list[list[float]]]:
    """Return normalised scores by variant name, `[env][seed]`, best interquartile mean first.

    Variants without results in some environment are left out.
    """
    by_name: dict[str, list[list[float]]] = {}
    for known, variants in by_env:
        for variant in variants:
            if variant.final:
                scores = [known.normalised(score) for score in variant.final["per_seed"]]
                by_name.setdefault(variant.name, []).append(scores)
    everywhere = {name: each for name, each in by_name.items() if len(each) == len(by_env)}
    return dict(sorted(everywhere.items(), key=lambda item: -stats.estimate(item[1]).value))


def show_unfinished(console: Console, runs: Sequence[RecordedRun], damaged: Sequence[str]) -> None:
    """Print the runs without a full result, and the folders that cannot be read."""
    lines = []
    counts = Counter([*(run.status for run in runs), *["not readable"] * len(damaged)])
    if set(counts) != {"done"}:
        ways = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        console.print(f"{len(runs) + len(damaged)} runs: {ways}")
    for run in runs:
        missing = [s for s, score in zip(run.seeds, run.scores(), strict=True) if score is None]
        if run.status != "done":
            reason = run.meta.get("reason")
            lines.append(f"{run.status}: {run.folder}{f' ({reason})' if reason else ''}")
        elif missing:
            seeds = ", ".join(map(str, missing))
            lines.append(f"without a final evaluation of seeds {seeds}: {run.folder}")
    lines += [f"not readable: {sentence}" for sentence in damaged]
    for line in lines[:LISTED]:
        console.print(line, markup=False, soft_wrap=True)
    if len(lines) > LISTED:
        console.print(f"... and {len(lines) - LISTED} more")
