"""Environments that are tables: reading their model, and checking which can be stepped as one.

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
    "rlrun/MarkovChain-v0",
    "rlrun/GridWorld-v0",
    "rlrun/DeepSea-v0",
    "rlrun/FrozenLake-v0",
)
"""Ids of environments that have a model, for messages; others with a ``P`` have one too."""

FOREVER = 2**62

# The P of these classes describes them completely: arrays can replace their steps.
_DRAWN = (TableEnv, FrozenLakeEnv, CliffWalkingEnv, TaxiEnv)
_NEUTRAL = (wrappers.OrderEnforcing, wrappers.PassiveEnvChecker, wrappers.TimeLimit)


def read_model(env: gym.Env[Any, Any], gamma: float) -> Model | None:
    """Return the environment's table with ``gamma`` in it; None without a complete one.

    There is none if a wrapper could change what the environment does.
    """
    bare, obs, action = unwrapped(env), env.observation_space, env.action_space
    table, start = getattr(bare, "P", None), getattr(bare, "initial_state_distrib", None)
    if not isinstance(obs, spaces.Discrete) or not isinstance(action, spaces.Discrete):
        return None
    if not isinstance(table, Mapping) or start is None or obs.start or action.start:
        return None
    if getattr(bare, "fickle_passenger", False):  # Taxi: P does not say that a rider may change
        return None
    states, actions = int(obs.n), int(action.n)
    try:
        padded = _padded(table, states, actions)
        begin = np.array(start, np.float64).reshape(states)
    except (TypeError, ValueError, KeyError, IndexError):
        return None  # another kind of P
    probability, next_state, reward, ends = np.moveaxis(padded, -1, 0)
    total = probability.sum(-1)
    valid = (next_state >= 0) & (next_state < states)
    if not np.isclose(total, total > 0).all() or not valid.all():
        return None
    return Model(
        probability=probability.copy(),
        next_state=next_state.astype(np.int64),
        reward=reward.copy(),
        discount=gamma * (1.0 - ends),
        alive=1.0 - ends,
        start=begin,
        possible=total > 0,
        grid=_grid(bare, states),
    )


def _padded(table: Any, states: int, actions: int) -> Array:
    """Return ``P`` as ``[state, action, outcome, 4]``, padded with outcomes of probability 0.

    A state in which no action has an outcome is terminal: every action stays there and terminates.
    """
    rows = [[list(table[s][a]) for a in range(actions)] for s in range(states)]
    for s, row in enumerate(rows):
        if not any(row):
            rows[s] = [[(1.0, s, 0.0, True)]] * actions
    width = max(len(outcomes) for row in rows for outcomes in row)
    padded = np.zeros((states, actions, width, 4))
    for s, row in enumerate(rows):
        for a, outcomes in enumerate(row):
            for k, (chance, next_state, reward, ends) in enumerate(outcomes):
                padded[s, a, k] = chance, next_state, reward, ends
    return padded


def unwrapped(env: gym.Env[Any, Any]) -> gym.Env[Any, Any] | None:
    """Return the environment inside its wrappers; None if one of them may change what it does."""
    while isinstance(env, gym.Wrapper):
        if type(env) not in _NEUTRAL:
            return None
        env = env.env
    return env


def step_limit(env: gym.Env[Any, Any]) -> int | None:
    """Return the time limit of an environment that can be stepped as a table, else None.

    It can if its class takes every step from ``P``, and only Gymnasium's own neutral wrappers
    enclose it. Without a time limit the number is one that no run reaches.
    """
    limit, inner = FOREVER, env
    while isinstance(inner, gym.Wrapper):
        if isinstance(inner, wrappers.TimeLimit):
            limit = min(limit, inner._max_episode_steps)
        inner = inner.env
    bare = unwrapped(env)
    if bare is None:
        return None
    kind = next((kind for kind in _DRAWN if isinstance(bare, kind)), None)
    if kind is None or type(bare).step is not kind.step or type(bare).reset is not kind.reset:
        return None
    return limit


def table_masks(env: gym.Env[Any, Any]) -> Array | None:
    """Return the masks of legal actions ``[state, action]`` of an environment that is a table.

    None if they are not known, or if they can depend on more than the state.
    """
    if step_limit(env) is None:
        return None
    bare = env.unwrapped
    if isinstance(bare, TaxiEnv):
        return np.array([bare.action_mask(state) for state in range(len(bare.P))], np.bool_)
    if isinstance(bare, TableEnv):
        outcomes = [list(bare.P[state].values()) for state in range(len(bare.P))]
        legal: Array = np.array([[bool(each) for each in row] for row in outcomes])
        return legal | ~legal.any(-1, keepdims=True)  # in terminal states nothing is ever chosen
    return None


def _grid(bare: Any, states: int) -> tuple[int, int] | None:
    """Return rows and columns, from the attributes ``nrow`` and ``ncol`` (FrozenLake) or ``shape``
    (CliffWalking); None if the states are not the cells of a grid.
    """
    shape: Array = np.array(getattr(bare, "shape", ()) or (0, 0))
    rows, columns = getattr(bare, "nrow", shape[0]), getattr(bare, "ncol", shape[-1])
    return (int(rows), int(columns)) if math.prod((rows, columns)) == states else None
