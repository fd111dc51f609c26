"""Learning that begins after a number of episodes, which each seed counts for itself."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from rlrun.compatibility import too_short_to_learn
from rlrun.core.types import Metrics
from rlrun.loop import interact
from rlrun.training.checkpoints import restore_agent
from tests.support.common import (
    SMALL_CONTROL,
    SMALL_DQN,
    SMALL_DRQN,
    agent_and_envs,
    differences,
    drive,
    host,
    row,
)

REACH = "env=tests.support.control:Reach-v0"
BEGIN = ("agent.learning_clock=episodes", "agent.learning_starts=5")
AGENTS = {
    "dqn": (*SMALL_DQN, "env.num_envs=2"),
    "rainbow": (*SMALL_DQN, "agent=rainbow", "agent.atoms=5"),
    "drqn": (*SMALL_DRQN, "env.num_envs=2"),
    "curiosity": (*SMALL_DQN, "curiosity=count", "env=FrozenLake-v1"),
    "td3": ("agent=td3", *SMALL_CONTROL, REACH),
    "batch": (
        "agent=ddpg",
        *SMALL_CONTROL,
        "agent.norm=batch",
        "agent.norm_obs=true",
        REACH,
        "explore=ornstein_uhlenbeck",
    ),
    "prioritized": ("agent=td3", *SMALL_CONTROL, REACH, "replay=prioritized"),
    "sac": ("agent=sac", *SMALL_CONTROL, REACH, "env.num_envs=2"),
    "sac_discrete": ("agent=sac_discrete", *SMALL_CONTROL, "env.max_episode_steps=15"),
}


class Trained:
    """An agent after so many steps: its states, metrics and actions at each step."""

    def __init__(self, steps: int, *words: str) -> None:
        self.agent, envs = agent_and_envs("seed=3", *words, *BEGIN)
        self.metrics: list[Metrics] = []
        self.actions: list[Any] = []
        self.ended: list[Any] = []
        self.policies: list[Any] = [host(self.agent.state_dict()["policy"])]
        for step, t, metrics in interact(self.agent, envs):
            self.metrics.append(host(metrics))
            self.actions.append(t.action.copy())
            self.ended.append(t.last.sum(-1))
            self.policies.append(host(self.agent.state_dict()["policy"]))
            if step >= steps:
                break


@pytest.mark.parametrize("name", ["dqn", "drqn", "td3", "sac", "sac_discrete"])
def test_the_step_of_the_first_update_is_known_only_by_steps(name: str) -> None:
    words = (*AGENTS[name], "agent.train_every=4")
    by_steps: Any = agent_and_envs(*words, "agent.learning_starts=30")[0]
    by_episodes: Any = agent_and_envs(*words, *BEGIN)[0]
    assert (by_steps.first_update, by_episodes.first_update) == (32, 0)
    assert too_short_to_learn(by_steps, 31).endswith("there is no update before step 32")
    assert too_short_to_learn(by_episodes, 1) == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", AGENTS)
def test_a_seed_begins_after_its_own_episodes_whatever_the_others_do(name: str) -> None:
    """Bit for bit as alone: actions, policies and metrics; and unchanged until its 5th episode."""
    words = AGENTS[name]
    stack = Trained(200, *words, "seeds=3")
    begun = [int(np.argmax(counts >= 5)) for counts in np.cumsum(stack.ended, 0).T]
    assert len(set(begun)) > 1
    for k in range(3):
        alone = Trained(200, *words, f"seed={3 + k}", "seeds=1")
        assert differences(host(alone.actions), [each[k : k + 1] for each in stack.actions]) == []
        assert differences(alone.policies, [row(each, k) for each in stack.policies]) == []
        assert differences(alone.metrics, [row(each, k) for each in stack.metrics]) == []
        first, later = alone.policies[0], alone.policies[begun[k] + 4]
        assert all(differences(first, each) == [] for each in alone.policies[: begun[k] + 1])
        assert differences(first, later) != []
        updates = [m["train/n_updates"][0] for m in alone.metrics if m]
        assert updates[0] == 0
        assert updates[-1] > 0
        for metrics in filter(None, alone.metrics):
            waiting = metrics["train/n_updates"][0] == 0
            assert np.isnan(metrics["train/q_mean"][0]) == waiting


@pytest.mark.slow
def test_by_steps_nothing_has_changed() -> None:
    """The first update is at the step that learning_starts gives, for all seeds together."""
    agent, envs = agent_and_envs(*SMALL_DQN, "seeds=2", "agent.train_every=1")
    for step, _, metrics in interact(agent, envs):
        assert bool(metrics) == (step >= 20)
        if step == 25:
            break
    assert metrics["train/n_updates"].tolist() == [6, 6]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sac", "batch"])
def test_actions_are_random_until_the_seed_begins(name: str) -> None:
    """Uniform draws of the seed's own stream, of which one is taken at each step."""
    from rlrun.agents.parts.exploration import Warmup
    from rlrun.core.types import Space, Spec

    trained = Trained(120, *AGENTS[name], "seeds=2")
    num_envs = trained.actions[0].shape[1]
    spec = Spec("reach", Space("vector", (3,)), Space("vector", (2, 3)), num_envs)
    warmup = Warmup(spec, (3, 4))
    counts = np.cumsum(trained.ended, 0)
    for step, action in enumerate(trained.actions):
        drawn = warmup()
        for seed in (0, 1):
            waits = step == 0 or counts[step - 1, seed] < 5
            assert (action[seed] == drawn[seed]).all() == waits


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rainbow", "drqn", "sac", "sac_discrete"])
def test_restored_while_seeds_wait_it_is_the_same(name: str) -> None:
    words = ("seed=3", *AGENTS[name], *BEGIN, "seeds=3")
    one, envs = agent_and_envs(*words)
    drive(one, envs, 40)
    other, others = agent_and_envs(*words)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    assert others.load_state_dict(envs.state_dict()) == []
    assert differences(drive(one, envs, 160, 40), drive(other, others, 160, 40)) == []


@pytest.mark.slow
def test_without_its_replay_a_seed_stores_its_episodes_again_before_it_learns() -> None:
    words = ("seed=3", *AGENTS["sac"], *BEGIN, "seeds=2")
    one, envs = agent_and_envs(*words)
    drive(one, envs, 200)
    state = {key: part for key, part in one.state_dict().items() if key != "replay"}
    other, others = agent_and_envs(*words)
    assert not restore_agent(other, state)
    others.load_state_dict(envs.state_dict())
    ended = np.zeros(2, np.int64)
    updates: Any = None
    for step, t, metrics in interact(other, others, 200):
        ended += t.last.sum(-1)
        if metrics:
            waiting = np.isnan(host(metrics)["train/q_mean"])
            assert waiting.tolist() == (ended < 5).tolist()
            before, updates = updates, metrics["train/n_updates"]
            if before is not None:
                assert (updates - before).tolist() == (~waiting).tolist()
        if step >= 300:
            break
    assert (ended >= 5).all()
