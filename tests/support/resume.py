"""Runs that are stopped, and gone on with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from rlrun.__main__ import main
from rlrun.run import start_run
from tests.support.common import SMALL_DQN, settings

WORDS = (
    *SMALL_DQN,
    "seeds=2",
    "env.num_envs=2",
    "total_steps=300",
    "log.every=50",
    "eval.every=100",
    "eval.episodes=2",
    "eval.final_episodes=2",
    "eval.max_steps=30",
    "checkpoint.every_steps=40",
)


class Stop(BaseException):
    """The process ends here: nothing catches it."""


def run(folder: Path, *words: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    start_run(settings(*WORDS, *words), folder, "rlrun again")


def resume(*words: str) -> int:
    before = sys.argv
    sys.argv = ["rlrun", "resume", *words]
    try:
        return main()
    finally:
        sys.argv = before


def stopped_at(monkeypatch: pytest.MonkeyPatch, count: int, folder: Path, *words: str) -> None:
    """A run that dies when it acts for the count-th time."""
    from rlrun.agents.dqn import DQN

    real, acted = DQN.act, [0]

    def act(self: Any, obs: Any, step: int, *, explore: bool = True, legal: Any = None) -> Any:
        acted[0] += explore
        if acted[0] == count:
            raise Stop
        return real(self, obs, step, explore=explore, legal=legal)

    with monkeypatch.context() as patch:
        patch.setattr(DQN, "act", act)
        with pytest.raises(Stop):
            run(folder, *words)
