"""Training and evaluation loops: the only two places that step an environment for an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from rlrun.core.types import Agent, Array, CanAct, Envs, Metrics, Step
from rlrun.value_bias import Value, ValueBias


def interact(agent: Agent, envs: Envs, step: int = 0) -> Iterator[tuple[int, Step, Metrics]]:
    """Act, step and learn endlessly; yield the steps per seed so far, the step and its metrics."""
    while True:
        t = envs.step(agent.act(envs.obs, step))
        step += envs.per_seed
        yield step, t, agent.learn(t, step)


class Played(NamedTuple):
    """The results of an evaluation; each array is ``[seed, episode]``."""

    returns: Array
    lengths: Array
    values: Array | None = None
    """The agent's estimate of the discounted return at the episode's start, if requested."""
    discounted: Array | None = None
    """The discounted return to compare it with: see ``ValueBias``."""


def evaluate(
    agent: CanAct,
    envs: Envs,
    step: int,
    episodes: int,
    check: Callable[[], None] = lambda: None,
    value: Value | None = None,
) -> Played:
    """Play ``episodes`` whole greedy episodes per seed.

    Each environment plays the same number of them: the first episodes to finish would be biased
    towards short ones. Every call plays the same episodes, and the agent is not changed. ``step``
    is the step at which the agent acts. ``check`` is called at every step; an exception it raises
    is not caught. With the agent's ``value`` its estimates are compared with its returns.

    Raises ValueError if ``episodes`` is not a multiple of the environments per seed.
    """
    rounds, rest = divmod(episodes, envs.per_seed)
    if rest:
        raise ValueError(
            f"{episodes} episodes cannot be divided evenly among {envs.per_seed} environments"
        )
    envs.restart()
    shape = (len(envs.obs), envs.per_seed)
    played = np.zeros(shape, np.int64)
    returns, lengths = np.zeros((*shape, rounds)), np.zeros((*shape, rounds), np.int64)
    bias = None if value is None else ValueBias(value, envs.obs, rounds)
    while (played < rounds).any():
        # environments that have played their share continue, so that the batch keeps its shape
        check()
        t = envs.step(agent.act(envs.obs, step, explore=False))
        step += 1
        if bias is not None:
            bias.add(t, envs.obs, played)
        counted = t.last & (played < rounds)
        if counted.any():
            returns[counted, played[counted]] = t.score[counted]
            lengths[counted, played[counted]] = t.length[counted]
            played[counted] += 1
    arrays = [returns, lengths]
    if bias is not None:
        arrays += [bias.values, bias.discounted]
    return Played(*(each.reshape(shape[0], episodes) for each in arrays))
