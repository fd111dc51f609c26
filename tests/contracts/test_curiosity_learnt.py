"""What every agent must do with an intrinsic reward that learns, draws random numbers and fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun import build
from rlrun.build import build_agent
from rlrun.checkpoint import store
from rlrun.core.abilities import CanFreeze
from rlrun.core.types import Agent, Array, Envs, Step
from rlrun.loop import Actor
from tests.contracts.test_curiosity import CASES, TABLES
from tests.support.common import differences, drive, host, parts_and_env, row
from tests.support.curiosity import Learned

pytestmark = pytest.mark.slow

OTHERS = (*TABLES[1:], "qr_dqn", "rainbow", "td3", "a2c")  # classes that have another name here
some = pytest.mark.parametrize("case", [name for name in CASES if name not in OTHERS])


def learning(
    monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[Agent, Envs, Learned, list[Step]]:
    """An agent whose bonus is learnt, and the transitions that its bonus was asked for."""
    built: list[Learned] = []
    asked: list[Step] = []

    def make(run: Any) -> Learned:
        built.append(Learned(run.seeds))
        bonus = built[0].bonus

        def noted(t: Step) -> Array:
            asked.append(t)
            return bonus(t)

        built[0].bonus = noted  # type: ignore[method-assign]
        return built[0]

    monkeypatch.setitem(build.ARGUMENTS, "curiosity", make)
    parts, env = parts_and_env(*words)
    agent = build_agent(parts, env.spec)
    return agent, env.open(parts.seed_numbers, parts.env.num_envs), built[0], asked


@some
def test_a_learnt_bonus_learns_from_what_the_agent_learns_from(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It observes every step once, learns after each bonus, and its metrics are reported."""
    words = (*CASES[case], "seeds=2", "env.num_envs=2")
    agent, envs, one, asked = learning(monkeypatch, *words)
    reported = [metrics for _, metrics in drive(agent, envs, 120)]
    assert one.steps == 60 and one.updates == len(asked) > 0
    found = [each for each in reported if "train/bonus" in each]
    assert found and all(each["train/prediction_error"].shape == (2,) for each in found)
    by_metrics = [np.abs(each["train/bonus"]).min() for each in found]
    assert min(by_metrics) > 0
    leads = {t.reward.ndim for t in asked}
    assert leads == ({3} if case.startswith(("ppo", "a2c")) else {2})


@some
def test_a_learnt_bonus_is_exact_too(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A seed in a stack is the seed alone, and a resumed run continues exactly."""
    words = (*CASES[case], "env.num_envs=2")
    stack, envs, _, _ = learning(monkeypatch, *words, "seed=5", "seeds=3")
    together = drive(stack, envs, 200)
    alone, own, _, _ = learning(monkeypatch, *words, "seed=6", "seeds=1")
    actor = Actor(alone, own)
    apart = drive(alone, own, 100, actor=actor)
    state = {"agent": alone.state_dict(), "envs": own.state_dict(), "memory": actor.state_dict()}
    store.save(tmp_path, state)
    later, others, _, _ = learning(monkeypatch, *words, "seed=6", "seeds=1")
    saved, actor = store.load(tmp_path), Actor(later, others)
    later.load_state_dict(saved["agent"])
    others.load_state_dict(saved["envs"])
    actor.load_state_dict(saved["memory"])
    apart += drive(later, others, 100, 100, actor)
    for a, b in zip(together, apart, strict=True):
        assert differences(row(a[1], 1), b[1]) == []
    assert differences(row(host(stack.state_dict()), 1), host(later.state_dict())) == []


@some
def test_a_fault_of_the_bonus_is_the_agents_and_of_one_seed(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*CASES[case], "env.num_envs=2", "seed=5")
    agent, envs, one, _ = learning(monkeypatch, *words, "seeds=2")
    one.weight[0] = np.nan
    drive(agent, envs, 120)
    assert agent.faults[0] == "the prediction error is nan"  # type: ignore[attr-defined]
    assert 1 not in agent.faults  # type: ignore[attr-defined]
    alone, own, other, _ = learning(monkeypatch, *words, "seed=6", "seeds=1")
    drive(alone, own, 120)
    assert other.weight.tolist() == one.weight[1:].tolist()
    assert differences(row(host(agent.state_dict()), 1), host(alone.state_dict())) == []


@pytest.mark.parametrize("agent_name", ["dqn", "ddpg", "sac", "ppo"])
def test_a_frozen_seed_has_a_frozen_bonus(agent_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (*CASES[agent_name], "seeds=2")
    agent, envs, one, _ = learning(monkeypatch, *words)
    assert isinstance(agent, CanFreeze)
    agent.freeze(1)
    drive(agent, envs, 120)
    assert one.weight[0] != 0 and one.weight[1] == 0
