"""Real agents, real environments, real thresholds, several seeds; none of the seeds of tuning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlrun import build
from tests.helpers import settings

pytestmark = pytest.mark.train


def final(folder: Path, *words: str) -> list[float]:
    """The final mean return of each seed, as the command gives it."""
    build.run(settings(*words), folder, "rlrun again")
    per_seed: list[float] = json.loads((folder / "result.json").read_text())["final"]["per_seed"]
    return per_seed


def test_dqn_solves_cartpole_with_its_shipped_settings(tmp_path: Path) -> None:
    scores = final(tmp_path, "agent=dqn", "env=CartPole-v1", "seed=20", "seeds=4")
    assert min(scores) >= 475, scores


def test_dqn_learns_from_discrete_observations(tmp_path: Path) -> None:
    where = ("agent=dqn", "env=FrozenLake-v1", "env.kwargs.is_slippery=false")
    how = ("total_steps=12000", "explore.fraction=0.8", "agent.lr_end=0", "eval.every=0")
    scores = final(tmp_path, *where, *how, "seed=20", "seeds=5")
    assert scores == [1.0] * 5


def test_random_is_the_baseline(tmp_path: Path) -> None:
    scores = final(tmp_path, "agent=random", "env=CartPole-v1", "seeds=5", "total_steps=1000")
    assert all(18 < score < 27 for score in scores), scores  # 22.2 on average, 1.2 its deviation
