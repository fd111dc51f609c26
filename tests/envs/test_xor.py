"""Exclusive or as an environment: its cases, and returns worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import rlrun.envs.games  # noqa: F401 - registers it


def played(outputs: Sequence[float]) -> tuple[list[list[float]], list[float]]:
    """The observations and rewards of an episode with these actions."""
    env = gym.make("rlrun/Xor-v0")
    obs, _ = env.reset(seed=0)
    seen, rewards = [], []
    for n, output in enumerate(outputs):
        seen.append(obs.tolist())
        obs, reward, terminated, truncated, _ = env.step(np.array([output], np.float32))
        rewards.append(float(reward))
        assert (terminated, truncated) == (n == 3, False)
    return seen, rewards


def test_the_return_is_four_minus_the_squared_errors() -> None:
    seen, rewards = played([0.0, 1.0, 1.0, 0.0])
    assert seen == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert rewards == [1, 1, 1, 1]
    assert played([0.5] * 4)[1] == [0.75] * 4
    assert played([0.25, 0.5, 1.0, 1.0])[1] == [1 - 0.0625, 0.75, 1.0, 0.0]
    assert played([-3.0, 7.0, 0.0, 0.0])[1] == [1, 1, 0, 1]


# its checker recommends actions from -1 to 1, which rlrun's agents give anyway
@pytest.mark.filterwarnings("ignore:.*we recommend using a symmetric and normalized space")
@pytest.mark.filterwarnings("ignore:.*No render modes")
def test_it_conforms_to_gymnasium() -> None:
    check_env(gym.make("rlrun/Xor-v0").unwrapped)
