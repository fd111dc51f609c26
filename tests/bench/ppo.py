"""PPO on CartPole beside Stable-Baselines3, with the settings of `bench_ppo`."""

from __future__ import annotations

import statistics
import tempfile

from tests.bench.runs import output, rlrun

STEPS = 51_200  # per seed and run: 25 rollouts
STACK = 10


def ours(seeds: int) -> float:
    return rlrun("experiment=bench_ppo", f"seeds={seeds}", f"total_steps={STEPS}")


def peer() -> float:
    with tempfile.TemporaryDirectory() as folder:
        return float(output("-m", "tests.bench.ppo_peer", str(STEPS), folder))


def main(runs: int) -> None:
    found: dict[str, list[float]] = {"peer": [], "one": [], "stack": []}
    for number in range(runs):
        found["peer"].append(peer())
        found["one"].append(ours(1))
        found["stack"].append(ours(STACK))
        print(f"run {number + 1}:", *(f"{k} {v[-1]:,.0f}" for k, v in found.items()), flush=True)
    median = {name: statistics.median(values) for name, values in found.items()}
    print(f"\nPPO on CartPole-v1, {STEPS:,} steps a seed, medians of {runs} runs")
    print(f"{'':28}{'steps/s':>10}{'per seed':>10}{'ratio':>8}")
    rows = (
        ("Stable-Baselines3, 1 seed", "peer", 1),
        ("rlrun, 1 seed", "one", 1),
        (f"rlrun, {STACK} seeds", "stack", STACK),
    )
    for label, name, seeds in rows:
        ratio = median[name] / median["peer"]
        print(f"{label:28}{median[name]:10,.0f}{median[name] / seeds:10,.0f}{ratio:8.2f}")
