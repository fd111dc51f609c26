"""MADDPG part by part: targets, gradients, whose actions are whose, masks, early leavers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rlrun.agents.parts.joint_critics import by_agent, clip_by_agent
from rlrun.checkpoint import store
from rlrun.core.errors import BadInput
from rlrun.core.types import Batch
from rlrun.run import start_run
from tests.support.common import SMALL_CONTROL, agent_and_envs, drive, settings

pytestmark = pytest.mark.slow

MEETING, PULLING = "env=tests.support.players:meeting", "env=tests.support.players:pulling"
SMALL = ("agent=maddpg", *SMALL_CONTROL, "seeds=2", "device.products=torch", "env.num_envs=2")
KINDS = pytest.mark.parametrize("env", [MEETING, PULLING])
WHOSE = pytest.mark.parametrize("words", [(), ("agent.independent=true",), ("agent.twin=true",)])


def opened(*words: str) -> tuple[Any, Any]:
    """A small agent and its environments."""
    return agent_and_envs(*SMALL, *words)


def trained(*words: str) -> tuple[Any, Batch, Tensor]:
    """An agent that has learnt a little, a batch, and its actions as critics get them."""
    one, envs = opened(*words)
    drive(one, envs, 120)
    batch = one._device.batch(one._replay.sample(16, 1, step=120))
    return one, batch, one._actions.encoded(batch.action)


def value(one: Any, pieces: Any, agent: int, twin: int, obs: Tensor, action: Tensor) -> Tensor:
    """Q of one agent, computed seed by seed from ``[seed, batch, agent, ...]``."""
    out = []
    count, agents = one._critics._count, one._agents
    for seed in range(len(obs)):
        row = (seed * agents + agent) * count + twin
        own = [piece[row : row + 1] for piece in pieces]
        o, a = obs[seed : seed + 1], action[seed : seed + 1]
        if one._settings.independent:
            o, a = o[:, :, agent : agent + 1], a[:, :, agent : agent + 1]
        out.append(one._critics._net.infer(own, o.flatten(2), a.flatten(2))[0])
    return torch.stack(out)


def best(one: Any, batch: Batch) -> Tensor:
    """The target actors' actions in the next states, agent by agent."""
    found = []
    for agent in range(one._agents):
        rows = slice(agent, None, one._agents)
        pieces = [piece[rows] for piece in one._target.pieces]
        out = one._net.infer(pieces, batch.next_obs[:, :, agent])
        if batch.next_legal is not None:
            out = out.masked_fill(~batch.next_legal[:, :, agent], -math.inf)
            out = torch.nn.functional.one_hot(out.argmax(-1), out.shape[-1]).float()
        else:
            out = torch.tanh(out)
        found.append(out)
    return torch.stack(found, 2)


