"""A run that is too short for its agent to learn says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlrun.run import start_run
from tests.support.common import settings


@pytest.mark.parametrize("episodes", [1, 3])
def test_a_run_without_enough_episodes_says_that_nothing_was_learnt(
    tmp_path: Path, episodes: int
) -> None:
    """How long episodes are is not known before."""
    given = ("agent=reinforce", "env=Pendulum-v1", f"agent.episodes={episodes}", "total_steps=410")
    short = ("eval.final_episodes=0", "seeds=2", "tuned=none")
    start_run(settings(*given, *short), tmp_path, "rlrun again")
    told = "step 410: nothing was learnt: the run ended before its first update\n"
    assert (told in (tmp_path / "run.log").read_text()) == (episodes == 3)


@pytest.mark.slow
def test_a_run_that_ends_before_it_learns_says_so(tmp_path: Path) -> None:
    cases = {
        ("agent=ppo", "env=CartPole-v1", "env.num_envs=4", "agent.n_steps=16"): 64,
        ("agent=dqn", "env=CartPole-v1", "agent.learning_starts=60"): 60,
        ("agent=sac", "env=Pendulum-v1", "agent.learning_starts=60"): 60,
        ("agent=ddpg", "env=Pendulum-v1", "agent.learning_starts=60", "agent.train_every=40"): 80,
    }
    for words, first in cases.items():
        for steps in (first - 4, first):
            folder = tmp_path / f"{words[0]}_{steps}"
            folder.mkdir()
            short = (f"total_steps={steps}", "eval.final_episodes=0", "seeds=1", "tuned=none")
            start_run(settings(*words, *short), folder, "rlrun again")
            told = f"at step {steps}, and there is no update before step {first}\n"
            assert (told in (folder / "run.log").read_text()) == (steps < first), words
            metrics = (folder / "metrics.jsonl").read_text()
            assert ("train/n_updates" in metrics) == (steps >= first), words
