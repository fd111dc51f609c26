"""Reward shaping: what agents learn from, what is scored, and where it is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from rlrun import build
from rlrun.core.abilities import Tabular
from rlrun.core.errors import BadInput
from rlrun.core.types import Array, Envs, Step
from rlrun.envs.shaping import SHAPING, Shaping, Transition
from rlrun.loop import evaluate, interact
from rlrun.run import start_run
from tests.support.common import (
    agent_and_envs,
    differences,
    ended,
    host,
    parts_and_env,
    seeds_of,
    settings,
)

POLE = ("env=CartPole-v1", "agent=random", "env.shaping=pole_angle")
LIMIT = 12 * math.pi / 180


class Finite(CartPoleEnv):
    """CartPole whose observations have finite bounds, so that they can be scaled."""

    def __init__(self) -> None:
        super().__init__()
        high = np.array([4.8, 20.0, 0.41887903, 20.0], np.float32)
        self.observation_space = gym.spaces.Box(-high, high)


gym.register("Finite-v0", "tests.envs.test_shaping:Finite", max_episode_steps=500)
gym.register(
    "Normal-v0",
    "tests.envs.test_shaping:Finite",
    additional_wrappers=(gym.wrappers.NormalizeObservation.wrapper_spec(),),
)


def opened(*words: str, seeds: int = 2, seed: int = 3) -> Envs:
    return agent_and_envs(*POLE, f"seed={seed}", f"seeds={seeds}", "env.num_envs=2", *words)[1]


ACTIONS = np.random.default_rng(0).integers(0, 2, (80, 2, 2))


def played(envs: Envs, actions: Array = ACTIONS) -> list[Step]:
    return [envs.step(action) for action in actions]


def test_the_penalty_is_the_share_of_the_largest_angle() -> None:
    """6 of 12 degrees to either side cost half of the reward, no angle costs nothing."""
    next_obs = np.zeros((1, 4, 4), np.float32)
    next_obs[0, :, 2] = np.radians([6, -6, 0, 12])
    t = Transition(np.ones((1, 4, 4)), np.zeros((1, 4)), np.ones((1, 4)), next_obs)
    assert SHAPING["pole_angle"].reward(t)[0] == pytest.approx([0.5, 0.5, 1.0, 0.0], abs=1e-6)


def test_rewards_are_shaped_then_clipped_then_scaled_and_scores_are_true() -> None:
    envs = opened("env.reward_clip=0.9", "env.reward_scale=2")
    steps = played(envs)
    for t in steps:
        shaped = 1 - np.abs(t.next_obs[..., 2].astype(np.float64)) / LIMIT
        assert np.allclose(t.reward, 2 * np.clip(shaped, -0.9, 0.9), rtol=1e-12)
    episodes = ended(*steps)
    assert len(episodes) > 4
    assert all(score == length for *_, score, length in episodes)


def test_an_agent_learns_from_shaped_rewards_and_evaluations_score_true_ones() -> None:
    """With gamma=0 and a step size of 1 a value is the last reward that was learnt in its state."""
    words = ("env=CartPole-v1", "agent=td_prediction", "env.shaping=pole_angle", "gamma=0")
    how = ("agent.lr=1", "agent.lr_decay=0", "seeds=1", "tuned=none", "agent.policy=1")
    agent, envs = agent_and_envs(*words, *how)
    expected: dict[float, None] = {}
    for step, t, _ in interact(agent, envs):
        angle = float(t.next_obs[0, 0, 2])
        expected[1 - abs(angle) / LIMIT] = None
        if step == 200:
            break
    values = cast("Tabular", agent).values
    learnt = values[values != 0].tolist()
    assert len(learnt) > 3
    assert all(min(abs(value - each) for each in expected) < 1e-12 for value in learnt)
    parts, env = parts_and_env(*words, *how)
    games = build.evaluation_envs(parts, env, 5)
    found = evaluate(cast("Any", agent), games, 0, 10)
    assert np.array_equal(found.returns, found.lengths)  # a reward of 1 in every step
    assert found.lengths.min() >= 8


def test_a_run_reports_true_rewards(tmp_path: Path) -> None:
    short = ("seeds=2", "total_steps=200", "log.every=50", "eval.every=100", "eval.episodes=2")
    start_run(settings(*POLE, *short, "eval.final_episodes=2"), tmp_path, "rlrun again")
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    for reward, length in (
        ("rollout/ep_rew_mean", "rollout/ep_len_mean"),
        ("eval/mean_reward", "eval/mean_ep_length"),
    ):
        rows = [line for line in lines if reward in line]
        assert rows
        assert all(row[reward] == row[length] for row in rows)
    final = json.loads((tmp_path / "result.json").read_text())["final"]["per_seed"]
    assert all(score >= 8 for score in final)


def test_the_angle_is_the_environments_own_where_observations_are_scaled() -> None:
    here = "env=tests.envs.test_shaping:Finite-v0"
    plain, scaled = opened(here), opened(here, "env.scale_obs=true")
    assert not np.array_equal(plain.obs, scaled.obs)
    for one, other in zip(played(plain), played(scaled), strict=True):
        assert np.array_equal(one.reward, other.reward)


def test_a_seed_in_a_stack_and_environments_in_processes_have_the_same_rewards() -> None:
    steps = played(opened())
    alone = opened(seeds=1, seed=4)
    apart = opened("env.vector=async")
    for action, t in zip(ACTIONS, steps, strict=True):
        single = host(alone.step(action[1:])._asdict())
        assert differences(host(seeds_of(t, slice(1, 2))._asdict()), single) == []
        assert differences(host(t._asdict()), host(apart.step(action)._asdict())) == []
    apart.close()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Transition]:
    """The transitions that a shaping function named ``speed`` gets, which fits anything."""
    transitions: list[Transition] = []

    def speed(t: Transition) -> Array:
        transitions.append(t)
        change: Array = (t.next_obs - t.obs)[..., 0].astype(np.float64)
        return change

    monkeypatch.setitem(SHAPING, "speed", Shaping(speed, lambda env: True, "anything"))
    return transitions


@pytest.mark.parametrize("vector", ["sync", "async"])
def test_a_function_gets_the_observations_before_and_after_a_step(
    recorded: list[Transition], vector: str
) -> None:
    """Also in the first step of an episode, and of a resumed run."""
    words = ("env.shaping=speed", f"env.vector={vector}")
    envs = opened(*words)
    steps = played(envs, ACTIONS[:50])
    state = host(envs.state_dict())
    later = played(envs, ACTIONS[50:])
    other = opened(*words)
    assert other.load_state_dict(state) == []
    again = played(other, ACTIONS[50:])
    assert any(t.last.any() for t in steps)
    for t, given in zip([*steps, *later, *again], recorded, strict=True):
        assert np.array_equal(given.obs, t.obs)
        assert np.array_equal(given.next_obs, t.next_obs)
        assert np.array_equal(given.action, t.action)
        assert (given.reward == 1).all()
        assert np.array_equal(t.reward, (t.next_obs - t.obs)[..., 0].astype(np.float64))
    for one, two in zip(later, again, strict=True):
        assert differences(host(one._asdict()), host(two._asdict())) == []
    envs.close()
    other.close()


def test_a_shaped_reward_that_is_not_finite_fails_its_seed_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(t: Transition) -> Array:
        reward: Array = t.reward.copy()
        reward[1, 0] = np.nan
        return reward

    monkeypatch.setitem(SHAPING, "broken", Shaping(broken, lambda env: True, "anything"))
    envs = opened("env.shaping=broken")
    t = envs.step(ACTIONS[0])
    assert t.reward.tolist() == [[1.0, 1.0], [0.0, 1.0]]
    assert envs.faults.keys() == {1}
    assert envs.faults[1].startswith("a shaped reward of CartPole-v1 is nan (environment 0, ")


def test_nothing_is_shaped_by_default() -> None:
    assert settings("env=CartPole-v1", "agent=random")["env"]["shaping"] is None
    _, envs = agent_and_envs("env=CartPole-v1", "agent=random", "seeds=1")
    assert [envs.step(np.zeros((1, 1), np.int64)).reward.item() for _ in range(30)] == [1.0] * 30


FITS = "only applies to CartPole, whose observations have the angle of a pole: write env.shaping="


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("env=Pendulum-v1",), f"Pendulum-v1 cannot be used: env.shaping=pole_angle {FITS}null"),
        (("env=ALE/Pong-v5",), f"ALE/Pong-v5 cannot be used: env.shaping=pole_angle {FITS}null"),
        (
            ("env=FrozenLake-v1",),
            "FrozenLake-v1 cannot be used: env.shaping=pole_angle does not apply to environments "
            "with a model, whose rewards are those of the model: write env.shaping=null",
        ),
        (("env=tests.envs.test_shaping:Normal-v0",), FITS),  # its angles are normalized
        (
            ("env.shaping=pole_angel",),
            "env.shaping=pole_angel: there is no such function. Did you mean pole_angle? There is: "
            "pole_angle.",
        ),
    ],
)
def test_what_does_not_fit_is_refused(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(BadInput) as error:
        _ = parts_and_env(*POLE, *words)[1].spec
    assert sentence in str(error.value)


def test_tables_are_not_shaped_by_functions_that_fit_anything(recorded: list[Transition]) -> None:
    with pytest.raises(BadInput, match="does not apply to environments with a model"):
        _ = parts_and_env("env=FrozenLake-v1", "agent=random", "env.shaping=speed")[1].spec
