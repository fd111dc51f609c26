"""Stacks of vectors, the last action and reward: by hand, in other processes, resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun import build
from rlrun.core.errors import BadInput
from rlrun.core.types import Array, Space
from rlrun.envs.recent import Last, WithRecent
from rlrun.envs.vector.sync import EnvOptions
from rlrun.loop import evaluate
from rlrun.run import start_run
from tests.support import counting
from tests.support.common import (
    SMALL_DQN,
    SMALL_PPO,
    agent_and_envs,
    differences,
    drive,
    grid_of,
    host,
    parts_and_env,
    settings,
)

ALL = ("env.frame_stack=3", "env.last_action=true", "env.last_reward=true")


def open_counting(
    frames: int, last: Last, cls: Any = counting.Counting, vector: Any = "sync"
) -> Any:
    options = EnvOptions(vector=vector, timeout=60.0, frame_stack=frames, last=last)
    return grid_of(cls, "Counting-v0", (3, 4), 2, options=options)


def without_seeds(obs: Array, size: int) -> Any:
    """The observation of the first environment, without the number of the episode in each frame."""
    return obs[0, 0].reshape(-1, size)[:, 1:].tolist()


def test_a_stack_by_hand_over_the_end_of_an_episode() -> None:
    envs = open_counting(3, Last())
    assert envs.spec.obs == Space("vector", (6,))
    shown = [without_seeds(envs.obs, 2)]
    following, episodes = [], [envs.obs[0, 0].reshape(3, 2)[:, 0].tolist()]
    for _ in range(4):
        t = envs.step(np.zeros((2, 2), np.int64))
        following.append(without_seeds(t.next_obs, 2))
        shown.append(without_seeds(envs.obs, 2))
        episodes.append(envs.obs[0, 0].reshape(3, 2)[:, 0].tolist())
    first, second, third = [[0], [0], [0]], [[0], [0], [10]], [[0], [10], [20]]
    assert shown == [first, second, third, first, second]
    assert following == [second, third, [[10], [20], [30]], second]
    assert all(len(set(numbers)) == 1 for numbers in episodes)  # never of two episodes
    assert episodes[2] != episodes[3]


def test_the_last_action_and_reward_by_hand() -> None:
    envs = open_counting(2, Last(action=True, reward=True))
    assert envs.spec.obs == Space("vector", (12,))
    assert without_seeds(envs.obs, 6) == [[0, 0, 0, 0, 0]] * 2
    envs.step(np.full((2, 2), 2))
    assert without_seeds(envs.obs, 6) == [[0, 0, 0, 0, 0], [10, 0, 0, 1, 1]]
    envs.step(np.full((2, 2), 0))
    assert without_seeds(envs.obs, 6) == [[10, 0, 0, 1, 1], [20, 1, 0, 0, 2]]
    t = envs.step(np.full((2, 2), 1))
    assert without_seeds(t.next_obs, 6) == [[20, 1, 0, 0, 2], [30, 0, 1, 0, 3]]
    assert without_seeds(envs.obs, 6) == [[0, 0, 0, 0, 0]] * 2


def test_other_actions_by_hand() -> None:
    envs = open_counting(1, Last(action=True), counting.Steering)
    assert without_seeds(envs.obs, 4) == [[0, 0, 0]]
    envs.step(np.broadcast_to(np.array([0.5, -3.0]), (2, 2, 2)))  # clipped to the bounds
    assert without_seeds(envs.obs, 4) == [[10, 0.5, -1]]
    envs = open_counting(1, Last(action=True), counting.Switching)
    envs.step(np.broadcast_to(np.array([1, 2]), (2, 2, 2)))
    assert without_seeds(envs.obs, 7) == [[10, 0, 1, 0, 0, 1]]


def test_a_stack_is_gymnasiums() -> None:
    ours = WithRecent(gym.make("CartPole-v1"), 4, Last())
    theirs: Any = gym.wrappers.FrameStackObservation(gym.make("CartPole-v1"), 4)
    for seed in range(2):
        assert np.array_equal(ours.reset(seed=seed)[0], theirs.reset(seed=seed)[0].ravel())
        for action in (0, 1, 1, 0, 1, 1):
            assert np.array_equal(ours.step(action)[0], theirs.step(action)[0].ravel())


def test_separate_processes_and_resumed_runs_show_the_same() -> None:
    last = Last(action=True, reward=True)
    usual, other = open_counting(3, last), open_counting(3, last, vector="async")
    actions = np.random.default_rng(0).integers(0, 3, (8, 2, 2))
    try:
        for action in actions[:5]:
            a, b = usual.step(action), other.step(action)
            assert differences(host(list(a)), host(list(b))) == []
        for vector in ("sync", "async"):
            later = open_counting(3, last, vector=vector)
            assert later.load_state_dict(host(usual.state_dict())) == []
            assert np.array_equal(later.obs, usual.obs)
            for action in actions[5:]:
                a, b = other.step(action), later.step(action)
                assert differences(host(list(a)), host(list(b))) == []
            later.close()
            other.load_state_dict(host(usual.state_dict()))
    finally:
        other.close()


@pytest.mark.parametrize("words", [SMALL_DQN, SMALL_PPO])
def test_a_seed_in_a_stack_is_the_seed_alone(words: tuple[str, ...]) -> None:
    words = (*words, *ALL, "env.num_envs=2")
    _, stack = agent_and_envs(*words, "seeds=3")
    assert stack.spec.obs == Space("vector", (21,))  # 3 * (4 + 2 + 1)
    together = drive(*agent_and_envs(*words, "seeds=3"), 60)
    alone = drive(*agent_and_envs(*words, "seed=1", "seeds=1"), 60)
    for (a, m), (b, n) in zip(together, alone, strict=True):
        for key in ("obs", "action", "next_obs"):
            assert np.array_equal(a[key][1], b[key][0]), key
        assert {k: v[1] for k, v in m.items()} == {k: v[0] for k, v in n.items()}


def test_evaluations_show_the_same() -> None:
    parts, env = parts_and_env(*SMALL_DQN, *ALL, "seeds=2", "eval.max_steps=20")
    agent = build.build_agent(parts, env.spec)
    envs = build.evaluation_envs(parts, env, 2)
    first = evaluate(agent, envs, 0, 2)
    assert np.array_equal(first.returns, evaluate(agent, envs, 0, 2).returns)


def test_discrete_observations_are_stacked_as_one_hot() -> None:
    words = ("env=FrozenLake-v1", "agent=random", "env.obs=vector", "env.frame_stack=2")
    _, envs = agent_and_envs(*words)
    assert envs.spec.obs == Space("vector", (32,))
    assert np.flatnonzero(envs.obs[0, 0]).tolist() == [0, 16]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "env=FrozenLake-v1 env.frame_stack=2",
            "env.frame_stack=2 does not apply to discrete observations: write env.obs=vector",
        ),
        (
            "env=CarRacing-v3 env.kwargs.continuous=false env.last_action=true",
            "env.last_action=true only applies to vectors: write env.obs=vector",
        ),
        (
            "env=CartPole-v1 env.frame_stack=2 env.vector=arrays",
            "env.vector=arrays is not possible, since the array version does not have the wrapper "
            "WithRecent: write env.vector=auto",
        ),
        (
            "env=CartPole-v1 env.frame_stack=2 env.shaping=pole_angle",
            "env.shaping=pole_angle reads single observations of the environment",
        ),
        (
            "env=MountainCar-v0 env.scale_obs=true env.last_reward=true",
            "env.last_reward=true does not go with scale_obs: a reward has no bounds",
        ),
        ("env=ALE/Pong-v5 env.last_action=true", "env.last_action and last_reward only apply to"),
    ],
)
def test_what_does_not_fit_is_refused(line: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        build.validate(settings("agent=random", *line.split()))
    assert message in str(refused.value)


@pytest.mark.train
def test_two_observations_show_the_speeds_that_one_hides(tmp_path: Path) -> None:
    """CartPole without speeds, docs/observations.md: one observation is not enough to balance."""
    words = ("agent=ppo", "env=CartPole-v1", "env.mask=velocity", "seed=20", "seeds=3")
    short = ("eval.every=0", "eval.final_episodes=20")
    scores = []
    for frames, steps in ((1, 15000), (2, 40000)):
        (folder := tmp_path / str(frames)).mkdir()
        more = (f"env.frame_stack={frames}", f"total_steps={steps}")
        start_run(settings(*words, *short, *more), folder, "rlrun")
        scores.append(json.loads((folder / "result.json").read_text())["final"]["per_seed"])
    assert max(scores[0]) < 80 and min(scores[1]) > 120, scores
