"""Which actions agents with a table take."""

from __future__ import annotations

import numpy as np
import pytest

from tests.agents.test_tables import LAKE, SEEDS, lived
from tests.support.common import agent_and_envs


@pytest.mark.parametrize("name", ["q_learning", "sarsa", "expected_sarsa", "double_q_learning"])
def test_impossible_actions_are_never_taken_and_stay_impossible(name: str) -> None:
    where = ("env=rlrun/ThreeStates-v0", "env.max_episode_steps=20", "tuned=none")
    agent, walks = lived(name, "agent.initial_value=-1000", where=where)
    pairs = {(s, a) for walk in walks for row in walk for s, a, *_ in row}
    assert pairs == {(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 1)}
    assert {(s, a) for _, s, a in np.argwhere(agent.values == -np.inf).tolist()} == {
        (1, 1),
        (2, 0),
        (2, 2),
    }
    assert np.isfinite(agent.values).sum() == SEEDS * 6


def test_random_ties_while_exploring_and_the_first_one_in_an_evaluation() -> None:
    agent, envs = agent_and_envs("agent=q_learning", *LAKE, "seeds=50", "explore.start=0")
    assert len(np.unique(agent.act(envs.obs, 10**6))) == 4
    assert (agent.act(envs.obs, 10**6, explore=False) == 0).all()
