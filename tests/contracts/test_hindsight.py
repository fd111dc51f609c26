"""Agents with a hindsight replay keep the contracts of all agents; what does not fit is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlrun import build
from rlrun.checkpoint import store
from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.run import start_run
from rlrun.settings import Settings
from tests.support.common import (
    SMALL_CONTROL,
    SMALL_DQN,
    agent_and_envs,
    differences,
    drive,
    host,
    row,
    settings,
)

pytestmark = pytest.mark.slow

HINDSIGHT = ("replay=hindsight", "total_steps=2000")
FLIP = ("env=rlrun/BitFlip-v0", "env.kwargs.bits=5")
CASES = {
    "dqn": (*SMALL_DQN, *FLIP, *HINDSIGHT, "env.num_envs=2"),
    "double_dqn": (*SMALL_DQN, "agent=double_dqn", *FLIP, *HINDSIGHT, "replay.strategy=episode"),
    "dueling_dqn": (*SMALL_DQN, "agent=dueling_dqn", *FLIP, *HINDSIGHT, "curiosity=constant"),
    "rainbow": (*SMALL_DQN, "agent=rainbow", "agent.n_step=1", *FLIP, *HINDSIGHT),
    "signs": (*SMALL_DQN, "env=tests.support.goals:Signs-v0", *HINDSIGHT),
    "ddpg": ("agent=ddpg", *SMALL_CONTROL, "env=tests.support.goals:Place-v0", *HINDSIGHT),
    "td3": (
        *("agent=td3", *SMALL_CONTROL, "env=tests.support.goals:OneByOne-v0", *HINDSIGHT),
        "replay.strategy=final",
    ),
    "sac": ("agent=sac", *SMALL_CONTROL, "env=tests.support.goals:OneByOne-v0", *HINDSIGHT),
}
cases = pytest.mark.parametrize("case", CASES)


@cases
def test_a_seed_in_a_stack_is_the_seed_alone(case: str) -> None:
    words = CASES[case]
    stack, envs = agent_and_envs(*words, "seed=4", "seeds=3")
    together = drive(stack, envs, 240)
    alone, own = agent_and_envs(*words, "seed=5", "seeds=1")
    apart = drive(alone, own, 240)
    for a, b in zip(together, apart, strict=True):
        assert differences([row(each, 1) for each in a], b) == []
    assert differences(row(host(stack.state_dict()), 1), host(alone.state_dict())) == []


@cases
def test_it_resumes_as_if_it_had_not_stopped(case: str, tmp_path: Path) -> None:
    one, envs = agent_and_envs(*CASES[case], "seed=3", "seeds=2")
    drive(one, envs, 202)
    store.save(tmp_path, {"agent": one.state_dict(), "envs": envs.state_dict()})
    expected = drive(one, envs, 240, 202)
    other, others = agent_and_envs(*CASES[case], "seed=3", "seeds=2")
    saved = store.load(tmp_path)
    other.load_state_dict(saved["agent"])
    assert others.load_state_dict(saved["envs"]) == []
    assert differences(expected, drive(other, others, 240, 202)) == []


def test_another_goal_changes_what_is_learnt() -> None:
    """So the contracts above are not those of the uniform replay."""
    found = []
    for k in (0, 4):
        agent, envs = agent_and_envs(*CASES["dqn"], f"replay.goals_per_step={k}", "seeds=1")
        drive(agent, envs, 240)
        found.append(host(agent.state_dict()["policy"]))
    assert differences(*found) != []


def test_relabelled_rewards_are_those_of_the_environment() -> None:
    """A batch of DQN's replay: every reward and discount belongs to its goals, bit by bit."""
    agent, envs = agent_and_envs(*CASES["dqn"], "seeds=2", "gamma=0.8")
    drive(agent, envs, 240)
    batch = agent._replay.sample(500, step=240)  # type: ignore[attr-defined]
    achieved, desired = batch.next_obs[..., 5:10], batch.next_obs[..., 10:15]
    equal = (achieved == desired).all(-1)
    assert batch.reward.tolist() == np.where(equal, 0.0, -1.0).tolist()
    assert batch.discount == pytest.approx(np.where(equal, 0.0, 0.8))
    assert equal.mean() > 0.2  # a reached goal is rare without hindsight
    assert np.array_equal(batch.obs[..., 10:15], desired)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("env=CartPole-v1",), r"CartPole-v1 has none that it can replace: .* write replay=unif"),
        ((*FLIP, "env.scale_obs=true"), r"has none that it can replace"),
        ((*FLIP, "agent.n_step=3"), r"has no returns of 3 steps, .*: write agent.n_step=1"),
        ((*FLIP, "agent=rainbow"), r"has no returns of 3 steps"),
        ((*FLIP, "agent=ppo"), r"the agent ppo has no use for replay"),
        ((*FLIP, "replay.goals_per_step=-1"), r"goals_per_step must be at least 0"),
        ((*FLIP, "replay.strategy=futur"), r"Did you mean future\?"),
        ((*FLIP, "replay.capacity=1000000000000000"), r"replay.capacity"),
        (("env=tests.support.goals:Broken-v0", "agent=sac"), r"cannot use compute_reward of"),
    ],
)
def test_what_does_not_fit_is_refused(words: tuple[str, ...], message: str) -> None:
    given = [word for word in words if word.startswith("agent=")] or ["agent=dqn"]
    rest = [word for word in words if not word.startswith("agent=")]
    with pytest.raises(BadInput, match=message):
        build.validate(settings(*given, *rest, "replay=hindsight"))


def test_priorities_do_not_go_with_it() -> None:
    composed = settings("agent=dqn", *FLIP, "replay=hindsight")
    composed["replay"]["alpha"] = 0.6
    with pytest.raises(BadInput, match=r"unknown setting replay.alpha"):
        construct(Settings, composed, "")


def test_it_learns_from_the_transitions_of_another_run(tmp_path: Path) -> None:
    """The episodes are found again in the data: goals of others may be taken from them."""
    words = (*SMALL_DQN, *FLIP, "seeds=2", "eval.every=0", "eval.final_episodes=0")
    for name in ("data", "learner"):
        (tmp_path / name).mkdir()
    acting = ("explore=uniform", "total_steps=100", "agent.learning_starts=101")
    start_run(settings(*words, *acting), tmp_path / "data", "rlrun again")
    learning = (f"data={tmp_path / 'data'}", "replay=hindsight", "total_steps=20")
    start_run(settings(*words, *learning), tmp_path / "learner", "rlrun again")
    state = store.load(tmp_path / "learner" / "checkpoint")["agent"]
    assert state["replay"]["time"] == 100 and state["updates"].tolist() == [20, 20]
