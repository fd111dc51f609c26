"""DQN on CartPole beside Stable-Baselines3, and beside the least this machine needs for it."""

from __future__ import annotations

import statistics
import tempfile

from tests.bench.runs import output, rlrun

STEPS = 50_000  # per seed and run
STARTS, TRAIN_EVERY = 10_000, 10  # of bench_dqn
STACK = 10


def ours(seeds: int) -> float:
    return rlrun("experiment=bench_dqn", f"seeds={seeds}", f"total_steps={STEPS}")


def peer() -> float:
    with tempfile.TemporaryDirectory() as folder:
        return float(output("-m", "tests.bench.dqn_peer", str(STEPS), folder))


def limit(seeds: int) -> float:
    """Steps per second of all seeds if nothing but stepping and products took time."""
    stepping, products = map(float, output("-m", "tests.bench.limit", str(seeds)).split())
    updates = (STEPS - STARTS) // TRAIN_EVERY + 1
    return STEPS * seeds / (STEPS * seeds * stepping + updates * products)


def main(runs: int) -> None:
    found: dict[str, list[float]] = {"peer": [], "one": [], "stack": []}
    limits: dict[int, list[float]] = {1: [], STACK: []}
    for number in range(runs):
        found["peer"].append(peer())
        found["one"].append(ours(1))
        found["stack"].append(ours(STACK))
        for seeds, values in limits.items():
            values.append(limit(seeds))
        print(f"run {number + 1}:", *(f"{k} {v[-1]:,.0f}" for k, v in found.items()), flush=True)
    median = {name: statistics.median(values) for name, values in found.items()}
    print(f"\nDQN on CartPole-v1, {STEPS:,} steps a seed, medians of {runs} runs")
    print(f"{'':28}{'steps/s':>10}{'per seed':>10}{'ratio':>8}{'of limit':>10}")
    print(f"{'Stable-Baselines3, 1 seed':28}{median['peer']:10,.0f}{median['peer']:10,.0f}{1:8.2f}")
    for name, seeds in (("one", 1), ("stack", STACK)):
        share = median[name] / statistics.median(limits[seeds])
        label = f"rlrun, {seeds} seed{'s' if seeds > 1 else ''}"
        ratio = median[name] / median["peer"]
        print(
            f"{label:28}{median[name]:10,.0f}{median[name] / seeds:10,.0f}{ratio:8.2f}{share:10.2f}"
        )
