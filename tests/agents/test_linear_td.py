"""TD control with features: updates by hand, laws, and the algorithm equal to dutch traces."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest

from rlrun.agents.linear_td import LinearTD
from rlrun.core.types import Array, Step
from rlrun.loop import interact
from tests.agents.test_tables import EPSILON, LR, Walk, lived
from tests.support.common import agent_and_envs, differences, drive, host, row
from tests.support.online_returns import Visit, online_lambda_return

CAR = ("env=MountainCar-v0", "tuned=none", "explore.start=0", "explore.end=0")
POLE = ("env=CartPole-v1", "env.max_episode_steps=9", "tuned=none", "gamma=0.9")
LOW_EPSILON = (f"explore.start={EPSILON}", f"explore.end={EPSILON}")
SMALL_TILES = ("agent.features=tiles", "agent.tilings=4", "agent.tiles=2")


def linear(*words: str) -> LinearTD:
    agent, _ = agent_and_envs(*words, "seeds=1")
    assert isinstance(agent, LinearTD)
    return agent


def value(agent: LinearTD, *obs: float) -> list[float]:
    """The action values of an observation."""
    values = agent._values
    found: list[float] = values(values.active(np.array([[obs]], np.float32)))[0, 0].tolist()
    return found


def learnt(agent: LinearTD, obs: Any, action: int, r: float, next_obs: Any, d: float) -> None:
    now, then = (np.array([[each]], np.float32) for each in (obs, next_obs))
    rest = (np.array([[each]]) for each in (action, r, d))
    a, reward, discount = rest
    agent.learn(Step(now, a, reward, discount, then, np.array([[False]])), 1)


def test_an_update_of_tiles_by_hand() -> None:
    """α = 0.5, eight tilings: -1 moves each of eight weights by -1/16, and the value by half.

    The next update bootstraps from the best action, at 0. A point in m of the tiles has m/16 less.
    """
    agent = linear("agent=q_learning", "agent.features=tiles", "agent.lr=0.5", *CAR)
    learnt(agent, (-0.5, 0.01), 2, -1.0, (0.3, 0.01), 0.9)
    assert value(agent, -0.5, 0.01) == [0.0, 0.0, -0.5]
    assert agent._values.weights[0, 2].min() == -1 / 16
    near = value(agent, -0.5 + 1.8 / 8 / 8, 0.01)[2]  # an eighth of a tile further: seven or eight
    assert near in (-7 / 16, -8 / 16)
    assert value(agent, 0.5, 0.01) == [0.0, 0.0, 0.0]
    learnt(agent, (-0.6, 0.01), 0, -1.0, (-0.5, 0.01), 0.9)
    assert value(agent, -0.6, 0.01)[0] == -0.5


def test_an_update_of_fourier_features_by_hand() -> None:
    """x = (1, 0, -1) at s = 0.5, step sizes 0.5 · (1, 1, 1/2), δ = 1: weights 0.5, 0 and -0.25."""
    where = ("env=rlrun/Observation-v0", "env.bins=[[-1,1,1]]", "tuned=none", "agent.order=2")
    agent = linear("agent=q_learning", "agent.features=fourier", "agent.lr=0.5", *where)
    learnt(agent, (0.0,), 0, 1.0, (0.0,), 0.0)
    assert agent._values.weights[0, 0] == pytest.approx([0.5, 0.0, -0.25], abs=1e-12)
    assert value(agent, 0.0)[0] == pytest.approx(0.75)
    assert value(agent, 1.0)[0] == pytest.approx(0.25)  # x = (1, -1, 1)


def test_a_list_of_tiles_has_a_number_for_each_observed_number() -> None:
    """With one tiling and one tile, the speed makes no difference."""
    words = ("agent.features=tiles", "agent.tilings=1", "agent.tiles=[6,1]", "agent.lr=0.5")
    agent = linear("agent=q_learning", *words, *CAR)
    learnt(agent, (-0.5, 0.01), 2, -1.0, (0.3, 0.01), 0.9)
    assert agent._values.features.count == 6
    assert value(agent, -0.5, -0.06) == [0.0, 0.0, -0.5]
    assert value(agent, -0.2, 0.01) == [0.0, 0.0, 0.0]


def test_an_initial_value_is_that_of_every_observation() -> None:
    for features in ("tiles", "fourier", "polynomial"):
        agent = linear("agent=sarsa", f"agent.features={features}", "agent.initial_value=-3", *CAR)
        assert value(agent, -0.3, 0.02) == pytest.approx([-3.0] * 3)


@pytest.mark.parametrize("name", ["q_learning", "sarsa", "expected_sarsa"])
@pytest.mark.parametrize("trace_decay", [0.0, 0.8])
def test_one_tiling_is_a_table_with_bins(name: str, trace_decay: float) -> None:
    words = (f"agent={name}", *POLE, *LOW_EPSILON, "seeds=3", f"agent.trace_decay={trace_decay}")
    same = ("env.bins=[[-1,1,3],[-2,2,3],[-0.2,0.2,3],[-2,2,3]]", "agent.traces=dutch")
    table, others = agent_and_envs(*words, *same)
    tiles, envs = agent_and_envs(
        *words, *same, "agent.features=tiles", "agent.tilings=1", "agent.tiles=3"
    )
    assert isinstance(tiles, LinearTD)
    assert differences(drive(table, others, 400), drive(tiles, envs, 400)) == []
    q = cast("Any", table).values
    assert np.array_equal(q.transpose(0, 2, 1), tiles._values.weights)
    assert q.any()


def expected(q: Array) -> float:
    """The value of an epsilon-greedy policy that breaks ties at random."""
    best = q == q.max()
    return float((EPSILON / len(q) + (1 - EPSILON) * best / best.sum()) @ q)


@pytest.mark.parametrize(
    "features", [SMALL_TILES, ("agent.features=fourier", "agent.order=1"), ("polynomial",)]
)
def test_dutch_traces_are_the_online_lambda_return_algorithm(features: tuple[str, ...]) -> None:
    """The theorem of true online TD(λ), with a step size for each feature."""
    if features == ("polynomial",):
        features = ("agent.features=polynomial", "agent.order=1")
    words = (f"agent.lr={LR}", "agent.trace_decay=0.8", "agent.traces=dutch", "env.num_envs=1")
    agent, walks = lived("sarsa", *features, *words, *LOW_EPSILON, where=POLE)
    values = cast("LinearTD", agent)._values

    def q(weights: Array, obs: Any) -> Array:
        number, x = values.features(np.array(obs, np.float32))
        return np.asarray((weights.reshape(2, -1)[:, number] * x).sum(-1))

    def next_value(ahead: tuple[Any, int | None], weights: Array) -> float:
        obs, action = ahead
        found = q(weights, obs)
        return expected(found) if action is None else float(found[action])

    def twin(walk: Walk) -> Array:
        size, episode = values.features.count, []
        weights = np.zeros(2 * size)
        steps: list[Any] = [each[0] for each in walk]
        for (s, a, r, d, n, last), (ns, na, *_) in pairwise(steps):
            x, step_size = np.zeros((2, size)), np.zeros((2, size))
            number, active = values.features(np.array(s, np.float32))
            x[a, number] = active
            step_size[a] = LR * values.features.rate
            ahead = (n, None) if last else (ns, na)  # no action is taken after the last one
            bootstrap = partial(next_value, ahead)
            episode.append(Visit(x.ravel(), step_size.ravel(), r, d, bootstrap))
            if last:
                weights, episode = online_lambda_return(weights, episode, 0.8), []
        return online_lambda_return(weights, episode, 0.8).reshape(2, -1)

    for k, walk in enumerate(walks):
        assert values.weights[k] == pytest.approx(twin(walk), abs=1e-9)
    assert np.abs(values.weights).max() > 0.1


@pytest.mark.parametrize("traces", ["replacing", "accumulating"])
def test_traces_of_tiles(traces: str) -> None:
    """Each step moves all weights in proportion to their traces; the other environment's too."""
    words = (*SMALL_TILES, f"agent.lr={LR}", "agent.trace_decay=0.7", f"agent.traces={traces}")
    agent, walks = lived("expected_sarsa", *words, *LOW_EPSILON, where=POLE)
    values = cast("LinearTD", agent)._values
    for k, walk in enumerate(walks):
        weights, trace = np.zeros((2, values.features.count)), np.zeros((2, 2, 324))
        steps: list[Any] = walk
        for each in steps:
            ends = []
            for *_, n, _ in each:
                number, _ = values.features(np.array(n, np.float32))
                ends.append(expected(weights[:, number].sum(-1)))
            for e, (s, a, r, d, _, last) in enumerate(each):
                number, _ = values.features(np.array(s, np.float32))
                error = r + d * ends[e] - weights[a, number].sum()
                trace[e, a, number] = 1.0 + (traces == "accumulating") * trace[e, a, number]
                weights += LR / 4 * error * trace[e]
                trace[e] *= 0.0 if last else 0.7 * d
        assert values.weights[k] == pytest.approx(weights, abs=1e-12)


