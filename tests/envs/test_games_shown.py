"""Gymnasium's view of the environments with a known model: checker, text, pictures, limits."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rlrun.loop import interact
from tests.support.common import agent_and_envs, ended, envs_of
from tests.support.games import CHAIN, GRID, ROVER, SEA, THREE, games, made

LEFT, STAY, RIGHT = 0, 1, 2


@games
@pytest.mark.parametrize("mode", [None, "ansi", "rgb_array"])
def test_gymnasiums_checker_has_nothing_to_say(env_id: str, mode: str | None) -> None:
    check_env(made(env_id, render_mode=mode))


def test_the_text_shows_the_state_and_the_last_step() -> None:
    rover = gym.make(ROVER, render_mode="ansi")
    rover.reset(seed=1)
    lines = [rover.render()]
    for _ in range(4):
        rover.step(RIGHT)
        lines.append(rover.render())
    assert lines == [
        " s1  s2  s3 [s4] s5  s6  s7",
        " s1  s2  s3  s4 [s5] s6  s7   right, reward 0",
        " s1  s2  s3  s4  s5 [s6] s7   right, reward +10",
        " s1  s2  s3  s4  s5  s6 [s7]  right, reward 0",
        " s1  s2  s3  s4  s5  s6 [s7]  right, reward 0, end",
    ]
    three = made(THREE, render_mode="ansi")
    three.reset(seed=1)
    three.s = 1
    three.step(1)
    assert three.render() == " s0 [s1] s2   a1, reward 0, impossible"


@games
def test_the_picture_changes_with_the_state(env_id: str) -> None:
    env = made(env_id, render_mode="rgb_array")
    env.reset(seed=1)
    pictures = []
    for state in env.P:
        env.s = state
        pictures.append(env.render())
        assert pictures[-1].dtype == np.uint8
        assert pictures[-1].shape == (*pictures[0].shape[:2], 3)
        assert np.array_equal(env.render(), pictures[-1])
    assert len({picture.tobytes() for picture in pictures}) == len(env.P)


def test_the_picture_shows_the_end() -> None:
    env = made(ROVER, render_mode="rgb_array")
    env.reset(seed=1)
    env.s = 5
    env.step(RIGHT)
    before = env.render()
    env.step(RIGHT)
    height, width, _ = before.shape
    ground = np.s_[height * 2 // 3 :, width * 8 // 9 :]  # the abyss on the right
    assert not np.array_equal(env.render()[ground], before[ground])


def test_nothing_is_rendered_without_a_mode() -> None:
    env = made(THREE)
    env.reset(seed=1)
    assert env.render() is None


@games
def test_random_agents_play(env_id: str) -> None:
    agent, envs = agent_and_envs("agent=random", f"env={env_id}", "seeds=2", "env.num_envs=3")
    episodes = []
    for step, t, _ in interact(agent, envs):
        episodes += ended(t)
        assert ((t.obs >= 0) & (t.obs < envs.spec.obs.choices[0])).all()
        if step >= 900:
            break
    assert {each[:2] for each in episodes} == {(s, e) for s in range(2) for e in range(3)}
    if env_id not in (ROVER, CHAIN, GRID, SEA):  # which terminate
        assert {each[3] for each in episodes} == {100}
    envs.close()


def test_only_falling_off_has_no_future() -> None:
    envs = envs_of(ROVER)
    discounts = [float(envs.step(np.full((1, 1), RIGHT)).discount[0, 0]) for _ in range(4)]
    assert discounts == [0.9, 0.9, 0.9, 0.0]
    envs.close()
