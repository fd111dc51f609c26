"""Compiled code for tables gives the numbers of the plain loop, and either resumes the other."""

from __future__ import annotations

import builtins
import random
from typing import Any

import numpy as np
import pytest

from rlrun.core.abilities import CanFreeze
from rlrun.core.types import Agent, Envs
from rlrun.training.experience import COMPILED_FROM, Interaction
from rlrun.training.metrics_window import MetricsWindow
from tests.support.common import agent_and_envs, differences
from tests.support.rows import drawn, opened

pytest.importorskip("numba")
LAKE, TAXI, CLIFF = "env=FrozenLake-v1", "env=Taxi-v4", "env=CliffWalking-v1"
WORDS = [
    (LAKE, "agent=q_learning"),
    (LAKE, "agent=q_learning", "seeds=1", "agent.initial_value=0.3", "explore.end=0"),
    (LAKE, "agent=q_learning", "agent.lr_decay=0.3", "explore=exponential", "explore.decay=300"),
    (LAKE, "agent=q_learning", "agent.lr_decay=1e-3", "agent.lr_clock=steps", "env.num_envs=3"),
    (LAKE, "agent=sarsa", "env.num_envs=2", "env.max_episode_steps=7"),
    (LAKE, "agent=sarsa", "agent.lr_decay=0.1", "seeds=1"),
    (LAKE, "agent=expected_sarsa", "env.num_envs=9", "env.reward_scale=0.3"),
    (TAXI, "agent=q_learning", "env.reward_clip=1"),
    (TAXI, "agent=sarsa", "env.num_envs=2"),
    (TAXI, "agent=expected_sarsa"),
    (TAXI, "agent=expected_sarsa", "env.action_mask=off"),
    (CLIFF, "agent=q_learning", "env.max_episode_steps=50"),
    (CLIFF, "agent=sarsa", "explore=uniform"),
]
OTHERS = [
    (LAKE, "agent=q_learning", "explore=softmax"),
    (LAKE, "agent=q_learning", "explore=bonus"),
    (LAKE, "agent=q_learning", "explore.clock=episodes", "explore.over=100"),
    (LAKE, "agent=q_learning", "agent.n_step=2"),
    (LAKE, "agent=sarsa", "agent.trace_decay=0.5"),
    (LAKE, "agent=q_learning", "curiosity=count"),
    (LAKE, "agent=q_learning", "agent.initial_value=1e200"),
    (LAKE, "agent=double_q_learning"),
    ("env=CartPole-v1", "agent=q_learning", "env.bins=[[-1,1,2],[-1,1,2],[-1,1,2],[-1,1,2]]"),
]
STEPS = 5000  # more than a block of random numbers has


class Trained:
    """An agent, its environments and the metrics of its steps."""

    def __init__(self, agent: Agent, envs: Envs, *, compiled: bool) -> None:
        self.agent, self.envs, self.step = agent, envs, 0
        self.window = MetricsWindow(len(envs.obs))
        self.experience = Interaction(agent, envs, 10**9 if compiled else 0)
        assert self.experience.compiled is compiled

    def to(self, step: int, blocks: random.Random) -> None:
        """Train up to a step, in blocks of random lengths."""

        def until(now: int) -> int:
            return min(step, now + blocks.choice([1, 2, 30, 1000, 10**6]))

        for now, t, metrics in self.experience.learn(self.step, until):
            self.window.add(t, metrics)
            self.step = now
            if now >= step:
                return

    def state(self) -> dict[str, Any]:
        agent, experience = self.agent.state_dict(), self.experience.state_dict()
        return {"agent": agent, "experience": experience, "window": self.window.state_dict()}

    def load(self, other: Trained) -> None:
        self.agent.load_state_dict(other.agent.state_dict())
        assert self.experience.load_state_dict(other.experience.state_dict()) == []
        self.window.load_state_dict(other.window.state_dict())
        self.step = other.step


def trained(*words: str, compiled: bool) -> Trained:
    line = ("seeds=3", f"total_steps={STEPS}", "tuned=none", *words)
    return Trained(*agent_and_envs(*line), compiled=compiled)


