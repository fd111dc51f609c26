"""The types every part of rlrun shares: a step, a batch of transitions, an environment, an agent.

The seed axis is always there, even for a single seed: acting arrays start with ``[seed, env]``,
learning arrays with ``[seed, batch]``. Nothing here computes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from rlrun.core.goals import Goals

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = npt.NDArray[Any]
Mask: TypeAlias = Array | None
"""Which actions are legal, bool ``[seed, env, action]``; None if the environment has no masks."""
Metrics: TypeAlias = "Mapping[str, Tensor | Array]"
"""Values ``[seed]`` by tag. Floats are averaged until they are logged; integers are counts, so the
latest one is logged."""
State: TypeAlias = dict[str, Any]
"""Nested plain values and arrays."""


class Segment(dict[str, Array]):
    """Arrays that never change again: checkpoints write them once and share them afterwards."""


SpaceKind: TypeAlias = Literal["vector", "image", "grid", "discrete", "multi_discrete"]
SpaceKinds: TypeAlias = tuple[SpaceKind, ...]
IMAGE_SIDE = 36
"""The least side of an image in pixels: as many as the convolutions for images need."""
NO_ENDS: Array = np.empty(0)
"""Scores and lengths of steps that no environment took, such as those of a rollout."""


class Step(NamedTuple):
    """One step of every environment; each array starts with ``[seed, env]``.

    With several agents, all arrays but ``last``, ``length`` and ``first`` start with
    ``[seed, env, agent]``. An agent that leaves before the others has discount 0 from that step on,
    is not ``alive`` after it, and its observations and actions mean nothing.
    """

    obs: Array
    action: Array
    reward: Array
    discount: Array
    """Factor applied to a bootstrapped value: gamma, or 0 where the episode terminated."""
    next_obs: Array
    """The true successor, never the observation after a reset."""
    last: Array
    """The episode ends here, terminated or truncated: do not look past this step."""
    score: Array = NO_ENDS
    """The true, undiscounted returns of the episodes that end here; 0 where none ends."""
    length: Array = NO_ENDS
    """The lengths of the episodes that end here, in steps; 0 where none ends."""
    legal: Mask = None
    """Which actions were legal."""
    next_legal: Mask = None
    """Which actions are legal after this step; at least one, even after a termination."""
    memory: Array | None = None
    """The agent's memory before it acted, ``[seed, env, ...]``; None if it has none."""
    first: Array | None = None
    """The episode began with this step, so the memory is from another one; None likewise."""
    alive: Array | None = None
    """Which agents took this step, bool ``[seed, env, agent]``; None if there is only one."""


class Batch(NamedTuple):
    """A sampled batch of transitions; each array (or tensor) starts with ``[seed, batch]``.

    With several agents, all but ``weight`` and ``index`` start with ``[seed, batch, agent]``.
    """

    obs: Any
    action: Any
    reward: Any
    """The n-step return."""
    discount: Any
    """Factor applied to the value of ``next_obs``; 0 after a termination."""
    next_obs: Any
    weight: Any
    """Importance weight in the loss; None if all are 1."""
    index: Any
    """Position of the transition in the replay, for ``Replay.update``."""
    legal: Any = None
    """Which actions were legal, ``[seed, batch, action]``; None if there are no masks."""
    next_legal: Any = None
    """Which actions are legal in the state of ``next_obs``."""
    alive: Any = None
    """Which agents took the step, ``[seed, batch, agent]``; None if there is only one."""


@dataclass(frozen=True)
class Space:
    """The shape of one observation or one action, without the leading axes."""

    kind: SpaceKind
    shape: tuple[int, ...]
    choices: tuple[int, ...] = ()
    """Number of values each entry can take, for the two discrete kinds."""
    stack: int = 1
    """Number of frames in an image or grid, ``[stack * channels, height, width]``, newest last;
    frames from before the episode's start are zero."""
    top: tuple[int, ...] = ()
    """The largest number in each of a grid's channels; the least is 0."""

    @property
    def has_frames(self) -> bool:
        """Whether it is bytes that come in frames: an image or a grid."""
        return self.kind in ("image", "grid")

    @property
    def dtype(self) -> str:
        """The dtype that arrays of this space are stored in."""
        if self.has_frames:
            return "uint8"
        return "float32" if self.kind == "vector" else "int64"


