"""Training and evaluation loops: the only two places that step an environment for an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from rlrun.core.abilities import Recurrent, UsesMasks, masks_used, memory_of
from rlrun.core.restore import restore_into
from rlrun.core.types import Agent, Array, CanAct, Envs, Metrics, State, Step
from rlrun.value_bias import Value, ValueBias


class Actor:
    """Steps environments with the actions of an agent, and keeps its memory for it.

    Whether `act` takes a memory and a mask of legal actions is decided once, here. The memory is
    that of a `Recurrent` agent; masks are passed on if the environments have them and the agent
    uses them.
    """

    def __init__(
        self, agent: CanAct | UsesMasks | Recurrent, envs: Envs, *, explore: bool = True
    ) -> None:
        self._envs, self._explore = envs, explore
        self._masked = envs.legal is not None and masks_used(agent)
        self._agent: Any = agent
        self._memory: Any = memory_of(agent, envs.per_seed)
        self._recurrent = self._memory is not None
        self._first = np.ones((len(envs.obs), envs.per_seed), np.bool_)
        self.step = self._step if self._masked or self._recurrent else self._plain_step
        """Takes the number of the step, and returns the `Step`."""

    def _plain_step(self, step: int) -> Step:
        envs = self._envs
        return envs.step(self._agent.act(envs.obs, step, explore=self._explore))

    def _step(self, step: int) -> Step:
        envs = self._envs
        legal = {"legal": envs.legal} if self._masked else {}
        if not self._recurrent:
            return envs.step(self._agent.act(envs.obs, step, explore=self._explore, **legal))
        memory, first = self._memory, self._first
        action, following = self._agent.act(
            envs.obs, step, memory, first, explore=self._explore, **legal
        )
        if following.shape != memory.shape or following.dtype != memory.dtype:
            raise TypeError(
                f"act returned a memory {following.dtype} {list(following.shape)}, but it must be "
                f"like that of initial_memory: {memory.dtype} {list(memory.shape)}"
            )
        t = envs.step(action)
        self._memory, self._first = following, t.last
        return t._replace(memory=memory, first=first)

    def value(self, value: Callable[..., Array]) -> Value:
        """Return the agent's ``value`` as a function of observations and legal actions."""
        if self._masked:
            return lambda obs, legal: value(obs, legal=legal)
        return lambda obs, legal: value(obs)

    def state_dict(self) -> State:
        """Return the memory; {} if the agent has none."""
        return {"memory": self._memory, "first": self._first} if self._recurrent else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the memory. Raises ValueError if it is missing, or is not that of this agent."""
        if not self._recurrent:
            return
        if not state:
            raise ValueError("it was saved by an agent without a memory")
        # in new arrays, since the old ones may belong to the last step, or to the agent
        self._memory, self._first = self._memory.copy(), self._first.copy()
        restore_into(self._memory, state["memory"], "the memory")
        restore_into(self._first, state["first"], "the mask of first steps")

    def forget(self) -> None:
        """Drop all memory: observations no longer follow the last ones, as after `CanCut.cut`."""
        self._first = np.ones_like(self._first)


def interact(
    agent: Agent, envs: Envs, step: int = 0, actor: Actor | None = None
) -> Iterator[tuple[int, Step, Metrics]]:
    """Act, step and learn endlessly; yield the steps per seed so far, the step and its metrics.

    ``actor`` is that of the agent and the environments, for callers that save its memory.
    """
    act = (actor or Actor(agent, envs)).step
    while True:
        t = act(step)
        step += envs.per_seed
        yield step, t, agent.learn(t, step)


class Block(NamedTuple):
    """The episodes that ended in several steps at once; with it, metrics are ``[time, seed]``."""

    score: Array
    """``[seed, episode]``: true, undiscounted returns, in the order of time."""
    length: Array
    """``[seed, episode]``, in steps."""
    ended: Array
    """``[seed]``: how many there are; what follows them means nothing."""


class Played(NamedTuple):
    """The results of an evaluation; each array is ``[seed, episode]``."""

    returns: Array
    """The true, undiscounted returns; with several agents their sums."""
    lengths: Array
    values: Array | None = None
    """The agent's estimate of the discounted return at the episode's start, if requested."""
    discounted: Array | None = None
    """The discounted return to compare it with: see ``ValueBias``."""
    agents: Array | None = None
    """The returns of each agent, ``[seed, episode, agent]``; None if there is only one."""


def whole_episodes(
    actor: Actor, grid: tuple[int, int], step: int, rounds: int
) -> Iterator[tuple[Step, Array]]:
    """Play ``rounds`` whole episodes in every environment of the ``grid`` of seeds and copies.

    Yields each step, with the number of episodes ``[seed, env]`` that were over before it.
    Environments that have played their share continue, so that the batch keeps its shape. ``step``
    is the step at which the agent begins to act.
    """
    played = np.zeros(grid, np.int64)
    while (played < rounds).any():
        t = actor.step(step)
        step += 1
        yield t, played
        played = played + (t.last & (played < rounds))


def evaluate(
    agent: CanAct | UsesMasks | Recurrent,
    envs: Envs,
    step: int,
    episodes: int,
    check: Callable[[], None] = lambda: None,
    value: Callable[..., Array] | None = None,
) -> Played:
    """Play ``episodes`` whole greedy episodes per seed.

    Each environment plays the same number of them: the first episodes to finish would be biased
    towards short ones. Every call plays the same episodes, and the agent is not changed. ``step``
    is the step at which the agent acts. ``check`` is called at every step; an exception it raises
    is not caught. With the agent's ``value`` its estimates are compared with its returns, unless it
    plays for several agents.

    Raises ValueError if ``episodes`` is not a multiple of the environments per seed.
    """
    rounds, rest = divmod(episodes, envs.per_seed)
    if rest:
        raise ValueError(
            f"{episodes} episodes cannot be divided evenly among {envs.per_seed} environments"
        )
    envs.restart()
    shape = (len(envs.obs), envs.per_seed)
    names = envs.spec.agents
    returns = np.zeros((*shape, rounds, len(names)) if names else (*shape, rounds))
    lengths = np.zeros((*shape, rounds), np.int64)
    actor = Actor(agent, envs, explore=False)
    bias = None
    if value is not None and not names:
        bias = ValueBias(actor.value(value), envs.obs, envs.legal, rounds)
    for t, played in whole_episodes(actor, shape, step, rounds):
        check()
        if bias is not None:
            bias.add(t, envs.obs, envs.legal, played)
        counted = t.last & (played < rounds)
        if counted.any():
            returns[counted, played[counted]] = t.score[counted]
            lengths[counted, played[counted]] = t.length[counted]
    arrays = {"returns": returns, "lengths": lengths}
    if names:
        arrays |= {"returns": returns.sum(-1), "agents": returns}
    if bias is not None:
        arrays |= {"values": bias.values, "discounted": bias.discounted}
    grid = (shape[0], episodes)
    return Played(**{name: each.reshape(*grid, *each.shape[3:]) for name, each in arrays.items()})