@KINDS
@WHOSE
def test_critics_aim_at_their_own_rewards_and_the_targets_values(
    env: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, batch, action = trained(env, *words)
    asked: list[Any] = []
    monkeypatch.setattr(one._critics, "gradient", lambda *given: asked.append(given))
    one._critic_gradient(batch, action)
    obs, given_action, target, weight = asked[0]
    assert obs is batch.obs
    assert given_action is action
    after, pieces = best(one, batch), one._critics._target.pieces
    for agent in range(one._agents):
        q = torch.stack(
            [
                value(one, pieces, agent, twin, batch.next_obs, after)
                for twin in range(one._critics._count)
            ]
        ).amin(0)
        wanted = batch.reward[:, :, agent] + batch.discount[:, :, agent] * q
        assert torch.allclose(target[agent :: one._agents], wanted, atol=1e-5)
        alive = batch.alive[:, :, agent].float()
        assert torch.equal(weight[agent :: one._agents], alive)


@KINDS
@WHOSE
def test_the_gradient_of_the_critics_is_that_of_torch(env: str, words: tuple[str, ...]) -> None:
    one, batch, action = trained(env, *words)
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(by_agent(batch.reward).shape, generator=generator)
    weight = by_agent(batch.alive.float())
    loss, mean, flat = one._critics.gradient(batch.obs, action, target, weight)
    leaves = [piece.detach().clone().requires_grad_() for piece in one._critics.online.pieces]
    total = torch.zeros(())
    for agent in range(one._agents):
        means: list[Tensor] = []
        for twin in range(one._critics._count):
            q = value(one, leaves, agent, twin, batch.obs, action)
            error = 0.5 * (q - target[agent :: one._agents]) ** 2
            part = (error * weight[agent :: one._agents]).mean(-1)
            total, means = total + part.sum(), [*means, q.mean(-1)]
        assert torch.allclose(mean[:, agent], torch.stack(means).mean(0), atol=1e-5)
    assert torch.allclose(loss.sum(), total, atol=1e-4)
    into = one._critics.online.zeros_like()
    into.flat.copy_(flat)
    for ours, theirs in zip(into.pieces, torch.autograd.grad(total, leaves), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@KINDS
@WHOSE
def test_an_actor_ascends_its_own_critic_with_the_others_actions_of_the_batch(
    env: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, batch, action = trained(env, *words, "agent.logit_penalty=0.1", "agent.temperature=0.7")
    numbers = np.random.default_rng(3).random((2, 16 * one._agents * one._actions.width))
    monkeypatch.setattr(one._actions._learning, "uniform", lambda count: numbers, raising=False)
    loss, flat = one._actor_gradient(batch, action)
    leaves = [piece.detach().clone().requires_grad_() for piece in one._actor.pieces]
    uniform = torch.from_numpy(numbers).float().view(2, 16, one._agents, -1)
    total, values = torch.zeros(()), torch.zeros(2)
    for agent in range(one._agents):
        rows = [piece[agent :: one._agents] for piece in leaves]
        out = one._net.infer(rows, batch.obs[:, :, agent])
        if env is MEETING:
            possible = out.masked_fill(~batch.legal[:, :, agent], -1e9)
            noisy = (possible - torch.log(-torch.log(uniform[:, :, agent]))) / 0.7
            soft = torch.softmax(noisy, -1)
            hard = torch.nn.functional.one_hot(noisy.argmax(-1), noisy.shape[-1])
            own = soft + (hard - soft).detach()
        else:
            own = torch.tanh(out)
        joint = [own if k == agent else action[:, :, k] for k in range(one._agents)]
        pieces = one._critics.online.pieces
        q = value(one, pieces, agent, 0, batch.obs, torch.stack(joint, 2))
        alive = batch.alive[:, :, agent].float()
        values = values + (q * alive).mean(-1)
        penalty = 0.1 * (out * out).mean(-1) * alive
        total = total + (penalty - q * alive).mean(-1).sum()
    assert torch.allclose(loss, -values, atol=1e-5)
    into = one._actor.zeros_like()
    into.flat.copy_(flat)
    for ours, theirs in zip(into.pieces, torch.autograd.grad(total, leaves), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_actions_are_legal_and_random_ones_uniform() -> None:
    one, envs = opened(MEETING, "agent.learning_starts=2000")
    actions = np.concatenate([one.act(envs.obs, 0, legal=envs.legal) for _ in range(1500)], 1)
    for agent, choices in enumerate((2, 3, 3)):
        share = np.bincount(actions[:, :, agent].ravel(), minlength=3) / actions[:, :, agent].size
        wanted = [1 / choices] * choices + [0.0] * (3 - choices)
        assert share == pytest.approx(wanted, abs=0.025)


def test_exploring_choices_are_samples_of_the_actors_softmax() -> None:
    one, envs = opened(MEETING, "agent.learning_starts=0")
    one._start.updates += 1
    rows = torch.from_numpy(envs.obs).transpose(1, 2).flatten(0, 1)
    out = one._net.infer(one._actor.pieces, rows)[1]  # walker_0 of the first seed
    wanted = torch.softmax(out[0], -1).tolist()
    taken = [one.act(envs.obs, 0, legal=envs.legal)[0, 0, 1] for _ in range(4000)]
    assert np.bincount(taken, minlength=3) / 4000 == pytest.approx(wanted, abs=0.03)
    greedy = one.act(envs.obs, 0, explore=False, legal=envs.legal)
    assert greedy[0, 0, 1] == int(np.argmax(wanted))


def test_gradients_are_clipped_for_each_agent() -> None:
    gradient = torch.tensor([[3.0, 4.0, 0.3, 0.4], [0.0, 0.0, 6.0, 8.0]])
    clip_by_agent(gradient, 2, 1.0)
    assert gradient.flatten().tolist() == pytest.approx([0.6, 0.8, 0.3, 0.4, 0, 0, 0.6, 0.8])


def test_an_environment_with_one_agent_is_refused_with_the_agents_that_fit() -> None:
    with pytest.raises(BadInput) as refused:
        agent_and_envs("agent=maddpg", "env=Pendulum-v1")
    said = "the agent maddpg learns for several agents, while Pendulum-v1 has one. Agents that fit:"
    assert str(refused.value).startswith(said)
    assert "ddpg, td3, sac" in str(refused.value)
    assert "matd3" not in str(refused.value)


@pytest.mark.train
@pytest.mark.parametrize("independent", ["false", "true"])
def test_a_speaker_and_a_listener_learn_to_understand_each_other(
    tmp_path: Path, independent: str
) -> None:
    """Sums of two agents: random ones have -82, and the best possible is about -14."""
    words = ("agent=maddpg", "env=mpe2:simple_speaker_listener_v4", "seed=20", "seeds=3")
    how = ("gamma=0.95", "agent.lr=1e-2", "agent.batch_size=256", "agent.train_every=10")
    rest = ("total_steps=15000", "eval.every=0", f"agent.independent={independent}")
    start_run(settings(*words, *how, *rest), tmp_path, "rlrun again")
    final = json.loads((tmp_path / "result.json").read_text())["final"]
    assert min(final["per_seed"]) > -45
    assert set(final["agents"]) == {"speaker_0", "listener_0"}


@pytest.mark.parametrize("more", [("agent.twin=true",), ("agent.independent=true",)])
def test_a_run_starts_from_the_weights_of_another(tmp_path: Path, more: tuple[str, ...]) -> None:
    """Seeds 7 and 8 from those of 3 and 4, which differ."""
    words = (*SMALL, *more, PULLING, "total_steps=60", "eval.every=0", "eval.final_episodes=0")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    start_run(settings(*words, "seed=3"), tmp_path / "a", "rlrun again")
    line = settings(*words, "seed=7", f"init={tmp_path / 'a'}", "agent.learning_starts=90")
    start_run(line, tmp_path / "b", "rlrun again")
    one, other = (store.load(tmp_path / name / "checkpoint")["agent"] for name in ("a", "b"))
    assert np.array_equal(one["policy"]["actor"][1], other["policy"]["actor"][1])
    assert np.array_equal(one["critics"]["target"], other["critics"]["target"])
    assert not np.array_equal(one["policy"]["actor"][0], one["policy"]["actor"][1])
