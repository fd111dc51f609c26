"""Runs of DRQN: killed within an episode they resume exactly, with the agent's memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlrun.agents.drqn import DRQN
from rlrun.checkpoint import store
from rlrun.run import start_run
from tests.soak.compare import left, unlike
from tests.support.common import SMALL_DRQN, settings
from tests.support.resume import Stop
from tests.support.trained import said

pytestmark = pytest.mark.slow

WORDS = (
    *SMALL_DRQN,
    *("env=CartPole-v1", "env.mask=velocity", "seeds=2", "env.num_envs=2", "agent.n_step=2"),
    *("total_steps=200", "log.every=50", "eval.every=100", "eval.episodes=2"),
    *("eval.final_episodes=2", "eval.max_steps=30", "checkpoint.every_steps=14"),
)


def run(folder: Path) -> Path:
    folder.mkdir(parents=True)
    start_run(settings(*WORDS), folder, "rlrun again")
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize("count", [9, 24, 60, 97])
def test_a_run_that_died_within_an_episode_resumes_exactly(
    monkeypatch: pytest.MonkeyPatch, whole: Path, tmp_path: Path, count: int
) -> None:
    real, acted, folder = DRQN.act, [0], tmp_path / "run"

    def act(self: Any, *given: Any, explore: bool = True, **legal: Any) -> Any:
        acted[0] += explore
        if acted[0] == count:
            raise Stop
        return real(self, *given, explore=explore, **legal)

    with monkeypatch.context() as patch:
        patch.setattr(DRQN, "act", act)
        with pytest.raises(Stop):
            run(folder)
    saved = store.load(folder / "checkpoint")
    first = saved["memory"]["first"]
    assert not first.all()
    assert saved["memory"]["memory"][~first].any(-1).all()
    assert "memory" in saved["agent"]["replay"]["tail"]
    assert said("resume", str(folder))[0] == 0
    assert unlike(whole, folder) == []
    assert left(folder)["exact"] is True
