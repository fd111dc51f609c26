"""Agents on environments whose values are known: each probe isolates one thing to get right."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun.agents.dqn import DQN
from rlrun.envs.games import PROBES
from rlrun.loop import interact
from tests.support.common import agent_and_envs

pytestmark = pytest.mark.slow

QUICK: dict[str, tuple[str, ...]] = {
    "dqn": (
        "agent=dqn",
        "tuned=none",
        "agent.hidden=[32,32]",
        "agent.lr=3e-3",
        "agent.lr_end=0",
        "agent.batch_size=32",
        "agent.learning_starts=50",
        "agent.train_every=1",
        "agent.target_every=20",
        "explore.fraction=0.8",
        "explore.end=0.3",
        "total_steps=1500",
        "seeds=4",
    ),
}
# a network explores by its own noise, or with epsilon; distributions need their range
QUICK["dueling_dqn"] = (*QUICK["dqn"], "agent=dueling_dqn")
QUICK["qr_dqn"] = (*QUICK["dqn"], "agent=qr_dqn", "agent.quantiles=8")
QUICK["rainbow"] = (
    *QUICK["dqn"],
    "agent=rainbow",
    "explore=linear",
    "agent.v_min=-2",
    "agent.v_max=2",
    "agent.n_step=1",
    "agent.max_grad_norm=1",
)
TABLE = (
    "tuned=none",
    "env.bins=[[-1.5,1.5,3]]",
    "agent.lr=0.5",
    "agent.lr_decay=0.01",
    "explore.fraction=0.8",
    "explore.end=0.3",
    "total_steps=1500",
    "seeds=4",
)
for _name in ("q_learning", "sarsa", "expected_sarsa", "double_q_learning", "monte_carlo"):
    QUICK[_name] = (f"agent={_name}", *TABLE)
agents = pytest.mark.parametrize("agent", QUICK)


def values(agent: str, probe: str, *words: str, obs: float = 0.0) -> Any:
    """Q-values ``[seed, action]`` of an observation after training."""
    one, envs = agent_and_envs(*QUICK[agent], f"env=rlrun/{probe}-v0", "gamma=0.9", *words)
    for step, _, _ in interact(one, envs):
        if step >= 1500:
            break
    if not isinstance(one, DQN):
        return one.values[:, round(obs) + 1]  # type: ignore[attr-defined]
    seen = np.full((4, 1, 1), obs, np.float32)
    return one._values(seen, None)[:, 0]


@agents
def test_constant(agent: str) -> None:
    assert values(agent, "Constant") == pytest.approx(1.0, abs=0.02)


@agents
@pytest.mark.parametrize("obs", [-1.0, 1.0])
def test_observation(agent: str, obs: float) -> None:
    assert values(agent, "Observation", obs=obs) == pytest.approx(obs, abs=0.02)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        *((agent, ()) for agent in QUICK),
        ("dqn", ("agent.n_step=2",)),
        ("dqn", ("agent.double=false",)),
        ("q_learning", ("agent.n_step=2",)),
        ("sarsa", ("agent.n_step=2",)),
        ("expected_sarsa", ("agent.trace_decay=0.9",)),
        ("monte_carlo", ("agent.visit=every",)),
    ],
)
def test_delay(agent: str, words: tuple[str, ...]) -> None:
    assert values(agent, "Delay", *words) == pytest.approx(0.9, abs=0.02)
    assert values(agent, "Delay", *words, obs=1.0) == pytest.approx(1.0, abs=0.02)


@agents
def test_choice(agent: str) -> None:
    q = values(agent, "Choice")
    assert q[:, 0] == pytest.approx(-1.0, abs=0.02)
    assert q[:, 1] == pytest.approx(1.0, abs=0.02)


@agents
@pytest.mark.parametrize("obs", [-1.0, 1.0])
def test_match(agent: str, obs: float) -> None:
    q = values(agent, "Match", obs=obs)
    right = int(obs > 0)
    assert q[:, right] == pytest.approx(1.0, abs=0.02)
    assert q[:, 1 - right] == pytest.approx(-1.0, abs=0.02)


@pytest.mark.parametrize("obs", ["image", "grid"])
@pytest.mark.parametrize("words", [(), ("agent=rainbow", "explore=linear", "agent.n_step=1")])
def test_match_in_pixels(words: tuple[str, ...], obs: str) -> None:
    """The image of a sign, or a grid of numbers: its right half is bright, or its left one."""
    one, envs = agent_and_envs(
        *QUICK["dqn"],
        "env=rlrun/PixelMatch-v0",
        f"env.obs={obs}",
        "agent.hidden=[16]",
        "agent.v_min=-2",
        "agent.v_max=2",
        "seeds=2",
        *words,
    )
    for step, _, _ in interact(one, envs):
        if step >= 400:
            break
    assert isinstance(one, DQN)
    for right in (0, 1):
        picture = np.zeros((2, 1, 1, 12, 12), np.uint8)
        picture[..., 6 * right : 6 * right + 6] = 255
        q = one._values(picture, None)[:, 0]
        assert q[:, right] == pytest.approx(1.0, abs=0.1)
        assert q[:, 1 - right] == pytest.approx(-1.0, abs=0.1)


ENDLESS = {
    "dqn": ("agent.loss=squared", "agent.target_every=10", "agent.train_every=1"),
    "dueling_dqn": ("agent.loss=squared", "agent.target_every=10"),
    "qr_dqn": ("agent.target_every=10",),
    "rainbow": ("agent.v_min=0", "agent.v_max=12", "agent.target_every=10"),
    "monte_carlo": ("agent.lr_decay=0", "agent.lr=0.1"),
}
N_STEP = ("dqn", "q_learning", "sarsa", "expected_sarsa")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        *((agent, ()) for agent in QUICK),
        *((agent, ("env.num_envs=3",)) for agent in QUICK),
        *((agent, ("agent.n_step=3",)) for agent in N_STEP),
        ("expected_sarsa", ("agent.trace_decay=0.8",)),
    ],
)
def test_a_truncated_episode_bootstraps(agent: str, words: tuple[str, ...]) -> None:
    """Reward 1 for ever under a time limit is worth 1/(1 - gamma)."""
    found = values(agent, "Endless", *ENDLESS.get(agent, ()), *words)
    assert found == pytest.approx(10.0, rel=0.05)


@agents
def test_taking_truncation_for_termination_would_be_noticed(
    agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = gym.wrappers.TimeLimit.step

    def wrong(self: Any, action: Any) -> Any:
        obs, reward, terminated, truncated, info = step(self, action)
        return obs, reward, terminated or truncated, False, info

    monkeypatch.setattr("rlrun.envs.games.probes.Endless.LIMIT", 10**9)
    monkeypatch.setattr(gym.wrappers.TimeLimit, "step", wrong)
    how = ENDLESS.get(agent, ())
    limited = values(agent, "Endless", *how, "env.max_episode_steps=10")
    assert (limited < 8.0).all()  # 6.5 is what one may hope for without knowing the time


def test_probes_are_as_they_say() -> None:
    for name in PROBES:
        env = gym.make(f"rlrun/{name}-v0")
        env.reset(seed=3)
        ended = {
            "Constant": 1,
            "Observation": 1,
            "Delay": 2,
            "Choice": 1,
            "Match": 1,
            "PixelMatch": 1,
            "Endless": 10,
        }
        for count in range(1, 11):
            _, _, terminated, truncated, _ = env.step(np.int64(1))
            if terminated or truncated:
                assert (count, terminated) == (ended[name], name != "Endless")
                break
        env.close()
