"""The example of CONTRIBUTING.md is an agent that works."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import rlrun
from rlrun.__main__ import main
from rlrun.agents import AGENTS

TEXT = Path(rlrun.__file__).parents[1].joinpath("CONTRIBUTING.md").read_text("utf-8")


def block(language: str) -> str:
    """The one block of code in that language."""
    (code,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(code)


def test_the_example_agent_learns_the_mean_reward_of_each_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("rlrun.agents.action_means")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look themselves up
    exec(compile(block("python"), "CONTRIBUTING.md", "exec"), module.__dict__)
    monkeypatch.setitem(AGENTS, "action_means", f"{module.__name__}:ActionMeans")
    (tmp_path / "mine" / "agent").mkdir(parents=True)
    (tmp_path / "mine" / "agent" / "action_means.yaml").write_text(block("yaml"))
    monkeypatch.chdir(tmp_path)
    words = ["--config-dir", "mine", "agent=action_means", "env=rlrun/Choice-v0", "seeds=2"]
    short = ["total_steps=400", "eval.every=0", "hydra.run.dir=run"]
    monkeypatch.setattr(sys, "argv", ["rlrun", *words, *short])
    assert main() == 0
    final = json.loads(Path("run/result.json").read_text())["final"]
    assert final["per_seed"] == [1.0, 1.0]  # the action that pays 1, and not the one that pays -1


def test_its_means_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlrun.core.types import Space, Spec, Step
    from rlrun.explore.options import UniformSettings

    scope: dict[str, type] = {}
    exec(compile(block("python"), "CONTRIBUTING.md", "exec"), scope)
    spec = Spec("x", Space("vector", (1,)), Space("discrete", (), (2,)), num_envs=3)
    explore = UniformSettings().build(spec, (0,), 100)
    settings = scope["ActionMeansSettings"](prior=1)
    agent = scope["ActionMeans"](spec, (0,), explore, settings=settings)
    obs, no = np.zeros((1, 3, 1), np.float32), np.zeros((1, 3), np.bool_)
    actions, rewards = np.array([[1, 1, 0]]), np.array([[6.0, 3.0, -4.0]])
    metrics = agent.learn(Step(obs, actions, rewards, np.ones((1, 3)), obs, no), 3)
    assert metrics["train/q_mean"].tolist() == [0.5]  # of -4/2 and 9/3
    assert agent.act(obs, 3, explore=False).tolist() == [[1, 1, 1]]
