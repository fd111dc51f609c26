"""The words every part of rlrun shares: what one step is, what a learner samples, what an agent is.

Axes are always there, also for one seed: acting arrays start ``[seed, env]``, learning arrays
``[seed, batch]``. Nothing here computes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = npt.NDArray[Any]
Metrics: TypeAlias = "Mapping[str, Tensor | Array]"
"""Tag to values ``[seed]``. Floats are averaged until they are logged; integers count, so the
latest one is logged."""
State: TypeAlias = dict[str, Any]
"""Nested plain values and arrays."""


class Segment(dict[str, Array]):
    """Arrays that will never change again: checkpoints write them once, and then share them."""


SpaceKind: TypeAlias = Literal["vector", "image", "discrete", "multi_discrete"]


class Step(NamedTuple):
    """One step of every environment; each array starts ``[seed, env]``."""

    obs: Array
    action: Array
    reward: Array
    discount: Array
    """gamma where the episode can go on, 0 where it terminated: what a bootstrap is times."""
    next_obs: Array
    """The true successor, never the observation after a reset."""
    last: Array
    """The episode ends here, for whatever reason: do not look past this step."""


class Episode(NamedTuple):
    """A finished episode: who played it, and its true, undiscounted return and its length."""

    seed: int
    """The position of the seed in the stack."""
    env: int
    ret: float
    length: int


class Batch(NamedTuple):
    """What a learner samples; each array (or tensor) starts ``[seed, batch]``."""

    obs: Any
    action: Any
    reward: Any
    """The n-step return."""
    discount: Any
    """What the value of ``next_obs`` is times; 0 after a termination."""
    next_obs: Any
    weight: Any
    """Importance weight in the loss; None where all are 1."""
    index: Any
    """Where the transition lies in the replay, for ``Replay.update``."""


@dataclass(frozen=True)
class Space:
    """The shape of one observation or one action, without the axes in front of it."""

    kind: SpaceKind
    shape: tuple[int, ...]
    choices: tuple[int, ...] = ()
    """How many values each entry can take, for the two discrete kinds."""
    stack: int = 1
    """How many frames an image consists of, ``[stack * channels, height, width]``, the newest one
    last; where an episode is younger than that, the older ones are zero."""

    @property
    def dtype(self) -> str:
        """How an array of them is stored."""
        return {"image": "uint8", "vector": "float32"}.get(self.kind, "int64")


@dataclass(frozen=True, eq=False)
class Model:
    """An environment that is known: what each action in each state leads to.

    Arrays are ``[state, action, outcome]``, filled up with outcomes of probability 0.
    """

    probability: Array
    next_state: Array
    reward: Array
    discount: Array
    """gamma where the episode goes on, 0 where it ends: what the next state's value is times."""
    alive: Array
    """1.0 where the episode goes on, 0.0 where it ends."""
    start: Array
    """``[state]``, the probability that an episode begins there."""
    possible: Array
    """``[state, action]``, bool."""
    grid: tuple[int, int] | None = None
    """Rows and columns, where the states are the places of a grid."""


@dataclass(frozen=True)
class Spec:
    """What an agent is told about its environment."""

    env_id: str
    obs: Space
    action: Space
    num_envs: int
    """Environments per seed."""
    model: Model | None = None
    """The environment's table, where it has one."""
    bins: tuple[tuple[float, float, int], ...] | None = None
    """How tables cut each dimension of continuous observations: from, to, into how many."""


class Draws(Protocol):
    """Uniform random numbers from one stream per seed (``rlrun.core.rng.Streams``)."""

    def uniform(self, count: int) -> Array:
        """``[seed, count]`` numbers in [0, 1)."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class Envs(Protocol):
    """``per_seed`` copies of one environment for each seed, stepped together."""

    spec: Spec
    per_seed: int
    obs: Array
    """What the agents see now, ``[seed, env, ...]``."""
    finished: list[Episode]
    """Episodes that ended since somebody last cleared this list."""
    faults: dict[int, str]
    """The seeds, by position, whose numbers are not finite any more, and what it was."""

    def restart(self) -> None:
        """Begin again with every environment's first episode."""
        ...

    def step(self, action: Array) -> Step:
        """One step of every environment with ``action [seed, env, ...]``.

        Where an episode ended, ``self.obs`` is the first observation of the next one afterwards.
        """
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        """Come back to where the state was taken; what did not come back, as sentences."""
        ...

    def close(self) -> None: ...


class CanAct(Protocol):
    """Chooses actions; the rest of an agent is not needed to play."""

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """See `Agent.act`."""
        ...


class Agent(Protocol):
    """Chooses actions and learns from what happened. Structural: there is no base class.

    In its state every array, tensor and list starts with the seed axis, so that one seed can be
    taken out of a stack; under "policy" stands what acting without exploration reads.

    What some agents can do besides is in ``rlrun.core.abilities``.
    """

    observes: ClassVar[tuple[SpaceKind, ...]]
    """The kinds of observations it can learn from."""
    acts: ClassVar[tuple[SpaceKind, ...]]
    """The kinds of actions it can take."""

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Actions ``[seed, env, ...]`` for ``obs [seed, env, ...]``.

        With ``explore=False`` nothing random is drawn from the agent's streams and its state
        does not change.
        """
        ...

    def learn(self, t: Step, step: int) -> Metrics:
        """Take in one vector step; the empty mapping where nothing was learnt."""
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...
