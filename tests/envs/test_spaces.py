"""Gymnasium's spaces and ours."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.schema import construct
from rlrun.core.types import Space
from rlrun.envs.adapt import adapt
from rlrun.envs.environment import Environment
from rlrun.envs.settings import EnvSettings
from rlrun.envs.spaces import ActionMap, ObsMap
from tests.support.common import envs_of, settings


class Sees(gym.Env[Any, Any]):
    """Has a space of observations, and no more."""

    action_space = spaces.Discrete(2)

    def __init__(self, space: gym.Space[Any]) -> None:
        self.observation_space = space


def seen(space: gym.Space[Any], value: Any) -> tuple[Space, Any]:
    """Our space, and what we make of one observation."""
    env = adapt(Sees(space))
    obs = env.observation(value) if isinstance(env, gym.ObservationWrapper) else value
    mapped = ObsMap(env.observation_space)
    result = mapped(np.array([obs])).reshape(1, *mapped.space.shape)
    return mapped.space, result[0].tolist()


def test_observations_by_hand() -> None:
    assert seen(spaces.Discrete(3, start=-1), 1) == (Space("discrete", (), (3,)), 2)
    box = spaces.Box(-1, 1, (2, 2), np.float64)
    assert seen(box, np.array([[1, 2], [3, 4]])) == (Space("vector", (4,)), [1, 2, 3, 4])
    pair = spaces.Tuple((spaces.Discrete(2), spaces.Box(-1, 1, (1,), np.float32)))
    assert seen(pair, (1, np.array([0.5], np.float32))) == (Space("vector", (3,)), [0, 1, 0.5])
    many = spaces.MultiDiscrete([2, 3])
    assert seen(many, np.array([1, 0])) == (Space("multi_discrete", (2,), (2, 3)), [1, 0])
    late = spaces.MultiDiscrete([2, 3], start=[-1, 7])
    assert seen(late, np.array([0, 8])) == (Space("multi_discrete", (2,), (2, 3)), [1, 1])
    named = spaces.Dict({"a": spaces.Discrete(5, start=2), "b": spaces.MultiBinary(2)})
    value = {"a": 4, "b": np.array([1, 0], np.int8)}
    assert seen(named, value) == (Space("multi_discrete", (3,), (5, 2, 2)), [2, 1, 0])
    nested = spaces.Tuple((named, spaces.MultiDiscrete(np.array([[3, 3]]))))
    both = (value, np.array([[2, 1]]))
    assert seen(nested, both) == (Space("multi_discrete", (5,), (5, 2, 2, 3, 3)), [2, 1, 0, 2, 1])
    image = spaces.Box(0, 255, (40, 5, 3), np.uint8)
    assert ObsMap(image).space == Space("image", (3, 40, 5))


def test_observations_are_scaled_by_their_bounds() -> None:
    space = spaces.Box(np.array([[-1.2, 0.0]], np.float32), np.array([[0.6, 8.0]], np.float32))
    mapped = ObsMap(space, scale=True)(np.array([[[-0.3, 8.0]], [[-1.2, 2.0]]], np.float32))
    assert mapped.dtype == np.float32
    assert mapped.ravel().tolist() == pytest.approx([0.0, 1.0, -1.0, -0.5], abs=1e-6)
    message = r"^env\.scale_obs=true (needs finite bounds|only applies to vectors)"
    for wrong in (spaces.Box(0, np.inf, (2,)), spaces.Box(1, 1, (2,)), spaces.Discrete(3)):
        with pytest.raises(ValueError, match=message):
            ObsMap(wrong, scale=True)


def test_bins_stay_in_the_numbers_of_the_environment() -> None:
    """MountainCar's position from -1.2 to .6 and speed from -.07 to .07 become -1 to 1."""
    env = settings("env=MountainCar-v0", "env.scale_obs=true", "env.bins=[[-0.3,0.6,3],[0,0.07,2]]")
    spec = Environment(construct(EnvSettings, env["env"], "env"), 0.9).spec
    assert spec.bins is not None
    found = [number for each in spec.bins for number in each]
    assert found == pytest.approx([0, 1, 3, 0, 1, 2], abs=1e-6)


@pytest.mark.parametrize(
    "space", [spaces.Graph(spaces.Discrete(2), None), spaces.Sequence(spaces.Discrete(2))]
)
def test_other_observations_are_refused(space: gym.Space[Any]) -> None:
    with pytest.raises(ValueError, match=f"{type(space).__name__} are not supported"):
        adapt(Sees(space))


def test_continuous_actions_are_scaled_per_dimension_and_clipped() -> None:
    box = spaces.Box(np.array([-2, 0], np.float32), np.array([2, 10], np.float32))
    action = np.array([[-1, -1], [0, 0], [1, 1], [0.5, -0.5], [3, -3]])
    given = np.array(ActionMap(box)(action))
    assert given.tolist() == [[-2, 0], [0, 5], [2, 10], [1, 2.5], [2, 0]]
    assert given.dtype == np.float32


def test_discrete_actions_start_where_gymnasium_wants() -> None:
    assert ActionMap(spaces.Discrete(3, start=5))(np.array([0, 2])).tolist() == [5, 7]
    assert ActionMap(spaces.Discrete(3))(np.array([0, 2])).tolist() == [0, 2]
    several = ActionMap(spaces.MultiDiscrete([2, 3], start=[1, 10]))
    assert [a.tolist() for a in several(np.array([[0, 2], [1, 0]]))] == [[1, 12], [2, 10]]
    assert several.space == Space("multi_discrete", (2,), (2, 3))
    binary = ActionMap(spaces.MultiBinary(2))
    assert binary.space == Space("multi_discrete", (2,), (2, 2))


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-np.inf, np.inf, (1,)),
        spaces.Text(2),
        spaces.Box(0, 9, (1,), np.int64),
        spaces.Box(-1, 1, (0,)),
    ],
)
def test_other_actions_are_refused(space: gym.Space[Any]) -> None:
    with pytest.raises(ValueError, match="not supported"):
        ActionMap(space)


def test_blackjack_plays_with_its_tuple_as_numbers() -> None:
    envs = envs_of("Blackjack-v1", (0, 1), 2)
    assert envs.spec.obs == Space("multi_discrete", (3,), (32, 11, 2))
    for _ in range(20):
        t = envs.step(np.ones((2, 2), np.int64))
        assert t.obs.shape == (2, 2, 3)
        assert (t.obs[..., 0] >= 4).all()  # the player's sum
