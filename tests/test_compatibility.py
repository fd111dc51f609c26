"""Agents that do not fit their environment are refused; a run too short to learn says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from rlrun import build
from rlrun.agents import AGENTS, agent_class
from rlrun.compatibility import capabilities_of, incompatibility
from rlrun.core.errors import BadInput
from rlrun.core.types import Space
from rlrun.run import start_run
from tests.support.collectors import Averages, spec_of
from tests.support.common import parts_and_env, settings


@pytest.mark.parametrize("name", AGENTS)
def test_agents_for_one_agent_refuse_several(name: str) -> None:
    """Read from its class and from its source alike, after any other reasons."""
    several, cls = spec_of(2), agent_class(name)
    single = incompatibility(cls, dataclasses.replace(several, agents=()))
    sentence = "learns for a single agent, while Collectors has 3 (ant, bee, cat)"
    expected = f"{single}, and it {sentence}" if single else sentence
    if name in ("maddpg", "matd3"):
        assert single == "learns for several agents, while Collectors has one"
        expected = ""
    assert incompatibility(cls, several) == expected
    assert incompatibility(capabilities_of(AGENTS[name]), several) == expected


def test_an_agent_for_several_fits_and_still_needs_its_spaces() -> None:
    assert incompatibility(Averages, spec_of(2)) == ""
    images = dataclasses.replace(spec_of(2), obs=Space("image", (1, 40, 40)))
    words = "cannot learn from image observations, which Collectors has"
    assert incompatibility(Averages, images) == words


def test_a_run_with_several_agents_is_refused_in_a_sentence() -> None:
    parts, _ = parts_and_env("agent=ppo", "env=CartPole-v1")
    with pytest.raises(BadInput) as refused:
        build.check(parts, spec_of(1))
    assert str(refused.value) == (
        "the agent ppo learns for a single agent, while Collectors has 3 (ant, bee, cat). "
        "agent.independent=true trains one for each of them. Agents that fit: maddpg, matd3."
    )


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
