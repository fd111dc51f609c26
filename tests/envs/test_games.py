"""The environments with a known model: the exact tables, and simulation that agrees with them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from tests.support.games import DRIFTING, NO, ROVER, SEA, THREE, games, made, matrix, q_iteration

LEFT, STAY, RIGHT = 0, 1, 2


def test_the_rover_goes_where_it_is_told() -> None:
    model = made(ROVER).P
    assert np.array_equal(matrix(model, LEFT), np.eye(7, k=-1))
    assert np.array_equal(matrix(model, STAY), np.eye(7))
    assert np.array_equal(matrix(model, RIGHT), np.eye(7, k=1))
    assert model[0][LEFT] == [(1.0, 0, 0.0, True)]
    assert model[6][RIGHT] == [(1.0, 6, 0.0, True)]
    ends = {(s, a) for s in model for a in model[s] if model[s][a][0][3]}
    assert ends == {(0, LEFT), (6, RIGHT)}


@pytest.mark.parametrize("action", [LEFT, STAY, RIGHT])
def test_the_stochastic_rover_drifts_whatever_the_action(action: int) -> None:
    model = made(DRIFTING).P
    expected = [
        [0.6, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.4, 0.2, 0.4, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.4, 0.2, 0.4, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.4, 0.2, 0.4, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.4, 0.2, 0.4, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.4, 0.2, 0.4],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.6],
    ]
    assert matrix(model, action).tolist() == expected
    assert not any(terminated for s in model for _, _, _, terminated in model[s][action])


@pytest.mark.parametrize("env_id", [ROVER, DRIFTING])
def test_the_rovers_rewards_belong_to_the_state_entered(env_id: str) -> None:
    pays = (0, 1, 0, 0, 0, 10, 0)
    for actions in made(env_id).P.values():
        for outcomes in actions.values():
            assert all(reward == pays[there] for _, there, reward, _ in outcomes)


def test_the_three_states() -> None:
    model = made(THREE).P
    assert model[0][0] == [(0.7, 0, 10.0, False), (0.3, 1, 0.0, False)]
    assert model[0][1] == [(1.0, 0, 0.0, False)]
    assert model[0][2] == [(0.8, 0, 0.0, False), (0.2, 1, 0.0, False)]
    assert model[1][0] == [(1.0, 1, 0.0, False)]
    assert model[1][2] == [(1.0, 2, -50.0, False)]
    assert model[2][1] == [(0.8, 0, 40.0, False), (0.1, 1, 0.0, False), (0.1, 2, 0.0, False)]
    assert {(s, a) for s in model for a in model[s] if not model[s][a]} == {(1, 1), (2, 0), (2, 2)}


@games
def test_probabilities_sum_to_one(env_id: str) -> None:
    env = made(env_id)
    for outcomes in (o for actions in env.P.values() for o in actions.values() if o):
        assert sum(p for p, *_ in outcomes) == pytest.approx(1.0, abs=1e-15)
        assert all(p > 0 and there in env.observation_space for p, there, *_ in outcomes)
    assert env.initial_state_distrib.tolist() == [float(s == env.s) for s in env.P]


def test_values_of_the_rover() -> None:
    """By hand: keep paying 10 in s6; s5 is a step before it; s1 gets there by way of s2."""
    q = q_iteration(made(ROVER).P, 0.9)
    assert q[5, STAY] == pytest.approx(100.0)
    assert q[4, RIGHT] == pytest.approx(100.0)
    assert q[3, RIGHT] == pytest.approx(90.0)
    assert q[0, RIGHT] == pytest.approx(1.0 + 0.9**4 * 100.0)
    assert q[0, LEFT] == q[6, RIGHT] == 0.0


def test_values_of_the_three_states() -> None:
    model = made(THREE).P
    q = q_iteration(model, 0.9)
    assert q[0] == pytest.approx([18.92, 17.03, 13.62], abs=0.005)
    assert q[1] == pytest.approx([0.0, NO, -4.88], abs=0.005)
    assert q[2] == pytest.approx([NO, 50.13, NO], abs=0.005)
    assert q.argmax(axis=1).tolist() == [0, 0, 1]
    through_the_fire = q_iteration(model, 0.95)
    assert through_the_fire[1] == pytest.approx([1.121, NO, 1.180], abs=0.0005)
    assert through_the_fire.argmax(axis=1).tolist() == [0, 2, 1]


def test_an_agent_that_overlooks_the_mask_finds_the_same_values() -> None:
    model = made(THREE).P
    open_to_all = {
        s: {a: outcomes or [(1.0, s, 0.0, False)] for a, outcomes in actions.items()}
        for s, actions in model.items()
    }
    for gamma in (0.9, 0.95):
        best = q_iteration(model, gamma).max(axis=1)
        assert q_iteration(open_to_all, gamma).max(axis=1) == pytest.approx(best)


def test_the_trajectory_to_the_right() -> None:
    env = gym.make(ROVER)
    assert env.reset(seed=1)[0] == 3
    steps = [env.step(RIGHT)[:4] for _ in range(4)]
    assert [s[:3] for s in steps] == [(4, 0, False), (5, 10, False), (6, 0, False), (6, 0, True)]
    assert not any(truncated for *_, truncated in steps)
    assert sum(0.9**t * float(reward) for t, (_, reward, *_) in enumerate(steps)) == 9.0


def test_staying_pays_again() -> None:
    env = gym.make(ROVER)
    env.reset(seed=1)
    assert [env.step(a)[1] for a in (LEFT, LEFT, STAY, STAY)] == [0, 1, 1, 1]


def test_impossible_actions_are_masked_and_change_nothing() -> None:
    env = made(THREE)
    masks = {0: [1, 1, 1], 1: [1, 0, 1], 2: [0, 1, 0]}
    _, info = env.reset(seed=1)
    assert info["action_mask"].dtype == np.int8
    assert info["action_mask"].tolist() == masks[0]
    for state, mask in masks.items():
        for action in np.flatnonzero(np.array(mask) == 0):
            env.s = state
            obs, reward, terminated, truncated, info = env.step(action)
            assert (obs, reward, terminated, truncated) == (state, 0.0, False, False)
            assert info["action_mask"].tolist() == mask
            assert env.action_space.sample(mask=info["action_mask"]) != action


# chi-square over the whole table: what the true model exceeds once in 1,000 times, by degrees of
# freedom (one less than the outcomes of each state and action, summed)
LIMIT = {0: 0.0, 3: 16.27, 4: 18.47, 36: 67.99, 60: 99.61}
DRAWS = 1000


@games
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_frequencies_agree_with_the_model(env_id: str, seed: int) -> None:
    env = made(env_id)
    env.reset(seed=seed)
    statistic, freedom = 0.0, 0
    for state, action in ((s, a) for s in env.P for a in env.P[s] if env.P[s][a]):
        due = {outcome[1:]: DRAWS * outcome[0] for outcome in env.P[state][action]}
        counts = dict.fromkeys(due, 0)
        for _ in range(DRAWS):
            env.s = state
            counts[env.step(action)[:3]] += 1  # a KeyError is an outcome that is not in the model
        statistic += sum((counts[o] - due[o]) ** 2 / due[o] for o in due)
        freedom += len(due) - 1
    assert statistic <= LIMIT[freedom]


def test_steps_are_drawn_from_the_model_itself() -> None:
    env = made(ROVER)
    env.reset(seed=1)
    env.P[3][LEFT] = [(1.0, 6, 7.0, True)]
    assert env.step(LEFT)[:3] == (6, 7.0, True)


@games
def test_a_seed_gives_the_same_episode(env_id: str) -> None:
    def episode(seed: int) -> list[tuple[Any, ...]]:
        env = gym.make(env_id)
        env.reset(seed=seed)
        actions: Any = env.action_space
        steps: list[tuple[Any, ...]] = []
        while len(steps) < 60 and not (steps and steps[-1][2]):
            steps.append(env.step(len(steps) % int(actions.n))[:4])
        return steps

    assert episode(5) == episode(5)
    if env_id not in (ROVER, SEA):
        assert any(episode(5) != episode(seed) for seed in range(6, 10))


@pytest.mark.parametrize("env_id", [ROVER, DRIFTING, THREE])
def test_the_time_limit_truncates(env_id: str) -> None:
    env = gym.make(env_id)
    env.reset(seed=2)
    ends = [env.step(STAY)[2:4] for _ in range(100)]
    assert ends == [(False, False)] * 99 + [(False, True)]
