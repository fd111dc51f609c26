"""Agents that learn a policy on environments whose answers are known, each for one thing."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlrun.agents.ppo import PPO
from rlrun.agents.reinforce import Reinforce
from rlrun.core.types import Array
from rlrun.loop import interact
from tests.support.common import agent_and_envs

pytestmark = pytest.mark.slow

STEPS = 3000
COMMON = ("tuned=none", "agent.hidden=[32]", "gamma=0.9", f"total_steps={STEPS}", "seeds=4")
QUICK: dict[str, tuple[str, ...]] = {
    "ppo": (
        *COMMON,
        "agent=ppo",
        "agent.n_steps=32",
        "agent.batch_size=16",
        "agent.epochs=4",
        "agent.lr=1e-2",
        "agent.lr_end=0",
    ),
    "a2c": (*COMMON, "agent=a2c", "agent.n_steps=8", "agent.lr=1e-2", "agent.lr_end=0"),
    "reinforce": (
        *COMMON,
        "agent=reinforce",
        "agent.episodes=4",
        "agent.lr=2e-2",
        "agent.lr_end=0",
    ),
}
agents = pytest.mark.parametrize("agent", QUICK)


def trained(agent: str, env: str, *words: str) -> PPO | Reinforce:
    one, envs = agent_and_envs(*QUICK[agent], f"env={env}", *words)
    for step, _, _ in interact(one, envs):
        if step >= STEPS:
            break
    assert isinstance(one, PPO | Reinforce)
    return one


def value(one: PPO | Reinforce, obs: float = 0.0) -> Array:
    """``[seed]``."""
    return one.value(np.full((4, 1, 1), obs, np.float32))[:, 0]


def chances(one: PPO | Reinforce, obs: Array) -> Array:
    """The probability of each of two actions, ``[seed, action]``."""
    net, pieces = one._actor.net, one._actor.params.pieces
    out = net.policy(pieces, torch.from_numpy(obs))[:, 0, :2]
    found: Array = out.softmax(-1).numpy()
    return found


@agents
def test_constant(agent: str) -> None:
    assert value(trained(agent, "rlrun/Constant-v0")) == pytest.approx(1.0, abs=0.02)


@agents
def test_observation(agent: str) -> None:
    one = trained(agent, "rlrun/Observation-v0")
    for obs in (-1.0, 1.0):
        assert value(one, obs) == pytest.approx(obs, abs=0.05)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        *((agent, ()) for agent in QUICK),
        ("ppo", ("agent.trace_decay=0", "env.num_envs=4")),
        ("ppo", ("agent.trace_decay=1",)),
        ("ppo", ("agent.clip_value=0.5",)),
        ("ppo", ("agent.normalize_reward=true",)),
    ],
)
def test_delay(agent: str, words: tuple[str, ...]) -> None:
    one = trained(agent, "rlrun/Delay-v0", *words)
    assert value(one) == pytest.approx(0.9, abs=0.05)
    assert value(one, 1.0) == pytest.approx(1.0, abs=0.05)


@agents
def test_choice(agent: str) -> None:
    one = trained(agent, "rlrun/Choice-v0")
    assert (chances(one, np.zeros((4, 1, 1), np.float32))[:, 1] > 0.95).all()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        *((agent, ()) for agent in QUICK),
        *((agent, ("env.num_envs=4",)) for agent in QUICK),
        ("ppo", ("agent.clip=null", "agent.epochs=1", "agent.activation=relu")),
        ("ppo", ("agent.target_kl=0.05",)),
        ("ppo", ("agent.normalize_obs=true", "agent.normalize_advantage=false")),
        ("reinforce", ("agent.baseline=false",)),
        ("reinforce", ("agent.normalize_returns=false",)),
    ],
)
def test_match(agent: str, words: tuple[str, ...]) -> None:
    one = trained(agent, "rlrun/Match-v0", *words)
    for right in (0, 1):
        seen = one._actor.normalized(np.full((4, 1, 1), 2.0 * right - 1, np.float32))
        assert (chances(one, seen)[:, right] > 0.9).all()
        obs = np.full((4, 1, 1), 2.0 * right - 1, np.float32)
        assert (one.act(obs, 0, explore=False) == right).all()


@pytest.mark.parametrize("obs", ["image", "grid"])
def test_match_in_pixels(obs: str) -> None:
    """The image of a sign, or a grid of numbers: its right half is bright, or its left one."""
    words = ("env=rlrun/PixelMatch-v0", f"env.obs={obs}", "seeds=2", "env.num_envs=4")
    one, envs = agent_and_envs(*QUICK["ppo"], *words, "agent.lr=2e-3")
    for step, _, _ in interact(one, envs):
        if step >= 2400:
            break
    assert isinstance(one, PPO | Reinforce)
    for right in (0, 1):
        picture = np.zeros((2, 1, 1, 12, 12), np.uint8)
        picture[..., 6 * right : 6 * right + 6] = 255
        assert (chances(one, picture)[:, right] > 0.9).all()


# far from its aim a wide policy is best off: what is clipped misses by less; so it has to be quick
AIM = {"a2c": ("agent.n_steps=4", "agent.normalize_advantage=true")}


@agents
def test_a_number_is_aimed_at(agent: str) -> None:
    one = trained(agent, "tests.support.choices:Aim-v0", *AIM.get(agent, ()))
    for obs in (-1.0, 1.0):
        found = one.act(np.full((4, 1, 1), obs, np.float32), 0, explore=False)
        assert found[:, 0] == pytest.approx(np.tile([0.5 * obs, -0.25], (4, 1)), abs=0.1)


@agents
def test_several_choices_at_once(agent: str) -> None:
    one = trained(agent, "tests.support.choices:Choices-v0", "env.kwargs.sizes=[2,2]", "gamma=0")
    for wanted in np.ndindex(2, 2):
        obs = np.tile(np.array(wanted, np.float32), (4, 1, 1))
        assert (one.act(obs, 0, explore=False) == wanted).all()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        *((agent, ()) for agent in QUICK),
        *((agent, ("env.num_envs=4",)) for agent in QUICK),
        ("ppo", ("agent.trace_decay=1",)),
        ("ppo", ("agent.normalize_reward=true",)),
    ],
)
def test_a_truncated_episode_bootstraps(agent: str, words: tuple[str, ...]) -> None:
    """Reward 1 for ever under a time limit is worth 1/(1 - gamma)."""
    assert value(trained(agent, "rlrun/Endless-v0", *words)) == pytest.approx(10.0, rel=0.05)


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
    one = trained(agent, "rlrun/Endless-v0", "env.max_episode_steps=10")
    assert (value(one) < 8.0).all()
