"""Runs both sides alternately, each run in a process of its own, and prints medians and ratios."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

STARTS, TRAIN_EVERY = 10_000, 10  # of bench_dqn
STACK = 10


def run(*words: str) -> str:
    """The output of a Python command, on one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, *words]
    return subprocess.run(
        command, env=environment, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def ours(seeds: int, steps: int, folder: str) -> float:
    """Steps per second of all seeds together."""
    words = ("experiment=bench_dqn", f"seeds={seeds}", f"total_steps={steps}")
    run("-m", "rlrun", *words, f"hydra.run.dir={folder}")
    return float(json.loads(Path(folder, "result.json").read_text())["steps_per_second"])


def peer(steps: int, folder: str) -> float:
    return float(run("-m", "tests.bench.peer", str(steps), folder))


def limit(seeds: int, steps: int) -> float:
    """Steps per second of all seeds if nothing but stepping and products took time."""
    stepping, products = map(float, run("-m", "tests.bench.limit", str(seeds)).split())
    updates = (steps - STARTS) // TRAIN_EVERY + 1
    return steps * seeds / (steps * seeds * stepping + updates * products)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each side")
    parser.add_argument("--steps", type=int, default=50_000, help="per seed and run")
    given = parser.parse_args()
    found: dict[str, list[float]] = {"peer": [], "one": [], "stack": []}
    limits: dict[int, list[float]] = {1: [], STACK: []}
    for number in range(given.runs):
        with tempfile.TemporaryDirectory() as folder:
            found["peer"].append(peer(given.steps, f"{folder}/peer"))
            found["one"].append(ours(1, given.steps, f"{folder}/one"))
            found["stack"].append(ours(STACK, given.steps, f"{folder}/stack"))
            for seeds, values in limits.items():
                values.append(limit(seeds, given.steps))
        print(f"run {number + 1}:", *(f"{k} {v[-1]:,.0f}" for k, v in found.items()), flush=True)
    median = {name: statistics.median(values) for name, values in found.items()}
    print(f"\nDQN on CartPole-v1, {given.steps:,} steps a seed, medians of {given.runs} runs")
    print(f"{'':28}{'steps/s':>10}{'per seed':>10}{'ratio':>8}{'of limit':>10}")
    print(f"{'Stable-Baselines3, 1 seed':28}{median['peer']:10,.0f}{median['peer']:10,.0f}{1:8.2f}")
    for name, seeds in (("one", 1), ("stack", STACK)):
        share = median[name] / statistics.median(limits[seeds])
        label = f"rlrun, {seeds} seed{'s' if seeds > 1 else ''}"
        ratio = median[name] / median["peer"]
        print(
            f"{label:28}{median[name]:10,.0f}{median[name] / seeds:10,.0f}{ratio:8.2f}{share:10.2f}"
        )


if __name__ == "__main__":
    main()
