"""The environments with a known model, and their exact values."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import rlrun.envs.games  # noqa: F401 - registers them
from rlrun.core.types import Array
from rlrun.envs.games.table import TableEnv, Transitions
from rlrun.loop import interact
from tests.support.common import agent_and_envs

ROVER, DRIFTING, THREE = (
    f"rlrun/{name}-v0" for name in ("MarsRover", "StochasticMarsRover", "ThreeStates")
)
CHAIN, GRID = "rlrun/MarkovChain-v0", "rlrun/GridWorld-v0"
SEA, LAKE = "rlrun/DeepSea-v0", "rlrun/FrozenLake-v0"
VACUUM = "rlrun/Vacuum-v0"
games = pytest.mark.parametrize("env_id", [ROVER, DRIFTING, THREE, CHAIN, GRID, SEA])
NO = -np.inf  # the value of an impossible action


def made(env_id: str, **kwargs: Any) -> TableEnv:
    """The environment without its wrappers."""
    env = gym.make(env_id, **kwargs).unwrapped
    assert isinstance(env, TableEnv)
    return env


def matrix(model: Transitions, action: int) -> Array:
    """Transition probabilities ``[state, next state]`` of the steps that do not terminate."""
    chances = np.zeros((len(model), len(model)))
    for state in model:
        for chance, there, _, terminated in model[state][action]:
            if not terminated:
                chances[state, there] += chance
    return chances


def q_iteration(model: Transitions, gamma: float, sweeps: int = 1000) -> Array:
    """Q-values ``[state, action]``, -inf where the action is impossible."""
    q = np.array([[0.0 if model[s][a] else NO for a in model[s]] for s in model])
    for _ in range(sweeps):
        value = q.max(axis=1)
        for s, a in np.argwhere(np.isfinite(q)):
            q[s, a] = sum(p * (r + gamma * value[n] * (not end)) for p, n, r, end in model[s][a])
    return q


def planned(env: str, *words: str) -> Array:
    """The action values ``[state, action]`` after 500 sweeps of value iteration, at gamma 1."""
    how = ("agent=value_iteration", f"env={env}", "gamma=1", "seeds=1", "tuned=none")
    agent, envs = agent_and_envs(*how, *words)
    for step, _, _ in interact(agent, envs):
        if step == 500:
            break
    values: Array = agent.values[0]  # type: ignore[attr-defined]
    return values
