"""Q-learning on FrozenLake beside a textbook's loop over the same environment."""

from __future__ import annotations

import statistics

from tests.bench.runs import output, rlrun

STEPS = 300_000  # of the loop, and of each run of rlrun at one seed
STACKS = {1: STEPS, 10: 200_000, 100: 50_000}  # steps of each seed


def main(runs: int) -> None:
    loops: list[float] = []
    stacks: dict[int, list[float]] = {seeds: [] for seeds in STACKS}
    for number in range(runs):
        loops.append(float(output("-m", "tests.bench.textbook", str(STEPS))))
        for seeds, found in stacks.items():
            words = ("agent=q_learning", "env=FrozenLake-v1", f"total_steps={STACKS[seeds]}")
            found.append(rlrun(*words, f"seeds={seeds}"))
        speeds = (f"{seeds} seeds {found[-1]:,.0f}" for seeds, found in stacks.items())
        print(f"run {number + 1}: loop {loops[-1]:,.0f}", *speeds, flush=True)
    loop = statistics.median(loops)
    print(f"\nQ-learning on FrozenLake-v1, medians of {runs} runs")
    print(f"{'':28}{'steps/s':>12}{'per seed':>10}{'ratio':>8}")
    print(f"{'a textbook loop, 1 seed':28}{loop:12,.0f}{loop:10,.0f}{1:8.2f}")
    for seeds, found in stacks.items():
        speed = statistics.median(found)
        label = f"rlrun, {seeds} seed{'s' if seeds > 1 else ''}"
        print(f"{label:28}{speed:12,.0f}{speed / seeds:10,.0f}{speed / loop:8.2f}")
