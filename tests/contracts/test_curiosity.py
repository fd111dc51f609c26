"""What every agent must do with an intrinsic reward, and where one is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun import build
from rlrun.agents import AGENTS, agent_class
from rlrun.build import build_agent
from rlrun.checkpoint import store
from rlrun.checks import parameters_of
from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.core.types import Array, Envs, Step
from rlrun.loop import interact
from rlrun.run import start_run
from rlrun.settings import Settings
from tests.support.common import (
    SMALL_PPO,
    agent_and_envs,
    differences,
    drive,
    host,
    row,
    settings,
)
from tests.support.every_agent import SHORT, SMALL, WHERE

VALUES = ("dqn", "double_dqn", "dueling_dqn", "qr_dqn", "rainbow", "drqn")
ABLE = (*VALUES, "ddpg", "td3", "sac", "sac_discrete", "ppo", "a2c")
TABLES = ("q_learning", "sarsa", "expected_sarsa", "double_q_learning", "monte_carlo")
CASES = {
    **{agent: (*SMALL[agent], f"env={WHERE[agent][0]}") for agent in (*ABLE, *TABLES)},
    "dqn of one step": (*SMALL["dqn"], "agent.n_step=1", "replay=prioritized", "env=FrozenLake-v1"),
    "dqn of frames": (*SMALL["dqn"], "env=tests.support.pixels:Film-v0"),
    "sarsa of one step": ("agent=sarsa", "env=CliffWalking-v1", SHORT),
    "ppo, scaled": (*SMALL_PPO, "agent.normalize_obs=true", "env=CartPole-v1", SHORT),
    "q_learning of n steps": ("agent=q_learning", "agent.n_step=4", "env=Blackjack-v1"),
}
COUNTED = {
    **{name: words for name, words in CASES.items() if name not in ("dqn of frames",)},
    **{  # one bin is enough to count
        agent: (*SMALL[agent], "env=Pendulum-v1", "env.bins=[[-1,1,3],[-1,1,3],[-8,8,3]]", SHORT)
        for agent in ("ddpg", "td3", "sac")
    },
}
ADDED = ("train/bonus", "train/coverage")
CONTINUOUS = ("ddpg", "td3", "sac")


def counting(case: str) -> tuple[str, ...]:
    """A command line that counts, states where actions are continuous."""
    states = case in CONTINUOUS or case == "ppo"
    return (*COUNTED[case], "curiosity=count", *["curiosity.counts=states"] * states)


class Shifted:
    """Environments whose rewards are rounded, so that sums are exact, and raised by a number."""

    def __init__(self, envs: Envs, by: float) -> None:
        self._envs, self._by = envs, by

    def __getattr__(self, name: str) -> Any:
        return getattr(self._envs, name)

    def step(self, action: Array) -> Step:
        t = self._envs.step(action)
        return t._replace(reward=np.round(t.reward * 4) / 4 + self._by)


def results(words: tuple[str, ...], steps: int, by: float) -> list[Any]:
    """The metrics of all steps, the last state, and the actions, without what a bonus adds."""
    agent, envs = agent_and_envs(*words)
    shifted: Any = Shifted(envs, by)
    actions, metrics = [], []
    for step, t, found in interact(agent, shifted):
        actions.append(t.action.copy())
        metrics.append({tag: v for tag, v in host(found).items() if tag not in ADDED})
        if step >= steps:
            break
    state = {key: v for key, v in host(agent.state_dict()).items() if key != "curiosity"}
    return [actions, metrics, without_rewards(state)]


def without_rewards(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state without the rewards that were stored, which have no bonus."""
    return {
        key: without_rewards(value) if isinstance(value, Mapping) else value
        for key, value in state.items()
        if not (key == "reward" and "last" in state)  # of a replay or a rollout
    }


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_constant_bonus_is_a_constant_added_to_every_reward(case: str) -> None:
    """Bit for bit, with the environment's own scale applied to its reward alone."""
    words = (*CASES[case], "seeds=2", "env.num_envs=2", "env.reward_scale=0.5", "tuned=none")
    if case == "a2c":
        words = (*words, "agent.normalize_reward=false")  # which scales no bonus
    bonus = results((*words, "curiosity=constant", "curiosity.scale=0.25"), 240, 0.0)
    assert differences(bonus, results(words, 240, 0.25)) == []
    assert differences(bonus, results(words, 240, 0.0)) != []


