"""Twin networks of action values: their loss, gradient and targets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rlrun.agents.parts.twin_values import TwinValues
from rlrun.core.types import Batch, Space
from rlrun.nets.device import Device, DeviceSettings
from rlrun.nets.method import Method
from rlrun.nets.q_network import ValueNet

pytestmark = pytest.mark.slow

HOST = Device(DeviceSettings(name="cpu"))


def normal(*shape: int, draw: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(draw))


def twins() -> tuple[ValueNet, TwinValues]:
    net = ValueNet(Space("vector", (3,)), [8, 8], 3)
    return net, TwinValues(net, [4, 5], HOST, Method())


def batch(weight: Tensor | None = None) -> Batch:
    seen, action = normal(2, 6, 3, draw=1), torch.arange(12).reshape(2, 6) % 3
    number = normal(2, 6, draw=3)
    return Batch(seen, action, number, number, normal(2, 6, 3, draw=4), weight, None)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_critics_loss_and_its_gradient(weighted: bool) -> None:
    net, critics = twins()
    given = batch(normal(2, 6, draw=5).abs() if weighted else None)
    target = normal(2, 6, draw=6)
    loss, q_mean, error, gradient = critics.gradient(given, target)
    leaves = [piece.detach().clone().requires_grad_() for piece in critics.online.pieces]
    out = net.infer(leaves, given.obs.repeat_interleave(2, 0)).view(2, 2, 6, 3)
    index = given.action.view(2, 1, 6, 1).expand(2, 2, 6, 1)
    q = out.gather(-1, index)[..., 0]
    weight = torch.ones(2, 6) if given.weight is None else given.weight
    off = q - target.unsqueeze(1)
    losses = (0.5 * off.square() * weight.unsqueeze(1)).mean(-1).sum(-1)
    wanted = torch.autograd.grad(losses.sum(), leaves)
    assert torch.allclose(loss, losses)
    assert torch.allclose(q_mean, q.mean((1, 2)))
    assert torch.allclose(error, off.abs().mean(1))
    into = critics.online.zeros_like()
    into.flat.copy_(gradient)
    for ours, theirs in zip(into.pieces, wanted, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_the_smaller_values_are_used_and_the_targets_follow() -> None:
    net, critics = twins()
    obs = normal(2, 6, 3, draw=1)
    both = net.infer(critics.online.pieces, obs.repeat_interleave(2, 0)).view(2, 2, 6, 3)
    assert torch.equal(critics(obs), both.amin(1))
    assert 0 < (both[:, 0] < both[:, 1]).sum() < 36  # the test is one of both
    critics.online.flat += 1.0  # the targets stay where they are
    assert torch.equal(critics.target(obs), both.amin(1))
    before = critics.state_dict()["target"].clone()
    critics.update_targets(0.25)
    assert torch.allclose(critics.state_dict()["target"], before + 0.25)
