"""Updates from a filled replay: what `learn` does at the steps where they are due, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rlrun import build
from rlrun.agents import AGENTS, agent_class
from rlrun.core.abilities import LearnsFromReplay
from rlrun.core.types import Envs
from rlrun.settings import stack_rows
from tests.support.common import (
    SMALL_CONTROL,
    SMALL_DQN,
    agent_and_envs,
    differences,
    drive,
    host,
    parts_and_env,
    row,
)

pytestmark = pytest.mark.slow

START = 30  # the number of steps that fill the replay; updates begin at 20
EACH = ("agent.train_every=1", "total_steps=90", "agent.lr_end=0")  # schedules end in the test
CASES = {
    "dqn": (*SMALL_DQN, *EACH, "agent.target_every=7", "agent.n_step=3", "env=CartPole-v1"),
    "tau": (*SMALL_DQN, *EACH, "agent.target_every=1", "agent.tau=0.1", "env=CartPole-v1"),
    "rainbow": (
        *SMALL_DQN,
        *EACH,
        "agent=rainbow",
        "agent.target_every=5",
        "env=tests.support.pixels:Film-v0",
        "env.frame_stack=2",
    ),
    "ddpg": ("agent=ddpg", *SMALL_CONTROL, *EACH, "env=Pendulum-v1"),
    "td3": ("agent=td3", *SMALL_CONTROL, *EACH, "replay=prioritized", "env=Pendulum-v1"),
    "sac": ("agent=sac", *SMALL_CONTROL, *EACH, "agent.norm=batch", "env=Pendulum-v1"),
    "sac_discrete": ("agent=sac_discrete", *SMALL_CONTROL, *EACH, "env=CartPole-v1"),
}


def filled(*words: str) -> tuple[Any, Envs]:
    """An agent whose replay holds the first steps."""
    agent, envs = agent_and_envs(*words)
    drive(agent, envs, START)
    return agent, envs


@pytest.mark.parametrize("name", CASES)
def test_an_update_is_what_learn_does_when_it_is_due(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`learn` with a replay that stays the same, against `update`, for 60 steps."""
    (one, envs), (other, _) = (filled(*CASES[name], "seeds=2") for _ in range(2))
    assert differences(host(one.state_dict()), host(other.state_dict())) == []
    t = envs.step(one.act(envs.obs, START, explore=False))
    t = t._replace(last=np.zeros_like(t.last))  # an explorer counts the episodes that end
    before = host(one.state_dict()["policy"])
    monkeypatch.setattr(one._replay, "add", lambda t: None)
    rates = []
    for step in range(START + 1, 91):
        learnt, updated = host(one.learn(t, step)), host(other.update(step))
        assert differences(learnt, updated) == []
        rates.append(updated["train/learning_rate"][0])
    assert differences(host(one.state_dict()), host(other.state_dict())) == []
    assert differences(before, host(other.state_dict()["policy"])) != []
    # in a straight line, from 60/90 to 1/90 of the rate at step 0
    assert rates == pytest.approx(np.linspace(rates[0], rates[0] / 60, 60))
    assert other.update(91)["train/learning_rate"][0] == 0.0


def test_targets_are_updated_every_so_many_updates() -> None:
    """Whatever train_every is: 4 of 12 updates are multiples of 3."""
    words = (*SMALL_DQN, "env=CartPole-v1", "agent.target_every=3", "agent.train_every=5")
    agent, _ = filled(*words, "seeds=1")
    copied = []
    for number in range(1, 13):
        agent.update(number)
        if torch.equal(agent._target.flat, agent._online.flat):
            copied.append(number)
    assert copied == [3, 6, 9, 12]


def test_the_actor_is_updated_every_so_many_updates() -> None:
    agent, envs = agent_and_envs("agent=td3", *SMALL_CONTROL, "env=Pendulum-v1", "seeds=1")
    drive(agent, envs, 19)  # no update yet
    moved = []
    for number in range(1, 8):
        before = agent._actor.flat.clone()  # type: ignore[attr-defined]
        agent.update(number)  # type: ignore[attr-defined]
        if not torch.equal(before, agent._actor.flat):  # type: ignore[attr-defined]
            moved.append(number)
    assert moved == [2, 4, 6]


@pytest.mark.parametrize("name", CASES)
def test_a_seed_in_a_stack_is_updated_as_alone(name: str) -> None:
    stack, _ = filled(*CASES[name], "seed=5", "seeds=3")
    together = [host(stack.update(number)) for number in range(1, 30)]
    for k in range(3):
        alone, _ = filled(*CASES[name], f"seed={5 + k}", "seeds=1")
        for metrics, number in zip(together, range(1, 30), strict=True):
            assert differences(row(metrics, k), host(alone.update(number))) == []
        assert differences(row(host(stack.state_dict()), k), host(alone.state_dict())) == []


def test_rows_with_other_rates_are_updated_as_alone() -> None:
    words = CASES["dqn"]
    rates = ("1e-2", "3e-4")
    each = [parts_and_env(*words, f"agent.lr={lr}", "seeds=1")[0] for lr in rates]
    stacked, seeds = stack_rows(each)
    _, env = parts_and_env(*words)
    stack: Any = build.build_agent(stacked, env.spec, seeds)
    drive(stack, env.open(seeds, 1), START)
    together = [host(stack.update(number)) for number in range(1, 30)]
    for k, lr in enumerate(rates):
        alone, _ = filled(*words, f"agent.lr={lr}", "seeds=1")
        for metrics, number in zip(together, range(1, 30), strict=True):
            assert differences(row(metrics, k), host(alone.update(number))) == []


def test_which_agents_can_learn_without_an_environment() -> None:
    able = {name for name in AGENTS if issubclass(agent_class(name), LearnsFromReplay)}
    values = {"dqn", "double_dqn", "dueling_dqn", "qr_dqn", "rainbow"}
    assert able == {*values, "ddpg", "td3", "sac", "sac_discrete", "maddpg", "matd3"}
