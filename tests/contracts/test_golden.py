"""The first numbers of every agent: they change on purpose only.

On one thread on Linux x86-64 with the versions of constraints.txt. Another processor may take
other paths through the matrix library, so losses, and the returns that continuous actions lead to,
are compared to six digits; the other returns are whole numbers.
"""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.agents import AGENTS
from rlrun.loop import interact
from tests.support.common import (
    SMALL_CLONE,
    SMALL_CONTROL,
    SMALL_DQN,
    SMALL_DRQN,
    SMALL_PPO,
    SMALL_REINFORCE,
    agent_and_envs,
    ended,
    host,
)
from tests.support.golden import GOLDEN
from tests.support.searches import SMALL_SEARCHES

pytestmark = pytest.mark.slow

CART = "env=CartPole-v1"
CLIFF = ("env=CliffWalkingSlippery-v1", "env.max_episode_steps=20")
PENDULUM = ("env=Pendulum-v1", "env.max_episode_steps=50", *SMALL_CONTROL)
IMITATION = (*SMALL_CLONE, "demos.expert=cartpole_pd")
WORDS = {
    "dqn": (CART, *SMALL_DQN, "agent.double=true", "agent.n_step=2"),
    "double_dqn": (CART, *SMALL_DQN, "agent=double_dqn", "replay=prioritized"),
    "dueling_dqn": (CART, *SMALL_DQN, "agent=dueling_dqn", "agent.loss=squared"),
    "qr_dqn": (CART, *SMALL_DQN, "agent=qr_dqn", "agent.quantiles=5", "agent.n_step=2"),
    "rainbow": (CART, *SMALL_DQN, "agent=rainbow", "agent.v_max=30", "explore.fraction=0.001"),
    "drqn": (CART, *SMALL_DRQN, "agent.n_step=2"),
    "ddpg": (*PENDULUM, "agent=ddpg", "agent.norm=layer"),
    "td3": (*PENDULUM, "agent=td3", "replay=prioritized", "agent.n_step=2"),
    "sac": (*PENDULUM, "agent=sac", "agent.action_layer=2"),
    "sac_discrete": (CART, *SMALL_CONTROL, "agent=sac_discrete"),
    "ppo": (CART, *SMALL_PPO, "agent.normalize_obs=true", "agent.entropy_coef=0.01"),
    "a2c": (CART, *SMALL_PPO[1:], "agent=a2c", "agent.batch_size=null", "agent.n_steps=3"),
    "reinforce": (CART, *SMALL_REINFORCE),
    "behaviour_cloning": (CART, *IMITATION, "agent=behaviour_cloning"),
    "dagger": (CART, *IMITATION, "agent=dagger", "agent.n_steps=20", "agent.updates=3"),
    "random": (CART, "agent=random"),
    "scripted": (CART, "agent=scripted", "agent.rule=cartpole_lean"),
    "td_prediction": (*CLIFF, "agent=td_prediction", "agent.initial_value=1"),
    **{
        agent: (*CLIFF, f"agent={agent}", "agent.initial_value=1", "explore.end=0.5")
        for agent in ("q_learning", "sarsa", "expected_sarsa", "double_q_learning", "monte_carlo")
    },
    **{
        agent: (*CLIFF, f"agent={agent}")
        for agent in ("value_iteration", "q_value_iteration", "policy_iteration")
    },
    "go_explore": (*CLIFF, "agent=go_explore", "env.episode_seed=fixed"),
    "maddpg": ("env=mpe2:simple_speaker_listener_v4", "agent=maddpg", *SMALL_CONTROL),
    "matd3": (
        "env=tests.support.players:pulling",
        "agent=matd3",
        "env.kwargs.steps=30",
        *SMALL_CONTROL,
    ),
    **{agent: (CART, *words) for agent, words in SMALL_SEARCHES.items()},
}


def test_every_agent_has_golden_numbers() -> None:
    assert sorted(GOLDEN) == sorted(AGENTS)


@pytest.mark.parametrize("agent", AGENTS)
def test_the_first_numbers(agent: str) -> None:
    tag, numbers, returns = GOLDEN[agent]
    words = ("device.products=torch", "tuned=none", "seed=3", "seeds=2")
    one, envs = agent_and_envs(*WORDS[agent], *words)
    seen, episodes = [], []
    for step, t, metrics in interact(one, envs):
        episodes += ended(t)
        values = host(metrics.get(tag, np.nan))
        if np.isfinite(values).all():
            seen.append(values)
        if step == 120:
            break
    places = [min(place, len(seen) - 1) for place in (0, 10, 40)] if seen else []
    found = np.array(seen)[places, 0].tolist() if seen else []
    assert found == pytest.approx(numbers, rel=1e-6, abs=1e-10)
    found = [ret for seed, _, ret, _ in episodes if seed == 0]
    assert found == pytest.approx(returns, rel=1e-6)
