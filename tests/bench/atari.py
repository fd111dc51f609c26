"""An Atari game beside Stable-Baselines3: stepping it, and DQN learning from its pixels."""

from __future__ import annotations

import statistics
import tempfile

from tests.bench.runs import output, rlrun

ENVS = 4  # stepped together, in the first comparison
STEPS = 4000  # of each environment there


def main(runs: int) -> None:
    names = ("peer", "one", "stack", "low")
    stepping: dict[str, list[float]] = {"peer": [], "ours": []}
    training: dict[str, list[float]] = {name: [] for name in names}
    for number in range(runs):
        stepping["peer"].append(_peer("steps", str(ENVS), str(STEPS)))
        stepping["ours"].append(_random())
        training["peer"].append(_peer("train"))
        training["one"].append(rlrun("experiment=bench_atari"))
        training["stack"].append(rlrun("experiment=bench_atari", "seeds=4"))
        training["low"].append(rlrun("experiment=bench_atari", "device.precision=bfloat16"))
        row = {**stepping, **training}
        print(f"run {number + 1}:", *(f"{k} {v[-1]:,.0f}" for k, v in row.items()), flush=True)
    print(f"\nPong, medians of {runs} runs, one thread, steps a second of all games and the ratio")
    _show(f"random actions in {ENVS} games", stepping["ours"], stepping["peer"])
    _show("DQN, 1 seed", training["one"], training["peer"])
    _show("DQN, 4 seeds", training["stack"], training["peer"])
    _show("DQN, 1 seed, bfloat16", training["low"], training["peer"])


def _show(what: str, ours: list[float], theirs: list[float]) -> None:
    mine, peer = statistics.median(ours), statistics.median(theirs)
    print(
        f"{what:28} rlrun {mine:8,.0f}   Stable-Baselines3 {peer:8,.0f}   ratio {mine / peer:.2f}"
    )


def _random() -> float:
    return rlrun(
        "agent=random",
        "env=ALE/Pong-v5",
        "env.kwargs.num_threads=1",
        "seeds=1",
        "eval.every=0",
        "eval.final_episodes=0",
        f"env.num_envs={ENVS}",
        f"total_steps={STEPS * ENVS}",
    )


def _peer(*words: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return float(output("-m", "tests.bench.atari_peer", folder, *words))
