"""The grid of environments: ends of episodes, seeds of episodes, and coming back."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Array, Envs
from rlrun.envs.gym_envs import GymEnvs
from tests.support.common import agent_and_envs, differences, envs_of, host


class Count(gym.Env[Array, Any]):
    """Observes its own time; terminates, or is truncated, after ``length`` steps."""

    def __init__(self, length: int, truncates: bool) -> None:
        self.observation_space = spaces.Box(-1.0, 1e6, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.length, self.truncates = length, truncates
        self.seeds: list[int | None] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.seeds.append(seed)
        self.time = 0
        return np.array([0.0], np.float32), {}

    def step(self, action: Any) -> Any:
        assert self.time < self.length, "stepped after its end"
        self.time += 1
        ended = self.time == self.length
        obs = np.array([self.time], np.float32)
        return obs, 2.0, ended and not self.truncates, ended and self.truncates, {}


@pytest.mark.parametrize("truncates", [False, True])
def test_an_end_keeps_the_true_successor_and_only_termination_cuts(truncates: bool) -> None:
    envs = GymEnvs(lambda: Count(3, truncates), "count", [0, 1], 2, gamma=0.5)
    action = np.zeros((2, 2), np.int64)
    steps = [envs.step(action) for _ in range(4)]
    assert [t.obs[0, 0, 0] for t in steps] == [0, 1, 2, 0]
    assert [t.next_obs[1, 1, 0] for t in steps] == [1, 2, 3, 1]  # 3, not the 0 after the reset
    assert [bool(t.last[0, 1]) for t in steps] == [False, False, True, False]
    end = 0.5 if truncates else 0.0
    assert [t.discount[1, 0] for t in steps] == [0.5, 0.5, end, 0.5]
    assert [e[:2] for e in envs.finished] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert all(e[2:] == (6.0, 3) for e in envs.finished)


def test_every_episode_has_a_seed_of_its_own_that_depends_on_nothing_else() -> None:
    made: list[Count] = []

    def make() -> Count:
        made.append(Count(1 + len(made), False))  # environments end at different times
        return made[-1]

    envs = GymEnvs(make, "count", [7, 3], 2, gamma=1.0)
    for _ in range(12):
        envs.step(np.zeros((2, 2), np.int64))
    for place, env in enumerate(made):
        seed, column = [7, 3][place // 2], place % 2
        given = [s for s in env.seeds if s is not None]
        numbers = Numbers(Purpose.TRAIN_EPISODES)
        assert given == [numbers(seed, column, k) for k in range(len(given))]
        assert len(given) == 1 + 12 // env.length
    assert len({s for env in made for s in env.seeds}) == sum(len(env.seeds) for env in made)


@pytest.mark.parametrize("vector", ["sync", "async"])
@pytest.mark.parametrize(
    "env_id",
    [
        *("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1"),
        *("LunarLander-v3", "LunarLanderContinuous-v3", "BipedalWalker-v3", "Blackjack-v1"),
        *("BipedalWalkerHardcore-v3", "FrozenLake-v1", "Taxi-v4", "CarRacing-v3", "ALE/Pong-v5"),
    ],
)
def test_state_brings_every_episode_back(env_id: str, vector: str) -> None:
    """By the settings in conf/, as a run has them; nothing is lost."""
    if env_id in ("CarRacing-v3", "ALE/Pong-v5") and vector == "async":
        return  # the same code as below, and slow
    rng = np.random.default_rng(0)
    words = (f"env={env_id}", "agent=random", "env.max_episode_steps=40", f"env.vector={vector}")

    def opened() -> Envs:
        return agent_and_envs(*words, "seed=3", "seeds=2", "env.num_envs=2")[1]

    envs = opened()

    def action() -> Array:
        space = envs.spec.action
        if space.kind == "vector":
            return rng.uniform(-1, 1, (2, 2, *space.shape)).astype(np.float32)
        return rng.integers(0, space.choices[0], (2, 2))

    for _ in range(70):
        envs.step(action())
    state = host(envs.state_dict())
    later = [action() for _ in range(60)]
    expected = [envs.step(a) for a in later]
    other = opened()
    assert other.load_state_dict(state) == []
    assert differences(host(list(expected[0])), host(list(other.step(later[0])))) == []
    for want, a in zip(expected[1:], later[1:], strict=True):
        assert differences(host(list(want)), host(list(other.step(a)))) == []
    assert [e[1:] for e in other.finished] == [e[1:] for e in envs.finished[-len(other.finished) :]]
    envs.close()
    other.close()


def test_bipedal_walkers_world_keeps_something_of_the_episode_before() -> None:
    """Why its settings have ``rebuild``: without it an episode depends on the one before."""
    words = (
        "env=BipedalWalker-v3",
        "agent=random",
        "env.max_episode_steps=40",
        "env.rebuild=false",
    )
    envs, other = (agent_and_envs(*words, "seeds=1")[1] for _ in range(2))
    rng = np.random.default_rng(0)
    for _ in range(70):
        envs.step(rng.uniform(-1, 1, (1, 1, 4)).astype(np.float32))
    assert len(other.load_state_dict(host(envs.state_dict()))) == 1


def test_history_is_cut_without_losing_an_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlrun.envs.gym_envs.TRIM", 20)
    envs = GymEnvs(lambda: gym.make("CartPole-v1"), "CartPole-v1", (0, 1), 2, gamma=0.9)
    rng = np.random.default_rng(0)
    for _ in range(500):
        envs.step(rng.integers(0, 2, (2, 2)))
        assert len(envs._history) < 150
    other = envs_of("CartPole-v1", (0, 1), 2)
    other.load_state_dict(host(envs.state_dict()))
    assert np.array_equal(other.obs, envs.obs)


def test_an_environment_that_does_not_come_back_is_named_and_begins_anew() -> None:
    envs = envs_of("CartPole-v1", (4, 7, 9), 2)
    for _ in range(3):
        envs.step(np.zeros((3, 2), np.int64))
    state = host(envs.state_dict())
    state["obs"][1, 1] += 1
    other = envs_of("CartPole-v1", (4, 7, 9), 2)
    lost = other.load_state_dict(state)
    assert len(lost) == 1
    assert "CartPole-v1 did not come back to where it was (seeds 7)" in lost[0]
    assert other.finished == []
    later = [t for t in (envs.step(np.ones((3, 2), np.int64)) for _ in range(5))]
    for t in later:
        again = other.step(np.ones((3, 2), np.int64))
        assert np.array_equal(
            np.delete(t.obs.reshape(6, -1), 3, 0), np.delete(again.obs.reshape(6, -1), 3, 0)
        )
        assert not np.array_equal(t.obs[1, 1], again.obs[1, 1])
    assert other.state_dict()["episode"].tolist() == [[0, 0], [0, 1], [0, 0]]


def test_a_seed_sees_the_same_in_every_stack() -> None:
    stack, alone = envs_of("CartPole-v1", (4, 2, 9), 3), envs_of("CartPole-v1", (2,), 3)
    rng = np.random.default_rng(0)
    for _ in range(200):
        action = rng.integers(0, 2, (3, 3))
        a, b = stack.step(action), alone.step(action[1:2])
        assert all(np.array_equal(x[1:2], y) for x, y in zip(a, b, strict=True))


def test_steps_taken_stay_what_they_were() -> None:
    envs = envs_of("CartPole-v1", (0,), 2)
    first = envs.step(np.zeros((1, 2), np.int64))
    before = host(list(first))
    for _ in range(50):
        envs.step(np.ones((1, 2), np.int64))
    assert differences(before, host(list(first))) == []
