"""The robot vacuum cleaner: its way, its dust and its picture, by numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rlrun.core.types import Array
from rlrun.envs.games.vacuum import CELL, ROBOT, Vacuum
from tests.support.common import agent_and_envs, differences, host, seeds_of
from tests.support.games import VACUUM


def vacuum(**kwargs: Any) -> Vacuum:
    env = Vacuum(**kwargs)
    env.reset(seed=3)
    return env


def act(p: float, r: float) -> Array:
    return np.array([p, r], np.float32)


def near(env: Vacuum, path: list[tuple[float, float]]) -> int:
    """The number of cells of the floor within the robot's radius of a path, one after another."""
    size, count = len(env._middle), 0
    for row, column in np.ndindex(size, size):
        x, y = ((i + 0.5 - size / 2) * CELL for i in (column, row))
        if math.hypot(x, y) > env._radius:
            continue
        for (ax, ay), (bx, by) in zip(path, path[1:] or path, strict=False):
            long = math.hypot(bx - ax, by - ay)
            along = 0.0
            if long:
                along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / long
            along = min(max(along, 0.0), long)
            way = ((bx - ax) / long, (by - ay) / long) if long else (0.0, 0.0)
            if math.hypot(x - ax - along * way[0], y - ay - along * way[1]) <= ROBOT:
                count += 1
                break
    return count


def test_the_robot_moves_straight_until_it_bumps() -> None:
    """The wall is 2.5 - 0.17 = 2.33 m from the middle: seven steps of 0.3 m and one of 0.23 m."""
    env = vacuum()
    steps = [env.step(act(1, 0)) for _ in range(10)]
    assert [float(obs[0]) for obs, *_ in steps] == [0.0] * 7 + [1.0] * 3
    distances = [math.hypot(*point) for point in env._path]
    assert distances == pytest.approx([0.3 * k for k in range(8)] + [2.33] * 3)
    assert [reward for _, reward, *_ in steps[8:]] == [0.0, 0.0]
    # a rectangle of 2.33 m x 0.34 m and a disc, of the room's area; cells of 5 cm round it
    share = (2.33 * 0.34 + math.pi * 0.17**2) / (math.pi * 2.5**2)
    assert sum(reward for _, reward, *_ in steps) == pytest.approx(100 * share, rel=0.02)


@pytest.mark.parametrize(("p", "r"), [(0.7, 0.4), (0.5, np.pi)])
def test_the_reward_is_the_dust_on_the_robots_way(p: float, r: float) -> None:
    """Summed over an episode, it is that of all cells near the path, each of them counted once."""
    env = vacuum(radius=0.8, step_length=0.2, dust=7.0)
    collected = sum(env.step(act(p, r))[1] for _ in range(60))
    cells = int(env._floor.sum())
    assert collected == pytest.approx(7.0 * near(env, env._path) / cells)
    assert 0 < collected < 7.0
    assert env._dust.sum() == pytest.approx(7.0 - collected)


def test_the_robot_turns_by_up_to_r_or_moves_with_p() -> None:
    env = vacuum()
    angles = [env._direction]
    for _ in range(400):
        env.step(act(0, 0.25))
        angles.append(env._direction)
    turns = np.diff(angles)
    assert (np.abs(turns) <= 0.25).all()
    # uniform: standard deviation 0.25 / √3, so that of the mean of 400 is 0.0072
    assert abs(turns.mean()) < 4 * 0.0072
    assert turns.std() == pytest.approx(0.25 / 3**0.5, rel=0.15)
    assert env._path == [(0.0, 0.0)]
    moved = 0
    for _ in range(1000):
        before = env._direction
        env.step(act(0.3, 1))
        moved += env._direction == before
    assert abs(moved - 300) < 4 * (1000 * 0.3 * 0.7) ** 0.5


def test_actions_outside_their_ranges_are_clipped() -> None:
    env, other = vacuum(), vacuum()
    for wild, clipped in (((9, 99), (1, np.pi)), ((-9, 99), (0, np.pi)), ((-1, -1), (0, 0))):
        assert env.step(act(*wild))[1] == other.step(act(*clipped))[1]
        assert env._direction == other._direction


# its checker recommends actions from -1 to 1, which rlrun's agents give anyway
@pytest.mark.filterwarnings("ignore:.*we recommend using a symmetric and normalized space")
def test_the_vacuum_cleaner_conforms_to_gymnasium() -> None:
    for mode in (None, "rgb_array"):
        check_env(gym.make(VACUUM, render_mode=mode).unwrapped)
    env = gym.make(VACUUM)
    for seed in (1, 2):
        env.reset(seed=seed)
        ends = [env.step(act(0.8, np.pi))[2:4] for _ in range(1800)]
        assert ends == [(False, False)] * 1799 + [(False, True)]


def test_the_picture_shows_the_room_the_dust_and_the_path() -> None:
    env = vacuum(render_mode="rgb_array")
    before = env.render()
    assert before.dtype == np.uint8
    for _ in range(8):
        env.step(act(1, 0))
    after = env.render()
    assert after.shape == before.shape == (544, 512, 3)

    def share(picture: Array, colour: tuple[int, int, int]) -> float:
        return float((picture[48:528, 16:496] == colour).all(-1).mean())

    # the floor is π/4 of its square, and all of it is dusty but for what the robot covers
    assert share(before, (196, 176, 148)) == pytest.approx(math.pi / 4, abs=0.01)
    collected = env._collected / 100 * math.pi / 4
    assert share(after, (196, 176, 148)) == pytest.approx(math.pi / 4 - collected, abs=0.01)
    assert share(after, (255, 255, 255)) > 0.5 * collected
    assert share(after, (200, 55, 45)) > 0.001  # it has bumped
    assert vacuum().render() is None


def test_the_vacuum_cleaner_is_exact_in_stacks_and_when_resumed() -> None:
    words = (f"env={VACUUM}", "agent=random", "env.num_envs=2", "env.max_episode_steps=25")
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (90, 2, 2, 2)).astype(np.float32)
    _, envs = agent_and_envs(*words, "seed=3", "seeds=2")
    steps = [envs.step(action) for action in actions[:60]]
    state = host(envs.state_dict())
    expected = [host(envs.step(action)._asdict()) for action in actions[60:]]
    _, other = agent_and_envs(*words, "seed=3", "seeds=2")
    assert other.load_state_dict(state) == []
    found = [host(other.step(action)._asdict()) for action in actions[60:]]
    assert differences(expected, found) == []
    _, alone = agent_and_envs(*words, "seed=4", "seeds=1")
    for action, t in zip(actions[:60], steps, strict=True):
        single = alone.step(action[1:])
        assert np.array_equal(single.reward, seeds_of(t, slice(1, 2)).reward)
        assert np.array_equal(single.score, seeds_of(t, slice(1, 2)).score)
