"""DDPG, TD3 and SAC part by part: critics, targets, delays, temperature, faults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rlrun.agents.parts.critics import Critics
from rlrun.agents.parts.settings import ActorCriticSettings
from rlrun.agents.parts.temperature import Temperature
from rlrun.core.types import Batch, Space
from rlrun.loop import interact
from rlrun.nets.actor_critic import CriticNet
from rlrun.nets.device import Device, DeviceSettings
from rlrun.nets.method import Method
from tests.support.common import SMALL_CONTROL, agent_and_envs, differences, drive, host, row

pytestmark = pytest.mark.slow

HOST = Device(DeviceSettings(name="cpu"))
PENDULUM = ("env=Pendulum-v1", "seeds=2", *SMALL_CONTROL, "agent.train_every=1")


def test_what_needs_a_hidden_layer_says_so() -> None:
    with pytest.raises(ValueError, match=r"^norm is batch, but there is no hidden layer"):
        ActorCriticSettings(hidden=(), norm="batch")
    with pytest.raises(ValueError, match=r"^action_layer is 2, but there is no hidden layer"):
        ActorCriticSettings(hidden=(), action_layer=2)


def normal(*shape: int, draw: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(draw))


def critics(count: int) -> tuple[CriticNet, Critics]:
    net = CriticNet(Space("vector", (3,)), 2, [8, 8])
    return net, Critics(net, [4, 5], HOST, count, None, Method())


def batch(weight: Tensor | None = None) -> Batch:
    reward, discount = normal(2, 6, draw=3), torch.full((2, 6), 0.5)
    discount[1, 2] = 0.0
    seen, action, after = normal(2, 6, 3, draw=1), normal(2, 6, 2, draw=2), normal(2, 6, 3, draw=4)
    return Batch(seen, action, reward, discount, after, weight, None)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_critics_loss_and_its_gradient(count: int, weighted: bool) -> None:
    net, critic = critics(count)
    given = batch(normal(2, 6, draw=5).abs() if weighted else None)
    target = normal(2, 6, draw=6)
    loss, q_mean, error, gradient = critic.gradient(given, given.action, target)
    leaves = [piece.detach().clone().requires_grad_() for piece in critic.online.pieces]
    twice = [x.repeat_interleave(count, 0) for x in (given.obs, given.action)]
    q = net.infer(leaves, *twice).view(2, count, 6)
    off = q - target.unsqueeze(1)
    weight = torch.ones(2, 6) if given.weight is None else given.weight
    losses = (0.5 * off.square() * weight.unsqueeze(1)).mean(-1).sum(-1)
    wanted = torch.autograd.grad(losses.sum(), leaves)
    assert torch.allclose(loss, losses)
    assert torch.allclose(q_mean, q.mean((1, 2)))
    assert torch.allclose(error, off.abs().mean(1))
    into = critic.online.zeros_like()
    into.flat.copy_(gradient)
    for ours, theirs in zip(into.pieces, wanted, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("count", "minimum"), [(1, False), (1, True), (2, False), (2, True)])
def test_the_gradient_of_the_value_in_the_action(count: int, minimum: bool) -> None:
    net, critic = critics(count)
    given = batch()
    action = given.action.clone().requires_grad_()
    twice = given.obs.repeat_interleave(count, 0), action.repeat_interleave(count, 0)
    both = net.infer(critic.online.pieces, *twice).view(2, count, 6)
    wanted = both.amin(1) if minimum else both[:, 0]
    (slope,) = torch.autograd.grad(wanted.sum(), action)
    q, action_grad = critic.action_gradient(given.obs, given.action, minimum=minimum)
    assert torch.allclose(q, wanted)
    assert torch.allclose(action_grad, slope, atol=1e-6)
    if count == 2:
        assert 0 < (both[:, 0] < both[:, 1]).sum() < 12  # the test is one of both


def test_targets_are_of_the_smaller_value_and_the_target_networks() -> None:
    net, critic = critics(2)
    given, next_action = batch(), normal(2, 6, 2, draw=7)
    twice = [x.repeat_interleave(2, 0) for x in (given.next_obs, next_action)]
    smaller = net.infer(critic.online.pieces, *twice).view(2, 2, 6).amin(1)
    wanted = given.reward + given.discount * (smaller + 3.0)
    critic.online.flat += 1.0  # the targets stay where they are
    assert torch.allclose(critic.target(given, next_action, torch.full((2, 6), 3.0)), wanted)
    assert wanted[1, 2] == given.reward[1, 2]
    before, online = critic.state_dict()["target"].clone(), critic.online.flat
    critic.update_targets(0.25)
    assert torch.allclose(critic.state_dict()["target"], before + 0.25 * (online - before))


def test_temperature_by_hand() -> None:
    temperature = Temperature(2, HOST, None)
    assert temperature().tolist() == [[1.0], [1.0]]
    # Adam's first step has the size of the learning rate: up where the policy is too certain
    temperature.step(torch.tensor([2.0, -0.5]), 0.1, ())
    assert temperature().flatten().tolist() == pytest.approx([np.exp(0.1), np.exp(-0.1)])
    temperature.step(torch.tensor([2.0, 2.0]), 0.1, (0,))
    assert temperature()[0].item() == pytest.approx(np.exp(0.1))
    fixed = Temperature(2, HOST, 0.3)
    fixed.step(torch.tensor([2.0, -0.5]), 0.1, ())
    assert fixed().flatten().tolist() == pytest.approx([0.3, 0.3])


def weights(agent: Any) -> Any:
    state = host(agent.state_dict())
    return {key: state[key] for key in state if key in ("policy", "target", "critics")}


def changes(agent: Any, envs: Any, steps: int) -> list[tuple[bool, bool, bool]]:
    """Whether the actor, the critic and the critic's target changed, step by step."""
    found, before = [], weights(agent)
    for _, _, metrics in interact(agent, envs, 20):
        after = weights(agent)
        if metrics:
            parts = (("policy", "actor"), ("critics", "online"), ("critics", "target"))
            found.append(tuple(not np.array_equal(before[a][b], after[a][b]) for a, b in parts))
        before = after
        if len(found) == steps:
            return found  # type: ignore[return-value]
    raise AssertionError("unreachable: the loop has no end")