def test_an_exploring_action_cuts_the_traces_of_q_learning() -> None:
    agent = linear(
        "agent=q_learning", "agent.features=tiles", "agent.trace_decay=0.9", "agent.lr=0.5", *CAR
    )
    learnt(agent, (-0.5, 0.0), 1, -1.0, (-0.4, 0.0), 0.9)
    assert agent._traces.values[0, 0].max() == pytest.approx(0.9 * 0.9 / 8)
    learnt(agent, (-0.5, 0.0), 1, -1.0, (-0.4, 0.0), 0.9)  # its value is -0.5 now, the others' 0
    assert np.count_nonzero(agent._traces.values) == 8
    learnt(agent, (-0.4, 0.0), 0, -1.0, (-0.3, 0.0), 0.9)
    assert np.count_nonzero(agent._traces.values) == 16


def test_a_truncated_episode_bootstraps_and_a_terminated_one_does_not() -> None:
    words = ("env.bins=[[-1.5,1.5,3]]", "tuned=none", "gamma=0.9", "agent.lr=0.3", "seeds=3")
    for probe, right in (("Endless", 10.0), ("Constant", 1.0)):
        for more in (("agent=sarsa",), ("agent=q_learning", "agent.trace_decay=0.8")):
            how = (*more, *SMALL_TILES, "agent.traces=dutch", f"env=rlrun/{probe}-v0")
            agent, envs = agent_and_envs(*how, *words)
            for step, _, _ in interact(agent, envs):
                if step >= 600:
                    break
            found = cast("LinearTD", agent)._values
            assert found(found.active(envs.obs)).max(-1) == pytest.approx(right, rel=0.02)