@pytest.mark.slow
@pytest.mark.parametrize("case", COUNTED)
def test_a_seed_in_a_stack_has_the_bonuses_of_the_seed_alone(case: str) -> None:
    words = (*counting(case), "env.num_envs=3")
    stack, envs = agent_and_envs(*words, "seed=5", "seeds=3")
    together = drive(stack, envs, 240)
    assert any("train/bonus" in metrics for _, metrics in together)
    for k in range(3):
        alone, own = agent_and_envs(*words, f"seed={5 + k}", "seeds=1")
        apart = drive(alone, own, 240)
        for a, b in zip(together, apart, strict=True):
            assert differences(row(a[1], k), b[1]) == []
        assert differences(row(host(stack.state_dict()), k), host(alone.state_dict())) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", COUNTED)
def test_a_run_with_counts_resumes_where_it_was(case: str, tmp_path: Path) -> None:
    words = (*counting(case), "seeds=2", "env.num_envs=2")
    one, envs = agent_and_envs(*words)
    drive(one, envs, 122)
    store.save(tmp_path, {"agent": one.state_dict(), "envs": envs.state_dict()})
    expected = drive(one, envs, 100, 122)
    other, others = agent_and_envs(*words)
    saved = store.load(tmp_path)
    other.load_state_dict(saved["agent"])
    others.load_state_dict(saved["envs"])
    assert differences(expected, drive(other, others, 100, 122)) == []


@pytest.mark.slow
def test_scores_are_extrinsic_and_the_bonus_is_logged(tmp_path: Path) -> None:
    """CartPole's return is the episode's length, and no bonus makes it larger."""
    words = ("agent=q_learning", "env=CartPole-v1", "curiosity=constant", "curiosity.scale=1000")
    more = ("seeds=2", "total_steps=300", "log.every=100", "eval.every=100", "eval.episodes=2")
    start_run(settings(*words, *more, "eval.final_episodes=2"), tmp_path, "rlrun again")
    lines = [json.loads(each) for each in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    logged = [line for line in lines if "train/bonus" in line]
    assert [line["train/bonus"] for line in logged] == [1000.0] * 6
    for line in logged:
        assert line["rollout/ep_rew_mean"] == line["rollout/ep_len_mean"] <= 500
        assert line["eval/mean_reward"] == line["eval/mean_ep_length"] <= 500
    final = json.loads((tmp_path / "result.json").read_text())["final"]
    assert max(final["per_seed"]) <= 500


def test_agents_without_the_parameter_refuse_a_bonus() -> None:
    with pytest.raises(BadInput) as caught:
        agent_and_envs("agent=random", "env=CartPole-v1", "curiosity=count")
    can = [a for a in (*ABLE, *TABLES) if a not in CONTINUOUS]
    able = ", ".join(sorted(can, key=list(AGENTS).index))
    assert str(caught.value) == (
        "the agent random cannot learn from a bonus (curiosity=count): write curiosity=none, or "
        f"choose an agent that can: {able}."
    )


def test_the_agents_that_can_are_those_tested_here() -> None:
    can = {name for name in AGENTS if "curiosity" in parameters_of(agent_class(name))}
    assert can == {*ABLE, *TABLES}


def test_a_bonus_that_does_not_fit_names_its_setting() -> None:
    with pytest.raises(BadInput, match=r"^curiosity\.counts must be states where actions are"):
        agent_and_envs(*COUNTED["sac"], "curiosity=count")
    unknown = {**settings("agent=dqn"), "curiosity": {"name": "counts"}}
    with pytest.raises(BadInput, match=r"no curiosity named 'counts'\. Did you mean count\?"):
        construct(Settings, unknown, "")


def test_a_run_without_the_group_has_no_bonus() -> None:
    """Runs of earlier versions do not have it, and neither do their checkpoints."""
    given = settings("agent=q_learning", "env=FrozenLake-v1", "seeds=1")
    old = {key: value for key, value in given.items() if key != "curiosity"}
    agents = []
    for each in (given, old):
        parts = construct(Settings, each, "")
        agents.append(build_agent(parts, build.environment(parts).spec))
    state = {k: v for k, v in agents[0].state_dict().items() if k != "curiosity"}
    q = state["policy"]["q"] + 1.0
    agents[1].load_state_dict({**state, "policy": {"q": q}})
    assert np.array_equal(agents[1].state_dict()["policy"]["q"], q)
    assert agents[1].state_dict()["curiosity"] == {}
