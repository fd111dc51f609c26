"""From measurements to rows: medians, spread, ratios and gates."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

NAMES = {
    "sb3": "Stable-Baselines3",
    "sbx": "SBX",
    "rlrun": "rlrun",
    "jax": "compiled JAX loop",
    "textbook": "textbook loop",
    "numba": "compiled numba loop",
}


class Row(NamedTuple):
    """A contender's result; rates are environment steps of all seeds per second."""

    contender: str
    median: float
    least: float
    greatest: float
    cpu: float
    """Median rate per second of processor time."""
    ratio: float
    """The median over that of the reference."""
    cpu_ratio: float
    """The same with processor time."""
    outside: float
    """Seconds of the process that are not measured: start and compilation, the longest."""
    gate: str
    """What was to be reached, and whether it was; or nothing."""


def name(contender: str) -> str:
    """Return a contender's name in words."""
    kind, seeds = contender.split()
    return f"{NAMES[kind]}, {seeds} seed{'s' if seeds != '1' else ''}"


def rates(runs: Sequence[Mapping[str, float]], clock: str) -> list[float]:
    """Return the steps per second of each run, by the clock `wall` or `cpu`."""
    return [each["steps"] / each[clock] for each in runs]


def rows(work: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a work, in the order of its contenders."""
    found, reference = work["measured"], work["reference"]
    base = {clock: statistics.median(rates(found[reference], clock)) for clock in ("wall", "cpu")}
    result = []
    for contender in work["contenders"]:
        runs = found[contender]
        wall, cpu = rates(runs, "wall"), statistics.median(rates(runs, "cpu"))
        median = statistics.median(wall)
        ratio = median / base["wall"]
        outside = max(each["whole"] - each["wall"] for each in runs)
        gate = _gate(work, contender, median, ratio)
        result.append(
            Row(
                contender,
                median,
                min(wall),
                max(wall),
                cpu,
                ratio,
                cpu / base["cpu"],
                outside,
                gate,
            )
        )
    return result


def _gate(work: Mapping[str, Any], contender: str, median: float, ratio: float) -> str:
    if (least := work["gates"].get(contender)) is not None:
        return f"{least:g}: {'reached' if ratio >= least else 'missed'}"
    if (least := work["gates_per_second"].get(contender)) is not None:
        return f"{least:,} steps/s: {'reached' if median >= least else 'missed'}"
    return ""


def table(work: Mapping[str, Any]) -> str:
    """Return a work's rows for the terminal."""
    reference = name(work["reference"]).split(",")[0]
    heads = ("median", "least", "greatest", "CPU-s", "ratio", "by CPU")
    lines = [
        f"{work['title']}: {work['about']}",
        f"{'steps/s':30}{''.join(f'{each:>13}' for each in heads)}  gate (over {reference})",
    ]
    for row in rows(work):
        numbers = "".join(f"{each:13,.0f}" for each in row[1:5])
        ratios = f"{row.ratio:13.2f}{row.cpu_ratio:13.2f}"
        lines.append(f"{name(row.contender):30}{numbers}{ratios}  {row.gate}".rstrip())
    return "\n".join(lines)
