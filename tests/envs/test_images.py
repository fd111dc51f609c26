"""Images: their layout is found, they are stacked, and what is learnt from is not the score."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun import build
from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Array, Space
from rlrun.envs.adapt import adapt
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.rewards import RewardTransform
from rlrun.envs.spaces import ObsMap
from rlrun.envs.vector.sync import EnvOptions
from tests.support.common import (
    agent_and_envs,
    differences,
    ended,
    envs_of,
    grid_of,
    host,
    parts_and_env,
)


class Film(gym.Env[Array, Any]):
    """A picture of three by two pixels in two kinds of colours that counts; its reward does too.

    Ends after four steps.
    """

    action_space = spaces.Discrete(2)

    def __init__(self, layout: tuple[int, ...] = (3, 2, 3)) -> None:
        self.layout = layout
        self.observation_space = spaces.Box(0, 255, layout, np.uint8)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.time, self.first = 0, int(self.np_random.integers(100, 200))
        return self._picture(), {}

    def _picture(self) -> Array:
        return np.full(self.layout, self.first + self.time, np.uint8)

    def step(self, action: Any) -> Any:
        self.time += 1
        return self._picture(), -1.5 * self.time, self.time == 4, False, {}


@pytest.mark.parametrize(
    ("shape", "stack", "space", "axes"),
    [
        # [height, width], [channel, height, width], [height, width, channel]
        ((5, 6), 1, Space("image", (1, 5, 6)), None),
        ((3, 5, 6), 1, Space("image", (3, 5, 6)), None),
        ((4, 84, 84), 1, Space("image", (4, 84, 84)), None),
        ((5, 6, 3), 1, Space("image", (3, 5, 6)), (0, 3, 1, 2)),
        ((7, 7, 3), 1, Space("image", (3, 7, 7)), (0, 3, 1, 2)),
        ((4, 5, 3), 1, Space("image", (3, 4, 5)), (0, 3, 1, 2)),
        ((8, 8, 1), 1, Space("image", (1, 8, 8)), (0, 3, 1, 2)),
        ((8, 8, 4), 1, Space("image", (4, 8, 8)), (0, 3, 1, 2)),
        ((10, 10, 7), 1, Space("image", (7, 10, 10)), (0, 3, 1, 2)),
        ((7, 10, 10), 1, Space("image", (7, 10, 10)), None),
        # with a stack in front
        ((2, 5, 6), 2, Space("image", (2, 5, 6), stack=2), None),
        ((5, 6, 3), 5, Space("image", (5, 6, 3), stack=5), None),
        ((2, 3, 5, 6), 2, Space("image", (6, 5, 6), stack=2), None),
        ((2, 5, 6, 3), 2, Space("image", (6, 5, 6), stack=2), (0, 1, 4, 2, 3)),
        # the environment's own stack: nobody knows whether it is zero at the start
        ((2, 5, 6, 3), 1, Space("image", (6, 5, 6)), (0, 1, 4, 2, 3)),
    ],
)
def test_every_layout_becomes_channels_first(
    shape: tuple[int, ...], stack: int, space: Space, axes: tuple[int, ...] | None
) -> None:
    mapped = ObsMap(spaces.Box(0, 255, shape, np.uint8), stack, choice="image")
    assert mapped.space == space
    raw = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    obs = mapped(raw)
    expected = raw if axes is None else raw.transpose(axes)
    assert obs.dtype == np.uint8
    assert obs.flags.c_contiguous
    assert not np.shares_memory(obs, raw)
    assert np.array_equal(obs.reshape(2, *space.shape), expected.reshape(2, *space.shape))


def test_the_red_of_two_frames_by_hand() -> None:
    mapped = ObsMap(spaces.Box(0, 255, (2, 1, 2, 3), np.uint8), 2, choice="image")
    frames = np.array([[[[[1, 2, 3], [4, 5, 6]]], [[[7, 8, 9], [10, 11, 12]]]]], np.uint8)
    obs = mapped(frames).reshape(mapped.space.shape)
    assert obs[:, 0].tolist() == [[1, 4], [2, 5], [3, 6], [7, 10], [8, 11], [9, 12]]


@pytest.mark.parametrize(
    "box",
    [
        spaces.Box(0, 1, (4, 4, 3), np.float32),
        spaces.Box(0, 255, (4, 4, 3), np.int16),
        spaces.Box(0, 255, (48,), np.uint8),
        spaces.Box(0, 255, (2, 2, 2, 2, 3), np.uint8),
    ],
)
def test_what_is_no_picture_stays_a_vector(box: spaces.Box) -> None:
    assert ObsMap(box).space == Space("vector", (48,))


def test_a_stack_by_hand() -> None:
    how = EnvOptions(frame_stack=3, obs="image")
    envs = GymEnvs(Film, "film", (0, 1), 2, gamma=0.5, options=how)
    assert envs.spec.obs == Space("image", (9, 3, 2), stack=3)
    action = np.zeros((2, 2), np.int64)
    steps = [envs.step(action) for _ in range(6)]
    for s, e in np.ndindex(2, 2):
        first = int(steps[0].obs[s, e, -1, 0, 0])
        again = int(steps[4].obs[s, e, -1, 0, 0])
        assert first != again
        seen = [t.obs[s, e, ::3, 0, 0].tolist() for t in steps]
        after = [t.next_obs[s, e, ::3, 0, 0].tolist() for t in steps]
        assert seen[:4] == [
            [0, 0, first],
            [0, first, first + 1],
            [first, first + 1, first + 2],
            [first + 1, first + 2, first + 3],
        ]
        assert after[3] == [first + 2, first + 3, first + 4]  # the last one, not the next episode
        assert (seen[4], after[4]) == ([0, 0, again], [0, again, again + 1])
    assert [bool(t.last.all()) for t in steps] == [False, False, False, True, False, False]


@pytest.mark.parametrize(
    "how",
    [
        EnvOptions(rebuild=True, frame_stack=2, obs="image"),
        EnvOptions(False, "async", 60.0, frame_stack=2, obs="image"),
    ],
)
def test_a_stack_is_the_same_however_it_is_run_and_comes_back(how: EnvOptions) -> None:
    usual, other, later = (
        GymEnvs(Film, "film", (3, 4), 2, gamma=0.5, options=h)
        for h in (EnvOptions(frame_stack=2, obs="image"), how, how)
    )
    action = np.zeros((2, 2), np.int64)
    for k in range(11):
        a, b = usual.step(action), other.step(action)
        assert differences(host(list(a)), host(list(b))) == [], k
    assert later.load_state_dict(host(usual.state_dict())) == []
    a, b = usual.step(action), later.step(action)
    assert differences(host(list(a)), host(list(b))) == []
    for envs in (usual, other, later):
        envs.close()


def test_a_stack_of_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="frame_stack=2 only applies to single images or grids"):
        adapt(Film((2, 3, 2, 3)), 2)
    numbers = "frame_stack=2 does not apply to discrete observations: write env.obs=vector"
    with pytest.raises(ValueError, match=numbers):
        adapt(gym.make("Blackjack-v1"), 2)
    with pytest.raises(ValueError, match=numbers):
        grid_of(
            lambda: gym.make("FrozenLake-v1"), "FrozenLake-v1", options=EnvOptions(frame_stack=2)
        )


def test_car_racing_is_seen_as_it_is() -> None:
    words = ("env=CarRacing-v3", "agent=random", "seeds=2", "env.kwargs.continuous=false")
    _, envs = agent_and_envs(*words, "env.frame_stack=2")
    assert envs.spec.obs == Space("image", (6, 96, 96), stack=2)
    assert envs.spec.action == Space("discrete", (), (5,))
    alone = gym.make("CarRacing-v3", continuous=False)
    number = Numbers(Purpose.TRAIN_EPISODES)(1, 0, 0)
    before, picture = np.zeros((96, 96, 3), np.uint8), alone.reset(seed=number)[0]
    for k in range(4):
        t = envs.step(np.full((2, 1), k))
        assert np.array_equal(t.obs[1, 0], np.concatenate([before, picture], 2).transpose(2, 0, 1))
        before, picture = picture, alone.step(k)[0]
        assert np.array_equal(t.next_obs[1, 0, 3:], picture.transpose(2, 0, 1))
    envs.close()
    alone.close()
    _, plain = agent_and_envs("env=CarRacing-v3", "agent=random", "seeds=1")
    assert plain.spec.obs == Space("image", (3, 96, 96))
    assert plain.spec.action == Space("vector", (3,))
    plain.close()


@pytest.mark.parametrize(
    ("learnt", "expected"),
    [
        (RewardTransform(), [-1.5, -3.0, -4.5, -6.0]),
        (RewardTransform(clip=4.0), [-1.5, -3.0, -4.0, -4.0]),
        (RewardTransform(scale=0.5), [-0.75, -1.5, -2.25, -3.0]),
        (RewardTransform(clip=2.0, scale=10.0), [-15.0, -20.0, -20.0, -20.0]),
    ],
)
def test_what_is_learnt_is_clipped_then_scaled_and_the_score_is_true(
    learnt: RewardTransform, expected: list[float]
) -> None:
    envs = GymEnvs(Film, "film", (0, 1), 1, gamma=0.5, options=EnvOptions(reward_transform=learnt))
    steps = [envs.step(np.zeros((2, 1), np.int64)) for _ in range(4)]
    assert [t.reward[1, 0] for t in steps] == expected
    assert [ret for _, _, ret, _ in ended(*steps)] == [-15.0, -15.0]


def test_tables_learn_from_the_same_rewards() -> None:
    words = ("env=CliffWalking-v1", "agent=random", "seeds=2", "env.max_episode_steps=3")
    _, envs = agent_and_envs(*words, "env.reward_clip=10", "env.reward_scale=0.5")
    right = np.ones((2, 1), np.int64)
    assert envs.step(right).reward.tolist() == [[-5.0], [-5.0]]  # the cliff, worth -100
    assert envs.step(0 * right).reward.tolist() == [[-0.5], [-0.5]]
    assert envs.step(0 * right).score.tolist() == [[-102.0], [-102.0]]


@pytest.mark.parametrize("env_id", ["CliffWalking-v1", "Pendulum-v1"])
def test_an_evaluation_steps_in_what_is_learnt_from_and_scores_truly(env_id: str) -> None:
    words = (f"env={env_id}", "agent=random", "seeds=1", "env.reward_clip=0.25")
    limit = ("env.max_episode_steps=3", "env.reward_scale=2")
    envs = build.evaluation_envs(*parts_and_env(*words, *limit), 1)
    shape = (1, 1, *envs.spec.action.shape)
    action = np.ones(shape, np.int64 if env_id.startswith("Cliff") else np.float32)
    steps = [envs.step(action) for _ in range(3)]
    learnt = [float(t.reward[0, 0]) for t in steps]
    assert max(map(abs, learnt)) <= 0.5
    ((_, _, ret, _),) = ended(*steps)
    assert ret < -2.0 < sum(learnt)
    envs.close()


def test_as_it_is_costs_no_copy() -> None:
    reward = np.array([[1.0, -2.0]])
    assert RewardTransform()(reward) is reward
    assert envs_of("CartPole-v1").step(np.zeros((1, 1), np.int64)).reward.dtype == np.float64
