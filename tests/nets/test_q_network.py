"""Stacked networks and their optimizer against torch's own, and seed against seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from rlrun.core.types import Space
from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.q_network import ValueNet
from tests.support.nets import GRID, IMAGE, gradient, learn, observations, started


class Twin(nn.Module):
    """Torch's own layers with the weights of one seed."""

    def __init__(self, pieces: Sequence[Tensor], row: int, space: Space, sizes: list[int]) -> None:
        super().__init__()
        self.layers: list[nn.Conv2d | nn.Linear] = []
        if space.kind == "image":
            self.layers = [
                nn.Conv2d(space.shape[0], 32, 8, 4),
                nn.Conv2d(32, 64, 4, 2),
                nn.Conv2d(64, 64, 3, 1),
            ]
        if space.kind == "grid":
            self.layers = [nn.Conv2d(space.shape[0], 16, 3)]
        self.convolutions = list(self.layers)
        self.top = torch.tensor([float(max(1, top)) for top in space.top or (255,)])
        if self.convolutions:
            sizes = [self.convolved(torch.zeros(1, *space.shape)).shape[1], *sizes]
        self.sizes = sizes
        self.layers += [nn.Linear(i, o) for i, o in pairwise(sizes)]
        self._take(pieces, row)

    def _take(self, pieces: Sequence[Tensor], row: int) -> None:
        for n, layer in enumerate(self.layers):
            weight, bias = pieces[2 * n][row], pieces[2 * n + 1][row, 0]
            with torch.no_grad():
                if isinstance(layer, nn.Conv2d):
                    layer.weight.copy_(weight.view_as(layer.weight))
                else:
                    o, i = layer.weight.shape
                    layer.weight.copy_(weight[:i, :o].T)
                assert layer.bias is not None
                layer.bias.copy_(bias[: len(layer.weight)])

    def convolved(self, x: Tensor) -> Tensor:
        for layer in self.convolutions:
            x = functional.relu(layer(x))
        return x.flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.uint8:
            x = self.convolved(x / self.top[:, None, None])
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        for layer in linear[:-1]:
            x = functional.relu(layer(x))
        return linear[-1](x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("sizes", [[3, 7, 2], [4, 8, 8, 4], [5, 1], [1, 33, 17, 5, 3], IMAGE, GRID])
def test_values_and_gradients_are_those_of_torch(sizes: list[int] | Space) -> None:
    space = sizes if isinstance(sizes, Space) else Space("vector", (sizes[0],))
    hidden, actions = ([20], 5) if isinstance(sizes, Space) else (sizes[1:-1], sizes[-1])
    net = ValueNet(space, hidden, actions)
    params = started(net, [4, 5, 6])
    obs = observations(space, 3, 6)
    values, _ = net.forward(params.pieces, obs)
    assert torch.equal(values, net.infer(params.pieces, obs))
    into = gradient(net, params, obs, 2 * values)  # of the squares' sum
    for row in range(3):
        front = [] if space.has_frames else [space.shape[0]]
        twin = Twin(params.pieces, row, space, [*front, *hidden, actions])
        assert torch.allclose(values[row], twin(obs[row]), atol=1e-6)
        twin(obs[row]).pow(2).sum().backward()
        other = Twin(
            into.pieces, row, space, [*front, *hidden, actions]
        )  # the gradient as its weights
        for ours, theirs in zip(other.layers, twin.layers, strict=True):
            for name in ("weight", "bias"):
                wanted = getattr(theirs, name).grad
                assert wanted is not None
                assert torch.allclose(getattr(ours, name), wanted, rtol=1e-4, atol=1e-5)
                assert wanted.count_nonzero() > 0
        real = sum(p.count_nonzero() for layer in other.layers for p in layer.parameters())
        assert into.flat[row].count_nonzero() == real  # padding has no gradient


@pytest.mark.parametrize("space", [Space("vector", (3,)), IMAGE, GRID])
@pytest.mark.parametrize("hidden", [[], [6], [9, 5], [8, 8, 8]])
@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("atoms", [1, 7])
def test_gradients_are_those_of_autograd(
    space: Space, hidden: list[int], dueling: bool, atoms: int
) -> None:
    net = ValueNet(space, hidden, 3, dueling=dueling, atoms=atoms)
    params = started(net, [1, 2])
    obs = observations(space, 2, 5)
    leaves = [piece.detach().clone().requires_grad_() for piece in params.pieces]
    out, _ = net.forward(leaves, obs)
    assert out.shape == ((2, 5, 3, 7) if atoms > 1 else (2, 5, 3))
    slope = torch.randn(out.shape, generator=torch.Generator().manual_seed(0))
    wanted = torch.autograd.grad((out * slope).sum(), leaves)
    into = gradient(net, params, obs, slope)
    for ours, theirs in zip(into.pieces, wanted, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("atoms", [1, 4])
def test_dueling_is_value_plus_advantage_less_its_mean(atoms: int) -> None:
    """Wang et al. 2016, eq. 9, with torch's own layers."""
    space = Space("vector", (4,))
    net = ValueNet(space, [6, 5], 3, dueling=True, atoms=atoms)
    params = started(net, [0])
    obs = observations(space, 1, 8)
    trunk = Twin(params.pieces, 0, space, [4, 6])
    shared = functional.relu(trunk(obs[0]))
    heads = []
    for first, outputs in ((2, 3 * atoms), (6, atoms)):
        heads.append(Twin(params.pieces[first:], 0, space, [6, 5, outputs])(shared))
    advantage, value = heads[0].view(8, 3, atoms), heads[1].view(8, 1, atoms)
    wanted = value + advantage - advantage.mean(1, keepdim=True)
    assert torch.allclose(net.infer(params.pieces, obs)[0].view(8, 3, atoms), wanted, atol=1e-6)


def test_small_images_are_padded() -> None:
    net = ValueNet(Space("image", (3, 7, 50)), [4], 2)
    params = started(net, [0])
    obs = observations(Space("image", (3, 7, 50)), 1, 2)
    larger = ValueNet(Space("image", (3, 36, 50)), [4], 2)
    padded = functional.pad(obs, (0, 0, 0, 29))
    assert torch.equal(net.infer(params.pieces, obs), larger.infer(params.pieces, padded))


def test_a_grid_by_hand() -> None:
    """One cell of a grid of 1 x 2, at its largest, is 1 wherever its channel ends."""
    space = Space("grid", (2, 1, 2), top=(4, 10))
    net = ValueNet(space, [], 1)
    params = started(net, [0])
    params.flat.zero_()
    kernel = params.pieces[0][0].view(16, 2, 3, 3)
    kernel[5, 0, 0, 0], kernel[5, 1, 0, 1] = 2.0, 3.0  # of the left cell, and of the right one
    params.pieces[2][0, 5, 0] = 7.0  # the head reads channel 5
    obs = torch.tensor([[[[4, 0]], [[0, 5]]], [[[1, 4]], [[10, 10]]]], dtype=torch.uint8)
    values = net.infer(params.pieces, obs[None])[0, :, 0]
    assert values.tolist() == pytest.approx([7 * (2 + 1.5), 7 * (0.5 + 3)])


def test_large_grids_go_through_the_convolutions_for_images() -> None:
    """With their own bounds: a map of 0 and 1 gives what an image of 0 and 255 gives."""
    grid, image = Space("grid", (1, 40, 20), top=(1,)), Space("image", (1, 40, 20))
    net = ValueNet(grid, [4], 2)
    params = started(net, [0])
    obs = observations(grid, 1, 2)
    wanted = ValueNet(image, [4], 2).infer(params.pieces, 255 * obs)
    assert torch.allclose(net.infer(params.pieces, obs), wanted, atol=1e-6)


def test_discrete_observations_are_one_hot() -> None:
    net = ValueNet(Space("discrete", (), (3,)), [], 2)
    params = started(net, [0])
    values = net.infer(params.pieces, torch.tensor([[0, 2]]))[0]
    weight, bias = params.pieces[0][0, :, :2], params.pieces[1][0, 0, :2]
    assert torch.allclose(values, weight[[0, 2]] + bias)


def test_weights_start_within_their_bound_and_belong_to_the_seed() -> None:
    net = ValueNet(Space("vector", (9,)), [50], 3)
    params, alone = started(net, [3, 8]), started(net, [8])
    assert torch.equal(params.flat[1], alone.flat[0])
    assert not torch.equal(params.flat[0], params.flat[1])
    first = params.pieces[0][:, :9, :50]
    assert 0.3 < first.abs().max() <= 1 / 3
    assert first.std() == pytest.approx(1 / 3 / 3**0.5, rel=0.05)  # of a uniform distribution
    assert params.pieces[0][:, 9:].abs().max() == 0
    assert params.pieces[0][:, :, 50:].abs().max() == 0


@pytest.mark.slow
@pytest.mark.parametrize("draw", range(20))
def test_a_seed_learns_the_same_in_every_stack(draw: int) -> None:
    """Bit for bit, for random shapes: the contract that makes a stack a set of single runs."""
    rng = random.Random(draw)
    width = rng.choice([1, 2, 3, 4, 5, 8, 17, 33, 100, 173, 400])
    image = Space("image", (rng.choice([1, 3, 4]), rng.randint(7, 60), rng.randint(30, 60)))
    channels = rng.randint(1, 12)
    sides = (rng.randint(1, 35), rng.randint(1, 35))
    grid = Space("grid", (channels, *sides), top=tuple(rng.choices(range(12), k=channels)))
    space = {2: grid, 3: image}.get(draw % 4, Space("vector", (width,)))
    actions, atoms = rng.randint(1, 18), rng.choice([1, 1, 2, 11, 51])
    hidden = [rng.choice([1, 3, 5, 7, 17, 32, 64, 84, 128]) for _ in range(rng.randint(0, 3))]
    seeds, batch = rng.choice([2, 3, 7]), rng.choice([1, 5, 10, 32, 64, 128])
    net = ValueNet(space, hidden, actions, dueling=rng.random() < 0.5, atoms=atoms)
    stack = started(net, range(seeds))
    alone = [started(net, [seed]) for seed in range(seeds)]
    together, apart = (
        Optimizer(stack, Method(max_grad_norm=1.0)),
        [Optimizer(params, Method(max_grad_norm=1.0)) for params in alone],
    )
    generator = torch.Generator().manual_seed(draw)
    for count in range(3):
        obs = observations(space, seeds, batch, draw=100 * draw + count)
        target = torch.randn(net.infer(stack.pieces, obs).shape, generator=generator)
        learn(net, stack, together, obs, target)
        for k in range(seeds):
            one = slice(k, k + 1)
            learn(net, alone[k], apart[k], obs[one].clone(), target[one].clone())
            assert torch.equal(stack.flat[k], alone[k].flat[0]), (space, hidden, actions, k)
            a = net.infer(stack.pieces, obs)[k]
            assert torch.equal(a, net.infer(alone[k].pieces, obs[one].clone())[0])


def test_a_copy_stays() -> None:
    net = ValueNet(Space("vector", (4,)), [8], 2)
    online = started(net, [0, 1])
    target = online.copy()
    obs = torch.ones(2, 3, 4)
    before, values = target.flat.clone(), net.infer(target.pieces, obs)
    learn(net, online, Optimizer(online, Method()), obs, torch.ones(2, 3, 2))
    assert torch.equal(target.flat, before)
    assert torch.equal(net.infer(target.pieces, obs), values)
    assert not torch.equal(online.flat, before)
    assert not torch.equal(net.infer(online.pieces, obs), values)
