"""Cloning and DAgger learn a rule from few episodes, to thresholds, on several seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlrun.core.rng import Purpose
from rlrun.core.types import Array
from rlrun.loop import evaluate, interact
from tests.support.common import agent_of, parts_and_env

pytestmark = pytest.mark.train

CARTPOLE = ("env=CartPole-v1", "demos.expert=cartpole_pd", "seed=20", "seeds=5")


def returns_of(agent: Any, parts: Any, env: Any) -> Array:
    """The mean returns ``[seed]`` of 10 greedy episodes that nobody learnt from."""
    envs = env.open(parts.seed_numbers, 10, purpose=Purpose.FINAL_EPISODES)
    means: Array = evaluate(agent, envs, 0, 10).returns.mean(-1)
    return means


def cloned(*words: str) -> Array:
    parts, env = parts_and_env("agent=behaviour_cloning", *CARTPOLE, *words)
    agent: Any = agent_of(parts, env)
    for step in range(1, 1501):
        agent.imitate(step)
    return returns_of(agent, parts, env)


def asked(steps: int, *words: str) -> Array:
    parts, env = parts_and_env("agent=dagger", *CARTPOLE, *words)
    agent = agent_of(parts, env)
    for step, _, _ in interact(agent, env.open(parts.seed_numbers, 1)):
        if step == steps:
            break
    return returns_of(agent, parts, env)


def test_a_clone_of_ten_whole_episodes_balances_as_its_expert() -> None:
    assert (cloned("demos.episodes=10") > 450).all()


def test_dagger_repairs_what_a_clone_of_few_pairs_does_wrong() -> None:
    """From 25 pairs a clone leaves the states of its expert; labels of its own states help."""
    few = "demos.episodes=1", "demos.every=20"
    alone = cloned(*few)
    repaired = asked(1000, *few, "agent.n_steps=250", "agent.updates=300")
    assert np.mean(repaired) > np.mean(alone) and np.mean(repaired) > 400
