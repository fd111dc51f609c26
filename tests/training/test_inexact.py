"""Environments that cannot be restored mark the run as not exact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlrun.checkpoint import store
from rlrun.run import start_run
from tests.support.common import (
    settings,
)
from tests.support.faults import WORDS, faulty, meta
from tests.support.resume import resume

pytestmark = pytest.mark.slow


def test_an_environment_that_cannot_come_back_makes_the_run_inexact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No environment in the docs is like this; what is, is told of and goes on."""
    words = (*WORDS, "env=tests.support.faulty:Forgetful-v0")
    start_run(settings(*words), tmp_path, "rlrun again")
    assert resume(str(tmp_path), "total_steps=260") == 0
    assert meta(tmp_path)["exact"] is False
    assert "did not return to its saved state (seeds 5, 6, 7)" in capsys.readouterr().err
    assert "not exact from here on" in (tmp_path / "run.log").read_text()
    assert json.loads((tmp_path / "result.json").read_text())["steps"] == 260


def test_an_episode_beyond_the_actions_kept_makes_the_run_inexact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Episodes have 20 steps: the first is too long at its eleventh."""
    given = ("env.resume_actions=10", "total_steps=195", "log.every=1")
    start_run(faulty("", *given), tmp_path, "rlrun again")
    sentence = (
        "environment 0 of seed 5 has taken more than 10 actions in one episode of "
        "tests.support.faulty:Faulty-v0, the most that env.resume_actions keeps: a resumed run "
        "would begin a new episode there"
    )
    assert (meta(tmp_path)["exact"], meta(tmp_path)["not_exact_because"]) == (False, [sentence])
    assert (tmp_path / "run.log").read_text().count(sentence) == 1
    assert f"not exact from here on: {sentence}" in capsys.readouterr().err
    assert store.load(tmp_path / "checkpoint")["envs"]["actions"].shape == (0, 3)
    assert resume(str(tmp_path), "total_steps=260") == 0
    assert meta(tmp_path)["not_exact_because"] == [
        sentence,
        "tests.support.faulty:Faulty-v0 was more than env.resume_actions=10 actions into an "
        "episode (seeds 5, 6, 7): a new episode begins there",
    ]
    assert json.loads((tmp_path / "result.json").read_text())["steps"] == 260


def test_episodes_within_the_actions_kept_leave_the_run_exact(tmp_path: Path) -> None:
    start_run(faulty("", "env.resume_actions=20", "total_steps=195"), tmp_path, "rlrun again")
    assert resume(str(tmp_path), "total_steps=260") == 0
    assert meta(tmp_path)["exact"] is True
    assert "not_exact_because" not in meta(tmp_path)
