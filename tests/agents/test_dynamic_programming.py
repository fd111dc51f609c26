"""Planning reproduces the textbooks' numbers, and its three ways agree."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from rlrun.core.abilities import Tabular
from rlrun.core.types import Array
from rlrun.loop import interact
from tests.support.common import agent_and_envs, host

pytestmark = pytest.mark.slow

METHODS = ("value_iteration", "q_value_iteration", "policy_iteration")
NO = -np.inf
methods = pytest.mark.parametrize("method", METHODS)


def plan(method: str, env: str, *words: str, steps: int = 1000) -> tuple[Tabular, list[Any]]:
    """The planner after so many steps, and what it told at each."""
    how = (f"agent={method}", f"env={env}", "seeds=2", "tuned=none")
    agent, envs = agent_and_envs(*how, *words)
    told = []
    for step, _, metrics in interact(agent, envs):
        told.append(host(metrics))
        if step == steps:
            break
    return cast("Tabular", agent), told


def q_of(method: str, env: str, *words: str) -> Array:
    values = plan(method, env, *words)[0].values
    assert np.array_equal(values[0], values[1])
    first: Array = values[0]
    return first


@methods
def test_the_three_states_at_090(method: str) -> None:
    q = q_of(method, "rlrun/ThreeStates-v0", "gamma=0.9")
    assert q[0] == pytest.approx([18.92, 17.03, 13.62], abs=0.005)
    assert q[1] == pytest.approx([0.0, NO, -4.88], abs=0.005)
    assert q[2] == pytest.approx([NO, 50.13, NO], abs=0.005)
    assert q.argmax(-1).tolist() == [0, 0, 1]


@methods
def test_the_three_states_at_095(method: str) -> None:
    """Through the fire."""
    q = q_of(method, "rlrun/ThreeStates-v0", "gamma=0.95")
    assert q[1] == pytest.approx([1.121, NO, 1.180], abs=0.0005)
    assert q.argmax(-1).tolist() == [0, 2, 1]


def test_q_value_iteration_settles_soon() -> None:
    """The best actions stay the same from the 20th sweep on (texts: under 20 to 50 sweeps)."""
    how = ("q_value_iteration", "rlrun/ThreeStates-v0", "gamma=0.9")
    best = [plan(*how, steps=n)[0].values[0].argmax(-1).tolist() for n in (20, 50, 1000)]
    assert best[0] == best[1] == best[2]


@methods
def test_the_start_of_the_frozen_lake(method: str) -> None:
    assert q_of(method, "FrozenLake-v1", "gamma=0.99")[0].max() == pytest.approx(0.5420, abs=5e-5)


@pytest.mark.parametrize(
    "env",
    [
        "FrozenLake-v1",
        "FrozenLake8x8-v1",
        "Taxi-v4",
        "CliffWalkingSlippery-v1",
        "rlrun/MarsRover-v0",
        "rlrun/StochasticMarsRover-v0",
        "rlrun/ThreeStates-v0",
        "rlrun/MarkovChain-v0",
        "rlrun/GridWorld-v0",
    ],
)
def test_all_methods_agree(env: str) -> None:
    """To 1e-8, as their values and as what their policies are worth."""
    found = [q_of(method, env, "gamma=0.97", "agent.tolerance=1e-11") for method in METHODS]
    for q in found[1:]:
        assert q.max(-1) == pytest.approx(found[0].max(-1), abs=1e-8)


@pytest.mark.parametrize("sweeps", [1, 5])
def test_policies_are_evaluated_before_the_plan_is_made(sweeps: int) -> None:
    words = ("gamma=0.95", f"agent.evaluation_sweeps={sweeps}")
    few = q_of("policy_iteration", "rlrun/ThreeStates-v0", *words)
    assert few == pytest.approx(q_of("value_iteration", "rlrun/ThreeStates-v0", "gamma=0.95"))


@methods
def test_without_a_discount_the_cliff_is_thirteen_steps_long(method: str) -> None:
    """Also policy iteration, whose first policy never ends and has no value."""
    q = q_of(method, "CliffWalking-v1", "gamma=1")
    assert q[36].max() == -13.0


@methods
def test_a_finished_plan_stays_as_it_is(method: str) -> None:
    agent, told = plan(method, "FrozenLake-v1")
    done = [bool(metrics) for metrics in told].index(False)
    assert all(metrics == {} for metrics in told[done:])
    assert told[done - 1]["train/change"].max() <= 1e-10
    again, _ = plan(method, "FrozenLake-v1", steps=done)
    assert np.array_equal(agent.values, again.values)


def test_a_sweep_at_each_step_and_few_policies() -> None:
    _, sweeps = plan("value_iteration", "FrozenLake-v1", steps=5)
    assert [int(metrics["train/sweeps"][0]) for metrics in sweeps] == [1, 2, 3, 4, 5]
    _, policies = plan("policy_iteration", "FrozenLake-v1", steps=20)
    assert sum(bool(metrics) for metrics in policies) < 10
