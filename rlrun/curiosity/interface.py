"""What an agent asks of an intrinsic reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from rlrun.core.rows import Number
from rlrun.core.types import Array, Metrics, State, Step


class Curiosity(Protocol):
    """A bonus for each transition, with its own state, learning and random numbers of each seed.

    An agent calls `observe` for every vector step, and adds `bonus` to the rewards of the
    transitions that it is about to learn from: a batch ``[seed, batch]`` when it is sampled, a
    rollout ``[seed, time, env]`` before advantages, or a step ``[seed, env]``. Then it calls
    `learn` with the same transitions. They come as a `Step`, with empty ``score`` and ``length``
    unless they are a step.
    """

    faults: dict[int, str]
    """Sentences on its numbers that were not finite, by the seed's position in the stack."""
    stream: Number | None
    """Discount factor of the bonuses' own values, which an agent that has such values does not end
    with an episode (Burda et al. 2018); None if bonuses are to be added to the rewards."""

    def observe(self, t: Step) -> None:
        """Process one vector step ``[seed, env]``, once, before any bonus for it.

        Counts and the statistics of a normalization are updated here, so that they depend on what
        was observed, not on what the agent samples.
        """
        ...

    def bonus(self, t: Step) -> Array:
        """Return the bonuses of transitions, float64 of the shape of ``t.reward``.

        Changes no state. ``t.reward`` is the extrinsic reward.
        """
        ...

    def learn(self, t: Step) -> Metrics:
        """Learn from transitions; return metrics ``[seed]``, which the agent adds to its own.

        A seed with a fault or that is frozen does not change.
        """
        ...

    def freeze(self, position: int) -> None:
        """Stop learning, permanently, for the seed at this position in the stack."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...
