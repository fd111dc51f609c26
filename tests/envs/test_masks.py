"""Masks of legal actions: where they are read from, checked, restored, and those of tables."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import pytest

from rlrun.core.errors import RunFailed
from rlrun.core.rng import pick
from rlrun.core.types import Array, Envs, Step
from rlrun.envs.env_info import read_env_info
from rlrun.envs.model import WITH_MODEL, read_model, table_masks
from rlrun.envs.table_envs import TableEnvs
from rlrun.envs.vector.sync import EnvOptions
from tests.support.common import agent_and_envs, differences, grid_of, host, parts_and_env
from tests.support.masked import DOORS, ROOMS, Doors

MASKS = EnvOptions(masks=True)
Vector = Literal["sync", "async"]


def doors(seeds: tuple[int, ...] = (3, 8), num_envs: int = 2, **kwargs: Any) -> Envs:
    vector: Vector = kwargs.pop("vector", "sync")
    options = EnvOptions(masks=True, vector=vector, timeout=30.0)
    return grid_of(partial(Doors, **kwargs), "doors", seeds, num_envs, options=options)


def take_legal(envs: Envs, rng: np.random.Generator) -> Step:
    """A step with legal actions drawn at random, of an environment whose actions have one part."""
    assert envs.legal is not None
    return envs.step(pick(envs.legal, rng.random(envs.legal.shape[:2])))


def locked(room: Array, hidden: Array) -> Array:
    """Which doors are not locked, by the rule of the environment."""
    open_doors: Array = (room[..., None] + hidden[..., None] + np.arange(DOORS)) % 3 != 0
    return open_doors


@pytest.mark.parametrize("vector", ["sync", "async"])
@pytest.mark.parametrize("how", ["info", "method"])
def test_the_masks_are_those_of_the_rooms(how: str, vector: Vector) -> None:
    envs, rng = doors(how=how, vector=vector), np.random.default_rng(0)
    assert envs.spec.masked
    assert envs.spec.num_masked == DOORS
    ends = 0
    for _ in range(60):
        before = envs.legal
        assert before is not None
        t = take_legal(envs, rng)
        room, following = t.obs[..., 0].astype(int), t.next_obs[..., 0].astype(int)
        # the hidden number is that for which the rule gives the mask
        fitting = [locked(room, np.full(room.shape, h)) for h in range(3)]
        hidden = np.argmax([(each == before).all(-1) for each in fitting], axis=0)
        assert t.legal is not None
        assert t.next_legal is not None
        assert np.array_equal(t.legal, before)
        assert np.array_equal(t.legal, locked(room, hidden))
        terminated = following == ROOMS - 1
        assert np.array_equal(t.next_legal[~terminated], locked(following, hidden)[~terminated])
        assert t.next_legal[terminated].all()
        assert envs.legal is not None
        assert np.array_equal(envs.legal[~t.last], t.next_legal[~t.last])
        ends += int(t.last.sum())
    assert ends > 5
    envs.close()


def test_masks_of_several_parts_follow_one_another() -> None:
    envs = doors(parts=True, how="method")
    assert envs.legal is not None
    assert envs.legal.shape == (2, 2, DOORS + 2)
    assert (envs.legal[..., DOORS:].sum(-1) == 1).all()  # one of two hands is free


def test_without_masks_there_are_none() -> None:
    for env_id in ("CartPole-v1", "FrozenLake-v1", "Pendulum-v1"):
        envs = grid_of(partial(gym.make, env_id), env_id, options=MASKS)
        assert not envs.spec.masked
        assert envs.legal is None
        t = envs.step(np.zeros((1, 1, *envs.spec.action.shape), np.int64))
        assert t.legal is None
        assert t.next_legal is None
    off = grid_of(Doors, "doors", options=EnvOptions())
    assert off.legal is None
    assert not off.spec.masked


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("missing", 'info["action_mask"] is missing, although its first reset gave one'),
        ("short", "but must be a mask of 4 numbers"),
        ("twos", "but a mask has only the numbers 0 and 1"),
        ("none", "no action is legal, but the episode has not terminated"),
        ("text", "is all, but must be a mask of 4 numbers"),
    ],
)
@pytest.mark.parametrize("vector", ["sync", "async"])
def test_a_wrong_mask_is_a_sentence(wrong: str, sentence: str, vector: Vector) -> None:
    envs, rng = doors((5,), 1, wrong=wrong, vector=vector), np.random.default_rng(0)
    with pytest.raises(RunFailed) as error:
        for _ in range(3):
            take_legal(envs, rng)
    assert "doors failed in environment 0 of seed 5, " in str(error.value)
    assert sentence in str(error.value)
    envs.close()


@pytest.mark.parametrize("vector", ["sync", "async"])
def test_a_resumed_grid_has_the_same_masks(vector: Vector) -> None:
    envs, rng = doors(vector=vector), np.random.default_rng(1)
    for _ in range(14):
        take_legal(envs, rng)
    saved = host(envs.state_dict())
    other = doors(vector=vector)
    assert other.load_state_dict(saved) == []
    assert differences(host(other.state_dict()), saved) == []
    again = np.random.default_rng(2)
    expected = [host(list(take_legal(envs, again))) for _ in range(20)]
    again = np.random.default_rng(2)
    assert differences(expected, [host(list(take_legal(other, again))) for _ in range(20)]) == []
    saved["legal"][1, 0] ^= True  # not what the actions lead to
    third = doors(vector=vector)
    (sentence,) = third.load_state_dict(saved)
    assert sentence == (
        "doors did not return to its saved state (seeds 8): a new episode begins there"
    )
    for each in (envs, other, third):
        each.close()


@pytest.mark.parametrize("env_id", WITH_MODEL)
def test_the_masks_of_a_table_are_those_in_the_infos(env_id: str) -> None:
    env = gym.make(env_id)
    table, model = table_masks(env), read_model(env, 0.9)
    _, info = env.reset(seed=0)
    assert model is not None
    assert (table is not None) == ("action_mask" in info)
    if table is None:
        return
    rng, bare = np.random.default_rng(0), env.unwrapped
    for _ in range(300):
        action = rng.choice(np.flatnonzero(table[bare.s]))  # type: ignore[attr-defined]
        obs, _, terminated, truncated, info = env.step(action)
        if not terminated:
            legal = table[obs] & model.possible[obs]
            assert np.array_equal(info["action_mask"].astype(bool), legal)
        if terminated or truncated:
            env.reset()


def test_a_table_stepped_as_arrays_has_its_masks() -> None:
    options = EnvOptions(masks=True)
    arrays = grid_of(partial(gym.make, "Taxi-v4"), "Taxi-v4", (2, 6), 3, options=options)
    assert isinstance(arrays, TableEnvs)
    taxi: Any = gym.make("Taxi-v4").unwrapped
    masks = np.array([taxi.action_mask(state) for state in range(500)], bool)
    rng = np.random.default_rng(0)
    for _ in range(250):
        t = take_legal(arrays, rng)
        assert t.legal is not None
        assert t.next_legal is not None
        assert np.array_equal(t.legal, masks[t.obs])
        assert np.array_equal(t.next_legal, masks[t.next_obs])
        assert np.array_equal(arrays.legal, masks[arrays.obs])  # type: ignore[arg-type]
    other = grid_of(partial(gym.make, "Taxi-v4"), "Taxi-v4", (2, 6), 3, options=options)
    other.load_state_dict(host(arrays.state_dict()))
    assert np.array_equal(other.legal, arrays.legal)  # type: ignore[arg-type]


def test_a_state_of_a_table_without_a_legal_action_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taxi: Any = type(gym.make("Taxi-v4").unwrapped)
    real = taxi.action_mask
    monkeypatch.setattr(taxi, "action_mask", lambda self, s: real(self, s) * (s != 7))
    with pytest.raises(ValueError, match="no action is legal in state 7, where no episode ends"):
        read_env_info(partial(gym.make, "Taxi-v4"), "Taxi-v4", MASKS, 0.9)


@pytest.mark.parametrize("choice", ["auto", "off"])
def test_planning_never_takes_an_illegal_action_and_loses_nothing(choice: str) -> None:
    words = ("agent=value_iteration", "env=Taxi-v4", f"env.action_mask={choice}", "seeds=1")
    agent, envs = agent_and_envs(*words, "gamma=0.99")
    for step in range(60):
        agent.learn(envs.step(agent.act(envs.obs, step)), step)
    model = parts_and_env(*words)[1].spec.model
    assert model is not None
    values = agent.values[0]  # type: ignore[attr-defined]
    assert np.isneginf(values).any() == (choice == "auto")
    assert values.max(-1)[328] == pytest.approx(TAXI_VALUE, abs=1e-9)


TAXI_VALUE = 20 * 0.99**9 - sum(0.99**k for k in range(9))
"""From state 328 (Dietterich's first picture) the passenger is delivered with the tenth step."""
