"""The Markov chain, the grid world and the robot vacuum cleaner: numbers worked out by hand."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rlrun.core.errors import BadInput
from rlrun.core.types import Array
from rlrun.envs.games.grid_world import MOVES, GridWorld
from rlrun.envs.games.markov_chain import MarkovChain
from rlrun.envs.games.vacuum import CELL, ROBOT, Vacuum
from rlrun.loop import interact
from tests.envs.test_games import CHAIN, GRID, matrix, q_iteration
from tests.support.common import agent_and_envs, differences, host, parts_and_env, seeds_of

VACUUM = "rlrun/Vacuum-v0"
UP, RIGHT, DOWN, LEFT = range(4)


def test_the_chain_goes_where_its_probabilities_say() -> None:
    model = MarkovChain().P
    assert matrix(model, 0).tolist() == [
        [0.7, 0.2, 0.0, 0.0],
        [0.0, 0.0, 0.9, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
    ends = {(s, chance, to) for s in (0, 1, 2) for chance, to, _, end in model[s][0] if end}
    assert ends == {(0, 0.1, 3), (1, 0.1, 3)}


def planned(env: str, *words: str) -> Array:
    """The action values ``[state, action]`` after 500 sweeps of value iteration, at gamma 1."""
    how = ("agent=value_iteration", f"env={env}", "gamma=1", "seeds=1", "tuned=none")
    agent, envs = agent_and_envs(*how, *words)
    for step, _, _ in interact(agent, envs):
        if step == 500:
            break
    values: Array = agent.values[0]  # type: ignore[attr-defined]
    return values


def test_the_value_of_the_chain_is_its_expected_length() -> None:
    """L(s) = 1 + sum of P(s, s') L(s'), with L(s3) = 0.

    L(s2) = 1 + L(s1) and L(s1) = 1 + 0.9 L(s2) give L(s1) = 1.9 / 0.1 = 19 and L(s2) = 20;
    then L(s0) = 1 + 0.7 L(s0) + 0.2 * 19 gives L(s0) = 4.8 / 0.3 = 16.
    """
    assert planned(CHAIN)[:, 0] == pytest.approx([16.0, 19.0, 20.0, 0.0], abs=1e-8)
    halved = planned(CHAIN, "env.kwargs.reward=-0.5")[:, 0]
    assert halved == pytest.approx([-8.0, -9.5, -10.0, 0.0], abs=1e-8)


@pytest.mark.slow
def test_td_prediction_estimates_the_lengths_of_the_chain() -> None:
    """The mean of 20 seeds, each with about 1,250 episodes, is within 0.8 of 16, 19 and 20.

    An episode's length has a standard deviation of about 18, as that of a geometric distribution
    with these means: the mean of 20 * 1,250 lengths has one of 0.12, and a step size that
    decreases more slowly than 1/k, here 1/(1 + k/10), makes that about twice as large.
    """
    where = (f"env={CHAIN}", "agent=td_prediction", "gamma=1", "seed=20", "seeds=20", "tuned=none")
    agent, envs = agent_and_envs(*where)
    for step, _, _ in interact(agent, envs):
        if step == 20_000:
            break
    values: Array = agent.values[..., 0]  # type: ignore[attr-defined]
    assert values.mean(0) == pytest.approx([16.0, 19.0, 20.0, 0.0], abs=0.8)


def test_the_values_of_russell_and_norvigs_world() -> None:
    """Their table of utilities, to its three digits; their policy: up, right, and back from -1."""
    q = planned(GRID)
    utilities = [[0.812, 0.868, 0.918], [0.762, 0.660], [0.705, 0.655, 0.611, 0.388]]
    cells = [[0, 1, 2], [4, 6], [8, 9, 10, 11]]
    for states, values in zip(cells, utilities, strict=True):
        assert q[states].max(-1) == pytest.approx(values, abs=0.0005)
    policy = [[RIGHT, RIGHT, RIGHT], [UP, UP], [UP, LEFT, LEFT, LEFT]]
    assert [q[states].argmax(-1).tolist() for states in cells] == policy


def test_a_move_of_the_grid_slips_to_either_side() -> None:
    """From the start at the bottom left: the edge on the left stops the robot."""
    outcomes = GridWorld().P[8][UP]
    assert {there: chance for chance, there, *_ in outcomes} == pytest.approx(
        {4: 0.8, 8: 0.1, 9: 0.1}
    )
    assert {(reward, end) for *_, reward, end in outcomes} == {(-0.04, False)}
    against_the_wall = {there: chance for chance, there, *_ in GridWorld().P[9][UP]}
    assert against_the_wall == pytest.approx({9: 0.8, 8: 0.1, 10: 0.1})
    into_the_goal = {there: (reward, end) for _, there, reward, end in GridWorld().P[2][RIGHT]}
    assert into_the_goal[3] == (1 - 0.04, True)
    assert into_the_goal[2] == into_the_goal[6] == (-0.04, False)


@pytest.mark.parametrize("seed", range(8))
def test_without_slips_values_are_shortest_ways(seed: int) -> None:
    """Random walls in a grid of 6 x 7: each value is 10 - the steps to the goal, by a search."""
    rng = np.random.default_rng(seed)
    cells = [(r, c) for r in range(6) for c in range(7)]
    goal, start, *others = [cells[i] for i in rng.permutation(len(cells))]
    walls = others[:12]
    env = GridWorld(6, 7, walls, start, [(*goal, 10)], step_reward=-1.0, slip=0.0)
    steps, queue = {goal: 0}, deque([goal])
    while queue:
        here = queue.popleft()
        for move in MOVES:
            there = (here[0] + move[0], here[1] + move[1])
            if there in cells and there not in walls and there not in steps:
                steps[there] = steps[here] + 1
                queue.append(there)
    values = q_iteration(env.P, 1.0, sweeps=60).max(axis=1)
    for r, c in set(steps) - {goal}:
        assert values[7 * r + c] == 10 - steps[r, c]
    for r, c in set(cells) - set(steps) - set(walls):
        assert values[7 * r + c] == -60  # no way leads out: one for each sweep


def test_the_text_of_the_grid() -> None:
    env = GridWorld(2, 3, [[0, 1]], [1, 0], [[0, 2, 1], [1, 2, -2.5]], slip=0, render_mode="ansi")
    env.reset(seed=1)
    assert env.render().splitlines() == [
        "  .     #     +1  ",
        "[ .  ]  .    -2.5 ",
        "start",
    ]
    env.step(RIGHT)
    env.step(RIGHT)
    assert env.render().splitlines()[1:] == [
        "  .     .   [-2.5]",
        "right, reward -2.54, end",
    ]


@pytest.mark.parametrize(
    ("env_id", "words", "sentence"),
    [
        (CHAIN, ("reward=a",), "reward must be a finite number, got 'a'"),
        (GRID, ("rows=0",), "rows must be a whole number of at least 1, got 0"),
        (GRID, ("rows=1000", "columns=1000"), "rows times columns must be at most 10,000"),
        (GRID, ("slip=2",), "slip must be a finite number at least 0 and at most 1, got 2"),
        (GRID, ("step_reward=nan",), "step_reward must be a finite number, got nan"),
        (GRID, ("walls=1",), "walls must be a list of cells, such as [[1,1],[0,2]], got 1"),
        (GRID, ("walls=[[3,0]]",), "with rows from 0 to 2 and columns from 0 to 3, got [3, 0]"),
        (GRID, ("walls=[[0,3]]",), "[0, 3] is in both walls and terminals"),
        (GRID, ("start=[0.5,0]",), "start has [row, column] with rows from 0 to 2 and"),
        (GRID, ("start=[1,1]",), "start=[1, 1] is one of the walls: choose another cell"),
        (GRID, ("terminals=[[0,3]]",), "terminals has [row, column, reward] with rows"),
        (VACUUM, ("radius=0",), "radius must be a finite number at least 0.5 and at most 25"),
        (VACUUM, ("step_length=-1",), "step_length must be a finite number at least 0"),
        (VACUUM, ("dust=much",), "dust must be a finite number at least 0, got 'much'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    env_id: str, words: tuple[str, ...], sentence: str
) -> None:
    kwargs = [f"env.kwargs.{word}" for word in words]
    with pytest.raises(BadInput) as error:
        _ = parts_and_env(f"env={env_id}", "agent=random", *kwargs)[1].spec
    assert f"{env_id} cannot be used: " in str(error.value)
    assert sentence in str(error.value)


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
