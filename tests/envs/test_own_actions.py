"""An environment may do what it likes with the array of an action: nobody else sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.types import Array
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.spaces import ActionMap
from rlrun.envs.vector.sync import EnvOptions
from tests.support.common import differences, host

pytestmark = pytest.mark.slow

ACTIONS: list[tuple[gym.Space[Any], Array]] = [
    (spaces.Discrete(3), np.array([2, 1])),
    (spaces.Discrete(3, start=-1), np.array([2, 1])),
    (spaces.MultiDiscrete([2, 2, 2]), np.array([[1, 0, 1], [1, 1, 1]])),
    (spaces.MultiDiscrete([2, 2], start=[0, 3]), np.array([[1, 0], [1, 1]])),
    (spaces.MultiBinary(2), np.array([[1, 0], [0, 1]])),
    (spaces.Box(-1.0, 1.0, (2,), np.float32), np.array([[0.5, -1.0], [0.0, 1.0]], np.float32)),
    (spaces.Box(-1.0, 1.0, (2,), np.float64), np.array([[0.5, -1.0], [0.0, 1.0]], np.float64)),
]


class Erases(gym.Env[Array, Any]):
    """Observes and pays the sum of its actions so far, and leaves zeros in each."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self.observation_space = spaces.Box(-1e6, 1e6, (1,), np.float32)
        self.action_space = space

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self._sum = 0.0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        pays = float(np.sum(action))
        self._sum += pays
        if isinstance(action, np.ndarray):
            action[...] = 0
        return np.array([self._sum], np.float32), pays, False, False, {}


@pytest.mark.parametrize(("space", "action"), ACTIONS, ids=lambda each: str(each))
def test_a_converted_action_shares_nothing_with_the_agents(
    space: gym.Space[Any], action: Array
) -> None:
    before = action.copy()
    given = ActionMap(space)(action)
    assert not np.shares_memory(given, action)
    given[...] = 0
    assert action.tolist() == before.tolist()


@pytest.mark.parametrize("vector", ["sync", "async"])
@pytest.mark.parametrize(("space", "action"), ACTIONS, ids=lambda each: str(each))
def test_an_edited_action_reaches_neither_the_agent_nor_a_resumed_run(
    space: gym.Space[Any], action: Array, vector: Any
) -> None:
    make: Callable[[], gym.Env[Any, Any]] = partial(Erases, space)
    how = EnvOptions(vector=vector)
    pays = ActionMap(space)(action).reshape(2, -1).sum(-1)
    envs, other = (GymEnvs(make, "erases", [3, 4], 1, gamma=0.5, options=how) for _ in range(2))
    try:
        given = action[:, None].copy()  # [seed, env, ...]
        for step in range(1, 4):
            t = envs.step(given)
            assert t.action.tolist() == action[:, None].tolist()
            assert t.reward[:, 0].tolist() == pays.tolist()
            assert t.next_obs[:, 0, 0].tolist() == (step * pays).tolist()
        state = host(envs.state_dict())
        assert other.load_state_dict(state) == []
        assert differences(host(list(envs.step(given))), host(list(other.step(given)))) == []
        # a state that was loaded is what was saved: a second resume repeats the same actions
        again = host(other.state_dict())
        assert again["actions"].tolist() == [*state["actions"].tolist(), action.tolist()]
    finally:
        envs.close()
        other.close()
