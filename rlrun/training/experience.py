"""What a run learns from: environments that the agent steps, or data that its replay holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from rlrun.core.abilities import CanCut, Imitates, LearnsFromReplay, LearnsInBlocks
from rlrun.core.types import Agent, Envs, Metrics, State, Step
from rlrun.envs.table_envs import TableEnvs
from rlrun.loop import Actor, Block, interact

if TYPE_CHECKING:
    from rlrun.training.table_loop import TableLoop

Unit: TypeAlias = Literal["step", "update"]
Until: TypeAlias = Callable[[int], int]
COMPILED_FROM = 20_000
"""Steps of an environment that take as long as loading compiled code, which is for longer runs."""


class Experience(Protocol):
    """Lets the agent learn; the clock of the run counts what it does."""

    unit: Unit
    """What the clock counts: steps of each seed's environments, or updates."""
    stride: int
    """By how much the clock advances at once."""
    faults: dict[int, str]
    """Why a seed's environments cannot be learnt from, by its position in the stack."""
    inexact: list[str]
    """Why a resumed run would not be exact, since the caller last cleared this list."""
    refilling: str
    """How a replay that was not in the checkpoint is filled again, as a clause."""
    agents: tuple[str, ...]
    """The names of the environment's agents, if there are several that take steps."""
    note: str
    """A sentence on why compiled code is not used, though it could be; "" if there is none."""

    def learn(self, clock: int, until: Until) -> Iterator[tuple[int, Step | Block | None, Metrics]]:
        """Learn endlessly from ``clock`` on; yield the clock, the step if any, and the metrics.

        ``until(clock)`` is the next value of the clock at which something is due: several steps at
        once, a block, do not pass it.
        """
        ...

    def state_dict(self) -> State: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        """Restore the entries of `state_dict`, after the agent; return what could not be restored.

        The list has sentences.
        """
        ...

    def close(self) -> None: ...


class Interaction:
    """The agent steps environments, and learns from each step."""

    unit: Unit = "step"
    refilling = (
        "it is refilled, and learning waits until it holds as much as agent.learning_starts "
        "requires"
    )

    def __init__(self, agent: Agent, envs: Envs, steps: int = 0) -> None:
        """``steps`` is the length of the run, which must be long enough for compiled code."""
        self._agent, self._envs = agent, envs
        self._actor = Actor(agent, envs)
        self.stride, self.faults, self.inexact = envs.per_seed, envs.faults, envs.inexact
        self.agents = envs.spec.agents
        self._blocks: TableLoop | None = None
        self.note = ""
        if steps >= COMPILED_FROM * self.stride and isinstance(envs, TableEnvs):
            try:
                self._blocks = _compiled(agent, envs)
            except ImportError as error:  # numba is missing, or does not fit numpy
                self.note = (
                    f"steps are not compiled ({error}): pip install 'rlrun[fast]' makes runs with "
                    "this table many times as fast"
                )
        self.compiled = self._blocks is not None
        """Whether steps are those of compiled code; the numbers are the same."""

    def learn(self, clock: int, until: Until) -> Iterator[tuple[int, Step | Block | None, Metrics]]:
        if self._blocks is not None:
            return self._blocks.interact(clock, until)
        return interact(self._agent, self._envs, clock, self._actor)

    def state_dict(self) -> State:
        return {"envs": self._envs.state_dict(), "memory": self._actor.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        unrestored = self._envs.load_state_dict(state["envs"])
        self._actor.load_state_dict(state.get("memory", {}))
        if unrestored:
            self._actor.forget()
            if isinstance(self._agent, CanCut):
                self._agent.cut()
        return unrestored

    def close(self) -> None:
        self._envs.close()


def _compiled(agent: Agent, envs: TableEnvs) -> TableLoop | None:
    """Return the compiled loop; None if it cannot do the same. Raises ImportError without numba."""
    if not isinstance(agent, LearnsInBlocks) or (parts := agent.learner()) is None:
        return None
    from rlrun.training.table_loop import TableLoop, suited

    return TableLoop(agent, envs) if suited(parts[0], envs) else None


def steps_nothing(agent: type, data: str | None) -> bool:
    """Return whether an agent of this class, with or without ``data``, needs no environment."""
    return data is not None or issubclass(agent, Imitates)


class Updates:
    """The agent learns from the data in its replay, or from demonstrations; nothing is stepped."""

    unit: Unit = "update"
    agents: tuple[str, ...] = ()
    note = ""
    refilling = "it was filled again from the data, and what it samples is drawn anew"

    def __init__(self, agent: Agent) -> None:
        if isinstance(agent, Imitates):
            self._update = agent.imitate
        else:
            assert isinstance(agent, LearnsFromReplay)  # the settings' check has made sure of it
            self._update = agent.update
        self.stride = 1
        self.faults: dict[int, str] = {}
        self.inexact: list[str] = []

    def learn(self, clock: int, until: Until) -> Iterator[tuple[int, Step | Block | None, Metrics]]:
        while True:
            clock += 1
            yield clock, None, self._update(clock)

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        return []

    def close(self) -> None:
        """Do nothing: there are no environments."""
