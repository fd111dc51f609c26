"""Bonuses where observations or rewards are scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlrun.agents import ppo
from rlrun.agents.parts.minibatches import rollout_to_batch
from rlrun.core.types import Array, Step
from rlrun.curiosity.constant import Constant
from rlrun.loop import interact
from tests.contracts.test_curiosity import CASES
from tests.support.common import SMALL_PPO, agent_and_envs, drive, host, parts_and_env


def test_on_policy_bonuses_are_those_of_unscaled_observations() -> None:
    """PPO stores scaled observations, whose bins would be others."""
    words = (*CASES["ppo, scaled"], "curiosity=count", "curiosity.scale=1", "seeds=1")
    agent, envs = agent_and_envs(*words)
    steps: list[Step] = []
    for _, t, metrics in interact(agent, envs):
        steps.append(t)
        if metrics:
            break
    pairs = [(tuple(np.floor(_digits(t)).tolist()), int(t.action[0, 0])) for t in steps]
    bonuses = [1 / np.sqrt(pairs.count(pair)) for pair in pairs]
    assert host(metrics)["train/bonus"][0] == pytest.approx(np.mean(bonuses), rel=1e-12)


def test_scaled_rewards_get_an_unscaled_bonus(monkeypatch: pytest.MonkeyPatch) -> None:
    """What A2C learns from is the scaled reward plus the bonus; the policy is still the same."""
    learnt: list[Array] = []

    def capture(actor: Any, device: Any, steps: Step, trace_decay: Any, stream: Any) -> Any:
        learnt.append(steps.reward.copy())
        return rollout_to_batch(actor, device, steps, trace_decay, stream)

    monkeypatch.setattr(ppo, "rollout_to_batch", capture)
    for more in ((), ("curiosity=constant", "curiosity.scale=0.25")):
        agent, envs = agent_and_envs(*CASES["a2c"], "seeds=2", *more)
        drive(agent, envs, 5)
    assert np.array_equal(learnt[0] + 0.25, learnt[1])
    assert not np.array_equal(learnt[0], np.ones_like(learnt[0]))  # it is scaled


@pytest.mark.parametrize("scaled", ["normalize_obs", "normalize_reward"])
def test_what_a_bonus_sees_is_not_scaled_and_ends_where_it_is_cut(
    scaled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Step] = []
    bonus = Constant.bonus

    def see(self: Constant, t: Step) -> Array:
        seen.append(t)
        return bonus(self, t)

    monkeypatch.setattr(Constant, "bonus", see)
    words = (*SMALL_PPO, "env=Acrobot-v1", "seeds=2", "curiosity=constant", f"agent.{scaled}=true")
    agent: Any
    agent, envs = agent_and_envs(*words)
    steps: list[Step] = []
    for step, t, _ in interact(agent, envs):
        steps.append(t)
        if step == 2:
            agent.cut()
        if seen:
            break
    for name in ("obs", "reward"):
        assert np.array_equal(
            getattr(seen[0], name).reshape(2, len(steps), -1),
            np.stack([getattr(t, name) for t in steps], 1).reshape(2, len(steps), -1),
        )
    assert seen[0].last.reshape(2, -1)[0].tolist() == [n == 1 for n in range(len(steps))]


def _digits(t: Step) -> Array:
    _, env = parts_and_env("env=CartPole-v1")
    assert env.spec.bins is not None
    low, high, count = np.array(env.spec.bins).T
    digits: Array = np.clip(np.floor((t.obs[0, 0] - low) * count / (high - low)), 0, count - 1)
    return digits
