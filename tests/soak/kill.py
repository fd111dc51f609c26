"""A process that kills itself at the n-th time it does a certain thing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from rlrun import loop
from rlrun.checkpoint import store
from rlrun.run_folder.events import EventFile
from rlrun.run_folder.logger import Logger
from rlrun.training import experience

PHASES = ("acting", "learning", "evaluation", "log writing", "event writing", "checkpoint writing")


class Killer:
    """Counts what a run does, by phase, and ends the process in the middle of it.

    Args:
        phase: where to die; None to only count.
        at: at which of the phase's calls, from 1.
        after: die after the call has done its work, not before.
    """

    def __init__(self, phase: str | None = None, at: int = 0, after: bool = False) -> None:
        self.counts = dict.fromkeys(PHASES, 0)
        self._phase, self._at, self._after = phase, at, after

    def wrap(self, phase: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.counts[phase] += 1
            now = phase == self._phase and self.counts[phase] == self._at
            if now and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*args, **kwargs)
            if now:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapped

    def arm(self) -> None:
        """Stand between this process's run and what it does."""
        real_interact = loop.interact

        def interact(agent: Any, envs: Any, step: int = 0, actor: Any = None) -> Any:
            agent.learn = self.wrap("learning", agent.learn)
            act, evaluating = agent.act, self.wrap("evaluation", agent.act)
            acting = self.wrap("acting", act)
            agent.act = lambda *given, explore=True, **masks: (acting if explore else evaluating)(
                *given, explore=explore, **masks
            )
            return real_interact(agent, envs, step, actor)

        experience.interact = interact  # type: ignore[attr-defined]
        for owner, name, phase in (
            (Logger, "write", "log writing"),
            (EventFile, "scalars", "event writing"),
            (store, "save_file", "checkpoint writing"),
            (store, "synchronise", "checkpoint writing"),
            (os, "replace", "checkpoint writing"),
            (os, "unlink", "checkpoint writing"),
        ):
            setattr(owner, name, self.wrap(phase, getattr(owner, name)))