def check(plain: Trained, compiled: Trained) -> None:
    """Both are in the same state, and log the same."""
    assert plain.step == compiled.step
    assert differences(plain.state(), compiled.state()) == []
    one, other = plain.window.row(), compiled.window.row()
    assert list(one) == list(other)
    assert differences(one, other) == []


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_compiled_code_gives_the_numbers_of_the_plain_loop(words: tuple[str, ...]) -> None:
    both = [trained(*words, compiled=each) for each in (False, True)]
    blocks = random.Random(" ".join(words))
    for part in (1, 999, 2345, STEPS):
        for each in both:
            each.to(part, blocks)
        check(*both)


@pytest.mark.parametrize("words", WORDS[3:9], ids=" ".join)
@pytest.mark.parametrize("first", [False, True])
def test_either_resumes_the_other(words: tuple[str, ...], first: bool) -> None:
    """At a step that is not special, with metrics that are not logged yet."""
    blocks = random.Random(0)
    whole, begun, resumed = (trained(*words, compiled=each) for each in (False, first, not first))
    whole.to(STEPS, blocks)
    begun.to(1234, blocks)
    resumed.load(begun)
    resumed.to(STEPS, blocks)
    check(whole, resumed)


@pytest.mark.parametrize("agent", ["q_learning", "sarsa", "expected_sarsa"])
def test_rows_with_their_own_numbers_in_compiled_code(agent: str) -> None:
    """Each has another gamma, scale of rewards, step size, decay and line of epsilon."""
    words = (f"agent={agent}", LAKE, "env.num_envs=2", "total_steps=3000", "tuned=none")
    lines = drawn(words, [3, 1, 3], random.Random(agent))
    both = [Trained(*opened(lines), compiled=each) for each in (False, True)]
    for each in both:
        each.to(3000, random.Random(1))
    check(*both)


def test_a_frozen_seed_keeps_its_table_and_has_no_metrics() -> None:
    both = [trained(LAKE, "agent=q_learning", "env.num_envs=2", compiled=c) for c in (False, True)]
    blocks = random.Random(0)
    for each in both:
        each.to(700, blocks)
        assert isinstance(each.agent, CanFreeze)
        each.agent.freeze(1)
        each.window.end([1])
        table = each.agent.state_dict()["policy"]["q"].copy()
        each.to(STEPS, blocks)
        now = each.agent.state_dict()["policy"]["q"]
        assert [bool((now[k] == table[k]).all()) for k in range(3)] == [False, True, False]
    check(*both)


@pytest.mark.parametrize("words", OTHERS, ids=" ".join)
def test_the_plain_loop_is_used_for_what_compiled_code_does_not_have(
    words: tuple[str, ...],
) -> None:
    experience = Interaction(*agent_and_envs("tuned=none", *words), 10**9)
    assert not experience.compiled
    assert experience.note == ""


@pytest.mark.parametrize("env", [LAKE, TAXI, CLIFF])
@pytest.mark.parametrize("agent", ["q_learning", "sarsa", "expected_sarsa"])
def test_compiled_code_is_used_in_long_runs_with_the_settings_as_they_are(
    env: str, agent: str
) -> None:
    parts = agent_and_envs(env, f"agent={agent}")
    assert Interaction(*parts, COMPILED_FROM).compiled
    assert not Interaction(*parts, COMPILED_FROM - 1).compiled


def test_without_numba_the_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *more: Any) -> Any:
        if name == "rlrun.training.table_loop":
            raise ImportError("No module named 'numba'")
        return real(name, *more)

    parts = agent_and_envs(LAKE, "agent=q_learning")
    monkeypatch.setattr(builtins, "__import__", missing)
    experience = Interaction(*parts, 10**9)
    assert not experience.compiled
    assert "rlrun[fast]" in experience.note


def test_compiled_code_draws_from_the_streams_of_seeds_alone() -> None:
    before = np.random.get_state(legacy=False)["state"]["key"].tobytes()
    trained(LAKE, "agent=q_learning", compiled=True).to(3000, random.Random(0))
    assert np.random.get_state(legacy=False)["state"]["key"].tobytes() == before


def test_a_block_is_short_enough_for_signals() -> None:
    """A tenth of a second at most: many seeds have few steps each."""
    many = trained(LAKE, "agent=q_learning", "seeds=1500", compiled=True)
    step, _, _ = next(iter(many.experience.learn(0, lambda now: 10**6)))
    assert step == 10**6 // 1500
