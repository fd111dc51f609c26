"""Checks, before a run, of whether an environment can be stepped by its array version."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from rlrun.core.types import Array
from rlrun.envs.array_envs.registry import ARRAY_VERSIONS
from rlrun.envs.vector.arrays import ArrayGrid
from rlrun.envs.vector.sync import EnvFault, SyncGrid

PLAIN = (OrderEnforcing, PassiveEnvChecker, TimeLimit)
"""The wrappers that Gymnasium puts around every environment."""
ENVS, STEPS = (1, 8), 50  # of the comparisons, which take about 10 ms
RESULTS = ("observations", "rewards", "terminations", "truncations")


def unsuited(env: gym.Env[Any, Any], *, rebuild: bool, masked: bool) -> str:
    """Return why the array version would be another environment, to follow a colon; else "".

    Args:
        env: the environment as agents observe it.
        rebuild: whether a new one is created for every episode.
        masked: whether it has masks of legal actions.
    """
    spec = env.spec
    if spec is None or spec.id not in ARRAY_VERSIONS:
        return f"only {', '.join(sorted(ARRAY_VERSIONS))} have array versions"
    registered = gym.registry[spec.id]
    if registered.entry_point != ARRAY_VERSIONS[spec.id].entry_point:
        return f"the array version is that of another environment with the id {spec.id}"
    for name, value in spec.kwargs.items():  # values may be arrays
        if name not in registered.kwargs or repr(value) != repr(registered.kwargs[name]):
            return f"the array version does not know the argument {name}"
    if rebuild:
        return "env.rebuild=true creates a new environment for every episode"
    if masked:
        return "the array version has no masks of legal actions"
    while isinstance(env, gym.Wrapper):
        if not isinstance(env, PLAIN):
            return f"the array version does not have the wrapper {type(env).__name__}"
        env = env.env
    return ""


def deviation(make: Callable[[], gym.Env[Any, Any]]) -> str:
    """Return what the array version gives that the environment does not; "" without differences.

    One environment and several are stepped in both ways, with the same seeds and random actions.
    """
    for number in ENVS:
        with closing(SyncGrid([make] * number)) as separate:
            try:
                if found := _deviation(separate, ArrayGrid(make, number)):
                    return found
            except Exception as error:
                cause = error.error if isinstance(error, EnvFault) else error
                return f"an error ({type(cause).__name__}: {cause})"
    return ""


def _deviation(separate: SyncGrid, arrays: ArrayGrid) -> str:
    number = separate.num_envs
    seeds = list(range(number))
    separate.action_space.seed(0)
    if not _same(separate.reset(seed=seeds)[0], arrays.reset(seed=seeds)[0]):
        return "other first observations"
    for _ in range(STEPS):
        actions = separate.action_space.sample()
        expected, results = separate.step(actions.copy())[:4], arrays.step(actions)[:4]
        for name, one, other in zip(RESULTS, expected, results, strict=True):
            if not _same(one, other):
                return f"other {name}"
        seeds = [seed + number for seed in seeds]
        ended = {"reset_mask": expected[2] | expected[3]}
        first = [grid.reset(seed=seeds, options=ended)[0] for grid in (separate, arrays)]
        if not _same(*first):
            return "other first observations"
    return ""


def _same(expected: Array, array: Array) -> bool:
    """Return whether two arrays have the same type, shape and bits."""
    kinds = (expected.dtype, expected.shape), (array.dtype, array.shape)
    return kinds[0] == kinds[1] and expected.tobytes() == array.tobytes()
