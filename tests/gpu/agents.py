"""Every agent with networks runs briefly, by the real command line."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rlrun.__main__ import main as command_line
from tests.gpu.given import Given
from tests.gpu.learners import PIXELS, SEARCHES, deep_agents, words_of

FEW = ("total_steps=100", "eval.every=0", "eval.final_episodes=1", "eval.max_steps=10")
EXTRAS = {
    "dqn, Pong": ["agent=dqn", *PIXELS, "agent.learning_starts=50", "agent.train_every=10", *FEW],
    "ppo, Pong": ["agent=ppo", PIXELS[0], "agent.n_steps=20", "agent.batch_size=10", *FEW],
    "dqn, one-hot": ["agent=dqn", "env=FrozenLake-v1", "agent.learning_starts=50"],
    "dqn, bfloat16": [*words_of("dqn"), "device.precision=bfloat16"],
    "dqn, sgd": [*words_of("dqn"), "agent.optimizer=sgd"],
    "dqn, nadam": [*words_of("dqn"), "agent.optimizer=nadam"],
    "dqn, counts": [*words_of("dqn"), "env=FrozenLake-v1", "curiosity=count"],
    "ddpg, batch norm": [*words_of("ddpg"), "agent.norm=batch"],
    "sac, layer norm": [*words_of("sac"), "agent.norm=layer"],
    "sac, prioritized": [*words_of("sac"), "replay=prioritized"],
    "ppo, Pendulum": [*words_of("ppo"), "env=Pendulum-v1", "agent.normalize_obs=true"],
    "ppo, clipped": [*words_of("ppo"), "agent.target_kl=0.02", "agent.clip_value=0.2"],
    "rainbow, deterministic": [*words_of("rainbow"), "device.deterministic=true"],
}
"""Other code paths than the defaults: convolutions, precisions, optimizers, normalisations."""


def main(given: Given) -> None:
    for name, words in ({name: words_of(name) for name in deep_agents()} | EXTRAS).items():
        given.attempt("agents", name, lambda words=words, name=name: run(given, name, words))  # type: ignore[misc]


def run(given: Given, name: str, words: list[str]) -> dict[str, Any]:
    """Run a command line; return what it left. Raises RuntimeError if it fails."""
    steps = given.sizes.steps
    shared = [
        f"device.name={given.device}",
        "tuned=none",
        "seeds=3",
        f"total_steps={steps}",
        "log.every=50",
        f"eval.every={steps // 2}",
        "eval.episodes=3",
        "eval.final_episodes=3",
        "eval.max_steps=30",
        f"checkpoint.every_steps={steps // 2}",
    ]
    unique = {word.split("=")[0]: word for word in [*shared, *words]}  # the agent's own words win
    with tempfile.TemporaryDirectory() as folder:
        run_folder = Path(folder, "run")
        sys.argv = ["rlrun", *unique.values(), f"hydra.run.dir={run_folder}"]
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            code = command_line()
        if code:
            raise RuntimeError(text.getvalue().strip().splitlines()[-1])
        return left(run_folder, learns=name not in SEARCHES)


def left(folder: Path, *, learns: bool) -> dict[str, Any]:
    """Return a run's result. Raises RuntimeError if it failed, or should have learnt."""
    result = json.loads((folder / "result.json").read_text())
    if result["status"] != "done":
        raise RuntimeError(f"its status is {result['status']}")
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    updates = max((int(line.get("train/n_updates") or 0) for line in lines), default=0)
    if learns and not updates:
        raise RuntimeError("it did not learn")
    return {
        "steps/s": round(result["steps_per_second"]),
        "updates": updates or None,
        "return": round(float(result["final"]["mean"]), 1),
    }
