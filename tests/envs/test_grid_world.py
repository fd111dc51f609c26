"""The grid world: published values, slips, shortest ways, and its text."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from rlrun.envs.games.grid_world import MOVES, GridWorld
from tests.support.games import GRID, planned, q_iteration

UP, RIGHT, DOWN, LEFT = range(4)


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
