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
# what each tells about its learning, for the first seed at the 1st, 11th and 41st time (or the
# last), and the returns of that seed's episodes
GOLDEN: dict[str, tuple[str, list[float], list[float]]] = {
    "dqn": (
        "train/loss",
        [1.6002849340438843, 1.5403470993041992, 1.3522558212280273],
        [57.0, 14.0, 15.0, 34.0],
    ),
    "double_dqn": (
        "train/loss",
        [0.6091668605804443, 0.5530036687850952, 0.34496253728866577],
        [57.0, 14.0, 15.0, 34.0],
    ),
    "dueling_dqn": (
        "train/loss",
        [0.6105313301086426, 0.4889698624610901, 0.21608802676200867],
        [57.0, 14.0, 15.0, 34.0],
    ),
    "qr_dqn": (
        "train/loss",
        [3.903592586517334, 3.7800087928771973, 3.3685836791992188],
        [57.0, 14.0, 15.0, 34.0],
    ),
    "rainbow": (
        "train/loss",
        [4.0078206062316895, 2.427738904953003, 2.080479145050049],
        [20.0, 13.0, 9.0, 10.0, 12.0, 10.0, 8.0, 10.0, 11.0, 9.0],
    ),
    "drqn": (
        "train/loss",
        [1.5468748807907104, 1.5212976932525635, 1.2948014736175537],
        [57.0, 14.0, 15.0, 34.0],
    ),
    "ddpg": (
        "train/actor_loss",
        [0.0072916108183562756, 0.08291923999786377, 0.29591062664985657],
        [-345.824270757676, -366.4050538274538],
    ),
    "td3": (
        "train/actor_loss",
        [0.011233152821660042, 0.1292491853237152, 0.3509226143360138],
        [-335.4894567069309, -335.9158912722535],
    ),
    "sac": (
        "train/actor_loss",
        [-0.5784379839897156, -0.31675010919570923, -0.14155705273151398],
        [-322.9621747966479, -351.67270759078303],
    ),
    "sac_discrete": (
        "train/actor_loss",
        [-0.5920642018318176, -0.6347790360450745, -0.7081619501113892],
        [21.0, 33.0, 21.0, 21.0, 15.0],
    ),
    "reinforce": (
        "train/loss",
        [221.84251403808594, 221.84251403808594, 57.18000030517578],
        [12.0, 47.0, 14.0, 22.0],
    ),
    "ppo": (
        "train/loss",
        [6.613954186439514, 4.345870753129323, 12.20788044234117],
        [12.0, 22.0, 13.0, 13.0, 29.0, 25.0],
    ),
    "a2c": (
        "train/loss",
        [0.003128647804260254, 5.5370510419209795, -0.45597773790359497],
        [12.0, 10.0, 9.0, 10.0, 10.0, 10.0, 8.0, 10.0, 9.0, 8.0, 9.0, 8.0],
    ),
    "behaviour_cloning": (
        "train/loss",
        [0.6940582990646362, 0.49316278100013733, 0.07637070119380951],
        [],
    ),
    "dagger": (
        "train/loss",
        [0.6741611361503601, 0.6626785397529602, 0.6626785397529602],
        [68.0],
    ),
    "random": ("", [], [22.0, 18.0, 20.0, 13.0, 18.0]),
    "scripted": ("", [], [35.0, 45.0]),
    "q_learning": (
        "train/td_error",
        [1.01, 100.01, 8.0919],
        [-218.0, -20.0, -614.0, -218.0, -20.0, -416.0],
    ),
    "sarsa": (
        "train/td_error",
        [0.0, 100.01, 1.0560350120595468],
        [-218.0, -20.0, -614.0, -218.0, -20.0, -416.0],
    ),
    "expected_sarsa": (
        "train/td_error",
        [1.01, 100.03498031421876, 5.8645930865951295],
        [-218.0, -20.0, -614.0, -218.0, -20.0, -416.0],
    ),
    "double_q_learning": (
        "train/td_error",
        [1.01, 100.01, 0.909],
        [-218.0, -20.0, -614.0, -218.0, -20.0, -416.0],
    ),
    "monte_carlo": (
        "train/error",
        [120.51698046067236, 120.51698046067236, 505.5850867991009],
        [-218.0, -20.0, -614.0, -218.0, -20.0, -416.0],
    ),
    "td_prediction": (
        "train/td_error",
        [1.01, 1.01, 99.23697844914547],
        [-119.0, -317.0, -119.0, -317.0, -416.0, -218.0],
    ),
    "value_iteration": (
        "train/change",
        [66.99999999999999, 0.9043820750088116, 0.5773445093847513],
        [-20.0, -20.0, -20.0, -20.0, -20.0, -20.0],
    ),
    "q_value_iteration": (
        "train/change",
        [99.99999999999999, 0.9043820750088116, 0.5875320455483006],
        [-20.0, -20.0, -20.0, -20.0, -20.0, -20.0],
    ),
    "policy_iteration": (
        "train/change",
        [98.02798711354104, 9.86091208687867e-11, 9.86091208687867e-11],
        [-20.0, -20.0, -20.0, -20.0, -20.0, -20.0],
    ),
    "maddpg": (
        "train/critic_loss",
        [0.013708400540053844, 0.9903680086135864, 1.20145583152771],
        [-9.407947875341485, -87.76959999239608, -20.502075727712203, -20.607846064798906],
    ),
    "matd3": (
        "train/critic_loss",
        [1.3802276849746704, 6.659882068634033, 11.227806091308594],
        [-107.15043553593355, -228.4852427482278, -229.3998951423714, -236.42101003972792],
    ),
    "go_explore": (
        "archive/cells",
        [12, 12, 12],
        [-416.0, -119.0, -119.0, -119.0, -119.0, -20.0],
    ),
    "random_search": (
        "train/fitness_mean",
        [10.8, 10.8, 10.8],
        [12.0, 12.0, 12.0, 12.0, 12.0, 12.0, 10.0, 9.0, 9.0, 8.0, 12.0],
    ),
    "hill_climbing": (
        "train/fitness_mean",
        [11.9, 11.9, 11.9],
        [12.0, 12.0, 11.0, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0],
    ),
    "genetic": (
        "train/fitness_mean",
        [9.8, 9.8, 9.8],
        [10.0, 9.0, 12.0, 12.0, 10.0, 9.0, 10.0, 9.0, 9.0, 8.0, 12.0],
    ),
    "evolution_strategies": (
        "train/fitness_mean",
        [9.7, 9.7, 9.7],
        [10.0, 9.0, 12.0, 9.0, 10.0, 9.0, 8.0, 10.0, 9.0, 11.0, 11.0, 12.0],
    ),
    "ars": (
        "train/fitness_mean",
        [10.6, 10.6, 10.6],
        [12.0, 12.0, 12.0, 9.0, 12.0, 9.0, 10.0, 10.0, 12.0, 8.0, 12.0],
    ),
    "neat": (
        "train/fitness_mean",
        [10.2, 10.2, 10.2],
        [10.0, 10.0, 12.0, 9.0, 12.0, 9.0, 12.0, 9.0, 9.0, 10.0, 12.0],
    ),
    "cma_es": (
        "train/fitness_mean",
        [10.7, 10.7, 10.7],
        [12.0, 12.0, 11.0, 9.0, 10.0, 12.0, 10.0, 10.0, 12.0, 9.0, 9.0],
    ),
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
