"""A run whose checkpoints have no replay fills a new one before it learns again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlrun.core.types import Array, Batch
from rlrun.replay.ring import Replay
from rlrun.replay.sampling import Prioritized
from rlrun.training.checkpoints import restore_agent
from tests.support.common import SMALL_CONTROL, SMALL_DQN, agent_and_envs, drive, host
from tests.support.resume import resume, stopped_at

pytestmark = pytest.mark.slow

AGENTS = {
    "dqn": (*SMALL_DQN, "env=CartPole-v1", "agent.train_every=3"),
    "ddpg": ("agent=ddpg", *SMALL_CONTROL, "env=Pendulum-v1"),
    "sac": ("agent=sac", *SMALL_CONTROL, "env=Pendulum-v1"),
}
# learning_starts is 20: with two environments, the first crossing of a multiple of 3 from there on
FIRST = {0: 22, 10: 30, 60: 82}


def without_replay(name: str, at: int) -> tuple[Any, Any]:
    """An agent that has trained for ``at`` steps and lost its replay, and its environments."""
    words = (*AGENTS[name], "seeds=2", "env.num_envs=2")
    one, envs = agent_and_envs(*words)
    if at:
        drive(one, envs, at)
    state = {key: part for key, part in host(one.state_dict()).items() if key != "replay"}
    other, others = agent_and_envs(*words)
    fresh = other.state_dict()
    assert not restore_agent(other, _as_tensors(state, fresh))
    others.load_state_dict(envs.state_dict())
    return other, others


def _as_tensors(state: Any, like: Any) -> Any:
    """``state`` with tensors where ``like`` has them."""
    if isinstance(state, dict):
        return {key: _as_tensors(part, like[key]) for key, part in state.items()}
    return like.new_tensor(state) if hasattr(like, "new_tensor") else state


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("at", FIRST)
def test_the_first_update_waits_for_the_replay(name: str, at: int) -> None:
    agent, envs = without_replay(name, at)
    came = drive(agent, envs, 40, at)
    learnt = [at + 2 * n for n, (_, metrics) in enumerate(came, start=1) if metrics]
    assert learnt[0] == FIRST[at]


@pytest.mark.parametrize("name", ["ddpg", "sac"])
@pytest.mark.parametrize(("at", "random"), [(0, 20), (10, 20), (60, 0)])
def test_actions_are_random_only_before_the_first_update(name: str, at: int, random: int) -> None:
    """What has learnt something acts by it while the replay is filled."""
    agent, envs = without_replay(name, at)
    warmup, drawn = agent._warmup, []

    def counted() -> Array:
        drawn.append(envs.per_seed)
        action: Array = warmup()
        return action

    agent._warmup = counted
    drive(agent, envs, 40, at)
    assert sum(drawn) == random


def test_a_resumed_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The checkpoint is of step 160: updates from 180 on, and beta as far as the run is."""
    how = ("agent.train_every=4", "replay=prioritized", "replay.beta_fraction=1")
    stopped_at(monkeypatch, 90, tmp_path, *how, "replay.capacity=150", "checkpoint.replay=false")
    held, betas = [], []
    sample, exponent = Replay.sample, Prioritized._exponent

    def sampled(self: Replay, size: int, n_step: int = 1, *, step: int, bonus: Any) -> Batch:
        held.append((step, len(self)))
        return sample(self, size, n_step, step=step, bonus=bonus)

    def noted(self: Prioritized, *now: int) -> float:
        betas.append(float(exponent(self, *now)))
        return betas[-1]

    monkeypatch.setattr(Replay, "sample", sampled)
    monkeypatch.setattr(Prioritized, "_exponent", noted)
    assert resume(str(tmp_path)) == 0
    assert held == [(step, min(step - 160, 150)) for step in range(180, 301, 4)]
    # from .4 to 1 in 300 steps
    assert betas == pytest.approx([0.4 + 0.6 * step / 300 for step in range(180, 301, 4)])
    assert json.loads((tmp_path / "meta.json").read_text())["exact"] is False
    assert "learning waits until it holds" in (tmp_path / "run.log").read_text()
