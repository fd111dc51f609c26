"""The two places that step an environment for an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from rlrun.core.types import Agent, Array, CanAct, Envs, Metrics, Step
from rlrun.value_bias import Value, ValueBias


def interact(agent: Agent, envs: Envs, step: int = 0) -> Iterator[tuple[int, Step, Metrics]]:
    """Act, step, learn, for ever: yields the environment steps per seed, the step, the metrics."""
    while True:
        t = envs.step(agent.act(envs.obs, step))
        step += envs.per_seed
        yield step, t, agent.learn(t, step)


class Played(NamedTuple):
    """The episodes of an evaluation, ``[seed, episode]`` each."""

    returns: Array
    lengths: Array
    values: Array | None = None
    """What the agent believed at the start that its discounted return would be, if it was asked."""
    discounted: Array | None = None
    """What it was: see ``ValueBias``."""


def evaluate(
    agent: CanAct,
    envs: Envs,
    step: int,
    episodes: int,
    check: Callable[[], None] = lambda: None,
    value: Value | None = None,
) -> Played:
    """Play ``episodes`` whole greedy episodes per seed.

    Each environment plays the same number of them: the first to finish would be biased to short
    ones. They are the same episodes at every call, and the agent is not changed. ``step`` is what
    the agent is told the time is. ``check`` is called at every step: what it raises goes through.
    With the agent's ``value`` what it believes is compared with what it gets.

    Raises ValueError where ``episodes`` is not a multiple of the environments per seed.
    """
    rounds, rest = divmod(episodes, envs.per_seed)
    if rest:
        raise ValueError(f"{episodes} episodes cannot be shared by {envs.per_seed} environments")
    envs.restart()
    shape = (len(envs.obs), envs.per_seed)
    played = np.zeros(shape, np.int64)
    returns, lengths = np.zeros((*shape, rounds)), np.zeros((*shape, rounds), np.int64)
    belief = None if value is None else ValueBias(value, envs.obs, rounds)
    while (played < rounds).any():
        # environments that have played their share go on, so that the batch keeps its shape
        check()
        t = envs.step(agent.act(envs.obs, step, explore=False))
        step += 1
        if belief is not None:
            belief.add(t, envs.obs, played)
        for seed, env, ret, length in envs.finished:
            if (count := played[seed, env]) < rounds:
                returns[seed, env, count], lengths[seed, env, count] = ret, length
                played[seed, env] += 1
        envs.finished.clear()
    told = [returns, lengths]
    if belief is not None:
        told += [belief.values, belief.discounted]
    return Played(*(each.reshape(shape[0], episodes) for each in told))
