"""DDPG and SAC on Pendulum beside Stable-Baselines3: one update of a batch of 256 in each step."""

from __future__ import annotations

import statistics
import tempfile

from tests.bench.runs import output, rlrun

STEPS = 3_000  # per seed and run
STARTS, BATCH = 100, 256
WIDTHS = (64, 256)
STACK = 10


def ours(agent: str, width: int, seeds: int) -> float:
    return rlrun(
        f"agent={agent}",
        "env=Pendulum-v1",
        "tuned=none",
        f"agent.hidden=[{width},{width}]",
        f"agent.batch_size={BATCH}",
        f"agent.learning_starts={STARTS}",
        "agent.max_grad_norm=null",
        "eval.every=0",
        "eval.final_episodes=0",
        f"seeds={seeds}",
        f"total_steps={STEPS}",
    )


def peer(agent: str, width: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        words = (agent, str(width), str(STEPS), folder)
        return float(output("-m", "tests.bench.continuous_peer", *words))


def main(runs: int) -> None:
    print(f"Pendulum-v1, {STEPS:,} steps a seed, medians of {runs} runs: steps/s of all seeds")
    names = ("Stable-Baselines3", "rlrun, 1 seed", "ratio", f"rlrun, {STACK} seeds", "ratio")
    print(f"{'':12}" + "".join(f"{name:>18}" for name in names))
    for agent in ("ddpg", "sac"):
        for width in WIDTHS:
            found = [
                (peer(agent, width), ours(agent, width, 1), ours(agent, width, STACK))
                for _ in range(runs)
            ]
            other, one, stack = (statistics.median(each) for each in zip(*found, strict=True))
            print(
                f"{f'{agent}, {width}-wide':12}{other:18,.0f}{one:18,.0f}{one / other:18.2f}"
                f"{stack:18,.0f}{stack / other:18.2f}",
                flush=True,
            )
