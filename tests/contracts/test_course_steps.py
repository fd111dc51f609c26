"""The optimizer steps of the course's programs, beside the same programs written with torch."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from rlrun.core.types import Batch
from rlrun.loop import interact
from tests.support.common import agent_and_envs
from tests.support.programs import Actor, Compared, Critic, DuelingPixels, chain, follow, unbiased

pytestmark = pytest.mark.slow

STEPS = 3  # compared, so that the moments of the optimizers count


def row(batch: Batch, seed: int) -> Batch:
    return Batch(*(None if each is None else torch.as_tensor(each[seed]) for each in batch))


def updates(agent: Any, envs: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Batch | None]:
    """None when the first update is next, and then the batch of each update."""
    batches: list[Batch] = []
    sample = agent._replay.sample

    def keep(*args: Any, **more: Any) -> Batch:
        batches.append(sample(*args, **more))
        return batches[-1]

    monkeypatch.setattr(agent._replay, "sample", keep)
    for step, _, _ in interact(agent, envs):
        if step == agent.first_update - 1:
            yield None
        if batches:
            yield row(batches.pop(), 0)
            assert not batches


def tutorial(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(net.parameters(), lr=3e-4, amsgrad=True)


def nadam(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.NAdam(net.parameters(), lr=1e-3)


def adam(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(net.parameters(), lr=1e-4)


DQNS: dict[str, tuple[Any, Any, Any, float, float | None, tuple[str, ...]]] = {
    # the network, its optimizer, the loss, tau, clipping by value, more words
    "course_pytorch_dqn": (
        lambda pieces: chain(pieces, (4, 128, 128, 2), nn.ReLU),
        tutorial,
        functional.smooth_l1_loss,
        0.005,
        100.0,
        (),
    ),
    "course_dqn_elu": (
        lambda pieces: chain(pieces, (4, 32, 32, 2), nn.ELU),
        nadam,
        functional.mse_loss,
        1.0,
        None,
        ("agent.learning_clock=steps", "agent.learning_starts=60"),
    ),
    "course_dueling_per": (
        lambda pieces: DuelingPixels(pieces, 6),
        adam,
        functional.smooth_l1_loss,
        0.5,  # with the text's .001 the target would move by less than is compared
        None,
        ("agent.tau=0.5",),
    ),
}


@pytest.mark.parametrize("experiment", DQNS)
def test_a_step_of_dqn(experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, optimizer_of, loss_of, tau, most, more = DQNS[experiment]
    agent, envs = agent_and_envs(f"experiment={experiment}", "seeds=2", "seed=5", *more)
    ours: Any = agent
    steps = updates(ours, envs, monkeypatch)
    assert next(steps) is None
    online = Compared(read, ours._online)
    target = Compared(read, ours._target, online)
    net, optimizer = online.net, optimizer_of(online.net)
    for _ in range(STEPS):
        batch: Any = next(steps)
        best = target.net(batch.next_obs).detach().amax(-1)
        wanted = batch.reward + batch.discount * best
        q = net(batch.obs).gather(-1, batch.action[:, None])[:, 0]
        weight = 1.0 if batch.weight is None else batch.weight
        optimizer.zero_grad()
        torch.autograd.backward([(weight * loss_of(q, wanted, reduction="none")).mean()])
        if most:
            nn.utils.clip_grad_value_(net.parameters(), most)
        optimizer.step()
        follow(target.net, net, tau)
        assert online.is_the_same()
        assert target.is_the_same()


def test_a_step_of_ddpg(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("experiment=course_ddpg_batchnorm", "seeds=2", "seed=5", "agent.learning_starts=150")
    agent, envs = agent_and_envs(*words)
    ours: Any = agent
    steps = updates(ours, envs, monkeypatch)
    assert next(steps) is None
    actor, critic = Compared(Actor, ours._actor), Compared(Critic, ours._critics.online)
    actor_target = Compared(Actor, ours._target, actor)
    critic_target = Compared(Critic, ours._critics._target, critic)
    actor_optimizer = torch.optim.Adam(actor.net.parameters(), lr=1e-3)
    critic_optimizer = torch.optim.Adam(critic.net.parameters(), lr=1e-3)
    for _ in range(STEPS):
        batch: Any = next(steps)
        before = copy.deepcopy(critic.net), copy.deepcopy(actor.net)
        for each in (actor_target.net, critic_target.net):
            each.eval()
        next_q = critic_target.net(batch.next_obs, actor_target.net(batch.next_obs))
        wanted = (batch.reward + batch.discount * next_q).detach()
        loss = functional.mse_loss(critic.net.train()(batch.obs, batch.action), wanted)
        critic_optimizer.zero_grad()
        torch.autograd.backward([loss])
        nn.utils.clip_grad_norm_(critic.net.parameters(), 1.0)
        unbiased(critic.net, before[0], len(batch.obs))
        critic_optimizer.step()
        assert critic.is_the_same()
        loss = -critic.net.eval()(batch.obs, actor.net(batch.obs)).mean()
        actor_optimizer.zero_grad()
        torch.autograd.backward([loss])
        unbiased(actor.net, before[1], len(batch.obs))
        actor_optimizer.step()
        follow(actor_target.net, actor.net, 0.005)
        follow(critic_target.net, critic.net, 0.005)
        assert actor.is_the_same()
        assert actor_target.is_the_same()
        assert critic_target.is_the_same()


def test_a_step_of_reinforce(monkeypatch: pytest.MonkeyPatch) -> None:
    agent, envs = agent_and_envs("experiment=course_reinforce_nadam", "seeds=2", "seed=5")
    ours: Any = agent
    drained: list[tuple[int, Any]] = []
    drain = ours._episodes.drain

    def keep(seed: int) -> Any:
        drained.append((seed, drain(seed)))
        return drained[-1][1]

    monkeypatch.setattr(ours._episodes, "drain", keep)

    def read(pieces: Iterator[Tensor]) -> nn.Module:
        return chain(pieces, (4, 5, 2), nn.ELU)

    policy = Compared(read, ours._actor.params)
    optimizer, done = torch.optim.NAdam(policy.net.parameters(), lr=0.01), 0
    for _, _, _ in interact(agent, envs):
        for seed, episodes in drained:
            if seed != 0:
                continue
            assert len(episodes) == 10
            gains = torch.cat([discounted(torch.as_tensor(e.reward), 0.95) for e in episodes])
            gains = (gains - gains.mean()) / gains.std(correction=0)
            logits = policy.net(torch.cat([torch.as_tensor(e.obs) for e in episodes]))
            actions = torch.cat([torch.as_tensor(e.action) for e in episodes])
            chosen = torch.log_softmax(logits, -1).gather(-1, actions[:, None])[:, 0]
            optimizer.zero_grad()
            torch.autograd.backward([-(chosen * gains.float()).mean()])
            optimizer.step()
            assert policy.is_the_same()
            done += 1
        drained.clear()
        if done == STEPS:
            break


def discounted(reward: Tensor, discount: float) -> Tensor:
    returns, after = [], 0.0
    for each in reversed(reward.tolist()):
        after = each + discount * after
        returns.append(after)
    return torch.tensor(returns[::-1], dtype=torch.float64)