@dataclass(frozen=True, eq=False)
class Model:
    """A known environment: the possible outcomes of each action in each state.

    Arrays are ``[state, action, outcome]``, padded with outcomes of probability 0.
    """

    probability: Array
    next_state: Array
    reward: Array
    discount: Array
    """Factor applied to the next state's value: gamma, or 0 where the episode ends."""
    alive: Array
    """1.0 where the episode continues, 0.0 where it ends."""
    start: Array
    """``[state]``, the probability that an episode begins there."""
    possible: Array
    """``[state, action]``, bool: has an outcome, and is legal if there are masks."""
    grid: tuple[int, int] | None = None
    """Rows and columns, if the states are the cells of a grid."""
    has_masks: bool = False
    """Whether ``possible`` has the masks of legal actions in it."""


@dataclass(frozen=True)
class Spec:
    """Description of an environment for its agent."""

    env_id: str
    obs: Space
    action: Space
    num_envs: int
    """Environments per seed."""
    model: Model | None = None
    """The environment's table, if it has one."""
    bins: tuple[tuple[float, float, int], ...] | None = None
    """Bins of each number of continuous observations, for tables: from, to, number of bins."""
    bounds: tuple[tuple[float, float], ...] = ()
    """Bounds of each number of continuous observations, infinite where there are none."""
    left_out: tuple[str, ...] = ()
    """The parts of its observations that are text, which no agent sees."""
    masked: bool = False
    """Whether every step says which actions are legal."""
    scaled: bool = False
    """Whether its observations are scaled from their bounds to [-1, 1]."""
    agents: tuple[str, ...] = ()
    """The names of its agents if there are several; ``obs`` and ``action`` are those of one."""
    goals: Goals | None = None
    """The goals in its observations, which a replay can replace; None if there are none."""
    same_episodes: bool = False
    """Whether the same actions give the same episode in all training episodes of a seed."""

    @property
    def num_masked(self) -> int:
        """The length of a mask: the number of choices, of all parts of an action together."""
        return sum(self.action.choices)


class Envs(Protocol):
    """``per_seed`` copies of one environment for each seed, stepped together."""

    spec: Spec
    per_seed: int
    obs: Array
    """The current observations, ``[seed, env, ...]``: a new array at each step."""
    legal: Mask
    """Which actions are legal now."""
    faults: dict[int, str]
    """What cannot be learnt from, by the seed's position in the stack."""
    inexact: list[str]
    """Why a resumed run would not be exact, since the caller last cleared this list."""

    def restart(self) -> None:
        """Restart every environment at its first episode."""

    def step(self, action: Array) -> Step:
        """Step every environment with ``action [seed, env, ...]``.

        Where an episode ended, ``self.obs`` is then the first observation of the next one.
        """

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        """Restore a saved state; return what could not be restored, as sentences."""
        ...

    def close(self) -> None: ...


class CanAct(Protocol):
    """Chooses actions: the only part of an agent that playing needs."""

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """See `Agent.act`."""


class Agent(Protocol):
    """Chooses actions and learns from steps. Structural: there is no base class.

    In its state every array, tensor and list starts with the seed axis, so that one seed can be
    extracted from a stack; the entry "policy" holds what acting without exploration reads. Optional
    abilities are in ``rlrun.core.abilities``.
    """

    observes: ClassVar[SpaceKinds]
    """The kinds of observations it can learn from."""
    acts: ClassVar[SpaceKinds]
    """The kinds of actions it can take."""

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        """Return actions ``[seed, env, ...]`` for ``obs [seed, env, ...]``.

        With ``explore=False`` no random numbers are drawn from the agent's streams and its state
        does not change.
        """

    def learn(self, t: Step, step: int) -> Metrics:
        """Process one vector step; return metrics, or {} if nothing was learnt."""

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...