def test_values_that_diverge_fail_their_seed_and_stay_finite() -> None:
    """Of 36 features, Σ α_i x_i² is above 2: each update increases the error."""
    words = ("agent.features=fourier", "agent.order=5", "agent.lr=1", "seeds=2")
    agent, envs = agent_and_envs("agent=sarsa", *words, *CAR)
    for step, _, _ in interact(agent, envs):
        if step == 400:
            break
    assert isinstance(agent, LinearTD)
    assert agent.faults.keys() == {0, 1}
    assert "diverged" in agent.faults[0]
    assert "smaller agent.lr" in agent.faults[0]
    assert np.isfinite(agent._values.weights).all()


@pytest.mark.parametrize("trace_decay", [0.0, 0.9])
def test_a_frozen_seed_keeps_its_weights_and_changes_no_other(trace_decay: float) -> None:
    words = ("agent=sarsa", *SMALL_TILES, *POLE, f"agent.trace_decay={trace_decay}")
    stack, envs = agent_and_envs(*words, "seed=5", "seeds=3")
    assert isinstance(stack, LinearTD)
    drive(stack, envs, 50)
    stack.freeze(1)
    before = stack._values.weights[1].copy()
    drive(stack, envs, 100)
    assert before.any()
    assert before.tobytes() == stack._values.weights[1].tobytes()
    alone, own = agent_and_envs(*words, "seed=7", "seeds=1")
    drive(alone, own, 50)
    drive(alone, own, 100)
    assert differences(row(host(stack.state_dict()), 2), host(alone.state_dict())) == []
