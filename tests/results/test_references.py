"""Reference scores: they are what Gymnasium says, and what random play gets."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun.results.references import REFERENCES, Line, reference


@pytest.mark.parametrize("env_id", REFERENCES)
def test_thresholds_are_those_of_gymnasium(env_id: str) -> None:
    known = REFERENCES[env_id]
    assert known.threshold == gym.spec(env_id).reward_threshold
    assert known.line.score > known.random
    assert known.published is None or known.published.score > known.random


@pytest.mark.parametrize("env_id", ["CartPole-v1", "MountainCar-v0", "Taxi-v4", "Pendulum-v1"])
def test_random_play_gets_what_the_table_says(env_id: str) -> None:
    env = gym.make(env_id)
    env.action_space.seed(0)
    returns = []
    for seed in range(40):
        env.reset(seed=seed)
        ended, total = False, 0.0
        while not ended:
            _, reward, over, cut, _ = env.step(env.action_space.sample())
            ended, total = over or cut, total + float(reward)
        returns.append(total)
    error = np.std(returns) / np.sqrt(len(returns))
    assert abs(np.mean(returns) - REFERENCES[env_id].random) <= 4 * error


def test_scores_are_normalised_between_random_and_reference() -> None:
    car = REFERENCES["MountainCar-v0"]
    assert [car.normalised(score) for score in (-200.0, -155.0, -110.0, -65.0)] == [0, 0.5, 1, 1.5]


def test_a_line_is_the_threshold_or_what_was_published() -> None:
    assert REFERENCES["CartPole-v1"].line == Line("threshold", 475.0)
    assert REFERENCES["Pendulum-v1"].line == Line("published", -151.9)


def test_an_environment_that_was_changed_has_none() -> None:
    lake: dict[str, Any] = {"id": "FrozenLake-v1", "kwargs": {}, "max_episode_steps": None}
    assert reference(lake) is REFERENCES["FrozenLake-v1"]
    assert reference(lake | {"kwargs": {"is_slippery": False}}) is None
    assert reference(lake | {"max_episode_steps": 10}) is None
    assert reference(lake | {"id": "FrozenLake-v0"}) is None
    cliff = {"id": "CliffWalking-v1", "kwargs": {}, "max_episode_steps": 200}
    assert reference(cliff) is REFERENCES["CliffWalking-v1"]
