"""Rules of tables and of planning, by hand and by law."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import rlrun.envs.games  # noqa: F401 - registers them
from rlrun.core.schedules import Power
from rlrun.core.types import Array, Model
from rlrun.envs.model import read_model
from rlrun.rules.planning import expected_return, greedy_policy, q_from_v, under_policy
from rlrun.rules.tabular import expected_value, first_visits, greedy_value, optimism, returns
from rlrun.tables.pending import PendingSteps

NO = -np.inf


def model(env_id: str, gamma: float = 0.9) -> Model:
    found = read_model(gym.make(env_id), gamma)
    assert found is not None
    return found


def test_returns_of_the_text() -> None:
    """Rewards 10, 0, -50 at a discount of 0.8."""
    reward = np.array([10.0, 0.0, -50.0])
    assert returns(reward, np.array([0.8, 0.8, 0.0]), 99.0).tolist() == [-22.0, -40.0, -50.0]
    cut = returns(reward, np.array([0.5, 0.5, 0.5]), 8.0)  # truncated: 8 is what may follow
    assert cut.tolist() == [10 + 0.5 * -23, -23.0, -46.0]


def test_the_rovers_return() -> None:
    """s4 -> s5 -> s6 -> s7 -> off: 0 + 0.9 · 10 + 0 + 0 = 9."""
    assert returns(np.array([0.0, 10.0, 0.0, 0.0]), np.array([0.9, 0.9, 0.9, 0.0]), 5.0)[0] == 9.0


@pytest.mark.parametrize(("gamma", "steps"), [(0.95, 13), (0.99, 69)])
def test_how_far_half_a_reward_is_away(gamma: float, steps: int) -> None:
    reward = np.zeros(steps + 2)
    reward[-1] = 1.0
    found = returns(reward, np.full(steps + 2, gamma), 0.0)
    assert found[1] == pytest.approx(0.5, abs=0.015)
    assert found[2] > 0.5 > found[0]


def test_first_visits() -> None:
    assert first_visits(np.array([5, 3, 5, 5, 3, 1])).tolist() == [1, 1, 0, 0, 0, 1]


def test_values_of_a_state() -> None:
    q = np.array([[[1.0, 4.0, NO], [2.0, 2.0, -6.0]]])
    assert greedy_value(q).tolist() == [[4.0, 2.0]]
    chance = np.array([[[0.25, 0.75, 0.0], [0.5, 0.25, 0.25]]])
    assert expected_value(q, chance).tolist() == [[3.25, 0.0]]
    assert optimism(q, np.array([[[0, 1, 3], [7, 0, 1]]]), 8.0).tolist() == [
        [[9.0, 8.0, NO], [3.0, 10.0, -2.0]]
    ]


@pytest.mark.parametrize("seed", range(5))
def test_expected_under_a_greedy_policy_is_greedy(seed: int) -> None:
    q = np.random.default_rng(seed).normal(size=(3, 2, 5))
    assert np.array_equal(expected_value(q, greedy_policy(q)), q.max(-1))
    assert np.array_equal(greedy_value(q), q.max(-1))


def test_the_power_schedule() -> None:
    """α0 / (1 + decay k): with both 1 the step sizes that make a mean."""
    rate = Power(1.0, 1.0)
    mean = 0.0
    for k, value in enumerate((4.0, 8.0, 0.0, 2.0)):
        mean += rate(k) * (value - mean)
    assert mean == 3.5
    assert Power(0.5, 0.1)(10) == 0.25
    assert Power(0.5, 0.1)(np.array([0, 10])).tolist() == [0.5, 0.25]


def test_a_backup_by_hand() -> None:
    """Three states at γ = 0.5 with V = (8, 4, 2)."""
    m = model("rlrun/ThreeStates-v0", 0.5)
    q = q_from_v(m.probability, m.next_state, m.reward, m.discount, np.array([8.0, 4.0, 2.0]))
    assert q[0] == pytest.approx([0.7 * 14 + 0.3 * 2, 4.0, 0.8 * 4 + 0.2 * 2])
    assert q[1, [0, 2]] == pytest.approx([2.0, -49.0])
    assert q[2, 1] == pytest.approx(0.8 * 44 + 0.1 * 2 + 0.1 * 1)


def test_a_policys_value() -> None:
    q = np.array([[1.0, 3.0, NO], [NO, 5.0, 0.0]])
    assert under_policy(q, np.array([[0.5, 0.5, 0.0], [0, 1, 0]])).tolist() == [2.0, 5.0]


def simulated(m: Model, policy: Array, steps: int, episodes: int) -> Array:
    """The same by playing: a plain loop over states and probabilities, step by step."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(episodes):
        s, total = rng.choice(len(m.start), p=m.start), 0.0
        for _ in range(steps):
            a = rng.choice(policy.shape[1], p=policy[s])
            k = rng.choice(m.probability.shape[2], p=m.probability[s, a])
            total += float(m.reward[s, a, k])
            if not m.alive[s, a, k]:
                break
            s = m.next_state[s, a, k]
        found.append(total)
    return np.array(found)


