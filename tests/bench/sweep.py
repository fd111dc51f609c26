"""How close a sweep of short jobs comes to what the cores can do, and how fast a job starts."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from pathlib import Path

from tests.bench.runs import output

JOBS = 20
CORES = 2
WORDS = (
    "agent=q_learning",
    "env=FrozenLake-v1",
    "seeds=1",
    "total_steps=100000",
    "eval.every=0",
    "eval.final_episodes=10",
)


def main(runs: int) -> None:
    ratios, starts = [], []
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            alone = statistics.median(_alone(Path(folder, str(each))) for each in range(3))
            took, start = _sweep(Path(folder, "sweep"))
        ratios.append(took / (JOBS * alone / CORES))
        starts.append(start)
        print(f"run {number + 1}: a job alone {alone:.2f} s, {JOBS} jobs {took:.2f} s", flush=True)
    print(f"\n{JOBS} jobs on {CORES} of {os.cpu_count()} cores, medians of {runs} runs")
    print(f"the sweep against the ideal: {statistics.median(ratios):.2f} (target 1.15)")
    print(f"a job starts in {statistics.median(starts):.2f} s (target 0.7)")


def _alone(folder: Path) -> float:
    """Seconds of training and final evaluation of one job, start-up left out."""
    output("-m", "rlrun", *WORDS, f"hydra.run.dir={folder}")
    return float(json.loads((folder / "result.json").read_text())["wall_seconds"])


def _sweep(folder: Path) -> tuple[float, float]:
    """Seconds from the first job's begin to the last one's end, and until a job trains."""
    how = (f"sweep.jobs={CORES}", f"hydra.sweep.dir={folder}")
    output("-m", "rlrun", "-m", *WORDS, f"seed=range({JOBS})", *how)
    lines = [json.loads(line) for line in (folder / "jobs.jsonl").read_text().splitlines()]
    times = {(line["job"], line["state"]): line["time"] for line in lines}
    begun = {job: time for (job, state), time in times.items() if state == "running"}
    ends = {job: time for (job, state), time in times.items() if state == "done"}
    # a core is free when a job has ended: what passes until the next one trains is its start
    busy = sum(_wall(folder / job) for job in begun)
    whole = max(ends.values()) - min(begun.values())
    return whole, max(0.0, (CORES * whole - busy) / JOBS)


def _wall(folder: Path) -> float:
    return float(json.loads((folder / "result.json").read_text())["wall_seconds"])
