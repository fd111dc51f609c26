"""Policies with a memory: what they collect, against steps one by one, and what they remember."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from rlrun.agents.parts.ppo_settings import PPOSettings
from rlrun.agents.parts.sequences import rollout_to_sequences
from rlrun.core.types import Array, Step
from rlrun.loop import Actor, evaluate, interact
from tests.support.common import agent_and_envs, grid_of

SMALL = (
    "agent=ppo",
    "agent.memory=gru",
    "agent.memory_units=8",
    "agent.hidden=[8]",
    "agent.n_steps=8",
    "agent.batch_size=4",
    "agent.epochs=2",
    "tuned=none",
    "seeds=2",
    "env.num_envs=3",
    "env.mask=velocity",
    "env=CartPole-v1",
    "env.max_episode_steps=6",
)


class Recall(gym.Env[Array, Any]):
    """A sign is shown first, then nothing; reward 1 for its action in the last of some steps.

    Without a memory the best return is 0.5 on average.
    """

    STEPS = 4

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._sign, self._time = int(self.np_random.integers(2)), 0
        return np.array([2 * self._sign - 1], np.float32), {}

    def step(self, action: Any) -> Any:
        self._time += 1
        over = self._time == self.STEPS
        reward = float(over and action == self._sign)
        return np.zeros(1, np.float32), reward, over, False, {}


gym.register("Recall-v0", entry_point=f"{__name__}:Recall")


def rollout() -> tuple[Any, Step]:
    """An agent, and the steps ``[seed, time, env, ...]`` of its first rollout."""
    agent: Any
    agent, envs = agent_and_envs(*SMALL)
    actor = Actor(agent, envs)
    for step in range(8):
        agent._rollout.add(actor.step(step))
    return agent, agent._rollout.drain()


def by_hand(agent: Any, steps: Step, seed: int, env: int) -> dict[str, list[float]]:
    """Log-probabilities, values and advantages of one environment, one step after the other."""
    net, pieces = agent._actor.net, [piece[[seed]] for piece in agent._actor.params.pieces]
    memory = torch.zeros(1, 1, net.memory_size)

    def remember(obs: Array, memory: torch.Tensor, *, first: bool) -> torch.Tensor:
        given = torch.from_numpy(obs[None, None]), memory, torch.tensor([[first]])
        after: torch.Tensor = net.remember(pieces, *given)
        return after

    told: dict[str, list[float]] = {"log_prob": [], "value": [], "next_value": []}
    for t in range(steps.last.shape[1]):
        place = seed, t, env
        first = t == 0 or bool(steps.last[seed, t - 1, env])
        memory = remember(steps.obs[place], memory, first=first)
        logits = net.policy(pieces, memory)[0, 0, :2]
        told["log_prob"].append(float(logits.log_softmax(-1)[steps.action[place]]))
        told["value"].append(float(net.value(pieces, memory)))
        following = remember(steps.next_obs[place], memory, first=False)
        told["next_value"].append(float(net.value(pieces, following)))
    advantage, told["advantage"] = 0.0, []
    for t in reversed(range(steps.last.shape[1])):
        place = seed, t, env
        error = steps.reward[place] + steps.discount[place] * told["next_value"][t]
        carried = 0.0 if steps.last[place] else 0.95 * steps.discount[place] * advantage
        advantage = error - told["value"][t] + carried
        told["advantage"].insert(0, advantage)
    return told


def test_a_rollout_is_what_steps_one_by_one_give() -> None:
    """Episodes of at most six steps: each environment has a truncation, or a fall."""
    agent, steps = rollout()
    assert steps.last.any(1).all()
    device, decay = agent._device, np.full((1, 1, 1), 0.95)
    batch, _ = rollout_to_sequences(agent._actor, device, steps, decay, 4)
    assert batch.memory is not None and batch.first is not None
    assert batch.obs.shape == (2, 6, 4, 2)  # [seed, sequence, time, number]
    for seed in range(2):
        for env in range(3):
            told = by_hand(agent, steps, seed, env)
            advantage, ret, log_prob, value = batch.numbers[seed].view(3, 8, 4)[env].T.tolist()
            assert log_prob == pytest.approx(told["log_prob"], abs=1e-5)
            assert value == pytest.approx(told["value"], abs=1e-5)
            assert advantage == pytest.approx(told["advantage"], abs=1e-5)
            assert ret == pytest.approx(np.add(told["advantage"], told["value"]), abs=1e-5)
            second = batch.memory[seed, 2 * env + 1].numpy()
            assert np.array_equal(second, steps.memory[seed, 4, env])  # type: ignore[index]


def test_each_step_is_in_one_batch_of_an_epoch_beside_its_neighbours() -> None:
    agent, steps = rollout()
    decay = np.full((1, 1, 1), 0.95)
    whole, _ = rollout_to_sequences(agent._actor, agent._device, steps, decay, 4)
    batches = list(agent._batches(whole, agent._device))
    assert len(batches) == 2 * 6  # epochs, and sequences of 4 steps
    for epoch in (batches[:6], batches[6:]):
        found = torch.stack([batch.obs for batch in epoch], 1)  # [seed, sequence, time, number]
        for seed in range(2):
            wanted = {each.numpy().tobytes() for each in whole.obs[seed]}
            assert {each.numpy().tobytes() for each in found[seed]} == wanted
    for batch in batches:
        assert batch.memory is not None and batch.memory.shape == (2, 1, 16)
    one = batches[0]
    place = next(k for k in range(6) if torch.equal(whole.obs[0, k], one.obs[0]))
    assert torch.equal(one.memory[0, 0], whole.memory[0, place])  # type: ignore[index]


@pytest.mark.parametrize(
    ("n_steps", "batch_size", "length"), [(8, None, 8), (8, 4, 4), (8, 16, 8), (8, 8, 8)]
)
def test_the_length_of_sequences(n_steps: int, batch_size: int | None, length: int) -> None:
    settings = PPOSettings(n_steps=n_steps, batch_size=batch_size, memory="gru")
    assert settings.sequence == length


@pytest.mark.train
def test_what_was_seen_first_is_remembered() -> None:
    words = (
        "agent=ppo",
        "env=tests.agents.test_recurrent:Recall-v0",
        "tuned=none",
        "seeds=4",
        "env.num_envs=8",
        "agent.n_steps=32",
        "agent.batch_size=128",
        "agent.epochs=4",
        "agent.lr=3e-3",
        "agent.hidden=[16]",
        "agent.memory_units=16",
        "total_steps=16000",
    )
    means = {}
    for memory in ("gru", "none"):
        agent, envs = agent_and_envs(*words, f"agent.memory={memory}")
        for step, _, _ in interact(agent, envs):
            if step >= 16000:
                break
        judge = grid_of(Recall, "Recall-v0", (100, 101, 102, 103), 4)
        means[memory] = evaluate(agent, judge, 16000, 40).returns.mean(-1)
    assert (means["gru"] > 0.95).all(), means["gru"]
    assert (means["none"] < 0.8).all(), means["none"]
