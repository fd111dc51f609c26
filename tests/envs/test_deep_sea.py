"""Deep Sea: its cells, costs and treasure, worked out by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from rlrun.envs.games.deep_sea import DeepSea
from tests.support.games import SEA, made, planned


def played(env: DeepSea, directions: str) -> tuple[list[int], list[float], bool]:
    """The cells of an episode with these moves, "r" or "l", its rewards, and whether it ended."""
    state, _ = env.reset(seed=0)
    states, rewards, ended = [state], [], False
    for direction in directions:
        assert not ended
        size = env.shape[1]
        rights = [a for a in (0, 1) if _moves_right(env, state, a, size)]
        (right,) = rights
        state, reward, ended, _, _ = env.step(right if direction == "r" else 1 - right)
        states.append(state)
        rewards.append(reward)
    return states, rewards, ended


def _moves_right(env: DeepSea, state: int, action: int, size: int) -> bool:
    """Only a move to the right costs, or finds the treasure."""
    return env.P[state][action][0][2] != 0


def test_cells_and_rewards_of_a_sea_of_three() -> None:
    sea = DeepSea(3)
    #  0  1  2
    #  3  4  5
    #  6  7  8
    #  9 10 11   the floor
    cost = -0.01 / 3
    assert played(sea, "rrr") == ([0, 4, 8, 11], [cost, cost, cost + 1], True)
    assert played(sea, "lll") == ([0, 3, 6, 9], [0, 0, 0], True)  # along the left edge
    assert played(sea, "rrl") == ([0, 4, 8, 10], [cost, cost, 0], True)
    assert played(sea, "lrr") == ([0, 3, 7, 11], [0, cost, cost], True)  # beside the treasure
    assert played(sea, "rll") == ([0, 4, 6, 9], [cost, 0, 0], True)


def test_one_series_of_actions_finds_the_treasure() -> None:
    """Of all 2^6; its return, 1 - 0.01, is the best one, and 0 that of the others at most."""
    sea, returns = DeepSea(6), []
    for actions in product((0, 1), repeat=6):
        sea.reset(seed=0)
        returns.append(sum(sea.step(action)[1] for action in actions))
    returns.sort()
    assert returns[-1] == pytest.approx(0.99)
    assert returns[-2] == 0.0 and returns[0] == pytest.approx(-0.01 * 5 / 6)


def test_the_meaning_of_actions_is_drawn_for_each_cell() -> None:
    """With both meanings, the same in every run; or the same everywhere, without a seed."""

    def rights(sea: DeepSea) -> list[int]:
        size = sea.shape[1]
        return [int(_moves_right(sea, state, 1, size)) for state in range(size * size)]

    drawn = rights(DeepSea(10))
    assert rights(DeepSea(10)) == drawn and 30 < sum(drawn) < 70
    assert rights(DeepSea(10, mapping_seed=1)) != drawn
    assert rights(DeepSea(10, mapping_seed=None)) == [1] * 100
    on_the_way = [drawn[11 * n] for n in range(10)]
    assert 0 < sum(on_the_way) < 10


@pytest.mark.parametrize("gamma", ["1", "0.9"])
def test_planning_gives_the_value_of_the_treasure(gamma: str) -> None:
    q = planned(SEA, "env.kwargs.size=5", f"gamma={gamma}")
    g = float(gamma)
    expected = g**4 - 0.002 * sum(g**n for n in range(5))
    assert q[0].max() == pytest.approx(expected)
    assert q[5].max() == 0.0  # after a move to the left the treasure is out of reach


def test_the_text_shows_the_diver() -> None:
    env = made(SEA, size=2, mapping_seed=None, render_mode="ansi")
    env.reset(seed=0)
    assert env.render() == "o.\n..\n_$\nstart"
    env.step(1)
    assert env.render() == "..\n.o\n_$\nright, reward -0.005"
    env.step(1)
    assert env.render() == "..\n..\n_o\nright, reward 0.995, end"


def test_it_is_stepped_as_a_table_with_pictures_of_its_grid() -> None:
    env = made(SEA, size=4)
    assert (env.shape, len(env.P)) == ((5, 4), 20)  # type: ignore[attr-defined]
    assert np.flatnonzero(env.initial_state_distrib).tolist() == [0]
