"""Runs of compiled code: all their files are those of the plain loop, also after a crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlrun.run import start_run
from rlrun.training import experience
from tests.soak.compare import left, unlike
from tests.support.common import settings
from tests.support.resume import Stop, resume

pytest.importorskip("numba")
pytestmark = pytest.mark.slow

WORDS = (
    *("agent=q_learning", "env=FrozenLake-v1", "tuned=none", "seeds=3", "env.num_envs=2"),
    *("total_steps=6000", "log.every=700", "eval.every=1000", "eval.episodes=2"),
    *("eval.final_episodes=2", "checkpoint.every_steps=1500", "agent.lr_decay=0.01"),
)
MORE = [
    (),
    ("stop.reward=0.3",),
    ("stop.episodes=120", "explore.end=0.5"),
    ("record.every=2500", "eval.every=0", "agent=sarsa"),
    ("env=Taxi-v4", "agent=expected_sarsa"),
]


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool, *words: str) -> None:
    folder.mkdir(parents=True)
    choose(monkeypatch, compiled)
    start_run(settings(*WORDS, *words), folder, "rlrun again")


def choose(monkeypatch: pytest.MonkeyPatch, compiled: bool) -> None:
    monkeypatch.setattr(experience, "COMPILED_FROM", 0 if compiled else 10**9)


@pytest.mark.parametrize("words", MORE, ids=" ".join)
def test_the_files_of_a_run_are_those_of_the_plain_loop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]
) -> None:
    run(tmp_path / "plain", monkeypatch, False, *words)
    run(tmp_path / "compiled", monkeypatch, True, *words)
    assert unlike(tmp_path / "plain", tmp_path / "compiled") == []
    assert left(tmp_path / "compiled")["exact"] is True


@pytest.mark.parametrize("then", [False, True])
@pytest.mark.parametrize("block", [2, 9, 14])
def test_a_run_that_died_in_a_block_resumes_exactly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block: int, then: bool
) -> None:
    """Compiled again, or by the plain loop."""
    from rlrun.training.table_loop import TableLoop

    real, blocks = TableLoop._run, [0]

    def dying(*arguments: object) -> object:
        blocks[0] += 1
        results = real(*arguments)  # type: ignore[arg-type]
        if blocks[0] == block:
            raise Stop
        return results

    run(tmp_path / "whole", monkeypatch, False)
    with monkeypatch.context() as patch:
        patch.setattr(TableLoop, "_run", dying)
        with pytest.raises(Stop):
            run(tmp_path / "run", monkeypatch, True)
    choose(monkeypatch, then)
    assert resume(str(tmp_path / "run")) == 0
    assert unlike(tmp_path / "whole", tmp_path / "run") == []
