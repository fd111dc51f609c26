"""Optional abilities of agents, beyond acting and learning: one Protocol for each.

Callers test for an ability with ``isinstance(agent, CanCut)``. Agents do not inherit from these
protocols: an agent has the ability if it has the attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias, TypeGuard, runtime_checkable

from rlrun.core.types import Array, Mask, Metrics, Spec


class UsesMasks(Protocol):
    """Takes only legal actions, where the environment says which ones are legal."""

    uses_masks: ClassVar[bool]

    def act(self, obs: Array, step: int, *, explore: bool = True, legal: Mask = None) -> Array:
        """See `rlrun.core.types.Agent.act`; only ``legal`` actions are taken.

        The method `value`, if there is one, has the same parameter.
        """
        ...


def masks_used(agent: object) -> TypeGuard[UsesMasks]:
    """Return whether an agent takes the masks of legal actions."""
    return bool(getattr(agent, "uses_masks", False))


@runtime_checkable
class Recurrent(Protocol):
    """Has a memory of its episode, which the code that steps the environments keeps for it.

    The memory is one array ``[seed, env, ...]``, for any number of environments.
    """

    def initial_memory(self, num_envs: int) -> Array:
        """Return memories ``[seed, env, ...]`` of the dtype and shape that `act` returns."""
        ...

    def act(
        self, obs: Array, step: int, memory: Array, first: Array, *, explore: bool = True
    ) -> tuple[Array, Array]:
        """Return actions and memories, each ``[seed, env, ...]``; changes neither argument.

        ``memory`` is what the last call returned, except in environments of the mask
        ``first [seed, env]``, whose episodes begin with this observation: there it must be ignored.
        `learn` gets both with the step.
        """
        ...


def memory_of(agent: object, num_envs: int) -> Array | None:
    """Return an agent's initial memory ``[seed, env, ...]``; None if it has no memory."""
    return agent.initial_memory(num_envs) if isinstance(agent, Recurrent) else None


@runtime_checkable
class LearnsFromReplay(Protocol):
    """Can learn without an environment, from the transitions that its replay holds.

    Its constructor takes the replay. `Agent.learn` stores a step, and does the updates that are
    due.
    """

    def update(self, step: int) -> Metrics:
        """Do one update, number ``step`` from 1 on, and that of the targets if due; return metrics.

        The number is the clock of all schedules and of what is due every so many steps.
        """
        ...


@runtime_checkable
class Imitates(Protocol):
    """Learns from demonstrations alone, without an environment.

    Its constructor takes the demonstrations.
    """

    def imitate(self, step: int) -> Metrics:
        """Do one update, number ``step`` from 1 on; return metrics.

        The number is the clock of all schedules.
        """
        ...


Networks: TypeAlias = dict[str, dict[str, Any]]
"""Arrays or tensors ``[seed, ...]`` by the name of their network, and their own."""


@runtime_checkable
class HasNetworks(Protocol):
    """Has networks whose weights another run can start from."""

    networks: Networks
    """What is learnt, as views of the agent's own memory: writing into them changes the agent.

    Agents whose networks have the same name can start from each other.
    """


@runtime_checkable
class LearnsInBlocks(Protocol):
    """Has a table that compiled code can learn, for many steps at once."""

    def learner(self) -> tuple[Any, Any] | None:
        """Return the `rlrun.tables.learner.Learner`, and the explorer, `EpsilonGreedy`.

        None if compiled code cannot do the same as the agent.
        """
        ...


@runtime_checkable
class EstimatesValue(Protocol):
    """Estimates the value of acting greedily; evaluations compare it with the actual return.

    The values of an agent with a memory are not compared.
    """

    def value(self, obs: Array) -> Array:
        """Estimate the discounted return ``[seed, env]`` of acting greedily from ``obs``.

        ``obs`` is ``[seed, env, ...]``. Draws no random numbers and changes no state.
        """
        ...


def value_of(agent: object) -> Callable[..., Array] | None:
    """Return the method `value` of an agent without a memory, if it has one."""
    if isinstance(agent, Recurrent) or not isinstance(agent, EstimatesValue):
        return None
    return agent.value


@runtime_checkable
class HasHistograms(Protocol):
    """Has numbers to plot as histograms, such as weights."""

    def histograms(self) -> Mapping[str, Array]:
        """Return numbers ``[seed, n]`` by tag, such as "weights/online", for log.histograms.

        Draws no random numbers and changes no state.
        """
        ...


@runtime_checkable
class CanCut(Protocol):
    """Keeps data of unfinished episodes and can drop it."""

    def cut(self) -> None:
        """Drop the data of unfinished episodes: the next step does not follow the last one."""
        ...


@runtime_checkable
class CanFreeze(Protocol):
    """Can freeze the weights of one seed while the other seeds learn."""

    def freeze(self, position: int) -> None:
        """Stop learning, permanently, for the seed at this position in the stack."""
        ...


@runtime_checkable
class ReportsFaults(Protocol):
    """Detects numbers that are not finite, and does not update the weights of such a seed."""

    faults: dict[int, str]
    """Sentences on the numbers that were not finite, by the seed's position in the stack."""


@runtime_checkable
class LearnsLater(Protocol):
    """Starts to learn only after a number of steps."""

    first_update: int
    """The step of the first update; 0 if it is not known before."""


@runtime_checkable
class Tabular(Protocol):
    """Keeps its values in a table, which can be displayed."""

    @property
    def values(self) -> Array:
        """Action values ``[seed, state, action]``, -inf if impossible; or ``[seed, state, 1]``."""
        ...

    def policy(self) -> Array:
        """Return probabilities ``[seed, state, action]`` of the policy that evaluations use."""
        ...


@runtime_checkable
class ChecksSpaces(Protocol):
    """Settings of an agent that depend on the environment or on the free memory."""

    def check(self, spec: Spec, num_seeds: int, explore: object) -> None:
        """Raise ValueError, beginning with a setting's name, or BadInput if they do not fit.

        ``explore`` is the explorer's settings.
        """
        ...


@runtime_checkable
class LearnsSequences(Protocol):
    """Settings of an agent with a memory that learns from sequences of steps in a replay.

    The replay stores the memory before each step too.
    """

    @property
    def memory_units(self) -> int:
        """Numbers in the memory of one environment."""
        ...

    @property
    def sampled_steps(self) -> int:
        """Steps of a sequence."""
        ...


@runtime_checkable
class ChoosesClass(Protocol):
    """Settings of an agent that several classes implement."""

    @property
    def implementation(self) -> str:
        """The class that learns with these settings, as "module:Class"."""
        ...
