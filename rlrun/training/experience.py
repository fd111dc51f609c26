"""What a run learns from: environments that the agent steps, or data that its replay holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol, TypeAlias

from rlrun.core.abilities import CanCut, LearnsFromReplay
from rlrun.core.types import Agent, Envs, Metrics, State, Step
from rlrun.loop import Actor, interact

Unit: TypeAlias = Literal["step", "update"]


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

    def learn(self, clock: int) -> Iterator[tuple[int, Step | None, Metrics]]:
        """Learn endlessly from ``clock`` on; yield the clock, the step if any, and the metrics."""
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

    def __init__(self, agent: Agent, envs: Envs) -> None:
        self._agent, self._envs = agent, envs
        self._actor = Actor(agent, envs)
        self.stride, self.faults, self.inexact = envs.per_seed, envs.faults, envs.inexact

    def learn(self, clock: int) -> Iterator[tuple[int, Step | None, Metrics]]:
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


class Updates:
    """The agent learns from the data in its replay; nothing is stepped."""

    unit: Unit = "update"
    refilling = "it was filled again from the data, and what it samples is drawn anew"

    def __init__(self, agent: Agent) -> None:
        assert isinstance(agent, LearnsFromReplay)  # which the settings' check has made sure of
        self._agent: LearnsFromReplay = agent
        self.stride = 1
        self.faults: dict[int, str] = {}
        self.inexact: list[str] = []

    def learn(self, clock: int) -> Iterator[tuple[int, Step | None, Metrics]]:
        while True:
            clock += 1
            yield clock, None, self._agent.update(clock)

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> list[str]:
        return []

    def close(self) -> None:
        """Do nothing: there are no environments."""
