"""Environments that are tables: reading their model, and knowing which may be stepped as one.

By convention (Gymnasium's toy-text) such an environment has ``P[state][action]``, a list of
(probability, next state, reward, terminated), and ``initial_state_distrib``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces, wrappers
from gymnasium.envs.toy_text.cliffwalking import CliffWalkingEnv
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv
from gymnasium.envs.toy_text.taxi import TaxiEnv

from rlrun.core.types import Array, Model
from rlrun.envs.games.table import TableEnv

WITH_MODEL = (
    "FrozenLake-v1",
    "FrozenLake8x8-v1",
    "CliffWalking-v1",
    "CliffWalkingSlippery-v1",
    "Taxi-v4",
    "rlrun/MarsRover-v0",
    "rlrun/StochasticMarsRover-v0",
    "rlrun/ThreeStates-v0",
)
"""Ids of environments that have a model, for messages; any other one with a ``P`` counts too."""

FOREVER = 2**62

# What these classes do is what their P says, and nothing else: an array can do it for them.
_DRAWN = (TableEnv, FrozenLakeEnv, CliffWalkingEnv, TaxiEnv)
_NEUTRAL = (wrappers.OrderEnforcing, wrappers.PassiveEnvChecker, wrappers.TimeLimit)


def read_model(env: gym.Env[Any, Any], gamma: float) -> Model | None:
    """The environment's table with ``gamma`` folded in; None where it has none that is whole.

    A wrapper that could change what the table says makes it none.
    """
    bare, obs, action = _bare(env), env.observation_space, env.action_space
    table, start = getattr(bare, "P", None), getattr(bare, "initial_state_distrib", None)
    if not isinstance(obs, spaces.Discrete) or not isinstance(action, spaces.Discrete):
        return None
    if not isinstance(table, Mapping) or start is None or obs.start or action.start:
        return None
    if getattr(bare, "fickle_passenger", False):  # Taxi: P does not say that a rider may change
        return None
    states, actions = int(obs.n), int(action.n)
    try:
        filled = _filled(table, states, actions)
        begin = np.array(start, np.float64).reshape(states)
    except (TypeError, ValueError, KeyError, IndexError):
        return None  # a P of another kind
    probability, there, reward, ends = np.moveaxis(filled, -1, 0)
    total = probability.sum(-1)
    if not np.isclose(total, total > 0).all() or not ((there >= 0) & (there < states)).all():
        return None
    return Model(
        probability=probability.copy(),
        next_state=there.astype(np.int64),
        reward=reward.copy(),
        discount=gamma * (1.0 - ends),
        alive=1.0 - ends,
        start=begin,
        possible=total > 0,
        grid=_grid(bare, states),
    )


def _filled(table: Any, states: int, actions: int) -> Array:
    """``P`` as ``[state, action, outcome, 4]``, filled up with outcomes of probability 0.

    A state in which no action has an outcome is an end: whatever is done there, it stays one.
    """
    rows = [[list(table[s][a]) for a in range(actions)] for s in range(states)]
    for s, row in enumerate(rows):
        if not any(row):
            rows[s] = [[(1.0, s, 0.0, True)]] * actions
    width = max(len(outcomes) for row in rows for outcomes in row)
    filled = np.zeros((states, actions, width, 4))
    for s, row in enumerate(rows):
        for a, outcomes in enumerate(row):
            for k, (chance, there, reward, ends) in enumerate(outcomes):
                filled[s, a, k] = chance, there, reward, ends
    return filled


def _bare(env: gym.Env[Any, Any]) -> gym.Env[Any, Any] | None:
    """The environment inside its wrappers; None where one of them may change what it does."""
    while isinstance(env, gym.Wrapper):
        if type(env) not in _NEUTRAL:
            return None
        env = env.env
    return env


def step_limit(env: gym.Env[Any, Any]) -> int | None:
    """How long an episode may last if the environment may be stepped as a table, else None.

    It may where its class takes every step from ``P``, and nothing but Gymnasium's own neutral
    wrappers stands around it. Without a time limit the number is one that no run reaches.
    """
    limit, inner = FOREVER, env
    while isinstance(inner, gym.Wrapper):
        if isinstance(inner, wrappers.TimeLimit):
            limit = min(limit, inner._max_episode_steps)
        inner = inner.env
    bare = _bare(env)
    if bare is None:
        return None
    kind = next((kind for kind in _DRAWN if isinstance(bare, kind)), None)
    if kind is None or type(bare).step is not kind.step or type(bare).reset is not kind.reset:
        return None
    return limit


def _grid(bare: Any, states: int) -> tuple[int, int] | None:
    """Rows and columns, as FrozenLake (``nrow``, ``ncol``) or CliffWalking (``shape``) say them."""
    shape: Array = np.array(getattr(bare, "shape", ()) or (0, 0))
    rows, columns = getattr(bare, "nrow", shape[0]), getattr(bare, "ncol", shape[-1])
    return (int(rows), int(columns)) if math.prod((rows, columns)) == states else None
