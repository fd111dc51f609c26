"""Runs contenders in processes of their own: alternately, on one core, with one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tests.bench.peers.works import Work, described

HERE = "tests.bench.peers"
MODULES = {
    "sb3": f"{HERE}.baselines",
    "sbx": f"{HERE}.baselines",
    "rlrun": f"{HERE}.ours",
    "jax": f"{HERE}.compiled",
    "textbook": f"{HERE}.textbook",
    "numba": f"{HERE}.compiled.tables",
}
COMPILED = ("jax", "numba")
CACHE = "JAX_COMPILATION_CACHE_DIR"


class Failed(Exception):
    """A contender's process failed, or a compiled loop did not learn."""


def pin(core: int) -> None:
    """Restrict this process and those that it starts to one core."""
    os.sched_setaffinity(0, {core})


def environment(cache: str) -> dict[str, str]:
    """Return the environment of the processes; compiled JAX programs are kept in ``cache``."""
    kept = {
        CACHE: cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    return {**os.environ, **described()["environment"], **kept}


def command(work: Work, contender: str) -> list[str]:
    """Return the words after `python` that run a contender, such as `rlrun 10`."""
    name, seeds = contender.split()
    words = {
        "rlrun": [*work.rlrun, f"seeds={seeds}", f"total_steps={work.steps}"],
        "textbook": [work.name],
        "jax": [work.name, seeds],
        "numba": [work.name, seeds],
    }
    return ["-m", MODULES[name], *words.get(name, [name, work.name])]


def run(words: Sequence[str], variables: Mapping[str, str]) -> dict[str, float]:
    """Return what a process prints last, and the seconds of the whole process.

    Raises Failed with the end of its output if it fails.
    """
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words], env=variables, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise Failed(f"{' '.join(words)} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "whole": time.perf_counter() - start}


def measured(work: Work, runs: int, variables: Mapping[str, str]) -> dict[str, list[Any]]:
    """Return the measurements of each contender of a work, made alternately."""
    found: dict[str, list[Any]] = {each: [] for each in work.contenders}
    for number in range(runs):
        print(f"{work.name}, run {number + 1}:", end="", flush=True)
        for contender in _order(work.contenders, number):
            one = run(command(work, contender), variables)
            found[contender].append({key: round(value, 6) for key, value in one.items()})
            print(f" {contender} {one['steps'] / one['wall']:,.0f}", end="", flush=True)
        print(flush=True)
    return found


def learnt(work: Work, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the mean return of the compiled loop; raise Failed if it has not learnt."""
    if not work.learns:
        return {}
    (name,) = {name for each in work.contenders if (name := each.split()[0]) in COMPILED}
    words = ["-m", MODULES[name], work.name, str(work.learns["seeds"]), "--learns"]
    cold = {key: value for key, value in variables.items() if key != CACHE}
    result = run(words, cold)["mean_return"]  # measurements shall compile too
    if not result > work.learns["above"]:
        raise Failed(
            f"{work.name}: the compiled loop's mean return is {result:.1f}, not above "
            f"{work.learns['above']}: it does not learn, so its speed means nothing"
        )
    return {"mean_return": round(result, 2), **work.learns}


def measurement(work: Work, runs: int, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return everything about a work: its settings, the check that its peer learns, the runs."""
    result = learnt(work, variables)
    return {**asdict(work), "learnt": result, "measured": measured(work, runs, variables)}


def _order(contenders: Sequence[str], number: int) -> Sequence[str]:
    """Return every second time the other order, so that no contender is always the first."""
    return contenders if number % 2 == 0 else contenders[::-1]
