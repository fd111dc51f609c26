"""The page docs/benchmarks.md, made of docs/benchmarks.json and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.peers.results import Row, name, rows

ROOT = Path(__file__).resolve().parents[3]
DATA, PAGE = ROOT / "docs" / "benchmarks.json", ROOT / "docs" / "benchmarks.md"

INTRODUCTION = """\
# Benchmarks

This page is generated: `{command}` measured everything
and wrote it. Each contender is a process of its own with one thread, all on the same core; {runs}
the contenders of a work ran one after the other, in alternating order. Rates are environment steps
per second of all seeds together. Imports, construction and compilation are left out: they are the
column "outside", the longest of the runs. "Least" and "greatest" show the spread over the runs;
"per CPU second" is the median rate by processor time, which other work on the machine disturbs
less. Every measurement is in [benchmarks.json](benchmarks.json).

Stable-Baselines3, SBX (its counterpart in JAX) and the compiled loops have the same networks,
batches and schedules as rlrun; [peers.yaml](../tests/bench/peers/peers.yaml) has their versions,
threads and settings. The compiled loops are in
[tests/bench/peers/compiled](../tests/bench/peers/compiled): environment, replay and learning in
one program. Before they are measured, their environments are compared with Gymnasium's step by
step, and they must show that they learn.
"""

AHEAD = """\
## Where compiled code is ahead

{sentences}

{lead} is due to compiling the whole loop, environment included, so that no Python runs between
two steps. It requires an environment that is written in JAX (or numba) too. The loop here does
only what its algorithm needs: it writes no checkpoints and no run folder, cannot resume, does not
exclude failed seeds, and compiles again when a setting changes, which takes the seconds of the
column "outside". For these tasks, at these sizes, where the environment exists in JAX and none of
that is needed, a compiled loop is the faster tool. rlrun takes any Gymnasium environment.
"""


def page(data: Mapping[str, Any]) -> str:
    """Return the page."""
    parts = [INTRODUCTION.format(command=data["command"], runs=_times(data["runs"]))]
    parts.append(_machine(data))
    for work in data["works"].values():
        parts.append(_work(work))
    parts.append(_ahead(data["works"]))
    return "\n".join(parts)


def _times(runs: int) -> str:
    return "once," if runs == 1 else f"{runs} times"


def _machine(data: Mapping[str, Any]) -> str:
    found = data["machine"]
    versions = ", ".join(f"{package} {version}" for package, version in found["versions"].items())
    variables = ", ".join(f"`{key}={value}`" for key, value in data["environment"].items())
    return (
        "## Machine\n\n"
        f"{found['processor']}, {found['cores']} cores, {found['system']}, "
        f"Python {found['python']}, {versions}. All contenders ran on core {data['core']}. The "
        f"load average was {data['load'][0]:g} before the runs and {data['load'][1]:g} after them, "
        f"to which a contender contributes 1. Environment of all processes: {variables}.\n"
    )


def _work(work: Mapping[str, Any]) -> str:
    reference = name(work["reference"]).split(",")[0]
    lines = [
        f"## {work['title']}",
        "",
        f"{_sentence(work['about'])} {work['steps']:,} steps of each seed. rlrun: "
        f"`rlrun {' '.join(work['rlrun'])} total_steps={work['steps']}`.{_learnt(work)}",
        "",
        f"| | steps/s | least | greatest | per CPU second | over {reference} | by CPU time | "
        "outside, s | target |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_row, rows(work))]) + "\n"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _row(row: Row) -> str:
    rates = " | ".join(f"{each:,.0f}" for each in row[1:5])
    ratios = f"{row.ratio:.2f} | {row.cpu_ratio:.2f} | {row.outside:.1f}"
    return f"| {name(row.contender)} | {rates} | {ratios} | {row.gate} |"


def _learnt(work: Mapping[str, Any]) -> str:
    found = work["learnt"]
    if not found:
        return ""
    note = f" {found['note']}" if "note" in found else ""
    return (
        f" The compiled loop must reach a mean return of {found['above']:g} in {found['steps']:,} "
        f"steps, and reached {found['mean_return']:g}.{note}"
    )


def _ahead(works: Mapping[str, Any]) -> str:
    """Return the paragraph about compiled loops, with the ratios that were measured."""
    ahead: list[str] = []
    equal: list[str] = []
    for work in works.values():
        rate = {row.contender: row.cpu for row in rows(work)}
        for peer in [each for each in rate if each.split()[0] in ("jax", "numba")]:
            ours = f"rlrun {peer.split()[1]}"
            if ours in rate:
                ratio, seeds = rate[peer] / rate[ours], int(peer.split()[1])
                where = f"{work['title']} with {seeds} seed{'s' if seeds > 1 else ''}"
                (ahead if ratio > 1 else equal).append(f"{where} {ratio:.1f}")
    sentences = []
    if ahead:
        sentences.append(
            "Compiled loops are faster than rlrun by these factors, with as many seeds and by "
            f"processor time: {_list(ahead)}."
        )
    if equal:
        sentences.append(f"They are not faster where the factor is at most 1: {_list(equal)}.")
    lead = "The lead" if ahead else "Their speed"
    return AHEAD.format(sentences=" ".join(sentences), lead=lead) if sentences else ""


def _list(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
