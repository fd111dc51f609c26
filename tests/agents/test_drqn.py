"""DRQN: its targets and gradients against numbers by hand, and steps one by one by autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rlrun.agents.parts.recurrent_targets import burnt_in, targets
from rlrun.core.types import Space
from rlrun.loop import Actor, evaluate, interact
from rlrun.nets.parameters import Parameters
from rlrun.nets.recurrent_q import RecurrentValueNet
from rlrun.replay.sequences import Sequences
from tests.agents.test_recurrent import Recall
from tests.support.common import SMALL_DRQN, agent_and_envs, grid_of, host

WORDS = (
    *SMALL_DRQN,
    *("env=CartPole-v1", "env.mask=velocity", "env.max_episode_steps=5", "seeds=2"),
    *("env.num_envs=2", "agent.learning_starts=10000", "total_steps=10000"),
    "device.products=torch",  # which autograd knows
)


def halving() -> tuple[RecurrentValueNet, Parameters]:
    """A memory h of one number that becomes (tanh(x) + h) / 2, and the values h and 2h."""
    net = RecurrentValueNet(Space("vector", (1,)), 4, (), 2)
    params = Parameters.zeros(1, net.shapes, torch.device("cpu"))
    params.pieces[0][0, 0, 2 * 4] = 1.0  # the candidate of the first unit; its gate is 1/2
    params.pieces[4][0, 0, :2] = torch.tensor([1.0, 2.0])
    return net, params


def by_hand(*, double: bool) -> list[float]:
    """The targets of two steps: a truncation, then the first step of an episode, which terminates.

    The stored memory is 0.8, 0.4 after the burn-in, and 0.2 after the truncated step. Its next
    observation leads to (0.5 + 0.2) / 2 = 0.35. The discount is 0.5, the rewards are 1 and 3.
    """
    net, params = halving()
    target = params.copy()
    target.pieces[4][0, 0, :2] = torch.tensor([-1.0, -4.0])
    memory = torch.tensor([[[0.8, 0, 0, 0]]])
    next_obs = torch.tensor([[[np.arctanh(0.5)], [9.0]]], dtype=torch.float32)
    batch = Sequences(
        memory=memory,
        past_obs=torch.zeros(1, 1, 1),
        past_first=torch.tensor([[False]]),
        obs=torch.zeros(1, 2, 1),
        first=torch.tensor([[False, True]]),
        action=torch.zeros(1, 2, dtype=torch.int64),
        reward=torch.tensor([[1.0, 3.0]]),
        discount=torch.tensor([[0.5, 0.0]]),
        end=torch.tensor([[0, 1]]),
        next_obs=next_obs,
    )
    before = burnt_in(net, params.pieces, batch)
    assert before[0, 0, 0].item() == pytest.approx(0.4)
    after = net.remember(params.pieces, batch.obs, before, batch.first)
    assert after[0, :, 0].tolist() == pytest.approx([0.2, 0.0])
    given = after if double else None
    found: list[float] = targets(net, params.pieces, target.pieces, batch, given)[0].tolist()
    return found


def test_targets_by_hand() -> None:
    """The target network's values are -0.35 and -1.4; the online network prefers the latter."""
    assert by_hand(double=False) == pytest.approx([1 + 0.5 * -0.35, 3.0])
    assert by_hand(double=True) == pytest.approx([1 + 0.5 * -1.4, 3.0])


def collected(*words: str) -> tuple[Any, Sequences]:
    """An agent with two different networks, and sequences of its steps, as tensors."""
    agent: Any
    agent, envs = agent_and_envs(*WORDS, *words)
    actor = Actor(agent, envs)
    for step in range(40):
        agent.learn(actor.step(step), step)
    rng = torch.Generator().manual_seed(0)
    agent._target.flat.add_(torch.randn(agent._target.flat.shape, generator=rng) * 0.1)
    sampled = agent._replay.sequences(6, agent._settings.shape)
    return agent, Sequences(*(None if x is None else torch.from_numpy(x) for x in sampled))


class OneByOne:
    """One seed's loss, by networks that see one observation of one sequence at a time."""

    def __init__(self, agent: Any, batch: Sequences, seed: int, *, stop: bool = True) -> None:
        self._net, self._shape, self._stop = agent._net, agent._settings.shape, stop
        self._double, self._batch, self._seed = agent._settings.double, batch, seed
        self.online, self._target = (
            [piece[[seed]].detach().clone().requires_grad_() for piece in each.pieces]
            for each in (agent._online, agent._target)
        )

    def _see(self, pieces: Any, obs: Tensor, memory: Tensor, *, first: bool) -> Tensor:
        given = obs[None, None], memory, torch.tensor([[first]])
        after: Tensor = self._net.remember(pieces, *given)
        return after

    def _memories(self, pieces: Any, k: int) -> list[Tensor]:
        """The memories after each step behind the burn-in of sequence k."""
        batch, shape, seed = self._batch, self._shape, self._seed
        memory, found = batch.memory[seed, k][None, None], []
        for t in range(k * shape.burn_in, (k + 1) * shape.burn_in):
            first = bool(batch.past_first[seed, t])
            memory = self._see(pieces, batch.past_obs[seed, t], memory, first=first)
        memory = memory.detach() if self._stop else memory
        for t in range(k * shape.time, (k + 1) * shape.time):
            memory = self._see(pieces, batch.obs[seed, t], memory, first=bool(batch.first[seed, t]))
            found.append(memory)
        return found

    def loss(self) -> Tensor:
        batch, shape, seed, losses = self._batch, self._shape, self._seed, []
        for k in range(batch.memory.shape[1]):
            online, target = (self._memories(p, k) for p in (self.online, self._target))
            for t in range(shape.length):
                at = k * shape.length + t
                end = int(batch.end[seed, at]) - k * shape.time
                following = [
                    self._net.values(
                        p, self._see(p, batch.next_obs[seed, at], memory[end], first=False)
                    )[0, 0]
                    for p, memory in ((self.online, online), (self._target, target))
                ]
                chosen = following[0 if self._double else 1].argmax()
                aim = batch.reward[seed, at] + batch.discount[seed, at] * following[1][chosen]
                q = self._net.values(self.online, online[t])[0, 0, batch.action[seed, at]]
                losses.append(functional.huber_loss(q, aim.detach()))
        return torch.stack(losses).mean()


