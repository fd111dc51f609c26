"""Runs with masks of legal actions: the setting, runs of earlier versions, and agents without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlrun.agents.dqn import DQN
from rlrun.api import load_run
from rlrun.core.errors import BadInput
from rlrun.run import resume_run, start_run
from rlrun.run_folder.config_file import read_config
from rlrun.run_folder.reader import read_run
from tests.soak.compare import left, unlike
from tests.support.common import SMALL_DQN, settings
from tests.support.masked import Doors
from tests.support.resume import resume, run, stopped_at

DOORS = "env=tests.support.masked:Doors-v0"


def dqn(*words: str) -> dict[str, Any]:
    return settings(*SMALL_DQN, DOORS, "seeds=2", "total_steps=120", "eval.every=60", *words)


def test_a_run_takes_legal_actions_alone_also_in_evaluations(tmp_path: Path) -> None:
    start_run(dqn("eval.final_episodes=3", "record.every=60"), tmp_path, "rlrun again")
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["status"] == "done"  # an illegal action would end the run
    assert result["final"]["episodes"] == 3
    assert "filming is disabled" not in (tmp_path / "run.log").read_text()
    policy, env = load_run(tmp_path).policy(), Doors()
    taken = []
    for seed in range(3):
        obs, info = env.reset(seed=seed)
        over = False
        while not over:
            taken.append(policy.act(obs, info["action_mask"]))
            obs, _, terminated, truncated, info = env.step(taken[-1])
            over = terminated or truncated
    assert len(set(taken)) > 1
    with pytest.raises(BadInput, match="must be a mask of 4 numbers"):
        policy.act(obs, [1, 0])


def test_with_masks_off_any_action_is_taken(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="is locked"):
        start_run(dqn("env.action_mask=off"), tmp_path, "rlrun again")


def test_a_run_of_a_version_without_masks_goes_on_without(tmp_path: Path) -> None:
    """Taxi's masks did not exist for it: its replay has none."""
    words = (*SMALL_DQN, "env=Taxi-v4", "seeds=1", "eval.every=0", "eval.final_episodes=0")
    first = settings(*words, "total_steps=60", "env.action_mask=off")
    first["env"].pop("action_mask")
    start_run(first, tmp_path, "rlrun again")
    config = read_config(tmp_path)
    assert "action_mask" not in config["env"]
    config["total_steps"] = 90
    resume_run(read_run(tmp_path), config, "rlrun again")
    assert json.loads((tmp_path / "result.json").read_text())["steps"] == 90


def test_an_agent_that_takes_no_masks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = DQN.act
    monkeypatch.delattr(DQN, "uses_masks")

    def act(self: DQN, obs: Any, step: int, *, explore: bool = True) -> Any:
        return real(self, obs, step, explore=explore)

    monkeypatch.setattr(DQN, "act", act)
    words = (*SMALL_DQN, "env=Taxi-v4", "seeds=1", "eval.final_episodes=0")
    start_run(settings(*words, "total_steps=30", "eval.every=0"), tmp_path, "rlrun again")
    sentence = "the agent takes no account of the actions that Taxi-v4 says are legal"
    assert sentence in capsys.readouterr().err + (tmp_path / "run.log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("vector", ["sync", "async"])
def test_a_run_that_died_continues_exactly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, vector: str
) -> None:
    words = (DOORS, f"env.vector={vector}")
    run(tmp_path / "whole", *words)
    stopped_at(monkeypatch, 103, tmp_path / "run", *words)
    assert resume(str(tmp_path / "run")) == 0
    assert unlike(tmp_path / "whole", tmp_path / "run") == []
    assert left(tmp_path / "run")["exact"] is True
