"""Stacked networks and their optimizer against torch's own, and seed against seed."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from rlrun.nets import MLP, Parameters, cut
from rlrun.optim import Adam
from rlrun.types import Space

CPU = torch.device("cpu")


def plain(net: MLP, params: Parameters, row: int, sizes: list[int]) -> nn.Sequential:
    """Torch's own network with the weights of one seed."""
    layers: list[nn.Module] = []
    for n, (i, o) in enumerate(pairwise(sizes)):
        layer = nn.Linear(i, o)
        with torch.no_grad():
            layer.weight.copy_(params.pieces[2 * n][row, :i, :o].T)
            layer.bias.copy_(params.pieces[2 * n + 1][row, 0, :o])
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("sizes", [[3, 7, 2], [4, 8, 8, 4], [5, 1], [1, 33, 17, 5, 3]])
def test_values_and_gradients_are_those_of_torch(sizes: list[int]) -> None:
    net = MLP(Space("vector", (sizes[0],)), sizes[1:-1], sizes[-1])
    params = net.init([4, 5, 6], CPU)
    generator = torch.Generator().manual_seed(1)
    obs = torch.randn(3, 6, sizes[0], generator=generator)
    values, inputs = net.forward(params, obs)
    assert torch.equal(values, net.infer(params, obs))
    pieces = cut(net.backward(params, inputs, 2 * values), params.shapes)  # of the squares' sum
    for row in range(3):
        twin = plain(net, params, row, sizes)
        assert torch.allclose(values[row], twin(obs[row]), atol=1e-6)
        twin(obs[row]).pow(2).sum().backward()
        linear = [layer for layer in twin if isinstance(layer, nn.Linear)]
        for n, layer in enumerate(linear):
            assert layer.weight.grad is not None
            assert layer.bias.grad is not None
            o, i = layer.weight.shape
            assert torch.allclose(pieces[2 * n][row, :i, :o], layer.weight.grad.T, atol=1e-5)
            assert torch.allclose(pieces[2 * n + 1][row, 0, :o], layer.bias.grad, atol=1e-5)
            padded, kept = pieces[2 * n][row], pieces[2 * n][row, :i, :o]
            assert padded.count_nonzero() == kept.count_nonzero()


def test_discrete_observations_are_one_hot() -> None:
    net = MLP(Space("discrete", (), (3,)), [], 2)
    params = net.init([0], CPU)
    values = net.infer(params, torch.tensor([[0, 2]]))[0]
    weight, bias = params.pieces[0][0, :, :2], params.pieces[1][0, 0, :2]
    assert torch.allclose(values, weight[[0, 2]] + bias)


def test_weights_start_within_their_bound_and_belong_to_the_seed() -> None:
    net = MLP(Space("vector", (9,)), [50], 3)
    params, alone = net.init([3, 8], CPU), net.init([8], CPU)
    assert torch.equal(params.flat[1], alone.flat[0])
    assert not torch.equal(params.flat[0], params.flat[1])
    first = params.pieces[0][:, :9, :50]
    assert 0.3 < first.abs().max() <= 1 / 3
    assert first.std() == pytest.approx(1 / 3 / 3**0.5, rel=0.05)  # of a uniform distribution
    assert params.pieces[0][:, 9:].abs().max() == 0
    assert params.pieces[0][:, :, 50:].abs().max() == 0


def test_adam_and_clipping_are_those_of_torch_for_each_seed() -> None:
    shapes = [(4, 4), (1, 4)]
    params = Parameters.zeros(2, shapes, CPU)
    twins = [torch.zeros(20, requires_grad=True) for _ in range(2)]
    ours = Adam(params, 1.0)
    theirs = [torch.optim.Adam([twin]) for twin in twins]
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        size = torch.tensor([0.05, 5.0])  # one seed below the norm, one above
        aim = torch.randn(2, 20, generator=generator) * size[:, None]
        lr = 0.1 / (1 + step)
        gradient = torch.zeros_like(params.flat)
        for piece, part in zip(cut(gradient, shapes), (aim[:, :16], aim[:, 16:]), strict=True):
            piece.copy_(part.view(piece.shape))
        ours.step(gradient, lr)
        for row, twin in enumerate(twins):
            twin.grad = aim[row].clone()
            nn.utils.clip_grad_norm_(twin, 1.0)
            theirs[row].param_groups[0]["lr"] = lr
            theirs[row].step()
    flat = torch.cat([piece.flatten(1) for piece in cut(params.flat, shapes)], 1)
    assert torch.allclose(flat, torch.stack(twins), atol=1e-6)


def learn(net: MLP, params: Parameters, adam: Adam, obs: Tensor, target: Tensor) -> None:
    values, inputs = net.forward(params, obs)
    slope = (values - target).clamp(-1, 1) / target[0].numel()
    adam.step(net.backward(params, inputs, slope), 1e-2)


@pytest.mark.parametrize("draw", range(12))
def test_a_seed_learns_the_same_in_every_stack(draw: int) -> None:
    """Bit for bit, for random shapes: the contract that makes a stack a set of single runs."""
    rng = random.Random(draw)
    width = rng.choice([1, 2, 3, 4, 5, 8, 17, 33, 100, 173, 400])
    actions = rng.randint(1, 18)
    hidden = [rng.choice([1, 3, 5, 7, 17, 32, 64, 84, 128]) for _ in range(rng.randint(0, 3))]
    seeds, batch = rng.choice([2, 3, 7]), rng.choice([1, 5, 10, 32, 64, 128])
    net = MLP(Space("vector", (width,)), hidden, actions)
    stack = net.init(range(seeds), CPU)
    alone = [net.init([seed], CPU) for seed in range(seeds)]
    together, apart = Adam(stack, 1.0), [Adam(params, 1.0) for params in alone]
    generator = torch.Generator().manual_seed(draw)
    for _ in range(4):
        obs = torch.randn(seeds, batch, width, generator=generator)
        target = torch.randn(seeds, batch, actions, generator=generator)
        learn(net, stack, together, obs, target)
        for k in range(seeds):
            one = slice(k, k + 1)
            learn(net, alone[k], apart[k], obs[one].clone(), target[one].clone())
            assert torch.equal(stack.flat[k], alone[k].flat[0]), (width, hidden, actions, k)
            a, b = net.infer(stack, obs)[k], net.infer(alone[k], obs[one].clone())[0]
            assert torch.equal(a, b)


def test_a_copy_stays() -> None:
    net = MLP(Space("vector", (4,)), [8], 2)
    online = net.init([0, 1], CPU)
    target = online.copy()
    obs = torch.ones(2, 3, 4)
    before, values = target.flat.clone(), net.infer(target, obs)
    learn(net, online, Adam(online, None), obs, torch.ones(2, 3, 2))
    assert torch.equal(target.flat, before)
    assert torch.equal(net.infer(target, obs), values)
    assert not torch.equal(online.flat, before)
    assert not torch.equal(net.infer(online, obs), values)
