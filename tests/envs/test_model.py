"""Models read from environments, and which environments may be stepped as a table."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv

import rlrun.envs.games  # noqa: F401 - registers them
from rlrun.envs.model import FOREVER, WITH_MODEL, read_model, step_limit

with_model = pytest.mark.parametrize("env_id", WITH_MODEL)


@with_model
def test_the_model_is_the_environments_table(env_id: str) -> None:
    env = gym.make(env_id)
    model = read_model(env, 0.9)
    assert model is not None
    table: Any = env.unwrapped.P  # type: ignore[attr-defined]
    for s, actions in table.items():
        for a, outcomes in actions.items():
            assert model.possible[s, a] == bool(outcomes)
            for k in range(model.probability.shape[2]):
                expected = outcomes[k] if k < len(outcomes) else (0.0, 0, 0.0, False)
                found = (
                    arr[s, a, k] for arr in (model.probability, model.next_state, model.reward)
                )
                assert (*found,) == expected[:3]
                assert model.alive[s, a, k] == 1.0 - expected[3]
                assert model.discount[s, a, k] == 0.9 * (1.0 - expected[3])
    assert model.start.sum() == pytest.approx(1.0)


def test_the_list_for_messages_is_all_there_is() -> None:
    """Every environment of Gymnasium's toy-text and of ours that has a model, and no other."""
    ids = [i for i in gym.registry if i.startswith("rlrun/")]
    entries = {i: str(spec.entry_point) for i, spec in gym.registry.items()}
    ids += [i for i, entry in entries.items() if "toy_text" in entry]
    assert {i for i in ids if read_model(gym.make(i), 0.9) is not None} == set(WITH_MODEL)


def test_grids_are_recognised() -> None:
    grids = {i: m.grid for i in WITH_MODEL if (m := read_model(gym.make(i), 0.9)) is not None}
    assert grids == {
        "FrozenLake-v1": (4, 4),
        "FrozenLake8x8-v1": (8, 8),
        "CliffWalking-v1": (4, 12),
        "CliffWalkingSlippery-v1": (4, 12),
        "Taxi-v4": None,
        "rlrun/MarsRover-v0": (1, 7),
        "rlrun/StochasticMarsRover-v0": (1, 7),
        "rlrun/ThreeStates-v0": None,
        "rlrun/MarkovChain-v0": None,
        "rlrun/GridWorld-v0": (3, 4),
        "rlrun/DeepSea-v0": (11, 10),
        "rlrun/FrozenLake-v0": (20, 20),
    }


@with_model
def test_the_limit_is_the_registered_one(env_id: str) -> None:
    limit = gym.spec(env_id).max_episode_steps
    assert step_limit(gym.make(env_id)) == (limit or FOREVER)
    assert step_limit(gym.make(env_id, max_episode_steps=7)) == 7


class Thin(FrozenLakeEnv):
    """Ice that breaks: its steps are not what P says."""

    def step(self, a: Any) -> Any:
        return 0, 0.0, True, False, {}


def test_only_what_is_drawn_from_the_table_is_stepped_as_one() -> None:
    thin = gym.wrappers.TimeLimit(Thin(), 10)
    assert read_model(thin, 0.9) is not None
    assert step_limit(thin) is None
    lake = gym.make("FrozenLake-v1")
    assert step_limit(lake) == 100
    assert step_limit(gym.wrappers.TransformReward(lake, lambda r: 2 * float(r))) is None
    fickle = gym.make("Taxi-v4", fickle_passenger=True)
    assert read_model(fickle, 0.9) is None  # a rider that changes the mind is not in P
    assert read_model(gym.make("Blackjack-v1"), 0.9) is None
    assert read_model(gym.make("CartPole-v1"), 0.9) is None


class Other(FrozenLakeEnv):
    """A lake with a ``P`` of another kind."""

    def __init__(self, what: str) -> None:
        super().__init__(is_slippery=False)
        match what:
            case "ends":
                self.P[15] = {a: [] for a in range(4)}  # nothing can be done at the goal
            case "five":
                self.P[0][0] = [(1.0, 0, 0.0, False, {"note": 1})]
            case "short":
                self.initial_state_distrib = np.ones(3) / 3
            case "half":
                self.P[0][0] = [(0.5, 0, 0.0, False)]
            case "away":
                self.P[0][0] = [(1.0, 16, 0.0, False)]


@pytest.mark.parametrize("what", ["five", "short", "half", "away"])
def test_a_table_of_another_kind_is_none(what: str) -> None:
    assert read_model(Other(what), 0.9) is None


def test_a_state_without_actions_is_an_end() -> None:
    model, usual = read_model(Other("ends"), 0.9), read_model(Other(""), 0.9)
    assert model is not None and usual is not None
    assert model.possible.all()
    assert np.array_equal(model.alive, usual.alive)
    assert np.array_equal(model.next_state, usual.next_state)


def test_a_wrapper_that_may_change_the_rewards_makes_the_model_void() -> None:
    lake = gym.make("FrozenLake-v1")
    assert read_model(gym.wrappers.TransformReward(lake, lambda r: -float(r)), 0.9) is None


def test_arguments_reach_the_model() -> None:
    dry = read_model(gym.make("FrozenLake-v1", is_slippery=False), 0.9)
    assert dry is not None
    assert np.array_equal(np.unique(dry.probability), [1.0])
