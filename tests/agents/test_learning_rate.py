"""The learning rate of each update is that of the step at which its data began to be collected."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun.agents.parts.common import LearningRate
from rlrun.loop import interact
from tests.support.common import (
    SMALL_CONTROL,
    SMALL_DQN,
    SMALL_DRQN,
    SMALL_PPO,
    SMALL_REINFORCE,
    agent_and_envs,
    differences,
    drive,
    host,
)

pytestmark = pytest.mark.slow

CART = "env=CartPole-v1"
PENDULUM = ("env=Pendulum-v1", "env.max_episode_steps=20", "env.num_envs=1")
# words, and how many steps before the last update its data began
CASES = {
    "ppo": ((CART, *SMALL_PPO), 8),
    "ppo of 2": ((CART, *SMALL_PPO, "env.num_envs=2", "agent.n_steps=10"), 20),
    "a2c": ((CART, "agent=a2c", "agent.hidden=[16,16]", "agent.n_steps=5", "env.num_envs=1"), 5),
    "reinforce": ((*PENDULUM, *SMALL_REINFORCE), 40),
    "dqn": ((CART, *SMALL_DQN, "agent.train_every=40", "agent.gradient_steps=2"), 40),
    "dqn of 8": ((CART, *SMALL_DQN, "env.num_envs=8", "agent.train_every=1"), 8),
    "drqn": ((CART, *SMALL_DRQN, "agent.train_every=40"), 40),
    "ddpg": ((*PENDULUM, "agent=ddpg", *SMALL_CONTROL, "agent.train_every=20"), 20),
    "td3": ((*PENDULUM, "agent=td3", *SMALL_CONTROL, "agent.train_every=20"), 20),
    "sac": ((*PENDULUM, "agent=sac", *SMALL_CONTROL, "agent.train_every=20"), 20),
    "sac_discrete": ((CART, "agent=sac_discrete", *SMALL_CONTROL, "agent.train_every=20"), 20),
}


def test_by_hand() -> None:
    rate = LearningRate(0.8, 0.0, 100, 10)
    assert [rate(10), rate(60), rate(100), rate(110), rate(150)] == pytest.approx(
        [0.8, 0.4, 0.08, 0.0, 0.0]
    )
    assert rate(100, 50) == pytest.approx(0.4)
    assert rate(100, 5) == pytest.approx(0.08)
    assert LearningRate(0.3, None, 100, 10)(90) == 0.3


@pytest.mark.parametrize("case", CASES)
def test_the_last_update_moves_the_weights_where_the_rate_falls_to_0(case: str) -> None:
    words, began = CASES[case]
    end = ("tuned=none", "agent.lr=0.01", "agent.lr_end=0", "total_steps=80", "seeds=2")
    one, envs = agent_and_envs(*words, *end)
    for step, _, metrics in interact(one, envs):  # noqa: B007
        if step == 80:
            break
        before = host(one.state_dict()["policy"])
    assert host(metrics["train/learning_rate"]) == pytest.approx([0.01 * began / 80] * 2)
    assert differences(before, host(one.state_dict()["policy"])) != []


def test_rates_of_reinforce_are_those_of_each_seed() -> None:
    """Seeds that learn at the same step from batches of different lengths have their own rates."""
    words = (CART, *SMALL_REINFORCE, "agent.lr_end=0", "total_steps=400", "agent.max_grad_norm=0.1")
    stack, envs = agent_and_envs(*words, "seed=5", "seeds=3", "env.num_envs=4")
    together = np.array([told[1]["train/learning_rate"] for told in drive(stack, envs, 400)])
    for k in range(3):
        alone, own = agent_and_envs(*words, f"seed={5 + k}", "seeds=1", "env.num_envs=4")
        apart = np.array([told[1]["train/learning_rate"] for told in drive(alone, own, 400)])
        assert np.array_equal(together[:, k], apart[:, 0], equal_nan=True)
        weights = [host(a.state_dict()["policy"]["online"]) for a in (stack, alone)]
        assert weights[0][k].tobytes() == weights[1][0].tobytes()
    assert len(np.unique(together[-1])) > 1


def test_a_state_of_reinforce_without_rates_is_loaded() -> None:
    """As version 0.1 saved it."""
    one, envs = agent_and_envs(CART, *SMALL_REINFORCE, "seeds=2")
    state = dict(one.state_dict())
    del state["rates"]
    one.load_state_dict(state)
    assert host(one.learn(envs.step(one.act(envs.obs, 0)), 1)["train/n_updates"]).tolist() == [0, 0]
