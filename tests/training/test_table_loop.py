"""Compiled code for tables: every number is that of the plain loop, and either resumes the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rlrun.build import build_agent
from rlrun.core.abilities import CanFreeze, LearnsInBlocks
from rlrun.core.types import Agent, Envs
from rlrun.envs.table_envs import TableEnvs
from rlrun.loop import interact
from rlrun.settings import stack_rows
from rlrun.training import experience
from rlrun.training.experience import Interaction
from rlrun.training.metrics_window import MetricsWindow
from tests.support.common import agent_and_envs, differences, parts_and_env

pytest.importorskip("numba")
LAKE, TAXI, CLIFF = "env=FrozenLake-v1", "env=Taxi-v4", "env=CliffWalking-v1"
RANDOM_START = "env=rlrun/RandomWalk-v0"
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
    (TAXI, "agent=expected_sarsa", "env.action_mask=off"),
    (TAXI, "agent=expected_sarsa"),
    (CLIFF, "agent=q_learning", "env.max_episode_steps=50"),
    (CLIFF, "agent=sarsa", "explore=uniform"),
]
STEPS = 5000  # more than a block of random numbers has


class Trained:
    """An agent, its environments and the metrics of its steps."""

    def __init__(self, agent: Agent, envs: Envs, *, compiled: bool) -> None:
        self.agent, self.envs, self.step = agent, envs, 0
        self.window = MetricsWindow(len(envs.obs))
        self._experience = Interaction(agent, envs, 10**9 if compiled else 0)
        assert self._experience.compiled is compiled
        self._stride = envs.per_seed

    def to(self, step: int, blocks: random.Random) -> None:
        """Train up to a step, in blocks of random lengths."""

        def until(now: int) -> int:
            return min(step, now + blocks.choice([1, 2, 30, 1000, 10**6]))

        for now, t, metrics in self._experience.learn(self.step, until):
            self.window.add(t, metrics)
            self.step = now
            if now >= step:
                break

    def state(self) -> dict[str, Any]:
        """All state but sums of metrics, of which the plain loop saves the terms."""
        window = {k: v for k, v in self.window.state_dict().items() if k != "metrics"}
        parts = {"agent": self.agent, "experience": self._experience}
        return {**{name: part.state_dict() for name, part in parts.items()}, "window": window}

    def load(self, other: Trained) -> None:
        self.agent.load_state_dict(other.agent.state_dict())
        assert self._experience.load_state_dict(other._experience.state_dict()) == []
        self.window.load_state_dict(other.window.state_dict())
        self.step = other.step


def pair(*words: str) -> tuple[Trained, Trained]:
    """The same run by the plain loop and by compiled code."""
    line = ("seeds=3", f"total_steps={STEPS}", "tuned=none", *words)
    return tuple(Trained(*agent_and_envs(*line), compiled=each) for each in (False, True))  # type: ignore[return-value]


def check(plain: Trained, compiled: Trained, *, rows: bool = True) -> None:
    assert plain.step == compiled.step
    assert differences(plain.state(), compiled.state()) == []
    if rows:
        one, other = plain.window.row(), compiled.window.row()
        assert list(one) == list(other)
        assert differences(one, other) == []


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_compiled_code_gives_the_numbers_of_the_plain_loop(words: tuple[str, ...]) -> None:
    plain, compiled = pair(*words)
    blocks = random.Random(" ".join(words))
    for part in (1, 999, 2345, STEPS):
        plain.to(part, blocks)
        compiled.to(part, blocks)
        check(plain, compiled)


@pytest.mark.parametrize("words", WORDS[3:10], ids=" ".join)
@pytest.mark.parametrize("first", [0, 1])
def test_either_resumes_the_other(words: tuple[str, ...], first: int) -> None:
    """At a step that is nothing special, with metrics that are not logged yet."""
    blocks = random.Random(first)
    whole, begun, resumed = pair(*words)[0], pair(*words)[first], pair(*words)[1 - first]
    whole.to(STEPS, blocks)
    begun.to(1234, blocks)
    resumed.load(begun)
    resumed.to(STEPS, blocks)
    check(whole, resumed)
