"""Atari games: what the grid shows is what each game shows alone, and it comes back to the bit."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from ale_py import vector_env

from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Array, Space
from rlrun.envs.gym_envs import GymEnvs
from rlrun.envs.vector import atari
from rlrun.envs.vector.atari import Atari
from rlrun.envs.vector.sync import EnvOptions
from tests.support.atari import all_are_closed as all_are_closed
from tests.support.atari import evaluated, opened, played
from tests.support.common import differences, ended, host

pytestmark = pytest.mark.slow


class Alone:
    """One game in an environment that is made anew for every episode: the brute-force twin."""

    def __init__(self, game: str, seed: int, column: int, purpose: Purpose) -> None:
        self.game, self.seed, self.column = game, seed, column
        self.numbers, self.episode = Numbers(purpose), -1
        self.begin()

    def begin(self) -> None:
        self.episode += 1
        self.env = vector_env.AtariVectorEnv(
            self.game,
            1,
            num_threads=1,
            repeat_action_probability=0.25,
            use_fire_reset=False,
            reward_clipping=False,
        )
        number = self.numbers(self.seed, self.column, self.episode)
        obs, info = self.env.reset(seed=np.array([number]))
        self.obs, self.lives, self.score, self.length = obs[0], int(info["lives"][0]), 0.0, 0

    def step(self, action: int) -> tuple[Array, float, bool, bool]:
        """The observation, the reward, whether a life is lost, whether the game is over."""
        obs, reward, over, _, info = self.env.step(np.array([action]))
        lost = int(info["lives"][0]) < self.lives
        self.obs, self.lives = obs[0], int(info["lives"][0])
        self.score += float(reward[0])
        self.length += 1
        return self.obs, float(reward[0]), lost, bool(over[0])


@pytest.mark.parametrize("training", [True, False])
def test_each_game_is_what_it_is_alone(training: bool) -> None:
    """Also while the others end and are reset, and also in a stack of seeds.

    Steps are what is learnt from; the score is the true one, of the whole game.
    """
    words = ("seed=3", "seeds=2", "env.num_envs=2", "gamma=0.5")
    envs = opened("Breakout", *words) if training else evaluated("Breakout", *words)
    purpose = Purpose.TRAIN_EPISODES if training else Purpose.EVAL_EPISODES
    twins = [[Alone("breakout", 3 + s, e, purpose) for e in range(2)] for s in range(2)]
    lives = 0
    for t in played(envs, 400):
        for s, e in np.ndindex(2, 2):
            twin, action = twins[s][e], int(t.action[s, e])
            assert np.array_equal(t.obs[s, e], twin.obs)
            obs, reward, lost, over = twin.step(action)
            assert np.array_equal(t.next_obs[s, e], obs)
            assert t.reward[s, e] == np.clip(reward, -1, 1)
            assert t.discount[s, e] == (0.0 if over or lost else 0.5)
            assert t.last[s, e] == over
            lives += lost and not over
            if over:
                assert [t.score[s, e], t.length[s, e]] == [twin.score, twin.length]
                twin.begin()
    assert lives > 8
    assert min(twin.episode for row in twins for twin in row) >= 1


def test_the_true_score_is_logged_and_the_clipped_one_learnt() -> None:
    envs = opened("SpaceInvaders", "seeds=1", "env.life_loss=false")
    learnt = true = 0.0
    for t in played(envs, 2000):
        learnt += t.reward.sum()
        assert set(np.unique(t.reward)) <= {0.0, 1.0}
        assert t.discount[0, 0] == (0.0 if t.last[0, 0] else 0.99)
        if t.last.any():
            true = t.score[0, 0]
            break
    assert learnt > 1
    assert true >= 5 * learnt  # an invader is worth 5 at least
    assert true % 5 == 0


@pytest.mark.parametrize("frame_skip", [4, 3])
def test_a_limit_counts_steps_exactly_and_truncates(frame_skip: int) -> None:
    words = ("env.max_episode_steps=30", "seeds=2", f"env.frame_skip={frame_skip}", "gamma=0.5")
    envs = opened("Pong", *words)
    steps = [t for t in played(envs, 90) if (t.discount == 0.5).all()]
    assert np.flatnonzero([t.last.all() for t in steps]).tolist() == [29, 59, 89]
    assert [length for _, _, _, length in ended(*steps)] == [30] * 6


def test_a_killed_run_goes_on_as_if_nothing_had_been() -> None:
    """At any point: lives, scores, the steps before the limit and the games all come back."""
    words = ("seed=5", "seeds=2", "env.num_envs=2", "env.max_episode_steps=170")
    envs = opened("Breakout", *words)
    saved, steps = {}, []
    for k, t in enumerate(played(envs, 450)):
        steps.append(host(list(t)))
        if k in (0, 36, 151, 290):
            saved[k + 1] = host(envs.state_dict())
    for at, state in saved.items():
        other = opened("Breakout", *words)
        assert other.load_state_dict(state) == []
        episodes = []
        for want in steps[at : at + 160]:
            t = other.step(want[1])
            assert differences(want, host(list(t))) == []  # scores and lengths, too
            episodes += ended(t)
        assert len(episodes) >= 2
    ends, lives = (
        sum(int(x.sum()) for x in each)
        for each in ([t[5] for t in steps], [(t[3] == 0) & ~t[5] for t in steps])
    )
    assert ends > 8
    assert lives > 20


def test_it_comes_back_where_every_game_has_just_begun() -> None:
    envs = opened("Pong", "env.max_episode_steps=20", "seeds=2")
    for _ in played(envs, 40):
        pass
    other = opened("Pong", "env.max_episode_steps=20", "seeds=2")
    assert other.load_state_dict(host(envs.state_dict())) == []
    for a, b in zip(played(envs, 30), played(other, 30), strict=True):
        assert differences(host(list(a)), host(list(b))) == []


def test_a_game_that_does_not_come_back_begins_anew() -> None:
    envs = opened("Pong", "seeds=2")
    for _ in played(envs, 20):
        pass
    state = host(envs.state_dict())
    state["obs"][1] += 1
    other = opened("Pong", "seeds=2")
    lost = other.load_state_dict(state)
    assert len(lost) == 1
    assert "ALE/Pong-v5 did not return to its saved state (seeds 1)" in lost[0]
    assert np.array_equal(other.obs[0], envs.obs[0])
    assert not other.obs[1, 0, :3].any()  # a first observation


def test_how_many_threads_play_changes_nothing() -> None:
    one, three = (
        opened("Pong", "seeds=2", "env.num_envs=2", f"env.kwargs.num_threads={n}") for n in (1, 3)
    )
    for a, b in zip(played(one, 60), played(three, 60), strict=True):
        assert differences(host(list(a)), host(list(b))) == []


@pytest.mark.parametrize(
    ("words", "space"),
    [
        ((), Space("image", (4, 84, 84), stack=4)),
        (("env.frame_stack=1",), Space("image", (1, 84, 84))),
        (("env.kwargs.grayscale=false",), Space("image", (12, 84, 84), stack=4)),
        (("env.kwargs.grayscale=false", "env.frame_stack=1"), Space("image", (3, 84, 84))),
        (("env.kwargs.img_height=60", "env.frame_stack=2"), Space("image", (2, 60, 84), stack=2)),
    ],
)
def test_a_stack_moves_by_one_frame_and_begins_with_nothing(
    words: tuple[str, ...], space: Space
) -> None:
    """What a replay relies on that keeps every frame once."""
    envs = opened("Breakout", "seeds=2", "env.max_episode_steps=25", *words)
    assert envs.spec.obs == space
    channels = space.shape[0] // space.stack
    begins = np.ones((2, 1), np.bool_)
    for t in played(envs, 60):
        assert t.obs.shape == (2, 1, *space.shape)
        assert t.obs.dtype == np.uint8
        assert np.array_equal(t.next_obs[:, :, :-channels], t.obs[:, :, channels:])
        assert not t.obs[begins][:, :-channels].any()
        assert t.obs[:, :, -channels:].any()
        begins = t.last


def test_a_game_that_hangs_or_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(vector_env.AtariVectorEnv):
        def step(self, actions: Any) -> Any:
            time.sleep(4.0)
            raise RuntimeError("out of ink")

    class Module:
        AtariVectorEnv = Broken

    monkeypatch.setattr(atari, "_ale", lambda: Module)
    told: list[str] = []
    envs = GymEnvs(
        Atari("pong", 100),
        "ALE/Pong-v5",
        (7,),
        1,
        gamma=0.9,
        options=EnvOptions(timeout=1.0, on_hang=told.append, frame_stack=4),
    )
    with pytest.raises(Exception, match=r"failed in environment 0 of seed 7.*out of ink"):
        envs.step(np.zeros((1, 1), np.int64))
    assert told == [
        "ALE/Pong-v5 hangs: environment 0 of seed 7, 0 steps into its episode, takes longer than "
        "env.timeout allows"
    ]
    envs.close()