@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "rlrun/StochasticMarsRover-v0"])
def test_the_exact_return_is_the_mean_of_many_episodes(env_id: str) -> None:
    m = model(env_id)
    policy = np.random.default_rng(3).dirichlet(np.ones(m.possible.shape[1]), len(m.start))
    exact = float(_exact(m, policy, 12))
    played = simulated(m, policy, 12, 3000)
    assert exact == pytest.approx(played.mean(), abs=4 * played.std() / 3000**0.5)


def _exact(m: Model, policy: Array, steps: int) -> Array:
    return expected_return(m.probability, m.next_state, m.reward, m.alive, m.start, policy, steps)


def test_the_exact_return_by_hand() -> None:
    m = model("rlrun/MarsRover-v0")
    right, stay = np.eye(3)[[2] * 7], np.eye(3)[[1] * 7]
    both = np.stack([right, stay])
    assert _exact(m, both, 100).tolist() == [10.0, 0.0]  # over the edge after s7
    assert _exact(m, right, 1) == 0.0  # only s5 in one step
    to_s6 = right.copy()
    to_s6[5] = np.eye(3)[1]
    assert _exact(m, to_s6, 100) == 10.0 * 99


@pytest.mark.parametrize(
    "env_id", ["FrozenLake-v1", "rlrun/StochasticMarsRover-v0", "CliffWalkingSlippery-v1"]
)
def test_the_exact_return_in_a_stack_is_that_of_the_policy_alone(env_id: str) -> None:
    """Policies that converge soon beside policies that converge late, and a plain loop for each."""
    m = model(env_id)
    rng = np.random.default_rng(5)
    states, actions = m.possible.shape
    greedy = greedy_policy(rng.random((6, states, actions)))
    policies = np.concatenate([greedy, rng.dirichlet(np.ones(actions), (6, states))])
    for steps in (0, 1, 40, 1000):
        stack = _exact(m, policies, steps)
        assert stack.tolist() == [float(_exact(m, each, steps)) for each in policies]
        pairs = _exact(m, policies.reshape(3, 4, states, actions), steps)
        assert pairs.tolist() == stack.reshape(3, 4).tolist()
        same = _exact(m, np.broadcast_to(policies[7], policies.shape), steps)
        assert same.tolist() == [stack[7]] * 12
        for policy, found in zip(policies, stack, strict=True):
            value = np.zeros(states)
            for _ in range(steps):
                q = (m.probability * (m.reward + m.alive * value[m.next_state])).sum(-1)
                value = (policy * q).sum(-1)
            assert found == pytest.approx(m.start @ value, rel=1e-11, abs=1e-11)


def test_pending_steps_complete_with_n_step_returns() -> None:
    """γ = 0.5, n = 3: rewards 1, 1, 1 and a value of 1 behind make 1.875."""
    pending = PendingSteps(np.zeros((1, 1), np.int64), 1, 3)
    one, never = np.ones((1, 1)), np.zeros((1, 1), np.bool_)
    ready = []
    for pair in range(4):
        pending.push(np.full((1, 1), pair), one, 0.5 * one)
        ready.append([each for each in pending.complete(one, never) if each.ready.any()])
    assert [len(each) for each in ready] == [0, 0, 1, 1]
    assert [int(each[0].pair[0, 0]) for each in ready[2:]] == [0, 1]
    assert ready[2][0].target[0, 0] == 1.875
    pending.push(np.full((1, 1), 4), one, 0 * one)  # terminated: all pending steps complete
    completed = pending.complete(one, ~never)
    assert [(int(p.pair[0, 0]), float(p.target[0, 0])) for p in completed] == [
        (2, 1.75),
        (3, 1.5),
        (4, 1.0),
    ]
    assert not any(each.ready.any() for each in pending.complete(one, never))
