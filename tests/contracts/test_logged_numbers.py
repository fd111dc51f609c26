"""Every number that a run logs of a seed is, bit for bit, what it logs of that seed alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlrun.agents import AGENTS
from rlrun.core.abilities import Tabular
from rlrun.run import start_run
from rlrun.tables.report import TableReport
from rlrun.training.metrics_window import Average
from tests.support.common import agent_and_envs, drive, settings
from tests.support.every_agent import CASES, MODELS, SMALL, WHERE

pytestmark = pytest.mark.slow

RUN = ("eval.episodes=9", "eval.final_episodes=9", "eval.max_steps=30")
STEPS, MANY_STEPS = 640, 6400  # the latter where a step takes microseconds
SPEED = "time/fps"
# FrozenLake is also a place of these
NETWORKS = ("dqn", "rainbow", "drqn", "sac_discrete", "ppo", "a2c", "reinforce")
# where there is a model the exact returns are logged too
PLACES = {
    agent: next((e for e in WHERE[agent] if e in MODELS), WHERE[agent][0]) for agent in AGENTS
}


def logged(folder: Path, seed: int, *words: str) -> list[dict[str, Any]]:
    """What a run of these settings logs of one seed, but for its speed."""
    folder.mkdir()
    start_run(settings(*RUN, *words), folder, "rlrun")
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [{k: v for k, v in x.items() if k != SPEED} for x in lines if x["seed"] == seed]


@pytest.mark.slow
@pytest.mark.parametrize("num_envs", [1, 10])
@pytest.mark.parametrize("agent", AGENTS)
def test_a_seed_logs_in_a_stack_what_it_logs_alone(
    agent: str, num_envs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Averages are folded often, so that every metric's goes through several folds and a rest."""
    monkeypatch.setattr(Average, "BLOCK", 12)
    steps = MANY_STEPS if PLACES[agent] in MODELS and agent not in NETWORKS else STEPS
    every = tuple(f"{key}={steps // 2}" for key in ("log.every", "eval.every"))
    words = (*SMALL[agent], f"env={PLACES[agent]}", f"env.num_envs={num_envs}")
    words = (*words, *every, f"total_steps={steps}")
    stack = logged(tmp_path / "stack", 42, *words, "seed=40", "seeds=4")
    alone = logged(tmp_path / "alone", 42, *words, "seed=42", "seeds=1")
    assert [line["step"] for line in stack] == [steps // 2, steps, steps]
    assert stack == alone


WITHOUT = (*NETWORKS, "ppo with a memory", "go_explore")
TABULAR = [(agent, env) for agent, env in CASES if env in MODELS and agent not in WITHOUT]


@pytest.mark.parametrize(("agent", "env"), TABULAR)
def test_the_exact_return_in_a_stack_is_that_of_the_seed_alone(agent: str, env: str) -> None:
    words = (*SMALL[agent], f"env={env}", "env.num_envs=2")

    def exact(first: int, seeds: int) -> list[float]:
        one, envs = agent_and_envs(*words, f"seed={first}", f"seeds={seeds}")
        drive(one, envs, 400)
        assert isinstance(one, Tabular)
        found = TableReport(one, envs.spec, range(first, first + seeds), 1000).exact()
        assert found is not None
        values: list[float] = found.tolist()
        return values

    assert exact(40, 6) == [exact(40 + k, 1)[0] for k in range(6)]
