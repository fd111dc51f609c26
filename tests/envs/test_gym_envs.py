"""The grid of environments: ends of episodes, seeds of episodes, and coming back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Array, Envs
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.vector.sync import EnvOptions
from tests.support.common import agent_and_envs, differences, ended, envs_of, host, seeds_of

pytestmark = pytest.mark.slow


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


class Noisy(gym.Env[Array, Any]):
    """Observes a sum of its own draws and its actions; how long its episodes are its place says.

    Its place among ``lengths`` is known by the seed of its episode.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.observation_space = spaces.Box(-1e9, 1e9, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        numbers = Numbers(Purpose.TRAIN_EPISODES)
        self.lengths = {
            numbers(seed, env, count): lengths[2 * k + env]
            for k, seed in enumerate((4, 9))
            for env in (0, 1)
            for count in range(64)
        }

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        assert seed is not None
        self.left = self.lengths[seed]
        self.sum = self.np_random.random()
        return np.array([self.sum], np.float32), {}

    def step(self, action: Any) -> Any:
        self.left -= 1
        self.sum += self.np_random.random() + float(action)
        return np.array([self.sum], np.float32), 1.0, self.left == 0, False, {}


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
    assert ended(*steps) == [(s, e, 6.0, 3) for s in range(2) for e in range(2)]


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
    monkeypatch.setattr("rlrun.envs.history.TRIM", 20)
    envs = GymEnvs(lambda: gym.make("CartPole-v1"), "CartPole-v1", (0, 1), 2, gamma=0.9)
    rng = np.random.default_rng(0)
    for _ in range(500):
        envs.step(rng.integers(0, 2, (2, 2)))
        assert len(envs._history._actions) < 150
    other = envs_of("CartPole-v1", (0, 1), 2)
    other.load_state_dict(host(envs.state_dict()))
    assert np.array_equal(other.obs, envs.obs)


def test_evaluations_keep_no_actions() -> None:
    envs = GymEnvs(
        lambda: Count(10**6, False), "count", [0], 2, gamma=1.0, purpose=Purpose.EVAL_EPISODES
    )
    for _ in range(30):
        envs.step(np.zeros((1, 2), np.int64))
    assert len(envs._history._actions) == 0
    assert envs.state_dict()["actions"].shape == (0, 2)


@pytest.mark.parametrize("vector", ["sync", "async"])
def test_an_episode_that_never_ends_keeps_its_latest_actions_alone(
    vector: Literal["sync", "async"],
) -> None:
    """The episodes beside it come back to the step, and it begins anew."""
    how = EnvOptions(vector=vector, resume_actions=50)
    lengths = (10**6, 7, 10**6, 40)  # of seeds 4 and 9, two each

    def opened() -> GymEnvs:
        return GymEnvs(lambda: Noisy(lengths), "noisy", [4, 9], 2, gamma=1.0, options=how)

    envs = opened()
    rng = np.random.default_rng(0)
    for step in range(1, 94):
        envs.step(rng.integers(0, 2, (2, 2)))
        told = list(envs.inexact)
        assert len(told) == (step > 50), step  # once, when the fifty-first action is taken
    assert told == [
        "environment 0 of seed 4 has taken more than 50 actions in one episode of noisy, the "
        "most that env.resume_actions keeps: a resumed run would begin a new episode there"
    ]
    state = host(envs.state_dict())
    assert state["begun"].tolist() == [[-1, 11], [-1, 0]]  # episodes of 2 and of 13 steps so far
    assert state["actions"].shape == (13, 4)
    other = opened()
    assert other.load_state_dict(state) == [
        "noisy was more than env.resume_actions=50 actions into an episode (seeds 4, 9): a new "
        "episode begins there"
    ]
    assert other.state_dict()["episode"].tolist() == [[1, 13], [1, 2]]
    for _ in range(60):
        action = rng.integers(0, 2, (2, 2))
        a, b = envs.step(action), other.step(action)
        assert np.array_equal(a.obs[:, 1], b.obs[:, 1])
        assert not np.array_equal(a.obs[:, 0], b.obs[:, 0])
        assert [each for each in ended(a) if each[1]] == [each for each in ended(b) if each[1]]
    envs.close()
    other.close()


def test_an_environment_that_does_not_come_back_is_named_and_begins_anew() -> None:
    envs = envs_of("CartPole-v1", (4, 7, 9), 2)
    for _ in range(3):
        envs.step(np.zeros((3, 2), np.int64))
    state = host(envs.state_dict())
    state["obs"][1, 1] += 1
    other = envs_of("CartPole-v1", (4, 7, 9), 2)
    lost = other.load_state_dict(state)
    assert len(lost) == 1
    assert "CartPole-v1 did not return to its saved state (seeds 7)" in lost[0]
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
        assert not differences(list(seeds_of(a, slice(1, 2))), list(b))


def test_steps_taken_stay_what_they_were() -> None:
    envs = envs_of("CartPole-v1", (0,), 2)
    first = envs.step(np.zeros((1, 2), np.int64))
    before = host(list(first))
    for _ in range(50):
        envs.step(np.ones((1, 2), np.int64))
    assert differences(before, host(list(first))) == []