@pytest.mark.parametrize(
    "words", [(), ("agent.double=false",), ("agent.n_step=3",), ("agent.burn_in=0",)]
)
def test_loss_and_gradient_are_those_of_steps_one_by_one(words: tuple[str, ...]) -> None:
    """Episodes of at most five steps end in most sequences of five, after a burn-in of three."""
    agent, batch = collected(*words)
    assert batch.first.any(1).all()
    loss, _, gradient = agent._differentiate(batch)
    found = Parameters(gradient, agent._net.shapes).pieces
    for seed in range(2):
        twin = OneByOne(agent, batch, seed)
        wanted = twin.loss()
        assert loss[seed].item() == pytest.approx(wanted.item(), abs=1e-6)
        for ours, theirs in zip(found, torch.autograd.grad(wanted, twin.online), strict=True):
            assert torch.allclose(ours[[seed]], theirs, atol=1e-6)


def test_a_gradient_through_the_burn_in_would_be_another() -> None:
    agent, batch = collected()
    _, _, gradient = agent._differentiate(batch)
    found = Parameters(gradient, agent._net.shapes).pieces
    twin = OneByOne(agent, batch, 0, stop=False)
    through = torch.autograd.grad(twin.loss(), twin.online)
    gap = max(
        (ours[0] - theirs[0]).abs().max() for ours, theirs in zip(found, through, strict=True)
    )
    assert gap > 1e-4


def test_the_stored_memory_is_that_before_the_step() -> None:
    """Seen again from there, with weights that have not changed, values are those of acting."""
    agent, batch = collected()
    fresh = agent._net.remember(
        agent._online.pieces, batch.past_obs, batch.memory, batch.past_first
    )
    told = agent._replay.sequences(200, agent._settings.shape)
    known = {told.past_obs[0, 3 * k].tobytes(): told.memory[0, k] for k in range(200)}
    after = fresh.view(2, 6, 3, -1)
    checked = 0
    for k in range(6):
        following = batch.past_obs[0, 3 * k + 1].numpy().tobytes()
        if following in known and not batch.past_first[0, 3 * k + 1]:
            assert np.allclose(known[following], after[0, k, 0].numpy(), atol=1e-6)
            checked += 1
    assert checked


def test_there_is_no_update_before_a_sequence_is_stored() -> None:
    """Of both environments, whatever learning_starts says, and by episodes too."""
    for words in (("agent.learning_starts=0",), ("agent.learning_clock=episodes",)):
        agent: Any
        agent, envs = agent_and_envs(*WORDS, *words, "agent.n_step=2", "agent.train_every=1")
        updated = []
        for step, _, metrics in interact(agent, envs):
            updated += [step] if metrics else []
            if step == 24:
                break
        assert updated == [18, 20, 22, 24]  # (3 + 5 + 1) steps of 2 environments


LEARN = (
    *("agent=drqn", "tuned=none", "agent.memory_units=16", "agent.hidden=[16]", "agent.lr=3e-3"),
    *("agent.learning_starts=200", "agent.train_every=4", "agent.target_every=100"),
    *("agent.sequence_length=8", "agent.burn_in=4", "explore.end=0.1"),
)


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("agent.n_step=3", "env.num_envs=2")])
def test_a_truncated_episode_bootstraps(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reward 1 for ever, under a time limit of 30 steps, is worth 1 / (1 - 0.9)."""
    monkeypatch.setattr("rlrun.envs.games.probes.Endless.LIMIT", 10**9)
    more = ("env=rlrun/Endless-v0", "env.max_episode_steps=30", "gamma=0.9", "agent.loss=squared")
    slow = ("agent.target_every=20", "agent.lr_end=0", "total_steps=4000", "seeds=3")
    agent, envs = agent_and_envs(*LEARN, *more, *slow, *words)
    for step, _, metrics in interact(agent, envs):  # noqa: B007
        if step >= 4000:
            break
    assert host(metrics["train/q_mean"]) == pytest.approx(10.0, rel=0.05)


@pytest.mark.train
def test_what_was_seen_first_is_remembered() -> None:
    words = ("env=tests.agents.test_recurrent:Recall-v0", "seeds=4", "total_steps=12000")
    agent, envs = agent_and_envs(*LEARN, *words)
    for step, _, _ in interact(agent, envs):
        if step >= 12000:
            break
    judge = grid_of(Recall, "Recall-v0", (100, 101, 102, 103), 4)
    returns = evaluate(agent, judge, 12000, 40).returns.mean(-1)
    assert (returns > 0.95).all(), returns  # without a memory 0.5 on average


@pytest.mark.train
def test_cartpole_without_velocities() -> None:
    """The best rule for a single observation pushes to the side of the lean, for a return of 42."""
    agent, envs = agent_and_envs("experiment=cartpole_drqn", "seeds=3", "total_steps=24000")
    returns: list[float] = []
    for step, t, _ in interact(agent, envs):
        if step > 6000:
            returns += t.score[t.last].tolist()
        if step == 7500:
            break
    assert np.mean(returns) > 100, returns  # of training episodes, which still explore
