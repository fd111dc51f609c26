"""Policies that draw by the step, without a stream: the random agent's, and a fixed one."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.core.rng import ByStep
from tests.support.common import agent_and_envs
from tests.support.work import numbers_drawn

ENVS = 16
AGENTS = [("random", "CartPole-v1"), ("td_prediction", "FrozenLake-v1")]


@pytest.mark.parametrize(("agent", "env"), AGENTS)
def test_a_training_draws_what_it_uses(
    agent: str, env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, envs = agent_and_envs(f"agent={agent}", f"env={env}", f"env.num_envs={ENVS}", "seeds=2")
    monkeypatch.setattr(ByStep, "SPAN", 32)
    drawn = numbers_drawn(monkeypatch)
    actions = [one.act(envs.obs, step * ENVS) for step in range(64)]
    assert sum(drawn) == np.stack(actions).size


@pytest.mark.parametrize(("agent", "env"), AGENTS)
def test_an_evaluation_draws_anew_at_each_step_and_the_same_again(agent: str, env: str) -> None:
    """Its clock goes on by one at a vector step, whatever the number of its environments."""
    one, envs = agent_and_envs(f"agent={agent}", f"env={env}", f"env.num_envs={ENVS}", "seeds=2")
    first, again = (
        np.stack([one.act(envs.obs, 3 * ENVS + step, explore=False) for step in range(ENVS)])
        for _ in range(2)
    )
    assert np.array_equal(first, again)
    assert len({action.tobytes() for action in first}) == ENVS