def test_td3_delays_the_actor_and_the_targets() -> None:
    delayed = changes(*agent_and_envs("agent=td3", *PENDULUM), 4)
    assert delayed == [(False, True, False), (True, True, True)] * 2
    assert changes(*agent_and_envs("agent=ddpg", *PENDULUM), 3) == [(True,) * 3] * 3


def test_td3_without_its_additions_is_ddpg() -> None:
    plain = ("agent.twin=false", "agent.actor_every=1", "agent.target_noise=0")
    same = ("explore=gaussian", "agent.max_grad_norm=2")
    td3 = drive(*agent_and_envs("agent=td3", *PENDULUM, *plain, *same), 80)
    assert differences(td3, drive(*agent_and_envs("agent=ddpg", *PENDULUM, *same), 80)) == []
    for word in plain:
        other = [each for each in plain if each != word]
        assert differences(td3, drive(*agent_and_envs("agent=td3", *PENDULUM, *other, *same), 80))


@pytest.mark.parametrize("agent", ["ddpg", "td3", "sac"])
def test_the_value_is_that_of_the_action_taken_greedily(agent: str) -> None:
    one: Any
    one, envs = agent_and_envs(f"agent={agent}", *PENDULUM, "env.num_envs=3")
    drive(one, envs, 60)
    action = torch.from_numpy(one.act(envs.obs, 60, explore=False))
    count = 1 if agent == "ddpg" else 2
    twice = [x.repeat_interleave(count, 0) for x in (torch.from_numpy(envs.obs), action)]
    q = one._critics._net.infer(one._critics.online.pieces, *twice).view(2, count, 3)
    assert np.allclose(one.value(envs.obs), q.amin(1).numpy())


@pytest.mark.parametrize("agent", ["ddpg", "td3", "sac"])
def test_a_frozen_seed_stays_and_the_other_learns_on(agent: str) -> None:
    words = (f"agent={agent}", *PENDULUM)
    (one, envs), (other, others) = agent_and_envs(*words), agent_and_envs(*words)
    drive(one, envs, 40)
    drive(other, others, 40)
    before = host(one.state_dict())
    one.freeze(0)  # type: ignore[attr-defined]
    drive(one, envs, 20, 40)
    drive(other, others, 20, 40)
    after = host(one.state_dict())
    for place in (("policy", "actor"), ("critics", "online"), ("optimizer", "mean")):
        a, b = (state[place[0]][place[1]] for state in (before, after))
        assert np.array_equal(a[0], b[0])
        assert not np.array_equal(a[1], b[1])
    assert differences(row(after, 1), row(host(other.state_dict()), 1)) == []


@pytest.mark.parametrize("agent", ["ddpg", "td3", "sac"])
def test_a_seed_that_is_not_finite_any_more_is_named_and_harms_no_other(agent: str) -> None:
    words = (f"agent={agent}", *PENDULUM)
    one: Any
    (one, envs), (other, others) = agent_and_envs(*words), agent_and_envs(*words)
    drive(one, envs, 40)
    drive(other, others, 40)
    one._critics.online.flat[0, 0] = np.inf
    drive(one, envs, 20, 40)
    drive(other, others, 20, 40)
    assert list(one.faults) == [0]
    assert one.faults[0].startswith(("the critic's loss is", "the actor's loss is"))
    assert differences(row(weights(one), 1), row(weights(other), 1)) == []


@pytest.mark.parametrize(("agent", "count"), [("ddpg", 1), ("td3", 2), ("sac", 2)])
def test_histograms_have_every_weight_once(agent: str, count: int) -> None:
    one: Any
    one, _ = agent_and_envs(f"agent={agent}", *PENDULUM, "replay=prioritized")
    found = {tag: values.shape for tag, values in one.histograms().items()}
    outputs = 2 if agent == "sac" else 1
    assert found == {
        "weights/actor_0": (2, 3 * 16),
        "weights/actor_1": (2, 16 * 16),
        "weights/actor_2": (2, 16 * outputs),
        "weights/critic_0": (2, count * 4 * 16),
        "weights/critic_1": (2, count * 16 * 16),
        "weights/critic_2": (2, count * 16),
        "replay/priority": (2, 0),
    }


@pytest.mark.parametrize("agent", ["ddpg", "sac"])
def test_the_learning_rate_falls_to_its_end(agent: str) -> None:
    words = (f"agent={agent}", *PENDULUM, "agent.lr=0.01", "agent.lr_end=0", "total_steps=100")
    one, envs = agent_and_envs(*words)
    for step, _, metrics in interact(one, envs):
        if metrics:
            expected = 0.01 * max(0, 1 - (step - 1) / 100)  # an update at every step
            assert host(metrics["train/learning_rate"]).tolist() == pytest.approx([expected] * 2)
        if step == 100:
            before = weights(one)
        if step == 120:
            break
    after = weights(one)
    assert differences(before["policy"], after["policy"]) == []
    assert differences(before["critics"]["online"], after["critics"]["online"]) == []
