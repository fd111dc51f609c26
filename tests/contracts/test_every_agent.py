"""What every agent must keep, whatever it learns: one battery for all of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlrun.agents import AGENTS
from rlrun.checkpoint import store
from rlrun.core.abilities import value_of
from rlrun.core.rng import Purpose, Streams
from rlrun.loop import Actor, evaluate
from tests.support.common import agent_and_envs, differences, drive, host, row
from tests.support.every_agent import CASES, SMALL

pytestmark = pytest.mark.slow

battery = pytest.mark.parametrize(("agent", "env"), CASES)


@pytest.fixture(autouse=True)
def trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent of another package, under its name."""
    monkeypatch.setitem(AGENTS, "trace", "tests.support.trace:Trace")


@battery
def test_actions_and_metrics_have_the_seed_axis(agent: str, env: str) -> None:
    one, envs = agent_and_envs(*SMALL[agent], f"env={env}", "seeds=3", "env.num_envs=2")
    actor = Actor(one, envs)
    for _ in range(30):
        t = actor.step(0)
        agents = (len(envs.spec.agents),) if envs.spec.agents else ()
        assert t.action.shape == (3, 2, *agents, *envs.spec.action.shape)
        metrics = one.learn(t, 100)
        assert all(host(values).shape == (3,) for values in metrics.values())


@battery
def test_evaluation_changes_nothing_and_nobody_global_randomness(agent: str, env: str) -> None:
    globals_before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()
    one, envs = agent_and_envs(*SMALL[agent], f"env={env}", "seeds=2")
    drive(one, envs, 60)
    before = host([one.state_dict(), envs.state_dict()])
    _, own = agent_and_envs(*SMALL[agent], f"env={env}", "seeds=2", "env.num_envs=3")
    first, again = (evaluate(one, own, 60, 6, value=value_of(one)) for _ in range(2))
    assert differences(before, host([one.state_dict(), envs.state_dict()])) == []
    assert differences(host(first), host(again)) == []
    assert first[0].shape == first[1].shape == (2, 6)
    assert random.getstate() == globals_before[0]
    assert str(np.random.get_state()) == globals_before[1]
    assert torch.equal(torch.get_rng_state(), globals_before[2])


@battery
@pytest.mark.parametrize("at", [7, 61, 200])
def test_loaded_goes_on_as_if_nothing_had_been(
    agent: str, env: str, at: int, tmp_path: Path
) -> None:
    words = (*SMALL[agent], f"env={env}", "seeds=2", "env.num_envs=2")
    one, envs = agent_and_envs(*words)
    actor = Actor(one, envs)
    drive(one, envs, 2 * at, actor=actor)
    state = {"agent": one.state_dict(), "envs": envs.state_dict(), "memory": actor.state_dict()}
    store.save(tmp_path, state)
    expected = drive(one, envs, 150, 2 * at, actor)
    other, others = agent_and_envs(*words)
    actor = Actor(other, others)
    saved = store.load(tmp_path)
    other.load_state_dict(saved["agent"])
    others.load_state_dict(saved["envs"])
    actor.load_state_dict(saved["memory"])
    assert differences(expected, drive(other, others, 150, 2 * at, actor)) == []
    assert differences(host(one.state_dict()), host(other.state_dict())) == []


@battery
@pytest.mark.parametrize("envs_per_seed", [1, 3])
def test_a_seed_in_a_stack_is_the_seed_alone(agent: str, env: str, envs_per_seed: int) -> None:
    words = (*SMALL[agent], f"env={env}", f"env.num_envs={envs_per_seed}")
    stack, envs = agent_and_envs(*words, "seed=5", "seeds=3")
    together = drive(stack, envs, 240)
    for k in range(3):
        alone, own = agent_and_envs(*words, f"seed={5 + k}", "seeds=1")
        apart = drive(alone, own, 240)
        for a, b in zip(together, apart, strict=True):
            assert differences([row(each, k) for each in a], b) == []
        assert differences(row(host(stack.state_dict()), k), host(alone.state_dict())) == []


@battery
def test_what_is_kept_can_be_cut(agent: str, env: str) -> None:
    """Where an environment does not come back the next step does not follow the last one."""
    one, envs = agent_and_envs(*SMALL[agent], f"env={env}", "seeds=2", "env.num_envs=2")
    drive(one, envs, 26)  # 13 steps of each: more than a rollout
    state = one.state_dict()
    kept = {"replay", "rollout", "episodes", "waiting", "steps", "trials", "expeditions"}
    if not kept & state.keys():
        assert not hasattr(one, "cut")
        return
    one.cut()  # type: ignore[attr-defined]
    state = one.state_dict()
    if "replay" in state:
        assert state["replay"]["tail"]["last"][..., -1, :].all()
    if "noise" in state and "x" in state["noise"]:
        assert not state["noise"]["x"].any()
    if "rollout" in state:
        assert state["rollout"]["count"] > 0
        assert state["rollout"]["last"][..., -1, :].all()
    if state.get("rewards"):
        assert not state["rewards"]["sum"].any()
    if "episodes" in state:
        rewards = [e["reward"] for seed in state["episodes"]["under_way"] for e in seed.values()]
        assert [len(each) for each in rewards] == [0] * 4
    if "waiting" in state:
        assert not state["waiting"]["waits"].any()
        assert not state["trace"].any()
    if "trials" in state:
        assert (state["trials"]["trial"] == -1).all()
        assert not state["trials"]["return"].any()
    if "expeditions" in state:
        assert not any(each["walks"]["known"].any() for each in state["expeditions"])
    if "steps" in state:
        assert [len(each) for seed in state["steps"] for each in seed.values()] == [0] * 4


@pytest.mark.parametrize("purpose", [Purpose.EXPLORE, Purpose.REPLAY])
def test_the_contract_notices_a_shared_generator(
    purpose: Purpose, monkeypatch: pytest.MonkeyPatch
) -> None:
    refill = Streams._refill
    purposes: dict[int, Purpose] = {}

    def shared(self: Streams, width: int) -> None:
        bits = self._bits
        if purposes[id(self)] is purpose:
            self._bits = [bits[0]] * len(bits)
        refill(self, width)

    def remember(self: Streams, seeds: Any, given: Purpose) -> None:
        purposes[id(self)] = given
        init(self, seeds, given)

    init = Streams.__init__
    monkeypatch.setattr(Streams, "__init__", remember)
    monkeypatch.setattr(Streams, "_refill", shared)
    with pytest.raises(AssertionError):
        test_a_seed_in_a_stack_is_the_seed_alone("dqn", "CartPole-v1", 1)


@battery
def test_the_same_command_twice_is_the_same(agent: str, env: str) -> None:
    words = (*SMALL[agent], f"env={env}", "seeds=2")
    first, second = (drive(*agent_and_envs(*words), 100) for _ in range(2))
    assert differences(first, second) == []
    other = drive(*agent_and_envs(*words, "seed=1"), 100)
    assert differences(first, other) != []
