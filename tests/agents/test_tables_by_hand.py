"""Table agents: single updates worked out by hand."""

from __future__ import annotations

from typing import cast

import numpy as np

from rlrun.core.abilities import Tabular
from rlrun.core.types import Agent, Step
from tests.support.common import agent_and_envs


def moved(agent: Agent, s: int, a: int, r: float, n: int, d: float = 0.9) -> float:
    """One seed, one environment: the value of (s, a) after this step."""
    agent.learn(Step(*(np.array([[part]]) for part in (s, a, r, d, n, False))), 1)
    return float(cast("Tabular", agent).values[0, s, a])


def test_the_rovers_update() -> None:
    """All 0 but Q(s5, right) = 10; α = 0.5, γ = 0.9; right from s4 to s5 makes it 4.5."""
    where = ("env=rlrun/MarsRover-v0", "tuned=none", "seeds=1", "agent.lr=0.5")
    agent, _ = agent_and_envs("agent=q_learning", *where)
    cast("Tabular", agent).values[0, 4, 2] = 10.0
    assert moved(agent, 3, 2, 0.0, 4) == 4.5


def test_step_sizes_by_visits_and_by_steps() -> None:
    where = ("env=rlrun/MarsRover-v0", "tuned=none", "seeds=1", "agent.lr=1", "agent.lr_decay=1")
    agent, _ = agent_and_envs("agent=q_learning", *where)
    found = [moved(agent, 3, 0, r, 2, 0.0) for r in (6.0, 2.0, 1.0)]
    assert found == [6.0, 4.0, 3.0]  # the means
    assert moved(agent, 3, 1, 5.0, 3, 0.0) == 5.0  # another pair counts for itself
    clocked, _ = agent_and_envs("agent=q_learning", *where, "agent.lr_clock=steps")
    assert moved(clocked, 3, 0, 6.0, 2, 0.0) == 3.0  # at step 1: 1 / (1 + 1)


def test_the_exploration_function_is_backed_up_and_acted_on() -> None:
    """f(Q, N) = Q + k / (1 + N) with k = 8: an action never tried is worth 8 more."""
    where = ("env=rlrun/MarsRover-v0", "tuned=none", "seeds=1", "agent.lr=0.5")
    agent, envs = agent_and_envs("agent=q_learning", *where, "explore=bonus", "explore.k=8")
    assert moved(agent, 3, 2, 0.0, 4) == 0.5 * 0.9 * 8.0
    # of s4's three actions the one tried is now worth 3.6 + 8 / 2, less than the other two
    actions = {int(agent.act(envs.obs, 0)[0, 0]) for _ in range(50)}
    assert actions == {0, 1}
    assert agent.act(envs.obs, 0, explore=False)[0, 0] == 2  # an evaluation is not curious
