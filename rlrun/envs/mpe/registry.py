"""The tasks by the name of the library's module."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from rlrun.core.types import Array
from rlrun.envs.mpe.simple_adversary import SimpleAdversary
from rlrun.envs.mpe.simple_reference import SimpleReference
from rlrun.envs.mpe.simple_speaker_listener import SimpleSpeakerListener
from rlrun.envs.mpe.simple_spread import SimpleSpread
from rlrun.envs.mpe.simple_tag import SimpleTag


class Task(Protocol):
    """Copies of one environment of several agents, numbered from 0.

    A time limit is not its concern: it is counted by the caller. What it returns may be overwritten
    by its next call.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The agents, in the library's order (`possible_agents`)."""
        ...

    @property
    def obs(self) -> Array:
        """The observations, float32 ``[env, agent, width]``, with zeros behind shorter ones."""
        ...

    @property
    def obs_widths(self) -> tuple[int, ...]:
        """How many numbers each agent observes."""
        ...

    @property
    def action_widths(self) -> tuple[int, ...]:
        """How many choices, or numbers, the action of each agent has."""
        ...

    def reset(self, env: int, rng: np.random.Generator) -> None:
        """Begin an episode in one copy.

        ``rng`` is the generator that the library's ``reset(seed=...)`` would make from the
        episode's seed: the same draws from it give the same first state.
        """
        ...

    def step(self, action: Array) -> Array:
        """Step every copy; returns the rewards, float64 ``[env, agent]``.

        ``action`` is either choices from 0, int64 ``[env, agent]``, or numbers from 0 to 1, float32
        ``[env, agent, widest]``, of which an agent reads as many as its action has.
        """
        ...


class Version(NamedTuple):
    """An entry of the registry."""

    make: Callable[..., Task]
    """Makes copies: ``make(num_envs, continuous, **arguments)``."""
    arguments: tuple[str, ...] = ()
    """The library's arguments that it knows. With others, the game is another one."""


TASKS: dict[str, Version] = {
    "simple_adversary_v3": Version(SimpleAdversary, ("N",)),
    "simple_reference_v3": Version(SimpleReference, ("local_ratio",)),
    "simple_speaker_listener_v4": Version(SimpleSpeakerListener),
    "simple_spread_v3": Version(SimpleSpread, ("N", "local_ratio")),
    "simple_tag_v3": Version(SimpleTag, ("num_good", "num_adversaries", "num_obstacles")),
}
"""The tasks whose array versions give what the library `mpe2` gives."""
